/**
 * Lanes under real concurrency: wake-ups, the fence, a hot lane. Each store here has connections of its own, as each process has.
 *
 * POSTGRES_RACES=1000000 runs the long form (npm run test:postgres:races).
 */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createCipher } from '../../src/store/cipher.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import type { LeasedLane, Store } from '../../src/store/store.ts';
import { addEndpoint, attempt, CALM, event, lease, publish } from '../store/conformance/harness.ts';
import { emptyDatabase, query, testDatabase } from './database.ts';

const RACES = Number(process.env['POSTGRES_RACES'] ?? 10_000);
const PUBLISHERS = 3;
const DISPATCHERS = 2;
const ENDPOINTS = 50;

let url: string;
const stores: Store[] = [];
const store = (index: number): Store => stores[index] as Store;

beforeAll(async () => {
  url = await testDatabase();
  const cipher = createCipher(randomBytes(32));
  // Publishers linger between their last statement and their commit, as on a slow disk: that is when a wake-up can be lost.
  await query(
    url,
    `CREATE FUNCTION posthorn.linger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(random() * 0.006); RETURN NULL; END';
     CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON posthorn.events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION posthorn.linger()`,
  );
  for (let index = 0; index < PUBLISHERS + DISPATCHERS; index += 1) stores.push(await openPostgresStore({ url, cipher, sweep: false }));
});
afterAll(async () => {
  for (const each of stores) await each.close();
});
beforeEach(async () => {
  await emptyDatabase(url);
  for (const environment of ['production', 'sandbox'] as const) await store(0).environments.setCadence(environment, 'immediate');
});

async function application(endpoints: number): Promise<void> {
  const { application: made } = await store(0).applications.upsert({ uid: 'acme', name: 'Acme' });
  for (let index = 0; index < endpoints; index += 1) await addEndpoint(store(0), made.id, { cadence: 'immediate' });
}

const now = (): Promise<number> => store(0).now();
const waiting = async (): Promise<number> =>
  (await query<{ n: number }>(url, 'SELECT count(*)::integer AS n FROM posthorn.pending'))[0]?.n ?? 0;

/** Empties whatever it can lease, and gives it back as empty. @returns how many deliveries that were */
async function emptyLanes(own: Store, holder: string): Promise<number> {
  return emptied(own, await lease(own, await own.now(), { holder }));
}

async function emptied(own: Store, held: readonly LeasedLane[]): Promise<number> {
  const scans = await Promise.all(
    held.map(({ lease: { lane } }) => own.lanes.scan({ lane, ordering: 'key', after: 0, limit: 1000, gate: Number.MAX_SAFE_INTEGER })),
  );
  const batch = held.map(({ lease: of, state }, index) => ({
    lease: of,
    state,
    disable: null,
    attempts: (scans[index]?.deliveries ?? []).map(({ seq }) => attempt(seq, { status: 'succeeded' }, { first: false })),
  }));
  if (batch.length === 0) return 0;
  expect(new Set(await own.lanes.settle(batch))).toEqual(new Set(['settled']));
  await own.lanes.release(batch.map(({ lease: of, state }) => ({ lease: of, firstAt: null, dueAt: null, notBefore: 0, state })));
  return batch.reduce((sum, { attempts }) => sum + attempts.length, 0);
}

test(`${RACES} wake-ups race with dispatchers that declare their lanes empty: nothing is left behind`, { timeout: 3_600_000 }, async () => {
  await application(ENDPOINTS);
  const started = performance.now();
  let races = 0;
  let sent = 0;
  let rounds = 0;
  while (races < RACES) {
    let publishing = PUBLISHERS;
    const publishers = Array.from({ length: PUBLISHERS }, async (_, index) => {
      for (let count = 0; count < 3; count += 1) await publish(store(DISPATCHERS + index), event());
      publishing -= 1;
    });
    const dispatchers = Array.from({ length: DISPATCHERS }, async (_, index) => {
      for (let idle = 0; idle < 2; ) {
        const done = publishing === 0;
        const count = await emptyLanes(store(index), `dispatcher-${index}`);
        sent += count;
        idle = done && count === 0 ? idle + 1 : 0;
      }
    });
    await Promise.all([...publishers, ...dispatchers]);
    races += PUBLISHERS * 3 * ENDPOINTS;
    rounds += 1;
    // What is left now has no mark by which anybody would find it.
    expect(await waiting(), `after round ${rounds}`).toBe(0);
  }
  expect(sent).toBe(races);
  // Each would hold its lanes up for a second before the server ends it.
  await expect
    .poll(() => query(url, 'SELECT deadlocks::integer FROM pg_stat_database WHERE datname = current_database()'))
    .toEqual([{ deadlocks: 0 }]);
  console.log(
    `${races} wake-ups of ${ENDPOINTS} lanes raced with ${DISPATCHERS} dispatchers that emptied them, in ${Math.round((performance.now() - started) / 1000)} s: none lost`,
  );
});

test('a hot lane, published into all the time, is leased within 100 ms beside an open business transaction; others publish on', async () => {
  await application(1);
  const business = new Client({ connectionString: url });
  await business.connect();
  await business.query('BEGIN');
  await business.query(`INSERT INTO posthorn.outbox (application, environment, type, data) VALUES ('acme', 'sandbox', 't', '{}')`);
  let stopping = false;
  let published = 0;
  const publishers = Array.from({ length: PUBLISHERS }, async (_, index) => {
    while (!stopping) {
      await publish(store(DISPATCHERS + index), event());
      published += 1;
    }
  });
  const took: number[] = [];
  while (took.length < 20) {
    const startedAt = performance.now();
    let held: LeasedLane | undefined;
    while (held === undefined) [held] = await lease(store(0), await now(), { holder: 'one' });
    took.push(performance.now() - startedAt);
    await emptied(store(0), [held]);
  }
  const before = published;
  await publish(store(DISPATCHERS), event());
  stopping = true;
  await Promise.all(publishers);
  await business.query('ROLLBACK');
  await business.end();
  took.sort((a, b) => a - b);
  console.log(
    `leased after ${Math.round(took[10] ?? 0)} ms (median), ${Math.round(took.at(-1) ?? 0)} ms (longest of ${took.length}); ${published} published meanwhile`,
  );
  expect(before).toBeGreaterThan(took.length);
  expect(took.at(-1)).toBeLessThan(100);
});

describe('the fence', () => {
  async function heldBy(holder: string, leaseMs: number): Promise<{ lane: LeasedLane; seq: number }> {
    const [lane] = await lease(store(0), await now(), { holder, leaseMs });
    if (lane === undefined) throw new Error('nothing was leased');
    const { deliveries } = await store(0).lanes.scan({ lane: lane.lease.lane, ordering: 'key', after: 0, limit: 10, gate: await now() });
    return { lane, seq: deliveries[0]?.seq ?? 0 };
  }

  test('a takeover that commits while a settle waits for the lane makes the settle stale', async () => {
    await application(1);
    await publish(store(2), event());
    const { lane, seq } = await heldBy('old', 1);
    // Another dispatcher's takeover, held open between its statement and its commit.
    const other = new Client({ connectionString: url });
    await other.connect();
    await other.query('BEGIN');
    await other.query(
      `UPDATE posthorn.lanes SET holder = 'new', fence = fence + 1, lease_until = lease_until + 60000 WHERE pk = ${lane.lease.lane}`,
    );
    const settling = store(1).lanes.settle([
      { lease: lane.lease, attempts: [attempt(seq, { status: 'succeeded' })], state: CALM, disable: 'gone' },
    ]);
    // The settle waits for the row: only then the takeover commits.
    while ((await query(url, `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`)).length === 0);
    await other.query('COMMIT');
    await other.end();
    expect(await settling).toEqual(['stale']);
    expect(await waiting()).toBe(1);
    const [endpoint] = await query<{ status: string }>(url, 'SELECT status FROM posthorn.endpoints');
    expect(endpoint?.status).toBe('enabled');
    expect(await query(url, 'SELECT stale FROM posthorn.attempts')).toEqual([{ stale: true }]);
  });

  test('leases of one moment are each one holder’s', async () => {
    await application(ENDPOINTS);
    await publish(store(2), event());
    const at = await now();
    const leased = await Promise.all(stores.map((each, index) => lease(each, at, { holder: `holder-${index}` })));
    const lanes = leased.flat().map(({ lease: { lane } }) => lane);
    expect(new Set(lanes).size).toBe(lanes.length);
    while ((await lease(store(0), at, { holder: 'rest' })).length > 0);
    const holders = await query<{ n: number }>(url, 'SELECT count(*)::integer AS n FROM posthorn.lanes WHERE holder IS NOT NULL');
    expect(holders[0]?.n).toBe(ENDPOINTS);
  });
});

test('what commits late with an earlier number is found by the next scan from the start', async () => {
  await application(1);
  await publish(store(2), event({ orderingKey: 'k' }));
  // A publisher that drew its number before the second event did, and commits after that was sent.
  const slow = new Client({ connectionString: url });
  await slow.connect();
  await slow.query('BEGIN');
  await slow.query(`SELECT FROM posthorn.lanes FOR KEY SHARE`);
  await slow.query(`WITH first AS (SELECT *, nextval('posthorn.delivery_seq') AS next FROM posthorn.pending LIMIT 1), d AS (
      INSERT INTO posthorn.deliveries (seq, published_at, event, application, endpoint, lane, environment, id)
      SELECT next, published_at, event, application, lane, lane, environment, id || 'x' FROM first)
    INSERT INTO posthorn.pending (seq, event, published_at, lane, application, environment, id, ordering_key)
    SELECT next, event, published_at, lane, application, environment, id || 'x', ordering_key FROM first`);
  await publish(store(2), event({ orderingKey: 'k' }));
  expect(await emptyLanes(store(0), 'one')).toBe(2);
  await slow.query('COMMIT');
  await slow.end();
  // The mark stayed, since somebody was publishing when the lane was leased.
  expect(await emptyLanes(store(0), 'one')).toBe(1);
  expect(await waiting()).toBe(0);
});
