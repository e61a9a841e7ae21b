/** How far a copy has come, table by table, as it is kept in the target. */
import type { CopiedRow } from './rows.ts';
import type { Value } from './rules.ts';

/** How far a walk through one table has come. */
export interface Walk {
  /** Rows read in SQLite, and how many of them were meant. */
  readonly read: number;
  readonly rows: number;
  /** The key of the last that was read; null: none was. */
  readonly key: CopiedRow | null;
  readonly done: boolean;
}

export interface Comparison extends Walk {
  /** Of all rows so far, the same on both sides; empty before the first. Each is made of the one before and the next row, so that whoever is stopped can go on. */
  readonly checksum: string;
}

export interface TableProgress {
  readonly copied: Walk;
  readonly compared: Comparison;
}

const AT_THE_START: Walk = { read: 0, rows: 0, key: null, done: false };
const NOTHING: TableProgress = { copied: AT_THE_START, compared: { ...AT_THE_START, checksum: '' } };

export class Progress {
  readonly #tables: Map<string, TableProgress>;

  constructor(tables: Iterable<readonly [string, TableProgress]> = []) {
    this.#tables = new Map(tables);
  }

  /** @param text as `JSON.stringify` wrote it */
  static parse(text: string): Progress {
    return new Progress(Object.entries(JSON.parse(text, revive) as Record<string, TableProgress>));
  }

  of(table: string): TableProgress {
    return this.#tables.get(table) ?? NOTHING;
  }

  /** All tables that anything was done about, in that order. */
  get tables(): readonly (readonly [string, TableProgress])[] {
    return [...this.#tables];
  }

  /** The same with other news of one table. */
  with(table: string, news: Partial<TableProgress>): Progress {
    return new Progress([...this.#tables, [table, { ...this.of(table), ...news }]]);
  }

  toJSON(): object {
    const keyWritten = <T extends Walk>(walk: T): object => ({ ...walk, key: walk.key?.map(written) ?? null });
    return Object.fromEntries(
      [...this.#tables].map(([table, { copied, compared }]) => [table, { copied: keyWritten(copied), compared: keyWritten(compared) }]),
    );
  }
}

function written(value: Value): Value | { readonly hex: string } {
  return value instanceof Uint8Array ? { hex: Buffer.from(value).toString('hex') } : value;
}

function revive(_name: string, value: unknown): unknown {
  if (typeof value === 'object' && value !== null && 'hex' in value) return new Uint8Array(Buffer.from(String(value.hex), 'hex'));
  return value;
}
