/** The circuit breaker, disabling, shares of the slots and attempts by hand: the real dispatcher and store on a clock that the test moves. */
import type { ApplicationId, Outcome } from '@posthorn/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Delivery, DeliveryFilter, EndpointSettings } from '../../src/store/store.ts';
import { ALL_DELIVERIES, addEndpoint, event, publish } from '../store/conformance/harness.ts';
import { openStage, type Stage } from './stage.ts';

const START = Date.parse('2026-11-23T10:00:01Z');
const SECOND = 1_000;
const HOUR = 3_600_000;
const DOWN: Outcome = { kind: 'refused', status: 500, retryAfter: null };
const UP: Outcome = { kind: 'accepted', status: 200 };
const URL = 'https://one.test/';

let stage: Stage;
let application: ApplicationId;
let answer: Outcome;

beforeEach(async () => {
  stage = await openStage(START, { longestSleepMs: 60 * SECOND });
  ({
    application: { id: application },
  } = await stage.store.applications.upsert({ uid: 'acme', name: 'Acme' }));
  answer = DOWN;
  stage.answers.set(URL, () => answer);
});
afterEach(() => stage.close());

const add = (settings: Partial<EndpointSettings> = {}) =>
  addEndpoint(stage.store, application, { url: URL, cadence: 'immediate', ...settings });
const arrivals = () => stage.arrivals.filter(({ url }) => url === URL);
const seconds = (from = START) => arrivals().map(({ at }) => Math.round((at - from) / SECOND));
const list = async (filter: Partial<DeliveryFilter> = {}): Promise<Delivery[]> =>
  (await stage.store.deliveries.list('sandbox', { ...ALL_DELIVERIES, limit: 20, ...filter })).data;

describe('the breaker', () => {
  test('a dead endpoint with a thousand waiting gets one request per probe, and what waits uses up no attempts', async () => {
    const { id } = await add({ maxInFlight: 1 });
    await publish(stage.store, ...Array.from({ length: 1000 }, () => event()));
    stage.dispatcher.start();
    await stage.clock.advanceTo(START + HOUR);
    // Five failures at once, then 30 s, 1, 2, 4, 8 and every 15 minutes after that.
    expect(seconds()).toEqual([0, 0, 0, 0, 0, 30, 90, 210, 450, 930, 1830, 2730]);
    const { breaker, failures } = (await stage.store.endpoints.get('sandbox', id))?.health ?? {};
    expect([breaker?.probes, failures]).toEqual([7, 12]);
    expect((await list({ limit: 100 })).filter(({ attemptCount }) => attemptCount === 0)).toHaveLength(100);
  });

  test('the first success closes it, and the backlog goes', async () => {
    await add({ maxInFlight: 4 });
    await publish(stage.store, ...Array.from({ length: 100 }, () => event()));
    stage.dispatcher.start();
    await stage.clock.advanceTo(START + 20 * SECOND);
    const before = stage.arrivals.length;
    answer = UP;
    await stage.clock.advanceTo(START + 35 * SECOND);
    expect(before).toBeLessThan(10);
    // Those that failed wait for their own retries; all others went with the first probe.
    expect(await list({ status: 'pending', limit: 100 })).toHaveLength(0);
    expect(await list({ status: 'succeeded', limit: 100 })).toHaveLength(100);
  });

  test('one poison event opens none: other keys go on', async () => {
    const { id } = await add();
    stage.answers.set(URL, ({ id: eventId }) => (eventId === 'poison' ? DOWN : UP));
    await publish(stage.store, event({ id: 'poison', orderingKey: 'bad' }));
    stage.dispatcher.start();
    for (let minute = 1; minute <= 30; minute += 1) {
      await publish(stage.store, event({ orderingKey: 'bad' }), event({ orderingKey: 'good' }));
      await stage.clock.advanceTo(START + minute * 60 * SECOND);
    }
    expect((await stage.store.endpoints.get('sandbox', id))?.health.breaker).toBeNull();
    expect(await list({ status: 'succeeded', limit: 100 })).toHaveLength(30);
  });

  test('it outlives the dispatcher that opened it', async () => {
    await add();
    await publish(stage.store, ...Array.from({ length: 50 }, () => event()));
    stage.dispatcher.start();
    await stage.clock.advanceTo(START + 10 * SECOND);
    const drained = stage.dispatcher.drain();
    await stage.clock.advanceTo(START + 11 * SECOND);
    await drained;
    const before = stage.arrivals.length;
    stage.another().start();
    await stage.clock.advanceTo(START + 29 * SECOND);
    expect(stage.arrivals).toHaveLength(before);
    await stage.clock.advanceTo(START + 31 * SECOND);
    expect(stage.arrivals).toHaveLength(before + 1);
  });

  test('by hand goes now, though it is open; its failure moves no probe, its success closes it', async () => {
    const { id } = await add({ maxInFlight: 1 });
    await publish(stage.store, ...Array.from({ length: 20 }, () => event()));
    stage.dispatcher.start();
    await stage.clock.advanceTo(START + 5 * SECOND);
    const [last] = await list({ limit: 1 });
    await stage.store.deliveries.retry('sandbox', last?.id as never);
    await stage.clock.advanceTo(START + 6 * SECOND);
    expect(arrivals().at(-1)).toMatchObject({ id: last?.event, at: START + 5 * SECOND });
    expect((await stage.store.deliveries.get('sandbox', last?.id ?? ''))?.delivery).toMatchObject({ status: 'pending', attemptCount: 1 });
    await stage.clock.advanceTo(START + 29 * SECOND);
    expect(seconds()).toEqual([0, 0, 0, 0, 0, 5]);
    answer = UP;
    await stage.store.deliveries.retry('sandbox', last?.id as never);
    await stage.clock.advanceTo(START + 30 * SECOND);
    expect((await stage.store.endpoints.get('sandbox', id))?.health).toMatchObject({ failures: 0, breaker: null });
    expect(await list({ status: 'pending', limit: 100 })).toEqual([]);
  });
});

describe('the long view', () => {
  test('after five days without a success the endpoint is disabled; its owner hears of it before and then; what waits stays', async () => {
    const { id } = await add();
    stage.dispatcher.start();
    const days = 24 * HOUR;
    for (let hour = 0; hour < 121; hour += 1) {
      await publish(stage.store, event());
      await stage.clock.advanceTo(START + (hour + 1) * HOUR);
      if (hour === 59) expect((await stage.store.endpoints.get('sandbox', id))?.health.warnedAt).toBeNull();
      if (hour === 61) expect((await stage.store.endpoints.get('sandbox', id))?.health.warnedAt).not.toBeNull();
      if (hour === 118) expect((await stage.store.endpoints.get('sandbox', id))?.status).toBe('enabled');
    }
    expect(await stage.store.endpoints.get('sandbox', id)).toMatchObject({ status: 'disabled', disabledReason: 'failing' });
    const asked = stage.arrivals.length;
    await publish(stage.store, event());
    await stage.clock.advanceTo(START + 6 * days);
    expect(stage.arrivals).toHaveLength(asked);
    answer = UP;
    await stage.store.endpoints.update('sandbox', id, { status: 'enabled' });
    await stage.clock.advanceTo(START + 6 * days + 15 * SECOND);
    // Those that had used up their schedule in these days have failed; all others were waiting, and are out.
    expect(await list({ status: 'pending', limit: 100 })).toEqual([]);
    const ended = await list({ limit: 100 });
    expect(ended.filter(({ status }) => status === 'succeeded').length).toBeGreaterThan(50);
    expect(ended.filter(({ status, attemptCount }) => status === 'failed' && attemptCount < 8)).toEqual([]);
    expect((await stage.store.endpoints.get('sandbox', id))?.health).toMatchObject({ warnedAt: null, failures: 0 });
  });
});

describe('order among late ones', () => {
  test('re-sent after their end, those of a key arrive in publish order, beside what comes in order', async () => {
    await add({ retrySchedule: [] });
    await publish(stage.store, ...['a1', 'a2', 'a3'].map((id) => event({ id, orderingKey: 'a' })));
    stage.dispatcher.start();
    await stage.clock.advanceTo(START + SECOND);
    answer = UP;
    for (const { id } of await list({ status: 'failed', limit: 10 })) await stage.store.deliveries.retry('sandbox', id);
    await publish(stage.store, event({ id: 'a4', orderingKey: 'a' }));
    await stage.clock.advanceTo(START + 2 * SECOND);
    const late = arrivals().filter((arrival) => arrival.late);
    expect(late.map(({ id }) => id)).toEqual(['a1', 'a2', 'a3']);
    expect(arrivals().filter(({ id }) => id === 'a4')).toMatchObject([{ late: false }]);
  });
});

test('the brake stops a lane that is held, in the middle of its backlog; released, it goes on', async () => {
  answer = UP;
  await add({ maxInFlight: 1 });
  stage.delays.set(URL, 100);
  await publish(stage.store, ...Array.from({ length: 100 }, () => event()));
  stage.dispatcher.start();
  await stage.clock.advanceTo(START + 2 * SECOND);
  await stage.store.brakes.pause('sandbox', null);
  await stage.clock.advanceTo(START + 2 * SECOND + 1);
  const sent = arrivals().length;
  await stage.clock.advanceTo(START + 60 * SECOND);
  expect(arrivals()).toHaveLength(sent);
  expect(sent).toBeLessThan(30);
  await stage.store.brakes.resume('sandbox', null);
  await stage.clock.advanceTo(START + 75 * SECOND);
  expect(arrivals()).toHaveLength(100);
});

describe('shares of the slots', () => {
  const hang = (url: string): void => {
    stage.delays.set(url, 30_000);
    stage.answers.set(url, () => ({ kind: 'transport_error', code: 'timeout', detail: '' }));
  };

  test('endpoints that hang, six times as many as slots, leave room for a new one', { timeout: 120_000 }, async () => {
    for (let index = 0; index < 400; index += 1) {
      hang(`https://h${index}.test/`);
      await add({ url: `https://h${index}.test/` });
    }
    stage.dispatcher.start();
    await publish(stage.store, event());
    await stage.clock.advanceTo(START + 2 * HOUR);
    await add({ url: 'https://new.test/', eventTypes: ['only.this'] });
    await publish(stage.store, event({ type: 'only.this' }));
    await stage.clock.advanceTo(START + 2 * HOUR + 2 * SECOND);
    expect(stage.arrivals.filter(({ url }) => url === 'https://new.test/')).toHaveLength(1);
  });

  test('one destination gets half of the slots, whatever the number of its endpoints', async () => {
    let out = 0;
    let most = 0;
    for (let index = 0; index < 40; index += 1) {
      const url = `https://shared.test/${index}`;
      stage.delays.set(url, 10_000);
      // Proven, so that only the destination's share holds it.
      await add({ url });
    }
    stage.dispatcher.start();
    await publish(stage.store, event());
    await stage.clock.advanceTo(START + 30 * SECOND);
    const from = stage.arrivals.length;
    await publish(stage.store, ...Array.from({ length: 5 }, () => event()));
    await stage.clock.advanceTo(START + 60 * SECOND);
    const spans = stage.arrivals.slice(from).flatMap(({ at }) => [
      { at, by: 1 },
      { at: at + 10_000, by: -1 },
    ]);
    for (const { by } of spans.sort((a, b) => a.at - b.at || a.by - b.by)) {
      out += by;
      most = Math.max(most, out);
    }
    expect(most).toBe(32);
  });
});
