/**
 * The schema, brought up to date when the program starts. Forward only: the files of migrations/ in the order of their numbers, each in a transaction of
 * its own, under an advisory lock, since ten processes may start at once.
 *
 * A rolling upgrade runs the version before against the newer schema for a while. So each file says on its first line what the oldest program has to
 * know that may still work with the result (`-- requires: 3`), and a program refuses only a database that asks for more than it knows.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as rest } from 'node:timers/promises';
import { type Client, DatabaseError } from 'pg';
import { StoreUnavailable } from '../store.ts';
import type { Connector } from './connection.ts';

const MIGRATIONS = join(import.meta.dirname, 'migrations');
/** Any number that nobody else in this database locks by: "posthorn" as bytes. */
const LOCK = '8101815670912281198';

/** How long a migration waits for a table, how often it comes back for it, and after what pause. */
const PATIENCE_MS = 1_000;
const MOST_TRIES = 60;
const PAUSE_MS = 500;

interface Migration {
  readonly number: number;
  readonly requires: number;
  readonly file: string;
  readonly sql: string;
}

/**
 * @param folder of the migrations; tests bring a later version's
 * @throws {StoreUnavailable} the database asks for a newer program
 */
export async function migrate(client: Client, folder: string = MIGRATIONS): Promise<void> {
  const migrations = readMigrations(folder);
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

async function locked<T>(client: Client, work: () => Promise<T>): Promise<T> {
  // Others may take their time: a migration of a large table.
  await client.query('SET lock_timeout = 0');
  await client.query(`SELECT pg_advisory_lock(${LOCK})`);
  try {
    return await work();
  } finally {
    await client.query(`SELECT pg_advisory_unlock(${LOCK})`);
  }
}

function readMigrations(folder: string): Migration[] {
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

/** Whoever waits for a lock makes everybody behind it wait as well: a busy table is asked for again rather than queued for. */
async function apply(client: Client, migration: Migration): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await applyOnce(client, migration);
      return;
    } catch (error) {
      const isBusy = error instanceof DatabaseError && (error.code === '55P03' || error.code === '40P01');
      if (!isBusy || tries === MOST_TRIES) {
        throw new StoreUnavailable(`migration ${migration.file}: ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        });
      }
      await rest(PAUSE_MS);
    }
  }
}

async function applyOnce(client: Client, { number, requires, file, sql }: Migration): Promise<void> {
  await client.query('BEGIN');
  await client.query(`SET LOCAL lock_timeout = '${PATIENCE_MS}ms'`);
  try {
    if (number === 1) {
      await client.query('CREATE SCHEMA IF NOT EXISTS posthorn');
      await client.query(
        `CREATE TABLE posthorn.migrations (number integer PRIMARY KEY, requires integer NOT NULL, file text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
      );
    }
    await client.query(sql);
    await client.query('INSERT INTO posthorn.migrations (number, requires, file) VALUES ($1, $2, $3)', [number, requires, file]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}
