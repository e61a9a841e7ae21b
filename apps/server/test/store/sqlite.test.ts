import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
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

test('a database in memory leaves no file, however it is named', async () => {
  const path = 'file:leaves-nothing?mode=memory&cache=shared';
  const store = await openSqliteStore({ path, cipher: createCipher(randomBytes(32)), now: () => START, random: Math.random });
  await store.close();
  expect(existsSync(path)).toBe(false);
});
