/** The catalogue's JSON Schemas: compiled, kept, and asked whether a publish fits. */
import type { FieldError } from '@posthorn/contract';
import { lineInJson } from '@posthorn/core';
import { Ajv2020, type Options, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { EventType } from '../store/store.ts';
import { MAX_DEPTH } from './json-body.ts';
import { errorsOf, fieldError } from './validation.ts';

/** A schema is the provider's own: keywords that are not known are notes, as JSON Schema has it. Nothing is ever fetched. */
const OPTIONS: Options = { strict: false, logger: false, addUsedSchema: false, verbose: true };

const MOST_KEPT = 500;

interface Validators {
  readonly check: ValidateFunction;
  readonly list: ValidateFunction;
}

export type Compilation = { readonly ok: true; readonly validators: Validators } | { readonly ok: false; readonly message: string };

/** Compiles the text of a JSON Schema (2020-12). The message of a refusal is for whoever wrote the schema. */
export function compileSchema(text: string): Compilation {
  try {
    const schema = JSON.parse(text) as object;
    const ajv = compiler(false);
    if (ajv.validateSchema(schema) !== true) return { ok: false, message: misformed(text, ajv) };
    const check = ajv.compile(schema);
    // Such a validator answers with a promise, which would pass for a yes.
    if ('$async' in check && check.$async === true) return { ok: false, message: '$async is not part of JSON Schema' };
    return { ok: true, validators: { check, list: compiler(true).compile(schema) } };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message.slice(0, 500) : 'it does not compile' };
  }
}

/** What JSON Schema itself has against a schema: the first of it, since the others mostly follow from it. */
function misformed(text: string, { errors }: Ajv2020): string {
  const [first] = errors ?? [];
  if (first === undefined) return 'it does not compile';
  const { path, message } = fieldError(first);
  return `${path === '' ? 'the schema' : path} ${message}${lineNote(text, { pointer: first.instancePath, name: 'schema' })}`;
}

/** What of an example does not fit the schema that was given with it, with the line where the example's text has more than one. */
export function exampleMisfits(validators: Validators, text: string): FieldError[] {
  const example: unknown = JSON.parse(text);
  if (validators.check(example)) return [];
  return errorsOf(validators, example).map((error) => {
    const { path, message } = fieldError(error, 'example');
    // A field that should not be there has a line of its own; one that is missing has that of the object it is missing in.
    const extra: unknown = error.params['additionalProperty'] ?? error.params['unevaluatedProperty'];
    const pointer =
      typeof extra === 'string' ? `${error.instancePath}/${extra.replaceAll('~', '~0').replaceAll('/', '~1')}` : error.instancePath;
    return { path, message: `${message}, says the schema given with it${lineNote(text, { pointer, name: 'example' })}` };
  });
}

/** ` (line 4 of the example)`: whoever wrote the text by hand looks for lines, not for paths. Nothing for a text of one line. */
function lineNote(text: string, { pointer, name }: { readonly pointer: string; readonly name: string }): string {
  if (!text.includes('\n')) return '';
  const line = lineInJson(text, { steps: stepsOf(pointer, JSON.parse(text)), maxDepth: MAX_DEPTH });
  return line === null ? '' : ` (line ${line} of the ${name})`;
}

/** A JSON pointer (RFC 6901) as keys and indexes: only the value tells whether `7` is the one or the other. */
function stepsOf(pointer: string, value: unknown): (string | number)[] {
  let at = value;
  return pointer
    .split('/')
    .slice(1)
    .map((token) => {
      const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
      const step = Array.isArray(at) ? Number(key) : key;
      at = (at as Readonly<Record<string | number, unknown>> | null | undefined)?.[step];
      return step;
    });
}

/** An instance of its own for each schema: an `$id` that two of them share must not make one the other. */
function compiler(allErrors: boolean): Ajv2020 {
  const ajv = new Ajv2020({ ...OPTIONS, allErrors });
  addFormats.default(ajv);
  return ajv;
}

/** What of `data` does not fit, with paths such as `data.shipment.status`; empty where all of it does. */
export function misfits(validators: Validators, data: unknown, root: string): FieldError[] {
  if (validators.check(data)) return [];
  return errorsOf(validators, data).map((error) => fieldError(error, root));
}

export interface SchemaCache {
  /** The validators of a type with a schema. Compiled on the first use, and again when the type has changed. */
  validators(type: EventType & { readonly schema: string }): Compilation;
}

export function createSchemaCache(): SchemaCache {
  const kept = new Map<string, { readonly schema: string; readonly compilation: Compilation }>();
  return {
    validators(type) {
      const known = kept.get(type.name);
      // By text and not by time: two changes within one millisecond are two schemas.
      if (known !== undefined && known.schema === type.schema) return known.compilation;
      const compilation = compileSchema(type.schema);
      kept.delete(type.name);
      const oldest = kept.keys().next();
      if (kept.size >= MOST_KEPT && oldest.done !== true) kept.delete(oldest.value);
      kept.set(type.name, { schema: type.schema, compilation });
      return compilation;
    },
  };
}
