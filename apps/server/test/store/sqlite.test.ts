import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCipher } from '../../src/store/cipher.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { START } from './conformance/harness.ts';
import { storeConformance } from './conformance/index.ts';

storeConformance('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-store-'));
  const clock = { now: START };
  const cipher = createCipher(randomBytes(32));
  const open = () => openSqliteStore({ path: join(folder, 'posthorn.db'), cipher, now: () => clock.now, random: Math.random });
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
      await rm(folder, { recursive: true });
    },
  };
});
