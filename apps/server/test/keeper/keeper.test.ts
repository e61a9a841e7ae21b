/** The keeper beside the real dispatcher and store, on a clock that the test moves. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ApplicationId, EndpointId, Outcome } from '@posthorn/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createKeeper, type Keeper, type KeeperOptions } from '../../src/keeper/keeper.ts';
import { OPERATOR_UID } from '../../src/keeper/notices.ts';
import type { Delivery, DeliveryFilter, EndpointSettings, EventToPublish, Job, Store } from '../../src/store/store.ts';
import { StoreUnavailable } from '../../src/store/store.ts';
import { openStage, type Stage } from '../dispatcher/stage.ts';
import { ALL_DELIVERIES, addEndpoint, event, publish } from '../store/conformance/harness.ts';

const START = Date.parse('2026-11-23T10:00:01Z');
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const DOWN: Outcome = { kind: 'refused', status: 500, retryAfter: null };
const UP: Outcome = { kind: 'accepted', status: 200 };
const URL = 'https://one.test/';

let stage: Stage;
let store: Store;
let application: ApplicationId;
let answer: Outcome;

beforeEach(async () => {
  stage = await openStage(START, { longestSleepMs: HOUR });
  store = stage.store;
  application = (await store.applications.upsert({ uid: 'acme', name: 'Acme' })).application.id;
  answer = UP;
  stage.answers.set(URL, () => answer);
});
afterEach(() => stage.close());

const keeperOf = (options: Partial<KeeperOptions> = {}): Keeper =>
  createKeeper({
    store,
    clock: stage.clock,
    retentionMs: 90 * DAY,
    mailer: null,
    ownersOf: async () => [],
    serviceName: 'Posthorn',
    baseUrl: () => 'https://hooks.example.com',
    lookMs: HOUR,
    ...options,
  });
const add = (settings: Partial<EndpointSettings> = {}) => addEndpoint(store, application, { url: URL, cadence: 'immediate', ...settings });
const list = async (filter: Partial<DeliveryFilter> = {}): Promise<Delivery[]> =>
  (await store.deliveries.list('sandbox', { ...ALL_DELIVERIES, ...filter })).data;
const publishMany = async (count: number, each: (index: number) => Partial<EventToPublish> = () => ({})): Promise<void> => {
  for (let done = 0; done < count; done += 500)
    await publish(store, ...Array.from({ length: Math.min(500, count - done) }, (_, index) => event(each(done + index))));
};
const arrivals = (from = 0) => stage.arrivals.slice(from).filter(({ url }) => url === URL);
const recover = async (endpoint: EndpointId): Promise<Job> => {
  const request = { endpoint, since: 0, until: stage.clock.time + 1, task: { kind: 'recover', status: 'failed' } } as const;
  const job = await store.jobs.create('sandbox', request);
  if (job === null || job === 'too_many') throw new Error(`there is no job: ${job}`);
  return job;
};
/** The same store, in which the steps of jobs go through `change`. */
const withJobStep = (change: (step: Store['jobs']['step']) => Store['jobs']['step']): Store => ({
  ...store,
  jobs: { ...store.jobs, step: change(store.jobs.step) },
});

describe('jobs', () => {
  test('what failed arrives once more each, late, in publish order per key, while new events go on', async () => {
    const { id } = await add({ retrySchedule: [] });
    answer = DOWN;
    stage.dispatcher.start();
    await publishMany(900, (index) => ({ id: `e${String(index).padStart(4, '0')}`, orderingKey: `k${index % 7}` }));
    // A breaker that opened lets one go every 15 minutes: it is enabled anew until all have failed.
    for (let round = 0; (await list({ status: 'pending', limit: 1 })).length > 0; round += 1) {
      await store.endpoints.update('sandbox', id, { url: `${URL}?${round % 2}` });
      stage.answers.set(`${URL}?${round % 2}`, () => DOWN);
      await stage.clock.advanceTo(stage.clock.time + SECOND);
      if (round > 400) throw new Error('they do not fail');
    }
    await store.endpoints.update('sandbox', id, { url: URL });
    answer = UP;
    const from = stage.arrivals.length;
    keeperOf().start();
    const job = await recover(id);
    await publishMany(10, (index) => ({ id: `new${index}`, orderingKey: `k${index % 7}` }));
    await stage.clock.advanceTo(stage.clock.time + MINUTE);
    expect(await store.jobs.get('sandbox', job.id)).toMatchObject({ state: 'done', done: 900, total: 900 });
    const late = arrivals(from).filter((arrival) => arrival.late);
    expect(new Set(late.map((arrival) => arrival.id)).size).toBe(900);
    expect(late).toHaveLength(900);
    for (let key = 0; key < 7; key += 1) {
      const ids = late.map((arrival) => arrival.id).filter((eventId) => Number(eventId.slice(1)) % 7 === key);
      expect(ids).toEqual(ids.toSorted());
    }
    expect(arrivals(from).filter((arrival) => !arrival.late)).toHaveLength(10);
    expect(await list({ status: 'pending' })).toEqual([]);
  }, 60_000);

  test('a dead endpoint sees no more of a recovery than its breaker has probes', async () => {
    const { id } = await add({ maxInFlight: 1 });
    await store.endpoints.update('sandbox', id, { status: 'paused' });
    await publishMany(1_000);
    const horizons = new Map([['sandbox:immediate', START]]);
    for (let cursor: string | null = null, first = true; first || cursor !== null; first = false)
      ({ cursor } = await store.upkeep.expire({ horizons, revived: 0, cursor, limit: 500 }));
    await store.endpoints.update('sandbox', id, { status: 'enabled' });
    answer = DOWN;
    stage.dispatcher.start();
    keeperOf().start();
    const job = await recover(id);
    await stage.clock.advanceTo(START + HOUR);
    expect((await store.jobs.get('sandbox', job.id))?.done).toBe(1_000);
    // Five to open it, then after 30 s, 1, 2, 4, 8 and every 15 minutes.
    expect(arrivals()).toHaveLength(12);
  });

  test('jobs take turns: a small one does not wait for a large one', async () => {
    const { id: large } = await add();
    const { id: small } = await add({ eventTypes: ['rare'] });
    await publishMany(4_000);
    await publishMany(3, () => ({ type: 'rare' }));
    for (const { id, endpoint } of await list({ status: 'pending', limit: 10_000 })) {
      expect([large, small]).toContain(endpoint);
      await store.deliveries.cancel('sandbox', id);
    }
    const ended: string[] = [];
    const watched = withJobStep((step) => async (id, limit) => {
      const job = await step(id, limit);
      if (job?.endedAt != null) ended.push(job.endpoint);
      return job;
    });
    const begin = (endpoint: EndpointId) =>
      store.jobs.create('sandbox', { endpoint, since: 0, until: START + 1, task: { kind: 'recover', status: 'canceled' } });
    await begin(large);
    await begin(small);
    keeperOf({ store: watched }).start();
    await stage.clock.advanceTo(START + MINUTE);
    expect(ended).toEqual([small, large]);
  });

  test('a keeper that dies in the middle is succeeded by the next; two at once do nothing twice', async () => {
    const { id } = await add();
    await store.endpoints.update('sandbox', id, { status: 'paused' });
    await publishMany(3_000);
    for (const delivery of await list({ limit: 5_000 })) await store.deliveries.cancel('sandbox', delivery.id);
    const request = { endpoint: id, since: 0, until: START + 1, task: { kind: 'recover', status: 'canceled' } } as const;
    const job = (await store.jobs.create('sandbox', request)) as Job;
    let steps = 0;
    let died = (): void => {};
    const death = new Promise<void>((resolve) => {
      died = resolve;
    });
    const dying = withJobStep((step) => async (jobId, limit) => {
      steps += 1;
      if (steps === 12) {
        died();
        return new Promise(() => {});
      }
      return step(jobId, limit);
    });
    keeperOf({ store: dying }).start();
    await stage.clock.advanceTo(START + SECOND);
    await death;
    const halfway = (await store.jobs.get('sandbox', job.id))?.done ?? 0;
    expect(halfway).toBeGreaterThan(0);
    expect(halfway).toBeLessThan(3_000);
    keeperOf().start();
    keeperOf().start();
    await stage.clock.advanceTo(START + MINUTE);
    expect(await store.jobs.get('sandbox', job.id)).toMatchObject({ state: 'done', done: 3_000 });
    expect(await list({ status: 'pending', limit: 5_000 })).toHaveLength(3_000);
  });

  test('a store that does not answer is asked again', async () => {
    const { id } = await add();
    await publishMany(1);
    for (const delivery of await list()) await store.deliveries.cancel('sandbox', delivery.id);
    let refused = 0;
    const failing = withJobStep((step) => async (jobId, limit) => {
      refused += 1;
      if (refused <= 3) throw new StoreUnavailable('the disk is full');
      return step(jobId, limit);
    });
    const warned: string[] = [];
    keeperOf({ store: failing, log: { info() {}, warn: (_line, message) => warned.push(message) } }).start();
    await store.jobs.create('sandbox', { endpoint: id, since: 0, until: START + 1, task: { kind: 'recover', status: 'canceled' } });
    await stage.clock.advanceTo(START + MINUTE);
    expect(warned).toHaveLength(3);
    expect(await store.jobs.unfinished()).toEqual([]);
  });

  test('draining awaits the step that is under way, and begins no other', async () => {
    const { id } = await add();
    await publishMany(2_000);
    for (const delivery of await list({ limit: 5_000 })) await store.deliveries.cancel('sandbox', delivery.id);
    let finish = (): void => {};
    let begun = 0;
    const slow = withJobStep((step) => async (jobId, limit) => {
      begun += 1;
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return step(jobId, limit);
    });
    const keeper = keeperOf({ store: slow });
    keeper.start();
    await store.jobs.create('sandbox', { endpoint: id, since: 0, until: START + 1, task: { kind: 'recover', status: 'canceled' } });
    await stage.clock.advanceTo(START + SECOND);
    let drained = false;
    const drain = keeper.drain().then(() => {
      drained = true;
    });
    await stage.clock.advanceTo(START + 2 * SECOND);
    expect([begun, drained]).toEqual([1, false]);
    finish();
    await drain;
    await stage.clock.advanceTo(START + HOUR);
    expect(begun).toBe(1);
  });
});

describe('expiry', () => {
  test('what waits at a paused endpoint fails 7 days after its publish, not before; recovered it has 7 more', async () => {
    const { id } = await add();
    await store.endpoints.update('sandbox', id, { status: 'paused' });
    await publish(store, event({ id: 'a' }));
    stage.dispatcher.start();
    keeperOf().start();
    await stage.clock.advanceTo(START + 3 * DAY);
    await publish(store, event({ id: 'b' }));
    await stage.clock.advanceTo(START + 7 * DAY - SECOND);
    expect(await list({ status: 'failed' })).toEqual([]);
    await stage.clock.advanceTo(START + 7 * DAY + 11 * SECOND);
    expect(await list({ status: 'failed' })).toMatchObject([{ event: 'a', reason: 'expired', attemptCount: 0 }]);
    await recover(id);
    await stage.clock.advanceTo(START + 10 * DAY + 11 * SECOND);
    expect(await list({ status: 'failed' })).toMatchObject([{ event: 'b', reason: 'expired' }]);
    expect(await list({ status: 'pending' })).toMatchObject([{ event: 'a', late: true }]);
    await stage.clock.advanceTo(START + 14 * DAY + MINUTE);
    expect(await list({ status: 'failed' })).toHaveLength(2);
    expect(stage.arrivals).toEqual([]);
  });

  test('under a cadence that ticks once a month nothing expires before its tick', async () => {
    await add({ cadence: 'cron 0 0 1 * * UTC' });
    await publish(store, event({ id: 'a' }));
    stage.dispatcher.start();
    keeperOf().start();
    const tick = Date.parse('2026-12-01T00:00:00Z');
    await stage.clock.advanceTo(tick - SECOND);
    expect(await list({ status: 'pending' })).toHaveLength(1);
    await stage.clock.advanceTo(tick + SECOND);
    expect(await list({ status: 'succeeded' })).toHaveLength(1);
  });
});

test('retention: what is older goes, what is pending stays, and again an hour later', async () => {
  const { id } = await add();
  await add({ eventTypes: ['held'], url: 'https://paused.test/' });
  const [held] = (await store.endpoints.list('sandbox', { application, limit: 1, cursor: null })).data;
  await store.endpoints.update('sandbox', held?.id as EndpointId, { status: 'paused' });
  stage.dispatcher.start();
  keeperOf({ retentionMs: 2 * DAY }).start();
  await publish(store, event({ id: 'old' }), event({ id: 'kept', type: 'held' }));
  await stage.clock.advanceTo(START + DAY);
  await publish(store, event({ id: 'young' }));
  await stage.clock.advanceTo(START + 2 * DAY + HOUR + MINUTE);
  const events = async () =>
    (await store.events.list('sandbox', { ...ALL_DELIVERIES, type: null, application })).data.map((each) => each.id);
  expect(await events()).toEqual(['young', 'kept']);
  expect((await list({ endpoint: id })).map((delivery) => delivery.event)).toEqual(['young', 'kept']);
  await stage.clock.advanceTo(START + 3 * DAY + 2 * HOUR);
  expect(await events()).toEqual(['kept']);
});

/** The example of docs/operational-events.md. */
function documented(name: string): unknown {
  const text = readFileSync(join(import.meta.dirname, '../../../../docs/operational-events.md'), 'utf8');
  return JSON.parse(new RegExp(`^\`\`\`json ${name}\n(.*?)^\`\`\``, 'ms').exec(text)?.[1] ?? '');
}

/** The names of all fields, in their order. */
function shapeOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return 'a value';
  return Object.entries(value).map(([name, member]) => [name, shapeOf(member)]);
}

describe('operational events', () => {
  const operator = 'https://operator.test/';
  const operational = async () =>
    (
      await store.events.list('sandbox', {
        ...ALL_DELIVERIES,
        limit: 1_000,
        type: null,
        application: (await store.applications.get(OPERATOR_UID))?.id ?? null,
      })
    ).data
      .toReversed()
      .map(({ id, type, body }) => ({ id, type, data: JSON.parse(Buffer.from(body).toString()).data }));

  test('the operator’s application is there from the start, once', async () => {
    keeperOf().start();
    keeperOf().start();
    await stage.clock.advanceTo(START + SECOND);
    expect(await store.applications.get(OPERATOR_UID)).toMatchObject({ name: 'Operator' });
    const { data } = await store.applications.list({ limit: 10, cursor: null });
    expect(data).toHaveLength(2);
  });

  test('failing, disabled, recovered, and each delivery that failed reach the operator’s endpoint, signed like any event', async () => {
    keeperOf().start();
    await stage.clock.advanceTo(START + SECOND);
    const { id: ours } = (await store.applications.get(OPERATOR_UID)) ?? {};
    await addEndpoint(store, ours as ApplicationId, { url: operator, cadence: 'immediate' });
    const { id } = await add({ retrySchedule: [], description: 'Orders' });
    stage.dispatcher.start();
    answer = DOWN;
    for (let hour = 1; hour <= 126; hour += 1) {
      await publish(store, event({ id: `e${hour}` }));
      await stage.clock.advanceTo(START + hour * HOUR);
    }
    expect((await store.endpoints.get('sandbox', id))?.status).toBe('disabled');
    answer = UP;
    await store.endpoints.update('sandbox', id, { status: 'enabled' });
    await stage.clock.advanceTo(stage.clock.time + HOUR);
    const events = await operational();
    const states = events.filter(({ type }) => type !== 'delivery.failed');
    expect(states.map(({ type }) => type)).toEqual(['endpoint.failing', 'endpoint.disabled', 'endpoint.recovered']);
    expect(states[0]).toEqual({
      id: expect.stringMatching(/^evt_[0-9a-z]{26}_endpoint_failing$/),
      type: 'endpoint.failing',
      data: {
        endpoint: { id, url: URL, description: 'Orders', application: { id: application, uid: 'acme', name: 'Acme' } },
        failing_since: expect.stringMatching(/^2026-11-23T/),
        consecutive_failures: expect.any(Number),
        last_failure: 'status 500',
        at: expect.stringMatching(/^2026-11-2[56]T/),
      },
    });
    const failed = events.find(({ type }) => type === 'delivery.failed');
    expect(failed?.data).toMatchObject({
      delivery: {
        id: expect.stringMatching(/^dlv_/),
        event: 'e1',
        event_type: 'shipment.created',
        attempt_count: 1,
        reason: 'attempts_exhausted',
      },
      endpoint: { id },
      last_failure: 'status 500',
    });
    expect(shapeOf(states[0]?.data)).toEqual(shapeOf(documented('endpoint')));
    expect(shapeOf(failed?.data)).toEqual(shapeOf(documented('delivery')));
    expect(stage.arrivals.filter(({ url }) => url === operator).map((arrival) => arrival.id)).toEqual(
      expect.arrayContaining(events.map((each) => each.id)),
    );
    expect(stage.arrivals.filter(({ url }) => url === operator)).toHaveLength(events.length);
  }, 60_000);

  test('what happens to the operator’s own endpoints makes none', async () => {
    keeperOf().start();
    await stage.clock.advanceTo(START + SECOND);
    const { id: ours } = (await store.applications.get(OPERATOR_UID)) ?? {};
    await addEndpoint(store, ours as ApplicationId, { url: operator, cadence: 'immediate', retrySchedule: [] });
    stage.answers.set(operator, () => DOWN);
    await add({ retrySchedule: [] });
    answer = DOWN;
    stage.dispatcher.start();
    await publish(store, event());
    await stage.clock.advanceTo(START + MINUTE);
    expect((await operational()).map(({ type }) => type)).toEqual(['delivery.failed']);
    expect(await list({ status: 'failed' })).toHaveLength(2);
    expect((await store.figures()).noticesWaiting).toBe(0);
  });

  test('a crash between the publish and the note of it doubles nothing, though its endpoint has changed since', async () => {
    const { id } = await add({ retrySchedule: [] });
    answer = DOWN;
    stage.dispatcher.start();
    await publish(store, event({ id: 'a' }), event({ id: 'b' }));
    await stage.clock.advanceTo(START + SECOND);
    const dying: Store = { ...store, notices: { ...store.notices, handled: () => new Promise(() => {}) } };
    keeperOf({ store: dying }).start();
    await stage.clock.advanceTo(START + MINUTE);
    expect(await operational()).toHaveLength(2);
    expect((await store.figures()).noticesWaiting).toBe(2);
    await store.endpoints.update('sandbox', id, { url: 'https://two.test/', description: 'another' });
    stage.answers.set('https://two.test/', () => DOWN);
    await publish(store, event({ id: 'c' }));
    await stage.clock.advanceTo(START + 2 * MINUTE);
    // One that is new among two that were published before.
    expect((await store.figures()).noticesWaiting).toBe(3);
    keeperOf().start();
    await stage.clock.advanceTo(START + 3 * MINUTE);
    expect((await operational()).map(({ data }) => data.delivery.event)).toEqual(['a', 'b', 'c']);
    expect((await store.figures()).noticesWaiting).toBe(0);
  });

  test('deleted meanwhile, the operator’s application is made anew', async () => {
    keeperOf().start();
    await stage.clock.advanceTo(START + SECOND);
    const first = await store.applications.get(OPERATOR_UID);
    await store.applications.delete(first?.id as ApplicationId);
    await add({ retrySchedule: [] });
    answer = DOWN;
    stage.dispatcher.start();
    await publish(store, event());
    await stage.clock.advanceTo(START + MINUTE);
    expect((await store.applications.get(OPERATOR_UID))?.id).not.toBe(first?.id);
    expect(await operational()).toHaveLength(1);
  });
});
