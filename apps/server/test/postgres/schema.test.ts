/** Opening a database: all at once, with the wrong key, and made by a newer program. */
import { randomBytes } from 'node:crypto';
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
    expect(await query(url, 'SELECT number FROM posthorn.migrations ORDER BY number')).toEqual([{ number: 1 }, { number: 2 }]);
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
  await expect(refused).rejects.toThrow('the database has schema 999, this program knows up to 2: start a newer Posthorn');
});
