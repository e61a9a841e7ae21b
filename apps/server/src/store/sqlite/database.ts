/**
 * One SQLite file, and the ways in which Posthorn talks to it. Everything is synchronous: a transaction is one function that
 * runs to its end, so nothing else can slip into it.
 */
import { closeSync, fdatasync, openSync, readdirSync, readFileSync } from 'node:fs';
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

/**
 * SQLite by itself makes a file that everybody on the machine may read, where the umask lets it. Its other files (-wal, -shm) get the mode of the
 * database. What is in memory, and what a URI names, is left to SQLite.
 */
function makeForOwnerOnly(path: string): void {
  if (path === ':memory:' || path.startsWith('file:')) return;
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch {
    // It is there already; or it cannot be made, which SQLite says in its own words.
  }
}

export class Database {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #wal: WalFile | null;

  /**
   * Opens (or creates) the file and brings its schema up to date.
   * @param path a file's path, `:memory:`, or a `file:` URI
   * @throws {StoreUnavailable} the file cannot be opened, is no SQLite database, or belongs to a newer program
   */
  constructor(path: string) {
    this.#db = attempt(() => {
      makeForOwnerOnly(path);
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
    this.#wal = this.#openWal();
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

  /**
   * Runs `work` as one transaction at once, so that all that follows sees it; fulfilled when it is on disk. The disk is waited for in another thread:
   * a sync of 2 ms for each few hundred deliveries would keep this one from a sixth of its work (measured).
   */
  async transactionSyncedAside<T>(work: () => T): Promise<T> {
    if (this.#wal === null) return this.transaction(work);
    const value = this.relaxedTransaction(work);
    await this.#wal.sync();
    return value;
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

  /** @returns null where there is none: in memory, or on a file system that SQLite finds unfit for one */
  #openWal(): WalFile | null {
    const { journal_mode } = this.#db.prepare('PRAGMA journal_mode').get() as { journal_mode: string };
    const { file } = this.#db.prepare('PRAGMA database_list').get() as { file: string };
    return journal_mode === 'wal' ? new WalFile(`${file}-wal`) : null;
  }

  close(): void {
    this.#statements.clear();
    this.#wal?.close();
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

/**
 * The write-ahead log, opened once more to be synced: which file handle it is done by does not matter to the disk. SQLite keeps the file as long as its
 * database is open, and takes its locks elsewhere, so that closing this handle frees none of them.
 */
class WalFile {
  readonly #path: string;
  #handle: number | null = null;
  #underWay = 0;
  #isClosed = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Fulfilled when all that was committed before is on disk. Rejects with `StoreUnavailable` when the disk fails. */
  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => reject(new StoreUnavailable(`${this.#path}: ${error.message}`, { cause: error }));
      try {
        this.#handle ??= openSync(this.#path, 'r+');
      } catch (error) {
        return fail(error as Error);
      }
      this.#underWay += 1;
      fdatasync(this.#handle, (error) => {
        this.#underWay -= 1;
        if (this.#isClosed) this.close();
        if (error === null) resolve();
        else fail(error);
      });
    });
  }

  close(): void {
    this.#isClosed = true;
    if (this.#handle === null || this.#underWay > 0) return;
    closeSync(this.#handle);
    this.#handle = null;
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
