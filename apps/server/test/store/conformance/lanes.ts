import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Delivery, Endpoint, LaneRelease, LeasedLane, Store } from '../../../src/store/store.ts';
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
  START,
} from './harness.ts';

const GATE = START + 60_000;

export function lanesConformance(open: OpenStore): void {
  describe('lanes', () => {
    let opened: OpenedStore;
    let store: Store;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.dispose());

    const scan = (lane: LeasedLane, gate = GATE, after = 0) =>
      store.lanes.scan({ lane: lane.lease.lane, ordering: lane.target.endpoint.ordering, after, limit: 100, gate });
    const only = (lanes: LeasedLane[]): LeasedLane => {
      expect(lanes).toHaveLength(1);
      return lanes[0] as LeasedLane;
    };
    const onlySeq = async (lane: LeasedLane): Promise<number> => {
      const { deliveries } = await scan(lane);
      expect(deliveries.length).toBeGreaterThan(0);
      return deliveries[0]?.seq ?? 0;
    };
    const release = (lane: LeasedLane, marks: Partial<LaneRelease> = {}) =>
      store.lanes.release([{ lease: lane.lease, firstAt: null, dueAt: null, notBefore: 0, state: CALM, ...marks }]);

    test('a lane is leased once its gate is open, not before, and by one holder at a time', async () => {
      await addEndpoint(store, await prepare(store));
      expect(await lease(store, GATE)).toEqual([]);
      await publish(store, event());
      expect(await lease(store, START - 1)).toEqual([]);
      const held = only(await lease(store, START));
      expect(held).toMatchObject({ group: 'sandbox:', takenOver: false, state: CALM });
      expect(await lease(store, GATE, { holder: 'two' })).toEqual([]);
      await release(held);
      expect(await lease(store, GATE)).toEqual([]);
    });

    test('what is published while a lane is held wakes it after its release', async () => {
      await addEndpoint(store, await prepare(store));
      await publish(store, event());
      const held = only(await lease(store, GATE));
      await publish(store, event());
      await release(held);
      expect(await lease(store, GATE)).toHaveLength(1);
    });

    test('a scan gives what is pending in publish order, up to the gate', async () => {
      await addEndpoint(store, await prepare(store));
      await publish(store, event({ orderingKey: 'a' }), event({ orderingKey: 'b' }));
      opened.clock.now += 1000;
      await publish(store, event({ orderingKey: 'a' }));
      const held = only(await lease(store, START));
      const early = await scan(held, START);
      expect(early.deliveries.map(({ orderingKey }) => orderingKey)).toEqual(['a', 'b']);
      expect(early).toMatchObject({ end: true, gatedFrom: START + 1000 });
      const all = await scan(held, START + 1000);
      expect(all).toMatchObject({ end: true, gatedFrom: null });
      expect(all.deliveries).toHaveLength(3);
      expect((await scan(held, START + 1000, all.deliveries[1]?.seq)).deliveries).toHaveLength(1);
      const [body] = await store.lanes.bodies([all.deliveries[0]?.seq ?? 0]);
      expect(Buffer.from(body?.body ?? []).toString()).toContain('"data":{"n":17.0}');
    });

    test('several bodies at once: each is the bytes of its own event, what is not pending any more is left out', async () => {
      await addEndpoint(store, await prepare(store));
      const data = ['{"n":1}', '{"text":"Grüße aus 東京 🚚\\n"}', '""', `"${'x'.repeat(70_000)}"`, '{"n": -0}'];
      const published = await publish(store, ...data.map((text) => event({ data: text })));
      const { deliveries } = await scan(only(await lease(store, START)), START);
      const canceled = (await store.deliveries.list('sandbox', { ...ALL_DELIVERIES, limit: 10 })).data[0];
      if (canceled !== undefined) await store.deliveries.cancel('sandbox', canceled.id);
      const bodies = await store.lanes.bodies(deliveries.map(({ seq }) => seq));
      expect(bodies.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(deliveries.slice(0, -1).map(({ seq }) => seq));
      for (const { seq, eventId, eventType, body } of bodies) {
        const index = deliveries.findIndex((delivery) => delivery.seq === seq);
        expect({ eventId, eventType }).toEqual({ eventId: published[index]?.id, eventType: 'shipment.created' });
        const text = Buffer.from(body).toString();
        expect(text.startsWith(`{"id":"${eventId}"`) && text.endsWith(`"data":${data[index]}}`)).toBe(true);
      }
      expect(await store.lanes.bodies([])).toEqual([]);
    });

    test('by hand goes beyond the gate, but not past the head of its key', async () => {
      await addEndpoint(store, await prepare(store));
      opened.clock.now = GATE + 1;
      await publish(store, event({ orderingKey: 'a' }), event({ orderingKey: 'a' }), event({ orderingKey: 'b' }), event());
      const { data } = await store.deliveries.list('sandbox', { ...ALL_DELIVERIES, limit: 10 });
      const [free, b, a2] = data;
      for (const chosen of [free, b, a2]) if (chosen !== undefined) await store.deliveries.retry('sandbox', chosen.id);
      const held = only(await lease(store, GATE));
      const { deliveries, gatedFrom } = await scan(held);
      expect(deliveries.map(({ orderingKey, byHand }) => [orderingKey, byHand])).toEqual([
        ['b', true],
        [null, true],
      ]);
      expect(gatedFrom).toBe(GATE + 1);
    });

    test('settling: succeeded, a retry, failed; repeating it changes nothing', async () => {
      const endpoint = await addEndpoint(store, await prepare(store));
      await publish(store, event(), event(), event());
      const held = only(await lease(store, GATE));
      const [one, two, three] = (await scan(held)).deliveries.map(({ seq }) => seq) as [number, number, number];
      const batch = [
        {
          lease: held.lease,
          state: { ...CALM, failingSince: START },
          disable: null,
          attempts: [
            attempt(one, { status: 'succeeded' }),
            attempt(two, { status: 'pending', failures: 1, dueAt: START + 5000 }),
            attempt(three, { status: 'failed', reason: 'attempts_exhausted' }),
          ],
        },
      ];
      expect(await store.lanes.settle(batch)).toEqual(['settled']);
      const before = (await store.deliveries.list('sandbox', { ...ALL_DELIVERIES, limit: 10 })).data;
      expect(before.map(({ status, reason, attemptCount, nextAttemptAt }) => [status, reason, attemptCount, nextAttemptAt])).toEqual([
        ['failed', 'attempts_exhausted', 1, null],
        ['pending', null, 1, START + 5000],
        ['succeeded', null, 1, null],
      ]);
      expect(await store.lanes.settle(batch)).toEqual(['settled']);
      expect((await store.deliveries.list('sandbox', { ...ALL_DELIVERIES, limit: 10 })).data).toEqual(before);
      const detail = await store.deliveries.get('sandbox', before[1]?.id ?? '');
      expect(detail?.attempts).toMatchObject([
        { number: 1, status: 'failed', error: 'http_status', responseStatus: 500, stale: false, timings: { connect: 1 } },
      ]);
      expect(detail?.endpoint?.id).toBe(endpoint.id);
      await release(held, { dueAt: START + 5000, state: { ...CALM, failingSince: START } });
      expect(await lease(store, GATE)).toEqual([]);
      opened.clock.now = START + 5000;
      expect(only(await lease(store, GATE)).state.failingSince).toBe(START);
    });

    test('the fence: after a takeover the old holder settles, renews and releases nothing; its attempt is kept, marked stale', async () => {
      await addEndpoint(store, await prepare(store));
      await publish(store, event());
      const old = only(await lease(store, GATE, { holder: 'old', leaseMs: 1000 }));
      const seq = await onlySeq(old);
      opened.clock.now += 1000;
      const taken = only(await lease(store, GATE, { holder: 'new' }));
      expect(taken).toMatchObject({ takenOver: true, lease: { fence: old.lease.fence + 1 } });
      const settlement = { lease: old.lease, attempts: [attempt(seq, { status: 'succeeded' })], state: CALM, disable: 'gone' as const };
      expect(await store.lanes.settle([settlement])).toEqual(['stale']);
      expect(await store.lanes.renew({ leases: [old.lease], leaseMs: 1000 })).toEqual([]);
      await release(old);
      expect(await store.lanes.target(old.lease)).toBeNull();
      expect(await store.lanes.target(taken.lease)).not.toBeNull();
      const [delivery] = (await store.deliveries.list('sandbox', { ...ALL_DELIVERIES, limit: 10 })).data;
      expect(delivery).toMatchObject({ status: 'pending', attemptCount: 0 });
      const detail = await store.deliveries.get('sandbox', delivery?.id ?? '');
      expect(detail?.attempts).toMatchObject([{ number: 1, stale: true }]);
      expect(detail?.endpoint?.status).toBe('enabled');
      // That of the new holder counts as the delivery's first; shown, both have a number of their own.
      const accepted = attempt(seq, { status: 'succeeded' }, { startedAt: START + 2000 });
      await store.lanes.settle([{ lease: taken.lease, attempts: [accepted], state: CALM, disable: null }]);
      const after = await store.deliveries.get('sandbox', delivery?.id ?? '');
      expect(after?.delivery).toMatchObject({ status: 'succeeded', attemptCount: 1 });
      expect(after?.attempts.map(({ number, stale }) => [number, stale])).toEqual([
        [1, true],
        [2, false],
      ]);
    });

    test('the same holder under a newer fence is another lease', async () => {
      await addEndpoint(store, await prepare(store));
      await publish(store, event());
      const first = only(await lease(store, GATE, { leaseMs: 1000 }));
      opened.clock.now += 1000;
      const second = only(await lease(store, GATE));
      const seq = await onlySeq(second);
      expect(
        await store.lanes.settle([{ lease: first.lease, attempts: [attempt(seq, { status: 'succeeded' })], state: CALM, disable: null }]),
      ).toEqual(['stale']);
    });

    test('renewing prolongs, and tells when something changed behind the cursor', async () => {
      await addEndpoint(store, await prepare(store));
      await publish(store, event());
      const held = only(await lease(store, GATE, { leaseMs: 1000 }));
      expect(await store.lanes.renew({ leases: [held.lease], leaseMs: 5000 })).toEqual([
        { lease: held.lease, leaseUntil: START + 5000, rescan: false },
      ]);
      const [delivery] = (await store.deliveries.list('sandbox', { ...ALL_DELIVERIES, limit: 1 })).data;
      await store.deliveries.retry('sandbox', delivery?.id as never);
      expect(await store.lanes.renew({ leases: [held.lease], leaseMs: 5000 })).toMatchObject([{ rescan: true }]);
      opened.clock.now += 4999;
      expect(await lease(store, GATE, { holder: 'two' })).toEqual([]);
    });

    test('a floor holds a lane back, whatever is due', async () => {
      await addEndpoint(store, await prepare(store));
      await publish(store, event());
      const held = only(await lease(store, GATE));
      await release(held, { dueAt: START, notBefore: START + 7000, state: { ...CALM, retryAfter: START + 7000 } });
      expect(await lease(store, GATE)).toEqual([]);
      expect((await store.lanes.upcoming()).dueAt).toBe(START + 7000);
      opened.clock.now += 7000;
      expect(await lease(store, GATE)).toHaveLength(1);
    });

    test.each<[string, (endpoint: Endpoint, head: Delivery) => Promise<unknown>]>([
      ['a cancel', (_, head) => store.deliveries.cancel('sandbox', head.id)],
      ['another ordering', (endpoint) => store.endpoints.update('sandbox', endpoint.id, { ordering: 'none' })],
    ])('what was asked for by hand, and stood behind another until %s, waits for no floor', async (_, free) => {
      const endpoint = await addEndpoint(store, await prepare(store));
      await publish(store, event({ orderingKey: 'a' }), event({ orderingKey: 'a' }));
      const [second, head] = (await store.deliveries.list('sandbox', { ...ALL_DELIVERIES, limit: 2 })).data as [Delivery, Delivery];
      await store.deliveries.retry('sandbox', second.id);
      const held = only(await lease(store, GATE));
      await release(held, { dueAt: START + 5000, notBefore: START + 7000, state: { ...CALM, retryAfter: START + 7000 } });
      expect(await lease(store, GATE)).toEqual([]);
      await free(endpoint, head);
      expect((await scan(only(await lease(store, GATE)))).deliveries[0]).toMatchObject({ orderingKey: 'a', byHand: true });
    });

    test('paused and disabled endpoints are not leased; their deliveries wait and go when they are enabled again', async () => {
      const endpoint = await addEndpoint(store, await prepare(store));
      await store.endpoints.update('sandbox', endpoint.id, { status: 'paused' });
      expect(await publish(store, event())).toMatchObject([{ deliveries: 1 }]);
      expect(await lease(store, GATE)).toEqual([]);
      await store.endpoints.update('sandbox', endpoint.id, { status: 'enabled' });
      const held = only(await lease(store, GATE));
      const seq = await onlySeq(held);
      const { lease: own, state } = held;
      const attempts = [attempt(seq, { status: 'failed', reason: 'endpoint_gone' }, { epoch: state.epoch })];
      await store.lanes.settle([{ lease: own, attempts, state, disable: 'gone' }]);
      await release(held, { dueAt: START });
      expect(await store.endpoints.get('sandbox', endpoint.id)).toMatchObject({ status: 'disabled', disabledReason: 'gone' });
      expect(await lease(store, GATE)).toEqual([]);
    });

    test('dispatch now opens the gate of one endpoint, or of an environment, up to now', async () => {
      const application = await prepare(store);
      const endpoint = await addEndpoint(store, application);
      await addEndpoint(store, application);
      await publish(store, event());
      expect(await store.endpoints.open('sandbox', endpoint.id)).toEqual({ pending: 1, openedAt: START });
      const held = only(await lease(store, START - 1));
      expect(held).toMatchObject({ openedAt: START, target: { endpoint: { id: endpoint.id } } });
      expect((await store.environments.open('sandbox')).openedAt).toBe(START);
      expect(await lease(store, START - 1)).toHaveLength(1);
    });

    test('canceled while its request was out: that stands, and the attempt counts', async () => {
      await addEndpoint(store, await prepare(store));
      await publish(store, event());
      const held = only(await lease(store, GATE));
      const seq = await onlySeq(held);
      const [delivery] = (await store.deliveries.list('sandbox', { ...ALL_DELIVERIES, limit: 1 })).data;
      await store.deliveries.cancel('sandbox', delivery?.id as never);
      expect(await store.lanes.bodies([seq])).toEqual([]);
      await store.lanes.settle([{ lease: held.lease, attempts: [attempt(seq, { status: 'succeeded' })], state: CALM, disable: null }]);
      expect((await store.deliveries.list('sandbox', { ...ALL_DELIVERIES, limit: 1 })).data).toMatchObject([
        { status: 'canceled', reason: 'canceled_by_hand', attemptCount: 1 },
      ]);
    });

    test('re-sent after its end, a delivery is late and due at once', async () => {
      await addEndpoint(store, await prepare(store));
      await publish(store, event({ orderingKey: 'a' }));
      const held = only(await lease(store, GATE));
      const seq = await onlySeq(held);
      await store.lanes.settle([
        { lease: held.lease, attempts: [attempt(seq, { status: 'failed', reason: 'attempts_exhausted' })], state: CALM, disable: null },
      ]);
      await release(held);
      const [delivery] = (await store.deliveries.list('sandbox', { ...ALL_DELIVERIES, limit: 1 })).data;
      expect(await store.deliveries.retry('sandbox', delivery?.id as never)).toMatchObject({ status: 'pending', late: true, reason: null });
      const again = only(await lease(store, 0));
      expect((await scan(again)).deliveries).toMatchObject([{ seq, late: true, failures: 0, dueAt: START }]);
      expect(await store.lanes.bodies([seq])).toMatchObject([{ seq, late: true }]);
    });

    test('deleting an endpoint cancels what waits', async () => {
      const endpoint = await addEndpoint(store, await prepare(store));
      await publish(store, ...Array.from({ length: 50 }, () => event()));
      expect(await store.endpoints.delete('sandbox', endpoint.id)).toBe(true);
      const { data } = await store.deliveries.list('sandbox', { ...ALL_DELIVERIES, limit: 100 });
      expect(new Set(data.map(({ status, reason }) => `${status} ${reason}`))).toEqual(new Set(['canceled endpoint_deleted']));
      expect(await lease(store, GATE)).toEqual([]);
      expect(await store.deliveries.retry('sandbox', data[0]?.id as never)).toBe('endpoint_deleted');
    });

    test('a restart voids leases: what was held is due at once', async () => {
      await addEndpoint(store, await prepare(store));
      await publish(store, event());
      only(await lease(store, GATE, { leaseMs: 3_600_000 }));
      expect(await lease(store, GATE, { holder: 'two' })).toEqual([]);
      store = await opened.reopen();
      expect(await lease(store, 0, { holder: 'two' })).toHaveLength(1);
    });

    test('an endpoint may override the cadence: its lane is in a group of its own', async () => {
      const application = await prepare(store);
      await addEndpoint(store, application);
      await addEndpoint(store, application, { cadence: 'immediate' });
      await publish(store, event());
      const { groups } = await store.lanes.outlook();
      expect(groups.map(({ group, cadence }) => [group, cadence])).toEqual([
        ['sandbox:', 'every 5m'],
        ['sandbox:immediate', 'immediate'],
      ]);
      expect([...(await store.lanes.upcoming()).firsts]).toEqual([
        ['sandbox:', START],
        ['sandbox:immediate', START],
      ]);
    });
  });
}
