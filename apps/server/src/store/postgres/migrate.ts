/**
 * The schema, brought up to date when the program starts. Forward only: the files of migrations/ in the order of their numbers, one process at a time, since
 * ten may start at once. A file is one transaction; one that says CONCURRENTLY cannot be, and runs statement by statement.
 *
 * A rolling upgrade runs the version before against the newer schema for a while. So each file says on its first line what the oldest program has to
 * know that may still work with the result (`-- requires: 3`), and a program refuses only a database that asks for more than it knows. What a file may do
 * without asking for more is written down in CONTRIBUTING.md, and checked by test/postgres/additive.ts.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Client, DatabaseError } from 'pg';
import { StoreUnavailable } from '../store.ts';
import type { Connector } from './connection.ts';

export const MIGRATIONS = join(import.meta.dirname, 'migrations');
/** Any number that nobody else in this database locks by: "posthorn" as bytes. */
const LOCK = '8101815670912281198';
const LOCK_AGAIN_AFTER_MS = 100;
/**
 * Whoever waits for a table's lock holds up all who come after, so a migration waits no longer than this, lets them pass, and tries again: servers of
 * the version before are at work. Half of PostgreSQL's deadlock_timeout: where the two wait for each other, it is the migration that gives way.
 */
const TABLE_LOCK_TIMEOUT = '500ms';
const TABLE_LOCK_AGAIN_AFTER_MS = 500;
const GIVE_UP_AFTER_MS = 10 * 60_000;
/** Lock not got in time, deadlock. */
const IN_THE_WAY = new Set(['55P03', '40P01']);

export interface Migration {
  readonly number: number;
  /** The newest migration that the oldest program knows which may work with the result. */
  readonly requires: number;
  readonly file: string;
  readonly sql: string;
}

/**
 * Brings the schema up to date, or finds it newer than this program and leaves it.
 * @param client a connection without a limit on how long a statement takes
 * @throws {StoreUnavailable} the database asks for a newer program; a migration failed, or found no quiet moment within ten minutes
 */
export async function migrate(client: Client, migrations: readonly Migration[] = readMigrations(MIGRATIONS)): Promise<void> {
  const newest = migrations.at(-1)?.number ?? 0;
  const before = await applied(client);
  refuseNewer(before, newest);
  if (before.number >= newest) return;
  await locked(client, async () => {
    const have = await applied(client);
    refuseNewer(have, newest);
    for (const migration of migrations) if (migration.number > have.number) await apply(client, migration);
  });
}

/** @throws {StoreUnavailable} an installation is being copied into the database: half of one is none */
export async function refuseUnfinishedCopy(client: Client): Promise<void> {
  const { rows } = await client.query<{ source: string }>('SELECT source FROM posthorn.copies WHERE finished_at IS NULL');
  if (rows[0] === undefined) return;
  throw new StoreUnavailable(
    `the database holds a copy of ${rows[0].source} that is not finished: run the same posthorn copy again (to give it up, drop the schema posthorn)`,
  );
}

/** Runs `work` while no other process migrates or does anything else by this. */
export async function exclusively<T>(connector: Connector, work: () => Promise<T>): Promise<T> {
  const client = await connector.connectPlain();
  try {
    return await locked(client, work);
  } finally {
    await client.end();
  }
}

/**
 * However long the others take. Asked for again and again, instead of waited for by a statement: that would hold a snapshot, and CREATE INDEX CONCURRENTLY of
 * whoever has the lock waits for all snapshots to end.
 */
async function locked<T>(client: Client, work: () => Promise<T>): Promise<T> {
  while ((await client.query<{ mine: boolean }>(`SELECT pg_try_advisory_lock(${LOCK}) AS mine`)).rows[0]?.mine !== true)
    await pause(LOCK_AGAIN_AFTER_MS);
  try {
    return await work();
  } finally {
    await client.query(`SELECT pg_advisory_unlock(${LOCK})`);
  }
}

/** @throws {TypeError} one does not say what it requires */
export function readMigrations(folder: string): Migration[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => {
      const sql = readFileSync(join(folder, file), 'utf8');
      const requires = /^-- requires: (\d+)\n/.exec(sql)?.[1];
      if (requires === undefined) throw new TypeError(`${file} does not say what it requires`);
      return { number: Number.parseInt(file, 10), requires: Number(requires), file, sql };
    });
}

async function applied(client: Client): Promise<{ number: number; requires: number }> {
  const { rows: found } = await client.query<{ table: string | null }>(`SELECT to_regclass('posthorn.migrations')::text AS table`);
  if (found[0]?.table == null) return { number: 0, requires: 0 };
  const { rows } = await client.query<{ number: number; requires: number }>(
    'SELECT coalesce(max(number), 0) AS number, coalesce(max(requires), 0) AS requires FROM posthorn.migrations',
  );
  return rows[0] ?? { number: 0, requires: 0 };
}

function refuseNewer({ number, requires }: { readonly number: number; readonly requires: number }, newest: number): void {
  if (requires > newest) {
    throw new StoreUnavailable(`the database has schema ${number}, this program knows up to ${newest}: start a newer Posthorn`);
  }
}

async function apply(client: Client, migration: Migration): Promise<void> {
  for (const until = performance.now() + GIVE_UP_AFTER_MS; ; await pause(TABLE_LOCK_AGAIN_AFTER_MS)) {
    try {
      if (/\bCONCURRENTLY\b/.test(migration.sql)) await applyConcurrently(client, migration);
      else await applyAtOnce(client, migration);
      return;
    } catch (error) {
      if (error instanceof DatabaseError && IN_THE_WAY.has(error.code ?? '') && performance.now() < until) continue;
      throw new StoreUnavailable(`migration ${migration.file}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }
}

async function applyAtOnce(client: Client, migration: Migration): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(`SET LOCAL lock_timeout = '${TABLE_LOCK_TIMEOUT}'`);
    if (migration.number === 1) {
      await client.query('CREATE SCHEMA IF NOT EXISTS posthorn');
      await client.query(
        `CREATE TABLE posthorn.migrations (number integer PRIMARY KEY, requires integer NOT NULL, file text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
      );
    }
    await client.query(migration.sql);
    await remember(client, migration);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

/** Its statements may all run again: one that was broken off leaves its index behind, which is of no use. */
async function applyConcurrently(client: Client, migration: Migration): Promise<void> {
  // It keeps nobody out while it waits.
  await client.query('SET lock_timeout = 0');
  for (const statement of statementsOf(migration.sql)) await client.query(statement);
  await remember(client, migration);
}

/** Without comments. Not for files in which a semicolon stands within a text or a function. */
export function statementsOf(sql: string): string[] {
  return sql
    .replaceAll(/--.*$/gm, '')
    .split(';')
    .map((statement) => statement.trim().replaceAll(/\s+/g, ' '))
    .filter((statement) => statement !== '');
}

async function remember(client: Client, { number, requires, file }: Migration): Promise<void> {
  await client.query('INSERT INTO posthorn.migrations (number, requires, file) VALUES ($1, $2, $3)', [number, requires, file]);
}
