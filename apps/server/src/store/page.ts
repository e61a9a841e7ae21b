/** Pages of a list, newest first, by a cursor that names the last row seen: rows that come or go meanwhile move nothing. */
import { InvalidCursor, type Page } from './store.ts';

/** A cursor's numbers, `count` of them; null for the first page. */
export function readCursor(cursor: string | null, count: number): number[] | null {
  if (cursor === null) return null;
  const numbers = Buffer.from(cursor, 'base64url').toString('latin1').split('.').map(Number);
  if (numbers.length !== count || !numbers.every(Number.isSafeInteger) || writeCursor(numbers) !== cursor) {
    throw new InvalidCursor('the cursor is not one that this list gave');
  }
  return numbers;
}

function writeCursor(numbers: readonly number[]): string {
  return Buffer.from(numbers.join('.'), 'latin1').toString('base64url');
}

/** A page from `limit + 1` rows: the one too many only tells that there is a next page. */
export function pageOf<Row, T>(
  rows: readonly Row[],
  options: { readonly limit: number; readonly read: (row: Row) => T; readonly cursor: (row: Row) => readonly number[] },
): Page<T> {
  const shown = rows.slice(0, options.limit);
  const last = shown.at(-1);
  return {
    data: shown.map(options.read),
    nextCursor: rows.length > options.limit && last !== undefined ? writeCursor(options.cursor(last)) : null,
  };
}

/** Conditions and their parameters, gathered for one WHERE. Only what is given becomes a condition, so that the planner sees the index to use. */
export class Conditions {
  readonly parameters: (string | number)[] = [];
  readonly #parts: string[] = [];

  add(sql: string, ...parameters: (string | number)[]): this {
    this.#parts.push(sql);
    this.parameters.push(...parameters);
    return this;
  }

  get sql(): string {
    return this.#parts.join(' AND ');
  }
}
