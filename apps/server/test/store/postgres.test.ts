import { randomBytes } from 'node:crypto';
import { createCipher } from '../../src/store/cipher.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { emptyDatabase, testDatabase } from '../postgres/database.ts';
import { START } from './conformance/harness.ts';
import { storeConformance } from './conformance/index.ts';

let database: Promise<string> | null = null;

storeConformance('PostgreSQL', async () => {
  database ??= testDatabase();
  const url = await database;
  await emptyDatabase(url);
  const clock = { now: START };
  const cipher = createCipher(randomBytes(32));
  const open = () => openPostgresStore({ url, cipher, now: () => clock.now });
  let store = await open();
  return {
    store,
    clock,
    async reopen() {
      await store.close();
      store = await open();
      return store;
    },
    async dispose() {
      await store.close();
    },
  };
});
