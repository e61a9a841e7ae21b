/** What people do while a request is out: its answer comes to an endpoint, or a delivery, that is not what it was. */
import type { ApplicationId, Outcome } from '@posthorn/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Delivery, DeliveryDetail, EndpointSettings } from '../../src/store/store.ts';
import { ALL_DELIVERIES, addEndpoint, event, publish } from '../store/conformance/harness.ts';
import { openStage, type Stage, type StageOptions } from './stage.ts';

const START = Date.parse('2026-11-23T10:00:01Z');
const SECOND = 1_000;
const HOUR = 3_600_000;
const DOWN: Outcome = { kind: 'refused', status: 500, retryAfter: null };
const GONE: Outcome = { kind: 'refused', status: 410, retryAfter: null };
const UP: Outcome = { kind: 'accepted', status: 200 };
const OLD = 'https://old.test/';
const NEW = 'https://new.test/';

let stage: Stage;
let application: ApplicationId;

beforeEach(() => open());

async function open(options: StageOptions = {}): Promise<void> {
  stage = await openStage(START, { longestSleepMs: 60 * SECOND, ...options });
  application = (await stage.store.applications.upsert({ uid: 'acme', name: 'Acme' })).application.id;
  // Long enough to do something meanwhile.
  stage.delays.set(OLD, 2 * SECOND);
}
afterEach(() => stage.close());

const add = (settings: Partial<EndpointSettings> = {}) =>
  addEndpoint(stage.store, application, { url: OLD, cadence: 'immediate', ...settings });
const at = (seconds: number): Promise<void> => stage.clock.advanceTo(START + seconds * SECOND);
const find = async (id: string): Promise<Delivery> => {
  const { data } = await stage.store.deliveries.list('sandbox', { ...ALL_DELIVERIES, event: id, limit: 1 });
  return data[0] as Delivery;
};
const detail = async (id: string): Promise<DeliveryDetail> =>
  (await stage.store.deliveries.get('sandbox', (await find(id)).id)) as DeliveryDetail;
const retry = async (id: string): Promise<void> => {
  await stage.store.deliveries.retry('sandbox', (await find(id)).id);
};
const resend = async (id: string): Promise<void> => {
  await stage.store.deliveries.cancel('sandbox', (await find(id)).id);
  await retry(id);
};
const arrivals = () => stage.arrivals.map(({ id, late }) => (late ? `${id} late` : id));
const notices = async () => (await stage.store.notices.waiting(100)).map(({ kind }) => kind);

describe('the URL is changed while a request is out', () => {
  test('a 410 of the old one disables nothing, and the delivery goes to the new one', async () => {
    const { id } = await add();
    stage.answers.set(OLD, () => GONE);
    stage.dispatcher.start();
    await publish(stage.store, event({ id: 'a' }));
    await at(1);
    await stage.store.endpoints.update('sandbox', id, { url: NEW });
    await at(20);
    expect(await stage.store.endpoints.get('sandbox', id)).toMatchObject({
      url: NEW,
      status: 'enabled',
      disabledReason: null,
      health: { failures: 0, warnedAt: null },
    });
    expect(stage.arrivals.map(({ url }) => url)).toEqual([OLD, NEW]);
    expect(await find('a')).toMatchObject({ status: 'succeeded', attemptCount: 2 });
    expect(await notices()).toEqual([]);
  });

  test('a pause that the old one asked for does not hold the new one', async () => {
    const { id } = await add();
    stage.answers.set(OLD, () => ({ kind: 'refused', status: 429, retryAfter: '36000' }));
    stage.dispatcher.start();
    await publish(stage.store, event({ id: 'a' }));
    await at(1);
    await stage.store.endpoints.update('sandbox', id, { url: NEW });
    await at(3);
    await publish(stage.store, event({ id: 'b' }));
    await at(10);
    expect((await stage.store.endpoints.get('sandbox', id))?.health.retryAfter).toBe(0);
    expect(stage.arrivals.filter(({ url }) => url === NEW).map((arrival) => arrival.id)).toEqual(['b', 'a']);
  });
});

describe('a delivery is asked for by hand while its request is out', () => {
  test('canceled and re-sent during its last automatic attempt: it goes again, late', async () => {
    await add({ retrySchedule: [] });
    stage.answers.set(OLD, ({ late }) => (late ? UP : DOWN));
    stage.dispatcher.start();
    await publish(stage.store, event({ id: 'a', orderingKey: 'k' }), event({ id: 'b', orderingKey: 'l' }));
    await at(1);
    await resend('a');
    await at(10);
    expect(arrivals()).toEqual(['a', 'b', 'a late']);
    expect(await find('a')).toMatchObject({ status: 'succeeded', attemptCount: 2, late: true });
    expect(await notices()).toEqual(['delivery.failed']); // that of b
  });

  test('what was out when it was re-sent takes nothing of its new series', async () => {
    await add({ retrySchedule: [1800, 3600] });
    stage.answers.set(OLD, () => DOWN);
    stage.dispatcher.start();
    await publish(stage.store, event({ id: 'a' }));
    await at(1);
    await resend('a');
    await at(30 * 60 + 60);
    // At once, and then by the first step of the schedule.
    expect(arrivals()).toEqual(['a', 'a late', 'a late']);
    await at(3 * 3600);
    expect(await find('a')).toMatchObject({ status: 'failed', reason: 'attempts_exhausted', attemptCount: 4 });
  });

  test('accepted all the same, it is not sent again', async () => {
    await add();
    stage.dispatcher.start();
    await publish(stage.store, event({ id: 'a' }));
    await at(1);
    await resend('a');
    await at(60);
    expect(arrivals()).toEqual(['a']);
    expect(await find('a')).toMatchObject({ status: 'succeeded', attemptCount: 1 });
  });

  test('during its last automatic attempt: it goes once more, and its key waits for it', async () => {
    await add({ retrySchedule: [] });
    let failures = 1;
    stage.answers.set(OLD, ({ id }) => (id === 'a' && failures-- > 0 ? DOWN : UP));
    stage.dispatcher.start();
    await publish(stage.store, event({ id: 'a', orderingKey: 'k' }), event({ id: 'b', orderingKey: 'k' }));
    await at(1);
    await retry('a');
    await at(10);
    expect(arrivals()).toEqual(['a', 'a', 'b']);
    expect(await find('a')).toMatchObject({ status: 'succeeded', attemptCount: 2, late: false });
  });

  test('and again in vain: then it has failed, told once', async () => {
    await add({ retrySchedule: [] });
    stage.answers.set(OLD, () => DOWN);
    stage.dispatcher.start();
    await publish(stage.store, event({ id: 'a' }));
    await at(1);
    await retry('a');
    await at(HOUR / SECOND);
    expect(arrivals()).toEqual(['a', 'a']);
    expect(await find('a')).toMatchObject({ status: 'failed', reason: 'attempts_exhausted', attemptCount: 2 });
    expect((await detail('a')).attempts.map(({ number }) => number)).toEqual([1, 2]);
    expect(await notices()).toEqual(['delivery.failed']);
  });

  test('a second time while the first one is out: each gets its attempt, and the automatic ones stay as they were', async () => {
    await add({ retrySchedule: [3600] });
    stage.answers.set(OLD, () => DOWN);
    stage.dispatcher.start();
    await publish(stage.store, event({ id: 'a' }));
    await at(10);
    await retry('a');
    await at(11);
    await retry('a');
    await at(20);
    expect(stage.arrivals.map((arrival) => Math.floor((arrival.at - START) / SECOND))).toEqual([0, 10, 12]);
    await at(2 * 3600);
    expect(stage.arrivals).toHaveLength(4);
    expect(await find('a')).toMatchObject({ status: 'failed', attemptCount: 4 });
  });

  test('a second time while it is re-sent with no schedule left: each gets its attempt', async () => {
    await add({ retrySchedule: [] });
    stage.answers.set(OLD, () => DOWN);
    stage.dispatcher.start();
    await publish(stage.store, event({ id: 'a' }));
    await at(10);
    await retry('a');
    await at(11);
    await retry('a');
    await at(60);
    expect(arrivals()).toEqual(['a', 'a late', 'a late']);
    expect(await find('a')).toMatchObject({ status: 'failed', attemptCount: 3 });
  });
});

describe('enabled again', () => {
  test('after a 410, the first success is told', async () => {
    const { id } = await add();
    let answer: Outcome = GONE;
    stage.answers.set(OLD, () => answer);
    stage.dispatcher.start();
    await publish(stage.store, event({ id: 'a' }));
    await at(10);
    answer = UP;
    await stage.store.endpoints.update('sandbox', id, { status: 'enabled' });
    await publish(stage.store, event({ id: 'b' }));
    await at(20);
    expect(await notices()).toEqual(['delivery.failed', 'endpoint.disabled', 'endpoint.recovered']);
  });

  test.each<[string, (id: never) => Promise<unknown>]>([
    [
      'paused and enabled',
      async (id) => {
        await stage.store.endpoints.update('sandbox', id, { status: 'paused' });
        await stage.store.endpoints.update('sandbox', id, { status: 'enabled' });
      },
    ],
    ['another URL', (id) => stage.store.endpoints.update('sandbox', id, { url: NEW })],
  ])('%s while it was failing, it is warned of again after half of the time', async (_, anew) => {
    await stage.close();
    await open({ disableAfterMs: 10 * HOUR });
    const { id } = await add();
    for (const url of [OLD, NEW]) stage.answers.set(url, () => DOWN);
    stage.dispatcher.start();
    const hours = async (from: number, until: number): Promise<void> => {
      for (let hour = from; hour < until; hour += 1) {
        await publish(stage.store, event());
        await stage.clock.advanceTo(START + (hour + 1) * HOUR);
      }
    };
    const told = async () => (await notices()).filter((kind) => kind.startsWith('endpoint.'));
    await hours(0, 7);
    expect(await told()).toEqual(['endpoint.failing']);
    await anew(id as never);
    await hours(7, 11);
    expect(await told()).toEqual(['endpoint.failing']);
    await hours(11, 14);
    expect(await told()).toEqual(['endpoint.failing', 'endpoint.failing']);
  });
});
