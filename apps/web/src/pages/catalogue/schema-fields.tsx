/** A JSON Schema as a list of fields; what has no such form is shown as it is. */
import { Code } from '../../ui/code.tsx';

interface Schema {
  readonly type?: unknown;
  readonly description?: unknown;
  readonly enum?: unknown;
  readonly const?: unknown;
  readonly format?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly required?: readonly string[];
}

interface Row {
  readonly path: string;
  readonly type: string;
  readonly required: boolean;
  readonly about: string;
}

const DEEPEST = 8;

export function SchemaFields({ schema }: { readonly schema: object }) {
  const rows = rowsOf(schema as Schema, '', 0);
  return (
    <div className="space-y-3">
      {rows.length > 0 && (
        <dl className="divide-y divide-line rounded-lg border border-line">
          {rows.map(({ path, type, required, about }) => (
            <div key={path} className="px-3.5 py-2.5">
              <dt className="flex flex-wrap items-baseline gap-x-2.5 font-mono text-xs">
                <span className="font-medium break-all">{path}</span>
                <span className="text-ink-3">{type}</span>
                {required && <span className="font-sans text-2xs text-ink-2">required</span>}
              </dt>
              <dd className="text-xs text-pretty text-ink-2">{about}</dd>
            </div>
          ))}
        </dl>
      )}
      <details className="group">
        <summary className="inline-block rounded text-xs font-medium text-ink-2 hover:text-ink">The JSON Schema itself</summary>
        <div className="mt-2">
          <Code label="JSON Schema" language="json" text={JSON.stringify(schema, null, 2)} />
        </div>
      </details>
    </div>
  );
}

function rowsOf(schema: Schema, prefix: string, depth: number): Row[] {
  if (depth > DEEPEST || schema.properties === undefined) return [];
  return Object.entries(schema.properties).flatMap(([name, field]) => {
    const path = prefix + name;
    const required = schema.required?.includes(name) ?? false;
    const inside = field.items === undefined ? rowsOf(field, `${path}.`, depth + 1) : rowsOf(field.items, `${path}[].`, depth + 1);
    return [{ path, type: typeWords(field), required, about: typeof field.description === 'string' ? field.description : '' }, ...inside];
  });
}

function typeWords({ type, enum: values, const: only, format, items }: Schema): string {
  if (only !== undefined) return JSON.stringify(only);
  if (Array.isArray(values)) return values.map((value) => JSON.stringify(value)).join(' | ');
  const name = Array.isArray(type) ? type.join(' | ') : typeof type === 'string' ? type : 'any';
  if (name === 'array' && items !== undefined) return `${typeWords(items)}[]`;
  return typeof format === 'string' ? `${name}, ${format}` : name;
}
