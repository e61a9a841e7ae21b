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

/**
 * How many rows a page of a search looks at. What few rows have (a status, a type) would otherwise be looked for among a million others, 2 s in the
 * server's own thread (measured). A page that ends at its horizon is short, even empty, and has a cursor to go on from.
 */
export const SEARCHED_ROWS = 10_000;

/** The last row that a page of a search looks at: `published_at` and `seq`, by which such lists are ordered. */
export type Horizon = readonly [publishedAt: number, seq: number];

/** A page from `limit + 1` rows: the one too many only tells that there is a next page. */
export function pageOf<Row, T>(
  rows: readonly Row[],
  options: {
    readonly limit: number;
    readonly read: (row: Row) => T;
    readonly cursor: (row: Row) => readonly number[];
    readonly horizon?: Horizon | null;
  },
): Page<T> {
  const shown = rows.slice(0, options.limit);
  const last = shown.at(-1);
  return {
    data: shown.map(options.read),
    nextCursor:
      rows.length > options.limit && last !== undefined ? writeCursor(options.cursor(last)) : horizonCursor(options.horizon ?? null),
  };
}

function horizonCursor(horizon: Horizon | null): string | null {
  return horizon === null ? null : writeCursor(horizon);
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
