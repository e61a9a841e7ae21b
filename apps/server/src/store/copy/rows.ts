/** Rows on their way: taken from SQLite, gathered into batches, and written out for comparison. */
import type { SQLOutputValue } from 'node:sqlite';
import type { TablePlan } from './plan.ts';
import type { Value } from './rules.ts';

/** The values of one row, in the order of the plan's columns. */
export type CopiedRow = readonly Value[];

export interface Batch {
  readonly rows: readonly CopiedRow[];
  /** How many were read, with those that are not meant. */
  readonly read: number;
  /** Of the last that was read. */
  readonly key: CopiedRow;
}

/** Many enough that a statement costs little a row; few enough that a kill throws little away. */
const ROWS_PER_BATCH = 5_000;
/** What a batch may hold, and so what the program does: bodies have up to 256 KiB. */
const BYTES_PER_BATCH = 4 * 1024 * 1024;

/** @throws {TypeError} SQLite holds something else than the column's type; the message names the row, never the value */
function takeRow({ table, columns, key }: TablePlan, given: Readonly<Record<string, SQLOutputValue>>): CopiedRow {
  return columns.map(({ name, form }) => {
    try {
      return form.take(given[name] ?? null);
    } catch (error) {
      const row = key.map((place) => `${columns[place]?.name} ${String(given[columns[place]?.name ?? ''])}`).join(', ');
      throw new TypeError(`${table}, ${row}: ${name} does not fit: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  });
}

export function* batches(plan: TablePlan, source: Iterable<Readonly<Record<string, SQLOutputValue>>>): Generator<Batch> {
  let rows: CopiedRow[] = [];
  let read = 0;
  let bytes = 0;
  let last: CopiedRow | null = null;
  const batch = (row: CopiedRow): Batch => ({ rows, read, key: keyOf(plan, row) });
  for (const given of source) {
    const row = takeRow(plan, given);
    read += 1;
    last = row;
    if (plan.keep(given as Readonly<Record<string, Value>>)) {
      rows.push(row);
      for (const value of row) if (value instanceof Uint8Array || typeof value === 'string') bytes += value.length;
    }
    if (read < ROWS_PER_BATCH && bytes < BYTES_PER_BATCH) continue;
    yield batch(row);
    rows = [];
    read = 0;
    bytes = 0;
    last = null;
  }
  if (last !== null) yield batch(last);
}

function keyOf({ key }: TablePlan, row: CopiedRow): CopiedRow {
  return key.map((place) => row[place] ?? null);
}

/** For people: the columns that name the row, and their values. None of them is a secret. */
export function nameOf({ columns, find }: TablePlan, values: CopiedRow): string {
  return find.map((place, index) => `${columns[place]?.name} ${written(values[index] ?? null)}`).join(', ');
}

export function findKeyOf({ find }: TablePlan, row: CopiedRow): CopiedRow {
  return find.map((place) => row[place] ?? null);
}

/** The row as a line of text: equal lines are equal rows, and checksums are made of them. */
export function lineOf(row: CopiedRow): string {
  return JSON.stringify(row.map((value) => (value instanceof Uint8Array ? written(value) : value)));
}

function written(value: Value): string {
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex') : String(value);
}
