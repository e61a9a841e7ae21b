/** What the keeper does in steps: ending what has waited for too long, removing what is old. */
import type { ApplicationId } from '@posthorn/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Delivery, DeliveryFilter, Store } from '../../../src/store/store.ts';
import {
  ALL_DELIVERIES,
  addEndpoint,
  attempt,
  CALM,
  endAll,
  event,
  lease,
  type OpenedStore,
  type OpenStore,
  prepare,
  publish,
  START,
} from './harness.ts';

const DAY = 24 * 3_600_000;
const EXHAUSTED = { status: 'failed', reason: 'attempts_exhausted' } as const;

export function upkeepConformance(open: OpenStore): void {
  let opened: OpenedStore;
  let store: Store;
  let acme: ApplicationId;
  beforeEach(async () => {
    opened = await open();
    store = opened.store;
    acme = await prepare(store);
  });
  afterEach(() => opened.dispose());

  const list = async (filter: Partial<DeliveryFilter> = {}): Promise<Delivery[]> =>
    (await store.deliveries.list('sandbox', { ...ALL_DELIVERIES, ...filter })).data;
  const statuses = async (filter: Partial<DeliveryFilter> = {}) =>
    (await list(filter)).toReversed().map(({ event: id, status, reason }) => `${id} ${status}${reason === null ? '' : ` ${reason}`}`);

  describe('expiry', () => {
    /** A whole pass. @returns how many expired, the steps it took, and since when the oldest waits that is left */
    const expire = async (
      horizon: number,
      options: { readonly revived?: number; readonly limit?: number; readonly groups?: string[] } = {},
    ) => {
      const horizons = new Map((options.groups ?? ['sandbox:', 'production:']).map((group) => [group, horizon]));
      let expired = 0;
      let steps = 0;
      let oldest: number | null = null;
      let cursor: string | null = null;
      do {
        const step = await store.upkeep.expire({ horizons, revived: options.revived ?? horizon, cursor, limit: options.limit ?? 1_000 });
        expired += step.expired;
        steps += 1;
        if (step.oldest !== null) oldest = Math.min(oldest ?? step.oldest, step.oldest);
        cursor = step.cursor;
      } while (cursor !== null);
      return { expired, steps, oldest };
    };

    test('ends what was published up to the horizon, paused or not, and tells each', async () => {
      const endpoint = await addEndpoint(store, acme);
      await store.endpoints.update('sandbox', endpoint.id, { status: 'paused' });
      for (const id of ['a', 'b', 'c']) {
        await publish(store, event({ id, orderingKey: 'k' }));
        opened.clock.now += 10;
      }
      expect(await expire(START - 1)).toMatchObject({ expired: 0, oldest: START });
      expect(await expire(START + 10)).toMatchObject({ expired: 2, oldest: START + 20 });
      expect(await statuses()).toEqual(['a failed expired', 'b failed expired', 'c pending']);
      const waiting = await store.notices.waiting(10);
      expect(waiting.map(({ kind, delivery, detail }) => [kind, delivery?.event, detail.reason])).toEqual([
        ['delivery.failed', 'a', 'expired'],
        ['delivery.failed', 'b', 'expired'],
      ]);
      expect(await expire(START + 10)).toMatchObject({ expired: 0 });
    });

    test('wakes whoever stood behind', async () => {
      await addEndpoint(store, acme);
      await publish(store, event({ id: 'a', orderingKey: 'k' }));
      await endAll(store, { status: 'pending', failures: 1, dueAt: START + 9 * DAY });
      opened.clock.now += 10;
      await publish(store, event({ id: 'b', orderingKey: 'k' }));
      for (const held of await lease(store, opened.clock.now))
        await store.lanes.release([{ lease: held.lease, firstAt: null, dueAt: START + 9 * DAY, notBefore: 0, state: CALM }]);
      expect(await lease(store, opened.clock.now)).toEqual([]);
      const hints: string[] = [];
      store.subscribe((hint) => hints.push(hint.kind));
      await expire(START);
      expect(hints).toEqual(expect.arrayContaining(['work', 'notice']));
      const [held] = await lease(store, opened.clock.now);
      const { deliveries } = await store.lanes.scan({
        lane: held?.lease.lane ?? 0,
        ordering: 'key',
        after: 0,
        limit: 10,
        gate: opened.clock.now,
      });
      expect(deliveries.map(({ publishedAt }) => publishedAt)).toEqual([START + 10]);
    });

    test('each group has its own horizon; one without any keeps all', async () => {
      await addEndpoint(store, acme);
      await addEndpoint(store, acme, { cadence: 'cron 0 0 1 * * UTC' });
      await publish(store, event({ id: 'a' }));
      expect(await expire(START, { groups: ['sandbox:'] })).toMatchObject({ expired: 1, oldest: START });
      expect(await statuses({ status: 'pending' })).toEqual(['a pending']);
    });

    test('what was sent again by hand waits since then, among others and alone', async () => {
      const { id: endpoint } = await addEndpoint(store, acme);
      await publish(store, event({ id: 'by-hand' }), event({ id: 'by-job' }));
      await endAll(store, EXHAUSTED);
      opened.clock.now = START + 3 * DAY;
      await store.deliveries.retry('sandbox', (await list()).find((delivery) => delivery.event === 'by-hand')?.id as never);
      opened.clock.now = START + 4 * DAY;
      const job = await store.jobs.create('sandbox', { endpoint, since: 0, until: START + 1, task: { kind: 'recover', status: 'failed' } });
      if (job === null || job === 'too_many') throw new Error('there is no job');
      await store.jobs.step(job.id, 10);
      opened.clock.now = START + 5 * DAY;
      await publish(store, event({ id: 'new' }));
      expect(await expire(START + DAY)).toMatchObject({ expired: 0, oldest: START + 3 * DAY });
      expect(await expire(START + 3 * DAY)).toMatchObject({ expired: 1, oldest: START + 4 * DAY });
      expect(await statuses()).toEqual(['by-hand failed expired', 'by-job pending', 'new pending']);
      expect(await expire(START + 4 * DAY)).toMatchObject({ expired: 1, oldest: START + 5 * DAY });
    });

    test('goes on where a step had enough, within a lane and from lane to lane', async () => {
      for (let count = 0; count < 3; count += 1) await addEndpoint(store, acme);
      await publish(store, ...Array.from({ length: 20 }, () => event()));
      const { expired, steps } = await expire(START, { limit: 7 });
      expect(expired).toBe(60);
      expect(steps).toBeGreaterThanOrEqual(9);
      expect(await list({ status: 'pending' })).toEqual([]);
    });

    test('an attempt that was out meanwhile: accepted is accepted; anything else leaves it expired', async () => {
      await addEndpoint(store, acme);
      await publish(store, event({ id: 'a' }), event({ id: 'b' }));
      const [held] = await lease(store, START);
      if (held === undefined) throw new Error('nothing was leased');
      const { deliveries } = await store.lanes.scan({ lane: held.lease.lane, ordering: 'key', after: 0, limit: 10, gate: START });
      expect(await expire(START)).toMatchObject({ expired: 2 });
      const [a = 0, b = 0] = deliveries.map(({ seq }) => seq);
      const attempts = [attempt(a, { status: 'succeeded' }), attempt(b, { status: 'pending', failures: 1, dueAt: START + 5 })];
      await store.lanes.settle([{ lease: held.lease, attempts, state: CALM, disable: null }]);
      expect(await statuses()).toEqual(['a succeeded', 'b failed expired']);
      expect((await list()).map(({ attemptCount }) => attemptCount)).toEqual([1, 1]);
    });

    test('what has expired can be recovered', async () => {
      const { id: endpoint } = await addEndpoint(store, acme);
      await publish(store, event({ id: 'a' }));
      await expire(START);
      const job = await store.jobs.create('sandbox', { endpoint, since: 0, until: START + 1, task: { kind: 'recover', status: 'failed' } });
      expect(job).toMatchObject({ total: 1 });
    });
  });

  describe('retention', () => {
    /** A whole pass. @returns how many rows each step removed */
    const prune = async (before: number, limit = 1_000): Promise<number[]> => {
      const steps: number[] = [];
      let cursor: string | null = null;
      do {
        const step = await store.upkeep.prune({ before, rollups: new Map(), cursor, limit });
        steps.push(step.removed);
        cursor = step.cursor;
      } while (cursor !== null);
      return steps;
    };
    const events = async (environment: 'sandbox' | 'production' = 'sandbox') =>
      (await store.events.list(environment, { ...ALL_DELIVERIES, type: null })).data.toReversed().map(({ id }) => id);

    test('events go with their deliveries and attempts, in both environments, and only those that are older', async () => {
      await addEndpoint(store, acme);
      await addEndpoint(store, acme, {}, 'production');
      await publish(store, event({ id: 'old' }));
      await store.publish({ environment: 'production', events: [event({ id: 'old-too' })], idempotency: null });
      await endAll(store, { status: 'pending', failures: 1, dueAt: START });
      await endAll(store, { status: 'succeeded' });
      const [old] = await list();
      opened.clock.now += DAY;
      await publish(store, event({ id: 'young' }));
      await endAll(store, EXHAUSTED);
      const removed = (await prune(START + 1)).reduce((sum, count) => sum + count, 0);
      expect(removed).toBe(8);
      expect([await events(), await events('production')]).toEqual([['young'], []]);
      expect(await store.deliveries.get('sandbox', old?.id ?? '')).toBeNull();
      expect(await statuses()).toEqual(['young failed attempts_exhausted']);
      // Its id may be used again.
      expect(await publish(store, event({ id: 'old', data: '{"other":1}' }))).toMatchObject([{ timestamp: START + DAY }]);
    });

    test('an event with a pending delivery stays, whole, and holds up none of those behind it', async () => {
      await addEndpoint(store, acme);
      const { id: paused } = await addEndpoint(store, acme, { eventTypes: ['kept'] });
      await store.endpoints.update('sandbox', paused, { status: 'paused' });
      await publish(store, event({ id: 'a', type: 'kept' }), event({ id: 'b' }), event({ id: 'c', type: 'kept' }), event({ id: 'd' }));
      await endAll(store, { status: 'succeeded' });
      expect(await prune(START + 1, 3)).not.toEqual([0]);
      expect(await events()).toEqual(['a', 'c']);
      expect(await statuses()).toEqual(['a succeeded', 'a pending', 'c succeeded', 'c pending']);
      await store.endpoints.delete('sandbox', paused);
      await prune(START + 1);
      expect(await events()).toEqual([]);
    });

    test('an event with more rows than a step may touch goes in several', async () => {
      for (let count = 0; count < 6; count += 1) await addEndpoint(store, acme);
      await publish(store, event({ id: 'a' }), event({ id: 'b' }));
      for (let count = 0; count < 4; count += 1) await endAll(store, { status: 'pending', failures: 1, dueAt: START });
      await endAll(store, EXHAUSTED);
      const steps = await prune(START + 1, 5);
      // Two events with six deliveries of five attempts each.
      expect(steps.reduce((sum, count) => sum + count, 0)).toBe(2 * (1 + 6 * 6));
      expect(Math.max(...steps)).toBeLessThanOrEqual(7);
      expect(await list()).toEqual([]);
    });

    test('idempotency keys go with what they refer to, and after a day', async () => {
      const repeat = { environment: 'sandbox', events: [event()], idempotency: { scope: 's', key: 'k', fingerprint: 'f' } } as const;
      const first = await store.publish(repeat);
      await prune(START);
      expect(await store.publish(repeat)).toEqual({ ...first, repeated: true });
      opened.clock.now += 10;
      await prune(START + 1);
      expect(await store.publish(repeat)).toMatchObject({ kind: 'published', repeated: false, events: [{ timestamp: START + 10 }] });
    });

    test('jobs that have ended go, those that have not stay; so do notices that nobody has handled', async () => {
      const { id: endpoint } = await addEndpoint(store, acme);
      await publish(store, event(), event());
      await endAll(store, EXHAUSTED, { more: { notices: ['delivery.failed'] } });
      const make = () =>
        store.jobs.create('sandbox', { endpoint, since: 0, until: START + 1, task: { kind: 'recover', status: 'failed' } });
      const [ended, running] = [await make(), await make()];
      if (ended === null || ended === 'too_many' || running === null || running === 'too_many') throw new Error('there are two');
      await store.jobs.cancel('sandbox', ended.id);
      const [first] = await store.notices.waiting(1);
      await store.notices.handled([{ id: first?.id ?? '', mailAt: null }]);
      opened.clock.now += 1;
      await prune(START + 1);
      expect(await store.jobs.get('sandbox', ended.id)).toBeNull();
      expect(await store.jobs.get('sandbox', running.id)).not.toBeNull();
      expect(await store.notices.waiting(10)).toHaveLength(1);
    });

    test('an attempt that is settled after its delivery went is no trouble', async () => {
      await addEndpoint(store, acme);
      await publish(store, event());
      const [held] = await lease(store, START);
      if (held === undefined) throw new Error('nothing was leased');
      const { deliveries } = await store.lanes.scan({ lane: held.lease.lane, ordering: 'key', after: 0, limit: 1, gate: START });
      await store.deliveries.cancel('sandbox', (await list())[0]?.id as never);
      await prune(START + 1);
      const attempts = [attempt(deliveries[0]?.seq ?? 0, { status: 'succeeded' })];
      expect(await store.lanes.settle([{ lease: held.lease, attempts, state: CALM, disable: null }])).toEqual(['settled']);
      expect(await list()).toEqual([]);
    });
  });
}
