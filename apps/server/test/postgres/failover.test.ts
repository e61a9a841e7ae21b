/**
 * A primary with a synchronous standby. The primary is killed and the standby promoted: the processes know both hosts and follow by themselves, and what was
 * answered 202 is delivered. FAILOVER_EVENTS makes it longer.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ChaosStage, openChaos } from './chaos/stage.ts';
import { PostgresServer } from './server.ts';

const EVENTS = Number(process.env['FAILOVER_EVENTS'] ?? 600);
const ENDPOINTS = 20;
const PACE_MS = 400;

let primary: PostgresServer;
let standby: PostgresServer;
let stage: ChaosStage;
let asked: PostgresServer;
beforeAll(async () => {
  primary = await PostgresServer.start({ shared_buffers: '64MB', wal_keep_size: '512MB' });
  standby = await primary.standby();
  await until(async () => (await primary.query(`SELECT FROM pg_stat_replication WHERE state = 'streaming'`)).length === 1);
  await primary.reload({ shared_buffers: '64MB', wal_keep_size: '512MB', synchronous_standby_names: `'*'` });
  await until(async () => (await primary.query(`SELECT FROM pg_stat_replication WHERE sync_state = 'sync'`)).length === 1);
  asked = primary;
  const url = primary.url().replace(`:${primary.port}/`, `:${primary.port},127.0.0.1:${standby.port}/`);
  stage = await openChaos({
    url: `${url}?target_session_attrs=read-write`,
    endpoints: ENDPOINTS,
    dispatchers: 2,
    apis: 2,
    asked: () => asked.url(),
  });
}, 120_000);
afterAll(async () => {
  await stage?.close();
  await Promise.all([primary?.remove(), standby?.remove()]);
});

/** Asks again until it holds. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

const attempts = async (): Promise<number> =>
  (await stage.query<{ n: number }>('SELECT count(*)::integer AS n FROM posthorn.attempts'))[0]?.n ?? 0;

test('the primary is killed and the standby promoted: nothing is lost, and deliveries flow again by themselves', {
  timeout: 600_000,
}, async () => {
  const published = stage.publish(EVENTS, PACE_MS);
  await until(async () => (await attempts()) > EVENTS / 5);
  await primary.kill();
  const killedAt = performance.now();
  asked = standby;
  await standby.query('SELECT pg_promote()');
  const promotedAt = performance.now();
  const unsettled = stage.noteUnsettled();
  const before = await attempts();
  await until(async () => (await attempts()) > before);
  const flowingAt = performance.now();
  await unsettled;
  await published;
  await stage.drained();

  const verdict = await stage.verdict();
  const seconds = (from: number): string => ((flowingAt - from) / 1000).toFixed(1);
  console.log(
    [
      `${verdict.acknowledged} events answered 202; deliveries flowed again ${seconds(killedAt)} s after the kill, ${seconds(promotedAt)} s after the promotion`,
      `lost ${verdict.lost.length}, out of order ${verdict.outOfOrder.length}, forged ${verdict.forged}; duplicates ${verdict.duplicates}, beyond what was sent and not settled ${verdict.undue.length}`,
      `stale settles ${verdict.refused}; answers 503 ${verdict.unavailable.length}`,
    ].join('\n'),
  );
  const { lost, outOfOrder, undue, forged, swept } = verdict;
  expect({ lost, outOfOrder, undue, forged, swept }).toEqual({ lost: [], outOfOrder: [], undue: [], forged: 0, swept: 0 });
  expect(verdict.acknowledged).toBe(EVENTS);
  expect(flowingAt - promotedAt).toBeLessThan(15_000);
});
