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

/**
 * What a page of bodies comes to at most: a hundred events of 256 KiB were 52 MB of JSON, half a second of the server's own thread, and stayed in memory for
 * as long as the reader took (measured).
 */
const PAGE_BYTES = 2 * 1024 * 1024;

/** A page from `limit + 1` rows: the one too many only tells that there is a next page. With `bytes`, of a row, it is short where they are large. */
export function pageOf<Row, T>(
  rows: readonly Row[],
  options: {
    readonly limit: number;
    readonly read: (row: Row) => T;
    readonly cursor: (row: Row) => readonly number[];
    readonly horizon?: Horizon | null;
    readonly bytes?: (row: Row) => number;
  },
): Page<T> {
  const shown = rows.slice(0, Math.min(options.limit, fitting(rows, options.bytes)));
  const last = shown.at(-1);
  return {
    data: shown.map(options.read),
    nextCursor:
      rows.length > shown.length && last !== undefined ? writeCursor(options.cursor(last)) : horizonCursor(options.horizon ?? null),
  };
}

/** How many of the rows fit into a page: one at least. */
function fitting<Row>(rows: readonly Row[], bytes: (row: Row) => number = () => 0): number {
  let left = PAGE_BYTES;
  const first = rows.findIndex((row, index) => {
    left -= bytes(row);
    return left < 0 && index > 0;
  });
  return first === -1 ? rows.length : first;
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
