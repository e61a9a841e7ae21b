/** Opening a database: all at once, with the wrong key, and made by a newer program. */
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createCipher, SealError } from '../../src/store/cipher.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { MIGRATIONS, readMigrations } from '../../src/store/postgres/migrate.ts';
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
    expect(await query(url, 'SELECT number FROM posthorn.migrations ORDER BY number')).toEqual(
      readMigrations(MIGRATIONS).map(({ number }) => ({ number })),
    );
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

test('of several first starts with keys of their own one is taken, and only its key from then on', async () => {
  const url = await testDatabase();
  const ciphers = Array.from({ length: 4 }, () => createCipher(randomBytes(32)));
  const opened = await Promise.allSettled(ciphers.map((cipher) => openPostgresStore({ url, cipher })));
  const stores = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  await Promise.all(stores.map((store) => store.close()));
  expect(stores.length).toBe(1);
  for (const each of opened)
    if (each.status === 'rejected') expect(String(each.reason)).toMatch(/^SealError: POSTHORN_ENCRYPTION_KEY is not the key/);
  const again = await openPostgresStore({ url, cipher: ciphers[opened.findIndex(({ status }) => status === 'fulfilled')] ?? failed() });
  await again.close();
});

test('a database of a version without that check has it from the first start on, with the key of its secrets', async () => {
  const url = await testDatabase();
  const cipher = createCipher(randomBytes(32));
  const store = await openPostgresStore({ url, cipher });
  await addEndpoint(store, await prepare(store));
  await store.close();
  await query(url, 'DELETE FROM posthorn.key_check');
  await expect(openPostgresStore({ url, cipher: createCipher(randomBytes(32)) })).rejects.toBeInstanceOf(SealError);
  await (await openPostgresStore({ url, cipher })).close();
  expect(await query(url, 'SELECT FROM posthorn.key_check')).toHaveLength(1);
});

function failed(): never {
  throw new Error('no store was opened');
}

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
  await expect(refused).rejects.toThrow(
    `the database has schema 999, this program knows up to ${readMigrations(MIGRATIONS).length}: start a newer Posthorn`,
  );
});
