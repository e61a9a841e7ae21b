/** Opening a database: all at once, with the wrong key, and made by a newer program; what a migration may do. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createCipher, SealError } from '../../src/store/cipher.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { StoreUnavailable } from '../../src/store/store.ts';
import { addEndpoint, event, prepare, publish } from '../store/conformance/harness.ts';
import { query, testDatabase } from './database.ts';

const AT_ONCE = 10;

/** Not cloned from the template: there is nothing in it. */
async function emptyDatabase(name: string, { encoding = 'UTF8' } = {}): Promise<string> {
  const url = new URL(await testDatabase());
  await query(url.href, `CREATE DATABASE ${name} TEMPLATE template0 ENCODING '${encoding}'`);
  url.pathname = name;
  return url.href;
}

test(`${AT_ONCE} processes open an empty database at once: each of them works, the schema is made once`, { timeout: 60_000 }, async () => {
  const url = await emptyDatabase('at_once');
  const cipher = createCipher(randomBytes(32));
  const stores = await Promise.all(Array.from({ length: AT_ONCE }, () => openPostgresStore({ url, cipher })));
  try {
    const [first] = stores;
    if (first === undefined) throw new Error('there are ten');
    const acme = await prepare(first);
    await addEndpoint(first, acme);
    const published = await Promise.all(stores.map((store) => publish(store, event())));
    expect(published.flat().map(({ deliveries }) => deliveries)).toEqual(Array.from({ length: AT_ONCE }, () => 1));
    expect(await query(url, 'SELECT number FROM posthorn.migrations ORDER BY number')).toEqual([{ number: 1 }]);
    // What the first start has to do once is done by one after the other.
    let inside = 0;
    let most = 0;
    await Promise.all(
      stores.map((store) =>
        store.exclusively(async () => {
          inside += 1;
          most = Math.max(most, inside);
          await first.environments.get('sandbox');
          inside -= 1;
        }),
      ),
    );
    expect(most).toBe(1);
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
});

test('a database that answers and does not do is not called unreachable', async () => {
  const cipher = createCipher(randomBytes(32));
  const latin = await emptyDatabase('latin', { encoding: 'LATIN1' });
  await expect(openPostgresStore({ url: latin, cipher })).rejects.toThrow(
    'PostgreSQL cannot be used: the database has the encoding LATIN1, Posthorn wants UTF8',
  );
  const absent = latin.replace(/latin$/, 'absent');
  await expect(openPostgresStore({ url: absent, cipher })).rejects.toThrow('PostgreSQL cannot be used: database "absent" does not exist');
});

test('another encryption key than that of the database is refused at once', async () => {
  const url = await testDatabase();
  const store = await openPostgresStore({ url, cipher: createCipher(randomBytes(32)) });
  await addEndpoint(store, await prepare(store));
  await store.close();
  await expect(openPostgresStore({ url, cipher: createCipher(randomBytes(32)) })).rejects.toBeInstanceOf(SealError);
});

test('a schema that asks for a newer program is refused; a newer one that does not is worked with', async () => {
  const url = await testDatabase();
  const cipher = createCipher(randomBytes(32));
  await query(url, `INSERT INTO posthorn.migrations (number, requires, file) VALUES (998, 1, 'later')`);
  const store = await openPostgresStore({ url, cipher });
  await prepare(store);
  await store.close();
  await query(url, `INSERT INTO posthorn.migrations (number, requires, file) VALUES (999, 999, 'much later')`);
  const refused = openPostgresStore({ url, cipher });
  await expect(refused).rejects.toBeInstanceOf(StoreUnavailable);
  await expect(refused).rejects.toThrow('the database has schema 999, this program knows up to 1: start a newer Posthorn');
});

/** What the program before cannot go on with. An added column needs a default, or to be nullable, since that program does not fill it. */
const TAKES_AWAY =
  /\b(?:DROP|RENAME|TRUNCATE)\b|\bALTER\s+COLUMN\b|\bADD\s+(?:CONSTRAINT|CHECK|UNIQUE|FOREIGN|PRIMARY|EXCLUDE)\b|\bADD\s+COLUMN\b(?![^,;]*\bDEFAULT\b)[^,;]*\bNOT\s+NULL\b/i;

function takesAway(sql: string): boolean {
  return TAKES_AWAY.test(sql.replace(/--.*$/gm, ''));
}

test('a migration after the first only adds, or says that the program before cannot go on', () => {
  const folder = join(import.meta.dirname, '../../src/store/postgres/migrations');
  const files = readdirSync(folder).filter((file) => file.endsWith('.sql'));
  expect(files.length).toBeGreaterThan(0);
  const hidden = files.filter((file) => {
    const sql = readFileSync(join(folder, file), 'utf8');
    const requires = Number(/^-- requires: (\d+)\n/.exec(sql)?.[1]);
    const number = Number.parseInt(file, 10);
    return number > 1 && requires < number && takesAway(sql);
  });
  expect(hidden).toEqual([]);
  for (const sql of [
    'ALTER TABLE posthorn.lanes DROP COLUMN failed',
    'ALTER TABLE posthorn.lanes ADD COLUMN later integer NOT NULL',
    'ALTER TABLE posthorn.lanes ALTER COLUMN failures TYPE bigint',
    'ALTER TABLE posthorn.lanes RENAME TO queues',
    'ALTER TABLE posthorn.lanes ADD CONSTRAINT few CHECK (failures < 9)',
  ])
    expect(takesAway(sql), sql).toBe(true);
  for (const sql of [
    'ALTER TABLE posthorn.lanes ADD COLUMN later integer NOT NULL DEFAULT 0, ADD COLUMN much_later text',
    'CREATE TABLE posthorn.later (pk integer PRIMARY KEY, note text NOT NULL); -- DROP nothing',
    'CREATE INDEX lanes_later ON posthorn.lanes (later)',
  ])
    expect(takesAway(sql), sql).toBe(false);
});
