/** How values of each of PostgreSQL's types travel: out of SQLite, into PostgreSQL, and back for comparison. */
import type { SQLOutputValue } from 'node:sqlite';
import { bools, byteas, float8s, int2s, int4s, int8s, texts } from '../postgres/arrays.ts';
import type { Value } from './rules.ts';

export interface Form {
  /** What SQLite gives, as the value that it means. @throws {TypeError} it cannot be one of this type */
  take(given: SQLOutputValue): Value;
  /** Many of them as one parameter. */
  array(values: readonly Value[]): Buffer;
  /** The type of that parameter's elements, and how an element becomes the column. */
  readonly element: string;
  readonly cast: string;
  /** What reads the column back as the value that it means. */
  read(column: string): string;
}

const asIs = (column: string): string => column;

function form<T extends Value>(of: {
  readonly element: string;
  readonly is: (value: SQLOutputValue) => boolean;
  readonly array: (values: readonly (T | null)[]) => Buffer;
  readonly take?: (value: NonNullable<SQLOutputValue>) => Value;
  readonly cast?: string;
  readonly read?: (column: string) => string;
}): Form {
  const { element, is, take = (value) => value as Value, array, cast = '', read = asIs } = of;
  return {
    take(given) {
      if (given === null) return null;
      if (!is(given)) throw new TypeError(`a ${typeof given} is no ${element}`);
      return take(given);
    },
    // What `take` gave is of its type.
    array: (values) => array(values as readonly (T | null)[]),
    element,
    cast,
    read,
  };
}

const isInteger = (value: SQLOutputValue): boolean => Number.isSafeInteger(value);
const isNumber = (value: SQLOutputValue): boolean => typeof value === 'number';
const isText = (value: SQLOutputValue): boolean => typeof value === 'string';

/** NUL is the one character that PostgreSQL's text cannot hold: see settle.ts, which writes the same in its place. */
const withoutNul = (value: NonNullable<SQLOutputValue>): string => String(value).replaceAll('\0', '\uFFFD');

const text = form<string>({ element: 'text', is: isText, take: withoutNul, array: texts });

/** By what the catalogue calls the type. */
export const FORMS: Readonly<Record<string, Form>> = {
  smallint: form<number>({ element: 'smallint', is: isInteger, array: int2s }),
  integer: form<number>({ element: 'integer', is: isInteger, array: int4s }),
  bigint: form<number>({ element: 'bigint', is: isInteger, array: int8s }),
  'double precision': form<number>({ element: 'double precision', is: isNumber, array: float8s }),
  boolean: form<boolean>({
    element: 'boolean',
    is: (value) => value === 0 || value === 1,
    take: (value) => value === 1,
    array: bools,
  }),
  bytea: form<Uint8Array>({ element: 'bytea', is: (value) => value instanceof Uint8Array, array: byteas }),
  text,
  environment: { ...text, cast: '::posthorn.environment', read: (column) => `${column}::text` },
  // Elements of a different number each, which unnest could not keep apart: as text.
  'integer[]': { ...text, cast: '::integer[]', read: (column) => `${column}::text` },
  'boolean[]': { ...text, cast: '::boolean[]', read: (column) => `${column}::text` },
  // ISO 8601 in SQLite.
  'timestamp with time zone': form<number>({
    element: 'text',
    is: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
    take: (value) => Date.parse(String(value)),
    array: (instants) => texts(instants.map((at) => (at === null ? null : new Date(at).toISOString()))),
    cast: '::timestamptz',
    read: (column) => `(extract(epoch FROM ${column}) * 1000)::bigint`,
  }),
};
