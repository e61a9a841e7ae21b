/** How far a copy has come, table by table, as it is kept in the target. */
import type { CopiedRow } from './rows.ts';
import type { Value } from './rules.ts';

export interface TableProgress {
  /** Rows read in SQLite, and those of them that were meant and are in PostgreSQL by now. */
  readonly read: number;
  readonly rows: number;
  /** The key of the last that was read; null: none was. */
  readonly key: CopiedRow | null;
  readonly copied: boolean;
  /** SHA-256 over the rows of both sides, once they were found to be the same. */
  readonly checksum: string | null;
}

const NOTHING: TableProgress = { read: 0, rows: 0, key: null, copied: false, checksum: null };

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

  /** The same with other news of one table. */
  with(table: string, news: Partial<TableProgress>): Progress {
    return new Progress([...this.#tables, [table, { ...this.of(table), ...news }]]);
  }

  toJSON(): object {
    return Object.fromEntries([...this.#tables].map(([table, each]) => [table, { ...each, key: each.key?.map(written) ?? null }]));
  }
}

function written(value: Value): Value | { readonly hex: string } {
  return value instanceof Uint8Array ? { hex: Buffer.from(value).toString('hex') } : value;
}

function revive(_name: string, value: unknown): unknown {
  if (typeof value === 'object' && value !== null && 'hex' in value) return new Uint8Array(Buffer.from(String(value.hex), 'hex'));
  return value;
}
