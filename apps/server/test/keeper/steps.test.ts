/**
 * No step of the keeper may hold the loop, or a writer, for 50 ms, however much there is to do: a big table on disk, the real keeper and clock. What is
 * measured is the processor's time of a step: the time on the wall has whatever else the machine does in it, and is printed.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKeeper } from '../../src/keeper/keeper.ts';
import { createCipher } from '../../src/store/cipher.ts';
import { Database } from '../../src/store/sqlite/database.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Endpoint, Store } from '../../src/store/store.ts';
import { systemClock } from '../../src/system-clock.ts';
import { ALL_DELIVERIES, addEndpoint, endAll, event, prepare, publish, START } from '../store/conformance/harness.ts';

/** POSTHORN_STEPS_EVENTS=500000 for a table that takes minutes to fill. */
const EVENTS = Number(process.env['POSTHORN_STEPS_EVENTS'] ?? 8_000);
/** POSTHORN_STEPS_LANES=10000 for many more. */
const LANES = Number(process.env['POSTHORN_STEPS_LANES'] ?? 4_000);
const DAY = 24 * 3_600_000;
const LONGEST_MS = 50;

let folder: string;
let store: Store;
let endpoint: Endpoint;
const clock = { now: START };

/** Where the time between two turns of the store's own work is noted. */
let onTurn: Step[] | null = null;
let since = { wall: 0, cpu: process.threadCpuUsage() };

function turn(): void {
  since = { wall: performance.now(), cpu: process.threadCpuUsage() };
}

/** The store asks for its next turn at the end of a step. */
function soon(callback: () => void): void {
  if (onTurn !== null) {
    const { user, system } = process.threadCpuUsage(since.cpu);
    onTurn.push({ wallMs: performance.now() - since.wall, cpuMs: (user + system) / 1_000 });
  }
  setImmediate(() => {
    turn();
    callback();
  });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthorn-steps-'));
  store = await openSqliteStore({
    path: join(folder, 'posthorn.db'),
    cipher: createCipher(randomBytes(32)),
    now: () => clock.now,
    random: Math.random,
    soon,
  });
  endpoint = await addEndpoint(store, await prepare(store));
  const data = JSON.stringify({ text: 'x'.repeat(500) });
  for (let done = 0; done < EVENTS; done += 1_000) {
    await publish(store, ...Array.from({ length: 1_000 }, (_, index) => event({ data, orderingKey: `k${index % 97}` })));
    clock.now += 1;
  }
  const failed = { status: 'failed', reason: 'attempts_exhausted' } as const;
  while ((await endAll(store, failed, { more: { responseBody: Buffer.alloc(2_000, 'x') } })) > 0) clock.now += 1;
}, 600_000);
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

interface Step {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** The store, with each call of one of its operations measured. SQLite does its work within the call. */
function measured<Part extends 'jobs' | 'upkeep'>(part: Part, operation: keyof Store[Part], steps: Step[]): Store {
  const work = store[part][operation] as (...parameters: unknown[]) => Promise<unknown>;
  const timed = async (...parameters: unknown[]): Promise<unknown> => {
    const startedAt = performance.now();
    const before = process.threadCpuUsage();
    const result = work(...parameters);
    const { user, system } = process.threadCpuUsage(before);
    steps.push({ wallMs: performance.now() - startedAt, cpuMs: (user + system) / 1_000 });
    return result;
  };
  return { ...store, [part]: { ...store[part], [operation]: timed } };
}

/** Runs the keeper until `isDone`. */
async function keepUntil(isDone: () => Promise<boolean>, timed: Store, retentionMs: number): Promise<void> {
  const keeper = createKeeper({
    store: timed,
    clock: systemClock,
    retentionMs,
    mailer: null,
    ownersOf: async () => [],
    serviceName: 'Posthorn',
    baseUrl: () => '',
    lookMs: 10,
  });
  keeper.start();
  await expect.poll(isDone, { timeout: 600_000, interval: 20 }).toBe(true);
  await keeper.drain();
}

function expectShort(what: string, steps: readonly Step[]): void {
  const longest = (of: keyof Step) => Math.max(...steps.map((step) => step[of])).toFixed(1);
  console.log(`${what}: ${steps.length} steps, the longest ${longest('cpuMs')} ms of processor time, ${longest('wallMs')} ms on the wall`);
  expect(steps.length).toBeGreaterThan(10);
  expect(Number(longest('cpuMs'))).toBeLessThan(LONGEST_MS);
}

test(`recovering, expiring and removing ${EVENTS} deliveries holds nobody up for ${LONGEST_MS} ms`, { timeout: 1_800_000 }, async () => {
  const recovering: Step[] = [];
  const task = { kind: 'recover', status: 'failed' } as const;
  const job = await store.jobs.create('sandbox', { endpoint: endpoint.id, since: 0, until: clock.now + 1, task });
  if (job === null || job === 'too_many') throw new Error('there is no job');
  const isDone = async () => (await store.jobs.get('sandbox', job.id))?.state === 'done';
  await keepUntil(isDone, measured('jobs', 'step', recovering), 90 * DAY);
  expect((await store.jobs.get('sandbox', job.id))?.done).toBe(EVENTS);
  expectShort('recover', recovering);

  const expiring: Step[] = [];
  clock.now += 8 * DAY;
  const pending = async () => (await store.environments.backlog('sandbox', null)).pending;
  await keepUntil(async () => (await pending()) === 0, measured('upkeep', 'expire', expiring), 90 * DAY);
  expectShort('expiry', expiring);

  const removing: Step[] = [];
  const left = async () => (await store.events.list('sandbox', { ...PAGE, application: endpoint.application })).data.length;
  clock.now += 90 * DAY;
  await keepUntil(async () => (await left()) === 0, measured('upkeep', 'prune', removing), DAY);
  expectShort('retention', removing);
});

/** That many more endpoints, each of an application of its own, and one attempt for each of them, in settles of 400 as a dispatcher makes them after a tick. */
function countAttempts(lanes: number): void {
  const db = new Database(join(folder, 'posthorn.db'));
  const columns = (table: string, ...own: readonly string[]): string =>
    db
      .all<{ name: string }>(`SELECT name FROM pragma_table_info('${table}')`)
      .map(({ name }) => name)
      .filter((name) => !own.includes(name))
      .join(', ');
  const numbers = `(WITH RECURSIVE n (i) AS (SELECT 1001 UNION ALL SELECT i + 1 FROM n WHERE i < ${1_000 + lanes}) SELECT i FROM n)`;
  const settings = columns('endpoints', 'pk', 'id', 'application');
  db.transaction(() => {
    db.run(
      `INSERT INTO applications (pk, id, uid, name, created_at, updated_at) SELECT i, 'app_' || i, 'uid_' || i, 'Another', 0, 0 FROM ${numbers}`,
    );
    db.run(
      `INSERT INTO endpoints (pk, id, application, ${settings}) SELECT i, 'ep_' || i, i, ${settings} FROM ${numbers}, endpoints WHERE pk = 1`,
    );
    db.run(`INSERT INTO lanes (pk, endpoint, cadence_group, enabled) SELECT i, i, 'sandbox:', 1 FROM ${numbers}`);
    for (let first = 1; first <= lanes; first += 400) {
      const counts = Array.from({ length: Math.min(400, lanes + 1 - first) }, (_, index) => [1_000 + first + index, 0, [12]]);
      db.run('INSERT INTO rollup_deltas (at, counts) VALUES (?, ?)', clock.now, JSON.stringify(counts));
    }
  });
  db.close();
}

test(`counting an attempt of each of ${LANES} endpoints holds nobody up for ${LONGEST_MS} ms`, { timeout: 600_000 }, async () => {
  clock.now += DAY;
  countAttempts(LANES);
  const folding: Step[] = [];
  const db = new Database(join(folder, 'posthorn.db'));
  const left = async () => db.get<{ n: number }>('SELECT count(*) AS n FROM rollup_deltas')?.n;
  await keepUntil(async () => (await left()) === 0, measured('upkeep', 'foldStats', folding), 90 * DAY);
  db.close();
  expectShort('statistics', folding);
  const of = { application: null, endpoint: null, widthMs: DAY, since: clock.now - DAY, until: clock.now + DAY };
  expect((await store.stats.rollups('sandbox', of)).at(-1)?.accepted).toBe(LANES);
});

test(`deleting an endpoint with ${EVENTS} that wait holds nobody up for ${LONGEST_MS} ms`, { timeout: 600_000 }, async () => {
  const { id } = await addEndpoint(store, endpoint.application, { eventTypes: ['deleted.with.it'] });
  for (let done = 0; done < EVENTS; done += 1_000) {
    await publish(
      store,
      ...Array.from({ length: 1_000 }, (_, index) => event({ type: 'deleted.with.it', orderingKey: `k${done + index}` })),
    );
  }
  const deleting: Step[] = [];
  onTurn = deleting;
  turn();
  expect(await store.endpoints.delete('sandbox', id)).toBe(true);
  const canceled = { ...ALL_DELIVERIES, endpoint: id, status: 'canceled', limit: EVENTS } as const;
  await expect.poll(async () => (await store.deliveries.list('sandbox', canceled)).data.length, { interval: 100 }).toBe(EVENTS);
  onTurn = null;
  expectShort('deletion', deleting);
});

const PAGE = { type: null, orderingKey: null, since: null, until: null, cursor: null, limit: 1 };
