import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../../src/store/store.ts';
import { ALL_DELIVERIES, addEndpoint, event, type OpenedStore, type OpenStore, prepare, publish, START } from './harness.ts';

export function publishConformance(open: OpenStore): void {
  describe('publish', () => {
    let opened: OpenedStore;
    let store: Store;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.dispose());

    test('renders the body once, with data as it was given, and makes a delivery for each endpoint that wants the type', async () => {
      const application = await prepare(store);
      await addEndpoint(store, application);
      await addEndpoint(store, application, { eventTypes: ['shipment.*'] });
      await addEndpoint(store, application, { eventTypes: ['invoice.paid'] });
      await addEndpoint(store, application, {}, 'production');
      const data = '{ "zero":-0, "big": 12345678901234567890, "e":1E+2, "f":17.0 , "t":"\\u0041é" }';
      const [published] = await publish(store, event({ data, id: 'mine-1' }));
      expect(published).toEqual({
        id: 'mine-1',
        application,
        environment: 'sandbox',
        type: 'shipment.created',
        timestamp: START,
        deliveries: 2,
        dispatchAt: Date.UTC(2026, 10, 23, 10, 5, 0),
      });
      const stored = await store.events.get('sandbox', 'mine-1', application);
      expect(Buffer.from(stored?.body ?? []).toString()).toBe(
        `{"id":"mine-1","type":"shipment.created","timestamp":"2026-11-23T10:00:01.000Z","environment":"sandbox","data":${data}}`,
      );
    });

    test('without an endpoint the event is stored all the same', async () => {
      await prepare(store);
      const [published] = await publish(store, event());
      expect(published).toMatchObject({ deliveries: 0, dispatchAt: null });
      expect(await store.events.get('sandbox', published?.id ?? '', null)).not.toBeNull();
    });

    test('a batch is all or nothing', async () => {
      await prepare(store);
      const result = await store.publish({
        environment: 'sandbox',
        idempotency: null,
        events: [event({ id: 'a' }), event({ application: 'nobody' })],
      });
      expect(result).toEqual({ kind: 'unknown_application', index: 1 });
      expect(await store.events.get('sandbox', 'a', null)).toBeNull();
    });

    test('a repeated id answers the first result; with other content it is a conflict', async () => {
      const application = await prepare(store);
      await addEndpoint(store, application);
      const [first] = await publish(store, event({ id: 'a' }));
      opened.clock.now += 60_000;
      expect(await store.publish({ environment: 'sandbox', events: [event({ id: 'a' })], idempotency: null })).toEqual({
        kind: 'published',
        events: [first],
        repeated: true,
      });
      for (const other of [{ data: '{"n":17}' }, { type: 'shipment.cancelled' }, { orderingKey: 'k' }]) {
        expect(await store.publish({ environment: 'sandbox', events: [event({ id: 'a', ...other })], idempotency: null })).toEqual({
          kind: 'id_conflict',
          index: 0,
        });
      }
      const { data } = await store.deliveries.list('sandbox', { ...ALL_DELIVERIES, limit: 10 });
      expect(data).toHaveLength(1);
      // The same id in the other environment is another event.
      expect(await store.publish({ environment: 'production', events: [event({ id: 'a' })], idempotency: null })).toMatchObject({
        repeated: false,
      });
    });

    test('requests that share a transaction: one idempotency key twice, and one refused between them', async () => {
      const application = await prepare(store);
      await addEndpoint(store, application);
      const idempotency = { scope: 's', key: 'k', fingerprint: 'f' };
      const [one, refused, two, other] = await Promise.all([
        store.publish({ environment: 'sandbox', events: [event()], idempotency }),
        store.publish({ environment: 'sandbox', events: [event({ id: 'x' }), event({ application: 'nobody' })], idempotency: null }),
        store.publish({ environment: 'sandbox', events: [event()], idempotency }),
        store.publish({ environment: 'sandbox', events: [event()], idempotency: { ...idempotency, fingerprint: 'g' } }),
      ]);
      expect(one).toMatchObject({ kind: 'published', repeated: false });
      expect(refused).toEqual({ kind: 'unknown_application', index: 1 });
      expect(two).toEqual({ ...one, repeated: true });
      expect(other).toEqual({ kind: 'idempotency_conflict' });
      expect((await store.deliveries.list('sandbox', { ...ALL_DELIVERIES, limit: 10 })).data).toHaveLength(1);
      expect(await store.events.get('sandbox', 'x', null)).toBeNull();
    });

    test('an idempotency key is forgotten after 24 hours', async () => {
      await prepare(store);
      const request = { environment: 'sandbox' as const, events: [event()], idempotency: { scope: 's', key: 'k', fingerprint: 'f' } };
      await store.publish(request);
      opened.clock.now += 24 * 3_600_000 - 1;
      expect(await store.publish(request)).toMatchObject({ repeated: true });
      opened.clock.now += 1;
      expect(await store.publish(request)).toMatchObject({ repeated: false });
    });

    test('what was published is there after a restart', async () => {
      await prepare(store);
      await publish(store, event({ id: 'kept' }));
      store = await opened.reopen();
      expect(await store.events.get('sandbox', 'kept', null)).toMatchObject({ id: 'kept' });
    });
  });
}
