/** What a lane remembers of its endpoint's health, what starts it anew, and what people are to be told. */
import { HEALTHY } from '@posthorn/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LaneState, LeasedLane, Store } from '../../../src/store/store.ts';
import {
  ALL_DELIVERIES,
  addEndpoint,
  attempt,
  CALM,
  event,
  lease,
  type OpenedStore,
  type OpenStore,
  prepare,
  publish,
  SECRET,
  START,
} from './harness.ts';

const SICK: LaneState = {
  ...CALM,
  succeededAt: START - 10,
  failingSince: START,
  failures: 6,
  failed: [1, 2, 3, 4, 5],
  lastFailure: 'status 500',
  retryAfter: START + 5,
  breaker: { probeAt: START + 30_000, probes: 1 },
  warnedAt: START + 1,
};

export function healthConformance(open: OpenStore): void {
  describe('health', () => {
    let opened: OpenedStore;
    let store: Store;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.dispose());

    const leaseOne = async (): Promise<LeasedLane> => {
      const [lane, ...more] = await lease(store, START + 60_000);
      expect(more).toEqual([]);
      if (lane === undefined) throw new Error('nothing was leased');
      return lane;
    };
    const giveBack = (lane: LeasedLane, state: LaneState, notBefore = 0) =>
      store.lanes.release([{ lease: lane.lease, firstAt: START, dueAt: null, notBefore, state }]);

    test('outlives leases and restarts, and is shown with the endpoint', async () => {
      const endpoint = await addEndpoint(store, await prepare(store));
      expect(endpoint.health).toEqual(HEALTHY);
      await publish(store, event());
      const held = await leaseOne();
      await store.lanes.settle([{ lease: held.lease, attempts: [], state: SICK, disable: null }]);
      const { rateAt: _rate, epoch: _epoch, ...health } = SICK;
      expect((await store.endpoints.get('sandbox', endpoint.id))?.health).toEqual(health);
      await giveBack(held, SICK, START + 30_000);
      store = await opened.reopen();
      opened.clock.now = START + 30_000;
      expect((await leaseOne()).state).toEqual(SICK);
    });

    test('is counted for metrics as long as there is the endpoint', async () => {
      const application = await prepare(store);
      const gone = await addEndpoint(store, application);
      await publish(store, event());
      const held = await leaseOne();
      await store.lanes.settle([{ lease: held.lease, attempts: [], state: SICK, disable: null }]);
      await addEndpoint(store, application);
      const breakers = async () => (await store.figures()).breakers;
      expect(await breakers()).toEqual({ closed: 1, open: 1, half_open: 0 });
      opened.clock.now = START + 30_000;
      expect(await breakers()).toEqual({ closed: 1, open: 0, half_open: 1 });
      await store.endpoints.delete('sandbox', gone.id);
      expect(await breakers()).toEqual({ closed: 1, open: 0, half_open: 0 });
      opened.clock.now = START;
      expect(await breakers()).toEqual({ closed: 1, open: 0, half_open: 0 });
    });

    test('is counted for the operator, by environment', async () => {
      const application = await prepare(store);
      await addEndpoint(store, application, {}, 'production');
      const paused = await addEndpoint(store, application, { eventTypes: ['another.type'] });
      await store.endpoints.update('sandbox', paused.id, { status: 'paused' });
      const sick = await addEndpoint(store, application);
      const well = {
        applications: 1,
        endpoints: { enabled: 1, paused: 1, disabled: 0, failing: 0 },
        breakers: { closed: 2, open: 0, half_open: 0 },
      };
      expect(await store.environments.census('sandbox')).toEqual(well);
      await publish(store, event());
      const held = await leaseOne();
      await store.lanes.settle([{ lease: held.lease, attempts: [], state: SICK, disable: null }]);
      expect(await store.environments.census('sandbox')).toEqual({
        applications: 1,
        endpoints: { enabled: 1, paused: 1, disabled: 0, failing: 1 },
        breakers: { closed: 1, open: 1, half_open: 0 },
      });
      opened.clock.now = START + 30_000;
      expect((await store.environments.census('sandbox')).breakers).toEqual({ closed: 1, open: 0, half_open: 1 });
      await store.lanes.settle([{ lease: held.lease, attempts: [], state: { ...SICK, breaker: null }, disable: 'failing' }]);
      expect((await store.environments.census('sandbox')).endpoints).toEqual({ enabled: 0, paused: 1, disabled: 1, failing: 0 });
      await store.endpoints.delete('sandbox', sick.id);
      expect((await store.environments.census('sandbox')).endpoints).toEqual({ enabled: 0, paused: 1, disabled: 0, failing: 0 });
      expect((await store.environments.census('production')).endpoints).toEqual({ enabled: 1, paused: 0, disabled: 0, failing: 0 });
    });

    test.each<[string, (id: never) => Promise<unknown>]>([
      ['another URL', (id) => store.endpoints.update('sandbox', id, { url: 'https://example.com/mended' })],
      ['enabled again', (id) => store.endpoints.update('sandbox', id, { status: 'enabled' })],
      ['another secret', (id) => store.endpoints.rotateSecret('sandbox', id, { secret: SECRET, overlapMs: 0 })],
    ])('starts anew with %s, whatever the holder of its lane still thinks', async (_name, change) => {
      const endpoint = await addEndpoint(store, await prepare(store));
      await publish(store, event());
      const held = await leaseOne();
      await store.lanes.settle([{ lease: held.lease, attempts: [], state: SICK, disable: 'failing' }]);
      await change(endpoint.id as never);
      await store.lanes.settle([{ lease: held.lease, attempts: [], state: SICK, disable: null }]);
      await giveBack(held, SICK, START + 30_000);
      await store.endpoints.update('sandbox', endpoint.id, { status: 'enabled' });
      const { state } = await leaseOne();
      // When it last succeeded, and that its owner was told, stays.
      expect(state).toMatchObject({ ...HEALTHY, succeededAt: SICK.succeededAt, warnedAt: SICK.warnedAt });
      expect(state.epoch).toBeGreaterThan(SICK.epoch);
    });

    test('other changes leave it as it is', async () => {
      const endpoint = await addEndpoint(store, await prepare(store));
      await publish(store, event());
      const held = await leaseOne();
      await giveBack(held, SICK);
      await store.endpoints.update('sandbox', endpoint.id, { description: 'x', status: 'enabled' });
      expect((await leaseOne()).state).toEqual(SICK);
    });

    test('what was asked for by hand is leased below the floor, and comes first in the scan', async () => {
      await addEndpoint(store, await prepare(store));
      await publish(store, event(), event({ orderingKey: 'a' }), event({ orderingKey: 'a' }), event({ orderingKey: 'b' }));
      const held = await leaseOne();
      await giveBack(held, SICK, START + 30_000);
      expect(await lease(store, START)).toEqual([]);
      const { data } = await store.deliveries.list('sandbox', { ...ALL_DELIVERIES, limit: 10 });
      // Newest first: b, the second of a, the first of a, the one without a key.
      for (const { id } of data.slice(0, 2)) await store.deliveries.retry('sandbox', id);
      const again = await leaseOne();
      const { deliveries } = await store.lanes.scan({ lane: again.lease.lane, ordering: 'key', after: 0, limit: 10, gate: START });
      expect(deliveries.map(({ orderingKey, byHand }) => [orderingKey, byHand])).toEqual([
        ['b', true],
        [null, false],
        ['a', false],
        ['a', true], // not past the head of its key
      ]);
    });

    test('a retry that is due is found beyond the gate, one that is not says when', async () => {
      await addEndpoint(store, await prepare(store));
      await publish(store, event({ orderingKey: 'a' }), event({ orderingKey: 'b' }), event({ orderingKey: 'a' }), event());
      const held = await leaseOne();
      const scan = (gate: number) => store.lanes.scan({ lane: held.lease.lane, ordering: 'key', after: 0, limit: 10, gate });
      const [, b, secondOfA, free] = (await scan(START)).deliveries.map(({ seq }) => seq);
      const retry = (seq: number | undefined, dueAt: number) => attempt(seq ?? 0, { status: 'pending', failures: 1, dueAt });
      const attempts = [retry(b, START), retry(secondOfA, START), retry(free, START + 9_000)];
      await store.lanes.settle([{ lease: held.lease, attempts, state: CALM, disable: null }]);
      // The second of a is due, but does not head its key.
      expect(await scan(START - 1)).toMatchObject({ deliveries: [{ seq: b }], end: true, gatedFrom: START, dueBeyond: START + 9_000 });
    });

    test('the late ones of a key are a queue of their own', async () => {
      await addEndpoint(store, await prepare(store));
      await publish(store, ...Array.from({ length: 4 }, () => event({ orderingKey: 'a' })));
      const held = await leaseOne();
      const lane = held.lease.lane;
      const seqs = (await store.lanes.scan({ lane, ordering: 'key', after: 0, limit: 10, gate: START })).deliveries.map(({ seq }) => seq);
      const failed = seqs.slice(0, 2).map((seq) => attempt(seq, { status: 'failed', reason: 'attempts_exhausted' }));
      await store.lanes.settle([{ lease: held.lease, attempts: failed, state: CALM, disable: null }]);
      const { data } = await store.deliveries.list('sandbox', { ...ALL_DELIVERIES, status: 'failed', limit: 10 });
      for (const { id } of data) await store.deliveries.retry('sandbox', id);
      const queue = async (late: boolean) =>
        (await store.lanes.scanKey({ lane, orderingKey: 'a', late, after: 0, limit: 10 })).map(({ seq }) => seq);
      expect([await queue(true), await queue(false)]).toEqual([seqs.slice(0, 2), seqs.slice(2)]);
      const second = await store.deliveries.get('sandbox', data[0]?.id ?? '');
      expect(second?.behind).toBe(data[1]?.id);
    });
  });
}
