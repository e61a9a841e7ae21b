import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { createCipher } from '../../src/store/cipher.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { addEndpoint, attempt, CALM, event, lease, prepare, publish, START } from '../store/conformance/harness.ts';
import { type CaseEngine, namedCases } from './named-cases.ts';

let databases = 0;

/** In memory, with a second connection for what no store's interface does. */
async function openEngine(): Promise<CaseEngine> {
  databases += 1;
  const path = `file:named-cases-${databases}?mode=memory&cache=shared`;
  const beside = new DatabaseSync(path);
  return {
    openStore: ({ now }) => openSqliteStore({ path, cipher: createCipher(randomBytes(32)), now, random: () => 0 }),
    async publishUnseen({ store, clock }, unseen) {
      await publish(store, unseen);
      const { seq, lane } = beside.prepare('SELECT seq, lane FROM deliveries ORDER BY seq DESC LIMIT 1').get() as {
        seq: number;
        lane: number;
      };
      beside.prepare('UPDATE deliveries SET lane = -1 WHERE seq = ?').run(seq);
      return async () => {
        beside.prepare('UPDATE deliveries SET lane = ? WHERE seq = ?').run(lane, seq);
        beside.prepare('UPDATE lanes SET first_at = min(coalesce(first_at, ?1), ?1) WHERE pk = ?2').run(clock.time, lane);
      };
    },
    async fill(_stage, endpoint, { orderingKey, count }) {
      beside
        .prepare(
          `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1),
             one AS (SELECT d.* FROM deliveries d JOIN endpoints e ON e.pk = d.endpoint WHERE e.id = ?2 LIMIT 1)
           INSERT INTO deliveries (id, event, lane, endpoint, application, environment, ordering_key, status, published_at)
           SELECT 'dlv_filled_' || i, event, lane, endpoint, application, environment, ?3, 'pending', published_at FROM n, one`,
        )
        .run(count, endpoint, orderingKey);
    },
    async dispose() {
      beside.close();
    },
  };
}

namedCases('SQLite', openEngine);

test('a takeover cannot commit between a settle’s statement and its commit', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-takeover-'));
  const path = join(folder, 'posthorn.db');
  const beside = new DatabaseSync(path, { timeout: 0 });
  const takeOver = (): void => {
    beside.exec(`UPDATE lanes SET holder = 'two', fence = fence + 1`);
  };
  let between = (): void => {};
  const store = await openSqliteStore({
    path,
    cipher: createCipher(randomBytes(32)),
    now: () => {
      between();
      return START;
    },
    random: () => 0,
  });
  await addEndpoint(store, await prepare(store));
  await publish(store, event());
  const [held] = await lease(store, START);
  if (held === undefined) throw new Error('nothing was leased');
  const { deliveries } = await store.lanes.scan({ lane: held.lease.lane, ordering: 'key', after: 0, limit: 10, gate: START });
  const refusals: unknown[] = [];
  // Disabling the endpoint makes the settle read the clock in the middle of its transaction, after its check and its first statements.
  between = () => {
    try {
      takeOver();
    } catch (error) {
      refusals.push(error);
    }
  };
  const settled = await store.lanes.settle([
    {
      lease: held.lease,
      attempts: [attempt(deliveries[0]?.seq ?? 0, { status: 'failed', reason: 'endpoint_gone' })],
      state: CALM,
      disable: 'gone',
    },
  ]);
  between = () => {};
  expect(settled).toEqual(['settled']);
  expect(refusals.map(String)).toEqual(expect.arrayContaining([expect.stringContaining('database is locked')]));
  // Once it is over the takeover goes through, and the next settle of the old holder is refused.
  takeOver();
  expect(await store.lanes.settle([{ lease: held.lease, attempts: [], state: CALM, disable: null }])).toEqual(['stale']);
  beside.close();
  await store.close();
  await rm(folder, { recursive: true });
});
