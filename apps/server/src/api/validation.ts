/** Requests against their schemas, strictly: nothing is dropped, nothing is coerced but what a query string cannot say. */
import type { FieldError } from '@posthorn/contract';
import { Ajv2020, type ErrorObject, type Options, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { FastifySchemaCompiler } from 'fastify';
import { Problem } from './problems.ts';

const STRICT: Options = { strict: true, allowUnionTypes: true, verbose: true, logger: false };

/** Beyond this many errors a list helps nobody. */
const MOST_ERRORS = 20;
/** Larger input is told its first error only: looking for all of them could take a great many. */
const LARGEST_LISTED = 64 * 1024;

/**
 * Each schema is compiled twice: to stop at the first error, which is all that a good request ever needs, and to collect
 * them all, which runs only on small input that is known to be bad.
 */
export function schemaCompiler(): FastifySchemaCompiler<unknown> {
  const body = pair({ ...STRICT });
  // strictNumbers would exempt the Infinity that 1e400 is coerced to from its limits.
  const query = pair({ ...STRICT, coerceTypes: true, useDefaults: true, strictNumbers: false });
  return ({ schema, httpPart }) => {
    const { quick, thorough } = httpPart === 'querystring' ? query : body;
    const check = quick.compile(schema as object);
    const list = thorough.compile(schema as object);
    return (value: unknown) => {
      if (check(value)) return { value };
      return { error: Problem.fields(errorsOf({ check, list }, value).map((error) => fieldError(error))) };
    };
  };
}

/** The errors of a value that `check` has refused. */
export function errorsOf(validators: { readonly check: ValidateFunction; readonly list: ValidateFunction }, value: unknown): ErrorObject[] {
  const first = validators.check.errors ?? [];
  if (!isSmall(value, { left: LARGEST_LISTED })) return first.slice(0, 1);
  validators.list(value);
  return (validators.list.errors ?? first).slice(0, MOST_ERRORS);
}

function pair(options: Options): { readonly quick: Ajv2020; readonly thorough: Ajv2020 } {
  const quick = new Ajv2020(options);
  const thorough = new Ajv2020({ ...options, allErrors: true });
  addFormats.default(quick);
  addFormats.default(thorough);
  return { quick, thorough };
}

/** Whether a value has no more than about so many characters and members. */
function isSmall(value: unknown, budget: { left: number }): boolean {
  budget.left -= typeof value === 'string' ? value.length : 1;
  if (budget.left < 0) return false;
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every((element) => isSmall(element, budget));
  return Object.entries(value).every(([key, member]) => isSmall(key, budget) && isSmall(member, budget));
}

/** An Ajv error as a path and a sentence. `root`: the path of the value that was validated. */
export function fieldError(error: ErrorObject, root = ''): FieldError {
  const path = pathOf(error.instancePath, root);
  switch (error.keyword) {
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return {
        path: step(path, String(error.params['additionalProperty'] ?? error.params['unevaluatedProperty'])),
        message: 'is not a known field',
      };
    case 'required':
      return { path: step(path, String(error.params['missingProperty'])), message: 'is missing' };
    case 'type':
      return { path, message: `must be ${words([error.params['type']].flat().map(typeName))}` };
    case 'enum':
      return { path, message: `must be ${words([error.params['allowedValues']].flat().map((value) => JSON.stringify(value)))}` };
    case 'pattern':
      return { path, message: patternMessage(error) };
    case 'format':
      return { path, message: error.params['format'] === 'date-time' ? DATE_TIME : `must be a valid ${String(error.params['format'])}` };
    case 'minLength':
    case 'minItems':
      if (error.params['limit'] === 1) return { path, message: 'must not be empty' };
      return { path, message: error.message ?? 'is too short' };
    case 'minimum':
      return { path, message: `must be at least ${error.params['limit']}` };
    case 'maximum':
      return { path, message: `must be at most ${error.params['limit']}` };
    default:
      return { path, message: error.message ?? 'is not valid' };
  }
}

const DATE_TIME = 'must be an RFC 3339 timestamp with its offset, such as 2026-11-23T10:00:00Z (in a query, write + as %2B)';

const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'an array',
  string: 'a string',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
};

function typeName(type: unknown): string {
  return TYPE_NAMES[String(type)] ?? String(type);
}

function words(options: readonly string[]): string {
  return options.length < 2 ? options.join('') : `${options.slice(0, -1).join(', ')} or ${options.at(-1)}`;
}

/** A pattern tells people little; where it is not about control characters, the field's description does. */
function patternMessage(error: ErrorObject): string {
  const pattern = String(error.params['pattern']);
  if (pattern.includes('\\p{Cc}') || pattern.includes('\\u0000')) return 'may not contain control characters or half a surrogate pair';
  const description: unknown = error.parentSchema?.['description'];
  return typeof description === 'string' ? `does not have the right form: ${description}` : `must match ${pattern}`;
}

/** A JSON pointer as `events[3].type`. */
function pathOf(pointer: string, root: string): string {
  return pointer
    .split('/')
    .slice(1)
    .reduce((path, token) => step(path, token.replaceAll('~1', '/').replaceAll('~0', '~')), root);
}

function step(path: string, name: string): string {
  if (/^\d{1,9}$/.test(name)) return `${path}[${name}]`;
  if (/^[\w$-]{1,64}$/.test(name)) return path === '' ? name : `${path}.${name}`;
  return `${path}[${JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name)}]`;
}
