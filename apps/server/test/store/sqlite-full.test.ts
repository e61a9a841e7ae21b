/**
 * A full disk, in the middle of things. SQLite is told how many pages its file may have, and refuses to grow beyond that as it does when the disk is
 * full (SQLITE_FULL); given room again, everything goes on.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createCipher } from '../../src/store/cipher.ts';
import { Database } from '../../src/store/sqlite/database.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { type PublishResult, type Store, StoreUnavailable } from '../../src/store/store.ts';
import { ALL_DELIVERIES, addEndpoint, attempt, CALM, event, lease, prepare, publish, START } from './conformance/harness.ts';

let folder: string;
let store: Store;
let db: Database;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthorn-full-'));
  const opened = vi.spyOn(Database.prototype, 'get');
  store = await openSqliteStore({
    path: join(folder, 'posthorn.db'),
    cipher: createCipher(randomBytes(32)),
    now: () => START,
    random: Math.random,
  });
  // The limit belongs to the connection: the spy only tells which one it is.
  db = opened.mock.contexts[0] as Database;
  opened.mockRestore();
  await addEndpoint(store, await prepare(store));
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** No page more than there are. */
function fillDisk(): void {
  const { page_count: pages } = db.get<{ page_count: number }>('PRAGMA page_count') as { page_count: number };
  db.get(`PRAGMA max_page_count = ${pages}`);
}

function makeRoom(): void {
  db.get('PRAGMA max_page_count = 1000000');
}

const LARGE = JSON.stringify({ text: 'x'.repeat(200_000) });
const list = async () => (await store.deliveries.list('sandbox', ALL_DELIVERIES)).data;

test('disk full in the middle of a publish: all that shared its transaction are refused, nothing of them is there, and it goes on with room', async () => {
  await publish(store, event({ id: 'before' }));
  fillDisk();
  const request = (id: string, data = '{}') =>
    ({ environment: 'sandbox', events: [event({ id, data })], idempotency: { scope: 's', key: id, fingerprint: id } }) as const;
  // One group commit: small ones before and after the one that does not fit.
  const results = await Promise.allSettled([request('a'), request('large', LARGE), request('b')].map((each) => store.publish(each)));
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  for (const result of results) expect((result as PromiseRejectedResult).reason).toBeInstanceOf(StoreUnavailable);
  expect((await list()).map((delivery) => delivery.event)).toEqual(['before']);
  expect(await store.events.get('sandbox', 'a', null)).toBeNull();
  await expect(store.check()).resolves.toBeUndefined();

  makeRoom();
  const again = await Promise.all([request('a'), request('large', LARGE), request('b')].map((each) => store.publish(each)));
  const repeated = again.map((result: PublishResult) => result.kind === 'published' && result.repeated);
  // The keys of what was refused remember nothing.
  expect(repeated).toEqual([false, false, false]);
  expect((await list()).map((delivery) => delivery.event)).toEqual(['b', 'large', 'a', 'before']);
});

test('disk full in the middle of a settle: nothing of it took effect, and the same settle does once there is room', async () => {
  await publish(store, ...Array.from({ length: 20 }, () => event()));
  const [held] = await lease(store, START);
  if (held === undefined) throw new Error('nothing was leased');
  const { deliveries } = await store.lanes.scan({ lane: held.lease.lane, ordering: 'key', after: 0, limit: 100, gate: START });
  const attempts = deliveries.map(({ seq }, index) =>
    attempt(seq, index % 2 === 0 ? { status: 'succeeded' } : { status: 'failed', reason: 'attempts_exhausted' }, {
      responseBody: Buffer.alloc(16_384, 'x'),
      notices: index % 2 === 0 ? [] : ['delivery.failed'],
    }),
  );
  const batch = [{ lease: held.lease, attempts, state: { ...CALM, failures: 3 }, disable: null }];
  fillDisk();
  await expect(store.lanes.settle(batch)).rejects.toBeInstanceOf(StoreUnavailable);
  const before = await list();
  expect(before.map(({ status, attemptCount }) => `${status} ${attemptCount}`)).toEqual(Array.from({ length: 20 }, () => 'pending 0'));
  expect((await store.deliveries.get('sandbox', before[0]?.id ?? ''))?.attempts).toEqual([]);
  expect(await store.notices.waiting(10)).toEqual([]);
  expect((await store.lanes.target(held.lease))?.state.failures).toBe(0);

  makeRoom();
  expect(await store.lanes.settle(batch)).toEqual(['settled']);
  const after = await list();
  expect(after.filter(({ status }) => status === 'succeeded')).toHaveLength(10);
  expect(after.filter(({ status }) => status === 'failed')).toHaveLength(10);
  expect(await store.notices.waiting(100)).toHaveLength(10);
  const stats = { application: null, endpoint: null, widthMs: 60_000, since: 0, until: START + 1 };
  expect((await store.stats.rollups('sandbox', stats)).map(({ accepted, failed }) => [accepted, failed])).toEqual([[10, 10]]);
});

test('a step of the keeper waits for no disk; whatever comes after it does again, though the step failed', async () => {
  const { synchronous: full } = db.get<{ synchronous: number }>('PRAGMA synchronous') as { synchronous: number };
  expect(full).toBe(2);
  const during: unknown[] = [];
  db.relaxedTransaction(() => during.push(db.get('PRAGMA synchronous')));
  expect(during).toEqual([{ synchronous: 1 }]);
  await store.upkeep.foldStats(10);
  expect(db.get('PRAGMA synchronous')).toEqual({ synchronous: 2 });
  expect(() =>
    db.relaxedTransaction(() => {
      throw new Error('no');
    }),
  ).toThrow('no');
  expect(db.get('PRAGMA synchronous')).toEqual({ synchronous: 2 });
});

test('disk full in the middle of a job’s step: the step is undone, and done again', async () => {
  await publish(store, ...Array.from({ length: 300 }, () => event()));
  const { id } = await addEndpoint(store, (await store.applications.get('acme'))?.id as never);
  const job = await store.jobs.create('sandbox', { endpoint: id, since: 0, until: START + 1, task: { kind: 'replay_missing' } });
  if (job === null || job === 'too_many') throw new Error('there is no job');
  fillDisk();
  await expect(store.jobs.step(job.id, 300)).rejects.toBeInstanceOf(StoreUnavailable);
  expect(await store.jobs.get('sandbox', job.id)).toMatchObject({ state: 'running', done: 0, total: 300 });
  makeRoom();
  await store.jobs.step(job.id, 200);
  expect(await store.jobs.step(job.id, 200)).toMatchObject({ state: 'done', done: 300 });
});
