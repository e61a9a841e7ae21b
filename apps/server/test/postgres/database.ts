/** Databases of the test run's own server, with the schema and nothing else. */
import { Client } from 'pg';
import { inject } from 'vitest';

/** A new database, cloned from the template. @returns its URL */
export async function testDatabase(): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${inject('postgresBroker')}/`);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}

/** Asks a database by a connection of its own. */
export async function query<T extends object>(url: string, sql: string): Promise<T[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as T[];
  } finally {
    await client.end();
  }
}

/** Empties a database for the next test: in a tenth of the time that a new one takes. */
export async function emptyDatabase(url: string): Promise<void> {
  const tables = await query<{ name: string }>(
    url,
    `SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace = 'posthorn'::regnamespace AND relkind = 'r' AND relname <> 'migrations'`,
  );
  // Foreign keys are checked by triggers, which a replica leaves out: so the order does not matter.
  const statements = ['SET session_replication_role = replica', ...tables.map(({ name }) => `DELETE FROM ${name}`)];
  await query(url, statements.join(';'));
}
