/**
 * Several API and dispatcher processes over one database, while they are killed and paused at random and the database is killed under them.
 *
 * CHAOS_EVENTS=100000 CHAOS_ENDPOINTS=200 runs the long form (npm run test:postgres:chaos).
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ChaosStage, LEASE_MS, openChaos } from './chaos/stage.ts';
import { PostgresServer } from './server.ts';

const EVENTS = Number(process.env['CHAOS_EVENTS'] ?? 1_500);
const ENDPOINTS = Number(process.env['CHAOS_ENDPOINTS'] ?? 40);
/** So that there is something to break into, however fast the machine. */
const PACE_MS = Number(process.env['CHAOS_PACE_MS'] ?? 300);
const DATABASE_KILLS = Number(process.env['CHAOS_DATABASE_KILLS'] ?? 1);
const DISPATCHERS = 3;
const APIS = 2;

let server: PostgresServer;
let stage: ChaosStage;
beforeAll(async () => {
  server = await PostgresServer.start({ shared_buffers: '64MB' });
  stage = await openChaos({ url: server.url(), endpoints: ENDPOINTS, dispatchers: DISPATCHERS, apis: APIS });
}, 60_000);
afterAll(async () => {
  await stage.close();
  await server.remove();
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const anyOf = (count: number): number => Math.floor(Math.random() * count);

test(`${EVENTS} events to ${ENDPOINTS} endpoints through ${DISPATCHERS} dispatchers and ${APIS} API processes, killed, paused, and their database with them`, {
  timeout: 3_600_000,
}, async () => {
  const counts = { killed: 0, paused: 0, database: 0 };
  let publishing = true;
  const published = stage.publish(EVENTS, PACE_MS).finally(() => {
    publishing = false;
  });
  const incidents: (() => Promise<void>)[] = [
    async () => {
      counts.killed += 1;
      const index = await stage.busyDispatcher();
      stage.dispatchers[index]?.kill('SIGKILL');
      await Promise.all([stage.noteUnsettled(), stage.restartDispatcher(index)]);
    },
    async () => {
      counts.killed += 1;
      await stage.restartApi(anyOf(APIS));
    },
    async () => {
      counts.paused += 1;
      const paused = stage.dispatchers[await stage.busyDispatcher()];
      paused?.kill('SIGSTOP');
      await stage.noteUnsettled();
      // The others take its lanes over when the lease has ended.
      await sleep(LEASE_MS);
      paused?.kill('SIGCONT');
    },
    async () => {
      if (counts.database >= DATABASE_KILLS) return;
      counts.database += 1;
      await server.kill();
      await sleep(500);
      await server.start();
      await stage.noteUnsettled();
    },
  ];
  for (let round = 0; publishing || counts.database < DATABASE_KILLS || counts.paused === 0; round += 1) {
    // Each kind in turn at first, so that a short run has them all; then at random.
    await incidents[round < incidents.length ? incidents.length - 1 - round : anyOf(incidents.length)]?.();
    await sleep(300);
  }
  await published;
  await stage.drained();

  const verdict = await stage.verdict();
  console.log(
    [
      `${verdict.acknowledged} events answered 202, ${counts.killed} kills, ${counts.paused} pauses beyond the lease, database killed ${counts.database} times`,
      `lost ${verdict.lost.length}, out of order ${verdict.outOfOrder.length}, forged ${verdict.forged}; duplicates ${verdict.duplicates}, beyond what was sent and not settled ${verdict.undue.length}`,
      `lanes taken over ${verdict.takenOver}, stale settles ${verdict.refused}, each refused; lanes found by the sweep ${verdict.swept}; answers 503 ${verdict.unavailable.length}`,
    ].join('\n'),
  );
  const { lost, outOfOrder, undue, forged, swept } = verdict;
  expect({ lost, outOfOrder, undue, forged, swept }).toEqual({ lost: [], outOfOrder: [], undue: [], forged: 0, swept: 0 });
  expect(verdict.acknowledged).toBe(EVENTS);
  expect(verdict.takenOver).toBeGreaterThan(0);
  expect(new Set(verdict.unavailable)).toEqual(new Set(['5']));
  // What has left the queue without a problem was accepted: no delivery may have slipped out in any other way.
  const inconsistent = await stage.query(
    `SELECT d.id FROM posthorn.deliveries d WHERE d.problem IS NULL AND NOT EXISTS (SELECT FROM posthorn.pending p WHERE p.lane = d.lane AND p.seq = d.seq)
       AND NOT EXISTS (SELECT FROM posthorn.attempts a WHERE a.delivery = d.seq AND a.published_at = d.published_at AND a.error IS NULL AND NOT a.stale)`,
  );
  expect(inconsistent).toEqual([]);
});
