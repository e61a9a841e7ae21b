/**
 * One SQLite file, and the ways in which Posthorn talks to it. Everything is synchronous: a transaction is one function that
 * runs to its end, so nothing else can slip into it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { StoreUnavailable } from '../store.ts';

export type Row = Record<string, unknown>;

const MIGRATIONS = join(import.meta.dirname, 'migrations');

/** FULL: a commit returns only after its sync, which is what lets a 202 promise anything. */
export const DURABLE = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA fullfsync = ON;
  PRAGMA checkpoint_fullfsync = ON;
`;

/** Rolled back on purpose: carries the value that the transaction comes to. */
class Rollback<T> extends Error {
  readonly value: T;
  constructor(value: T) {
    super('rolled back on purpose');
    this.value = value;
  }
}

export class Database {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /**
   * Opens (or creates) the file and brings its schema up to date.
   * @param path a file's path, or `:memory:`
   * @throws {StoreUnavailable} the file cannot be opened, is no SQLite database, or belongs to a newer program
   */
  constructor(path: string) {
    this.#db = attempt(() => {
      const db = new DatabaseSync(path, { timeout: 5_000, enableForeignKeyConstraints: true });
      db.exec(DURABLE);
      return db;
    }, path);
    this.#db.exec(`
      PRAGMA journal_size_limit = 67108864;
      PRAGMA wal_autocheckpoint = 4000;
      PRAGMA cache_size = -65536;
      PRAGMA temp_store = MEMORY;
    `);
    this.#migrate();
  }

  /** Statements are prepared once and kept: preparing costs more than running most of them. */
  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  all<T extends object = Row>(sql: string, ...parameters: SQLInputValue[]): T[] {
    return attempt(() => this.#prepare(sql).all(...parameters) as unknown as T[]);
  }

  get<T extends object = Row>(sql: string, ...parameters: SQLInputValue[]): T | undefined {
    return attempt(() => this.#prepare(sql).get(...parameters) as T | undefined);
  }

  /** @returns how many rows changed */
  run(sql: string, ...parameters: SQLInputValue[]): number {
    return attempt(() => Number(this.#prepare(sql).run(...parameters).changes));
  }

  /**
   * Inserts one row.
   * @returns its rowid. Unlike RETURNING, which makes SQLite keep a statement journal: within a savepoint that wrote much, truncating that journal
   * after each row costs in proportion to all that was written (44 of 74 µs an event in batches of 1,000, measured).
   */
  insert(sql: string, ...parameters: SQLInputValue[]): number {
    return attempt(() => Number(this.#prepare(sql).run(...parameters).lastInsertRowid));
  }

  /** Runs `work` as one transaction; it is on disk when this returns. Whatever `work` throws rolls it back. */
  transaction<T>(work: () => T): T {
    attempt(() => this.#db.exec('BEGIN IMMEDIATE'));
    try {
      const value = work();
      attempt(() => this.#db.exec('COMMIT'));
      return value;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  /**
   * The same without waiting for the disk: a power loss may undo it, with all that came after it. The next `transaction` takes it along. For work
   * that is done again when it is undone: a sync for each of its many small steps would hold everybody up.
   */
  relaxedTransaction<T>(work: () => T): T {
    attempt(() => this.#db.exec('PRAGMA synchronous = NORMAL'));
    try {
      return this.transaction(work);
    } finally {
      attempt(() => this.#db.exec('PRAGMA synchronous = FULL'));
    }
  }

  /** Within a transaction: runs `work`, and undoes only it when it calls `rollback`. */
  savepoint<T>(work: (rollback: (value: T) => never) => T): T {
    this.#db.exec('SAVEPOINT part');
    try {
      const value = work((undone) => {
        throw new Rollback(undone);
      });
      this.#db.exec('RELEASE part');
      return value;
    } catch (error) {
      // A full disk makes SQLite roll back everything by itself: then there is no savepoint to go back to.
      if (!this.#db.isTransaction) throw error;
      this.#db.exec('ROLLBACK TO part; RELEASE part');
      if (error instanceof Rollback) return error.value as T;
      throw error;
    }
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  /** Forward only: the files of migrations/ in the order of their numbers, each in a transaction of its own. */
  #migrate(): void {
    const { user_version: have } = this.#db.prepare('PRAGMA user_version').get() as { user_version: number };
    const files = readdirSync(MIGRATIONS)
      .filter((name) => name.endsWith('.sql'))
      .sort();
    const newest = Number.parseInt(files.at(-1) ?? '0', 10);
    if (have > newest) {
      throw new StoreUnavailable(`the database has schema ${have}, this program knows up to ${newest}: start a newer Posthorn`);
    }
    for (const file of files) {
      const number = Number.parseInt(file, 10);
      if (number <= have) continue;
      const sql = readFileSync(join(MIGRATIONS, file), 'utf8');
      this.transaction(() => this.#db.exec(`${sql}\nPRAGMA user_version = ${number};`));
    }
  }
}

function attempt<T>(work: () => T, where = 'SQLite'): T {
  try {
    return work();
  } catch (error) {
    if (isSqliteError(error)) throw new StoreUnavailable(`${where}: ${error.message}`, { cause: error });
    throw error;
  }
}

function isSqliteError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR';
}
