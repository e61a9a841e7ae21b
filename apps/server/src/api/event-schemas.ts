/** The catalogue's JSON Schemas: compiled, kept, and asked whether a publish fits. */
import type { FieldError } from '@posthorn/contract';
import { Ajv2020, type Options, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { EventType } from '../store/store.ts';
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
    const check = compiler(false).compile(schema);
    // Such a validator answers with a promise, which would pass for a yes.
    if ('$async' in check && check.$async === true) return { ok: false, message: '$async is not part of JSON Schema' };
    return { ok: true, validators: { check, list: compiler(true).compile(schema) } };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message.slice(0, 500) : 'it does not compile' };
  }
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
