/**
 * The installation that is copied: a SQLite file that no server works on, read in one transaction, so that whatever is read is of the same instant.
 * Nothing is written into it, except that its schema is brought up to date first.
 */
import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from 'node:sqlite';
import type { Cipher } from '../cipher.ts';
import { weekEnd } from '../postgres/partitions.ts';
import { type EndpointRow, secretState } from '../shared/endpoints.ts';
import { Database } from '../sqlite/database.ts';
import { lockFolder } from '../sqlite/lock.ts';
import { ENVIRONMENTS } from '../store.ts';
import { CopyError } from './error.ts';
import type { SqliteSchema, TablePlan } from './plan.ts';
import type { CopiedRow } from './rows.ts';
import type { Value } from './rules.ts';

type Row = Readonly<Record<string, SQLOutputValue>>;

/** Where a SQLite installation is. */
export interface SourcePlace {
  readonly file: string;
  /** With its lock and, often, its encryption key. */
  readonly folder: string;
}

/** @param text `sqlite:` and the path of a data folder, or of the file in it. @throws {CopyError} there is none */
export function sourcePlace(text: string): SourcePlace {
  if (!text.startsWith('sqlite:')) throw new CopyError('--from must be sqlite: and the path of a data folder, or of the posthorn.db in it');
  const given = resolve(text.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, ''));
  const file = existsSync(given) && statSync(given).isDirectory() ? join(given, 'posthorn.db') : given;
  if (!existsSync(file)) throw new CopyError(`--from: there is no file ${file}`);
  return { file, folder: dirname(file) };
}

export class Source {
  readonly #db: DatabaseSync;
  readonly #unlock: () => void;

  private constructor(db: DatabaseSync, unlock: () => void) {
    this.#db = db;
    this.#unlock = unlock;
  }

  /**
   * Locks the folder as a server does, brings the schema up to date, and begins to read.
   * @throws {CopyError} a server works on it, or it is no installation
   * @throws {StoreUnavailable} it belongs to a newer program
   */
  static open({ file, folder }: SourcePlace): Source {
    const unlock = lock(folder);
    try {
      if (!isInstallation(file)) throw new CopyError(`--from: ${file} is not a database of Posthorn`);
      new Database(file).close();
      const db = new DatabaseSync(file, { readOnly: true });
      db.exec('PRAGMA cache_size = -65536; BEGIN');
      return new Source(db, unlock);
    } catch (error) {
      unlock();
      throw error;
    }
  }

  close(): void {
    this.#db.close();
    this.#unlock();
  }

  schema(): SqliteSchema {
    const rows = this.#all<{ table: string; name: string }>(
      `SELECT t.name AS "table", c.name FROM sqlite_schema t, pragma_table_xinfo(t.name) c
       WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY t.name, c.cid`,
    );
    return new Map([...Map.groupBy(rows, ({ table }) => table)].map(([table, columns]) => [table, columns.map(({ name }) => name)]));
  }

  /** Which installation it is, whatever it holds by now: a digest of what was first in it. */
  identity(): string {
    return digest([
      this.#all('SELECT id, token_hash FROM keys ORDER BY pk LIMIT 1'),
      this.#all('SELECT id, created_at FROM applications ORDER BY pk LIMIT 1'),
    ]);
  }

  /** What it holds: a digest that changes with whatever a server does that was started on it, if it does anything. */
  state(): string {
    return digest([
      this.#all('SELECT name, seq FROM sqlite_sequence ORDER BY name'),
      this.#all('SELECT count(*), sum(fence), max(opened_at), sum(health_epoch) FROM lanes'),
      this.#all('SELECT count(*), max(updated_at), max(deleted_at) FROM applications'),
      this.#all('SELECT count(*), max(updated_at), max(deleted_at) FROM endpoints'),
      this.#all('SELECT count(*), max(last_used_at), max(revoked_at) FROM keys'),
      this.#all('SELECT count(*), max(updated_at) FROM sessions'),
      this.#all('SELECT * FROM environments ORDER BY name'),
    ]);
  }

  /** @throws {SealError} the key is another one than that of the installation */
  checkKey(cipher: Cipher): void {
    const [row] = this.#all<Pick<EndpointRow, 'id' | 'secrets'>>('SELECT id, secrets FROM endpoints WHERE deleted_at IS NULL LIMIT 1');
    if (row !== undefined) secretState({ cipher }, row);
  }

  count({ count }: TablePlan): number {
    return (this.#all<{ count: number }>(count)[0] as { count: number }).count;
  }

  /** Rows in the order of the plan's key. @param after of the last that is done with; null: from the beginning */
  read({ readAll, readAfter }: TablePlan, after: CopiedRow | null): Iterable<Row> {
    return after === null ? this.#db.prepare(readAll).iterate() : this.#db.prepare(readAfter).iterate(...parameters(after));
  }

  /** Whether there is the row that PostgreSQL has under these values of the plan's `find`. */
  has(plan: TablePlan, values: CopiedRow): boolean {
    const row = this.#db.prepare(plan.look).get(...parameters(values));
    return row !== undefined && plan.keep(row as Readonly<Record<string, Value>>);
  }

  /** An instant of each week in which anything was published. */
  weeks(): number[] {
    const next = this.#db.prepare(
      `SELECT min(at) AS at FROM (
         SELECT (SELECT min(published_at) FROM events WHERE environment = n.value AND published_at >= ?1) AS at FROM json_each(?2) n
         UNION ALL
         SELECT (SELECT min(published_at) FROM deliveries WHERE environment = n.value AND published_at >= ?1) FROM json_each(?2) n)`,
    );
    const instants: number[] = [];
    for (let from = 0; ; ) {
      const { at } = next.get(from, JSON.stringify(ENVIRONMENTS)) as { at: number | null };
      if (at === null) return instants;
      instants.push(at);
      from = weekEnd(at);
    }
  }

  /** The highest number that the column ever held, as far as SQLite remembers. */
  highest(table: string, column: string): number {
    const [kept] = this.#all<{ seq: number }>('SELECT seq FROM sqlite_sequence WHERE name = ?', table);
    const [row] = this.#all<{ most: number | null }>(`SELECT max("${column}") AS most FROM "${table}"`);
    return Math.max(kept?.seq ?? 0, row?.most ?? 0);
  }

  #all<T extends object>(sql: string, ...values: SQLInputValue[]): T[] {
    return this.#db.prepare(sql).all(...values) as unknown as T[];
  }
}

function lock(folder: string): () => void {
  let unlock: (() => void) | null;
  try {
    unlock = lockFolder(folder);
  } catch (error) {
    throw new CopyError(`--from: ${folder} cannot be locked: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  if (unlock === null) throw new CopyError(`--from: a posthorn process works on ${folder}: stop it first`);
  return unlock;
}

/** Looked at without writing: what is opened as a store becomes one. */
function isInstallation(file: string): boolean {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    return db.prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'environments'`).get() !== undefined;
  } catch {
    return false;
  } finally {
    db.close();
  }
}

/** Keys are numbers, texts and bytes. */
function parameters(values: CopiedRow): SQLInputValue[] {
  return values.map((value) => (typeof value === 'boolean' ? Number(value) : value));
}

function digest(parts: readonly (readonly object[])[]): string {
  const text = JSON.stringify(parts, (_, value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value));
  return createHash('sha256').update(text).digest('hex');
}
