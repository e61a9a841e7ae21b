/** The catalogue's JSON Schemas: compiled, kept, and asked whether a publish fits. */
import type { FieldError } from '@posthorn/contract';
import { lineInJson } from '@posthorn/core';
import { Ajv2020, type ErrorObject, type Options, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { EventType } from '../store/store.ts';
import { MAX_DEPTH } from './json-body.ts';
import { doneWithin } from './time-limit.ts';
import { errorsOf, fieldError } from './validation.ts';

/** A schema is the provider's own: keywords that are not known are notes, as JSON Schema has it. Nothing is ever fetched. */
const OPTIONS: Options = { strict: false, logger: false, addUsedSchema: false, verbose: true };

const MOST_KEPT = 500;

/**
 * A schema decides what checking costs, and its publishers' data how much of that it does: `^(a+)+$` takes seconds for 30 characters, a recursive `anyOf`
 * for 24 levels, `uniqueItems` for 256 KiB of numbers, and meanwhile nobody else is served. Whole megabytes may take a little longer.
 */
const LIMIT_MS = 100;
const BYTES_PER_MS = 16 * 1024;

export interface Validators {
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
  const misfit = firstMisfit([{ validators, value: JSON.parse(text), root: 'example' }], text.length);
  if (misfit === null) return [];
  if (typeof misfit.errors === 'string') return [{ path: 'example', message: misfit.errors }];
  return misfit.errors.map((error) => {
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

/** Something to be checked. */
export interface Candidate {
  readonly validators: Validators;
  readonly value: unknown;
  /** The path that it has in the request. */
  readonly root: string;
}

/**
 * What of the first that does not fit does not fit, with paths such as `data.shipment.status`; empty where all of them do. One that cannot be checked in
 * time does not fit either.
 *
 * @param bytes of all of them together
 */
export function misfits(candidates: readonly Candidate[], bytes: number): FieldError[] {
  const misfit = firstMisfit(candidates, bytes);
  if (misfit === null) return [];
  const { at, errors } = misfit;
  return typeof errors === 'string' ? [{ path: at.root, message: errors }] : errors.map((error) => fieldError(error, at.root));
}

interface Misfit {
  readonly at: Candidate;
  /** A text: why it cannot be checked. */
  readonly errors: readonly ErrorObject[] | string;
}

function firstMisfit(candidates: readonly Candidate[], bytes: number): Misfit | null {
  const limitMs = Math.round(LIMIT_MS + bytes / BYTES_PER_MS);
  const found: { at: Candidate | undefined } = { at: undefined };
  const search = (): void => {
    found.at = candidates.find((candidate) => {
      found.at = candidate;
      return !candidate.validators.check(candidate.value);
    });
  };
  try {
    // Time goes by the wall's clock: a process that was stopped in the middle of a check has not checked for long. So it is tried again.
    const isChecked = finishes(limitMs, search) || finishes(limitMs, search);
    const { at } = found;
    if (at === undefined) return null;
    if (!isChecked) return { at, errors: `cannot be checked within ${limitMs} ms: ${COSTLY}` };
    let errors: readonly ErrorObject[] = (at.validators.check.errors ?? []).slice(0, 1);
    // Looking for them all can take much longer than finding one.
    finishes(limitMs, () => {
      errors = errorsOf(at.validators, at.value);
    });
    return { at, errors };
  } finally {
    for (const { validators } of candidates) forgetErrors(validators);
  }
}

const COSTLY = 'the schema has a pattern, alternatives, uniqueItems or a $ref to itself that this value makes too costly';

function finishes(limitMs: number, work: () => void): boolean {
  try {
    return doneWithin(limitMs, work);
  } catch (error) {
    // A $ref that leads back to itself comes to no end either.
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** A validator keeps its last errors until the next call, each with the value it is about: of a costly check these are millions. */
function forgetErrors({ check, list }: Validators): void {
  check.errors = null;
  list.errors = null;
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
