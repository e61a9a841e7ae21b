/** Retention by weeks: what is old goes with its partitions, and only once nothing of it waits. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createCipher } from '../../src/store/cipher.ts';
import { openPostgresStore, type PostgresStore } from '../../src/store/postgres/index.ts';
import { ALL_DELIVERIES, addEndpoint, endAll, event, prepare, publish, START } from '../store/conformance/harness.ts';
import { query, testDatabase } from './database.ts';

const DAY = 24 * 3_600_000;
const WEEK = 7 * DAY;

let url: string;
let store: PostgresStore;
let clock: { now: number };
beforeEach(async () => {
  url = await testDatabase();
  clock = { now: START };
  store = await openPostgresStore({ url, cipher: createCipher(randomBytes(32)), now: () => clock.now });
});
afterEach(() => store.close());

const partitions = async (): Promise<string[]> =>
  (
    await query<{ name: string }>(
      url,
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'posthorn'::regnamespace AND relkind = 'r' AND relname ~ '_[0-9]{8}$' ORDER BY 1`,
    )
  ).map(({ name }) => name);
const weeksOf = async (table: string): Promise<string[]> =>
  (await partitions()).filter((name) => name.startsWith(table)).map((name) => name.slice(-8));
const prune = async (before: number): Promise<void> => {
  let cursor: string | null = null;
  do ({ cursor } = await store.upkeep.prune({ before, rollups: new Map(), cursor, limit: 100 }));
  while (cursor !== null);
};
const events = async (): Promise<string[]> =>
  (await store.events.list('sandbox', { ...ALL_DELIVERIES, type: null })).data.toReversed().map(({ id }) => id);

/** An event a week, for five weeks. */
async function fiveWeeks(): Promise<void> {
  await addEndpoint(store, await prepare(store));
  for (let week = 0; week < 5; week += 1) {
    clock.now = START + week * WEEK;
    await publish(store, event({ id: `week-${week}` }));
    if (week !== 1)
      await endAll(store, { status: 'succeeded' }, { gate: START + week * WEEK, only: ({ publishedAt }) => publishedAt === clock.now });
  }
}

test('whole weeks are dropped with their partitions and the ids of their events, but for one of which something waits', async () => {
  await fiveWeeks();
  expect(await weeksOf('events')).toEqual(['20261123', '20261130', '20261207', '20261214', '20261221']);
  // Two days into the fourth week: the third has ended, the fourth is kept to its end.
  clock.now = START + 6 * WEEK;
  await prune(START + 3 * WEEK + 2 * DAY);
  for (const table of ['events', 'deliveries', 'attempts']) {
    expect((await weeksOf(table)).slice(0, 3), table).toEqual(['20261130', '20261214', '20261221']);
  }
  expect(await events()).toEqual(['week-1', 'week-3', 'week-4']);
  await endAll(store, { status: 'succeeded' });
  await prune(START + 3 * WEEK + 2 * DAY);
  expect(await events()).toEqual(['week-3', 'week-4']);
  expect(await query(url, 'SELECT id FROM posthorn.event_ids ORDER BY id')).toEqual([{ id: 'week-3' }, { id: 'week-4' }]);
  // The id is free again, and a week that is gone is made anew where somebody publishes into it.
  clock.now = START;
  expect(await publish(store, event({ id: 'week-0' }))).toMatchObject([{ timestamp: START }]);
  expect((await weeksOf('events'))[0]).toBe('20261123');
});

test('a drop that broke off halfway is finished by the next', async () => {
  await fiveWeeks();
  clock.now = START + 6 * WEEK;
  await query(url, 'ALTER TABLE posthorn.deliveries DETACH PARTITION posthorn.deliveries_20261123');
  await query(url, 'DROP TABLE posthorn.attempts_20261207');
  await prune(START + 3 * WEEK);
  expect((await partitions()).filter((name) => /20261123|20261207/.test(name))).toEqual([]);
  expect(await events()).toEqual(['week-1', 'week-3', 'week-4']);
});
