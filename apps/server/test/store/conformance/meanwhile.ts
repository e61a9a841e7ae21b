/** Settles of attempts that are overtaken by what people did meanwhile, and that their dispatcher has not heard of. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Delivery, Endpoint, LaneState, LeasedLane, ScannedDelivery, SettledAttempt, Store } from '../../../src/store/store.ts';
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

const FAILED = { status: 'failed', reason: 'attempts_exhausted' } as const;
const RETRY = { status: 'pending', failures: 1, dueAt: START + 5_000 } as const;

export function meanwhileConformance(open: OpenStore): void {
  describe('meanwhile', () => {
    let opened: OpenedStore;
    let store: Store;
    let endpoint: Endpoint;
    let held: LeasedLane;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
      endpoint = await addEndpoint(store, await prepare(store));
      await publish(store, event());
      const [lane] = await lease(store, START);
      if (lane === undefined) throw new Error('nothing was leased');
      held = lane;
      // What follows comes after the publish.
      opened.clock.now += 10;
    });
    afterEach(() => opened.dispose());

    const scan = async (): Promise<ScannedDelivery[]> => {
      const request = { lane: held.lease.lane, ordering: 'key', after: 0, limit: 100, gate: START } as const;
      return [...(await store.lanes.scan(request)).deliveries];
    };
    const scanned = async (): Promise<ScannedDelivery> => {
      const [delivery] = await scan();
      if (delivery === undefined) throw new Error('nothing is pending');
      return delivery;
    };
    /** Settles an attempt of what was scanned. */
    const settle = (
      { seq, wish, revivedAt }: ScannedDelivery,
      end: SettledAttempt['end'],
      more: Partial<SettledAttempt> & { readonly state?: LaneState; readonly disable?: 'gone' } = {},
    ) => {
      const { state = CALM, disable = null, ...rest } = more;
      return store.lanes.settle([{ lease: held.lease, attempts: [attempt(seq, end, { wish, revivedAt, ...rest })], state, disable }]);
    };
    const delivery = async (): Promise<Delivery> => (await store.deliveries.list('sandbox', ALL_DELIVERIES)).data[0] as Delivery;
    const retry = async () => store.deliveries.retry('sandbox', (await delivery()).id);
    const cancel = async () => store.deliveries.cancel('sandbox', (await delivery()).id);
    const kinds = async () => (await store.notices.waiting(100)).map(({ kind }) => kind);

    test.each(['another URL', 'enabled again'])('%s: an outcome from before says nothing of the endpoint', async (change) => {
      const out = await scanned();
      if (change === 'another URL') await store.endpoints.update('sandbox', endpoint.id, { url: 'https://example.com/new' });
      else for (const status of ['paused', 'enabled'] as const) await store.endpoints.update('sandbox', endpoint.id, { status });
      const gone = { status: 'failed', reason: 'endpoint_gone' } as const;
      const state = { ...CALM, failures: 1, failingSince: START, lastFailure: 'status 410' };
      const notices = ['delivery.failed', 'endpoint.disabled'] as const;
      expect(await settle(out, gone, { state, disable: 'gone', notices })).toEqual(['look_anew']);
      expect(await store.endpoints.get('sandbox', endpoint.id)).toMatchObject({
        status: 'enabled',
        disabledReason: null,
        health: { failures: 0, failingSince: null },
      });
      // It is for what the endpoint is now to say whether that is gone.
      expect(await scan()).toMatchObject([{ failures: 1, attemptCount: 1 }]);
      expect(await kinds()).toEqual([]);
    });

    test('a 410 of the endpoint as it is disables it', async () => {
      const out = await scanned();
      const gone = { status: 'failed', reason: 'endpoint_gone' } as const;
      const notices = ['delivery.failed', 'endpoint.disabled'] as const;
      expect(await settle(out, gone, { disable: 'gone', notices })).toEqual(['settled']);
      expect((await store.endpoints.get('sandbox', endpoint.id))?.disabledReason).toBe('gone');
      expect(await delivery()).toMatchObject({ status: 'failed', reason: 'endpoint_gone' });
      expect(await kinds()).toEqual(notices);
    });

    test.each([FAILED, RETRY])('re-sent while out: $status, the attempt only counts', async (end) => {
      const out = await scanned();
      await cancel();
      opened.clock.now += 10;
      await retry();
      const before = await scanned();
      expect(before).toMatchObject({ byHand: true, resent: true, late: true, failures: 0, dueAt: START + 20, revivedAt: START + 20 });
      expect(await settle(out, end, { notices: end === FAILED ? ['delivery.failed'] : [] })).toEqual(['look_anew']);
      expect(await scan()).toEqual([{ ...before, attemptCount: 1 }]);
      expect((await store.deliveries.get('sandbox', (await delivery()).id))?.attempts).toMatchObject([{ number: 1, stale: false }]);
      expect(await kinds()).toEqual([]);
      // Its own attempt ends it.
      expect(await settle(before, FAILED)).toEqual(['settled']);
      expect(await delivery()).toMatchObject({ status: 'failed', attemptCount: 2 });
    });

    test('re-sent twice while out, it is not the same either', async () => {
      await cancel();
      await retry();
      const out = await scanned();
      opened.clock.now += 10;
      await cancel();
      await retry();
      expect(await settle(out, FAILED)).toEqual(['look_anew']);
      expect(await scanned()).toMatchObject({ resent: true, failures: 0, attemptCount: 1 });
    });

    test('re-sent while out and accepted: it has succeeded', async () => {
      const out = await scanned();
      await cancel();
      await retry();
      expect(await settle(out, { status: 'succeeded' })).toEqual(['settled']);
      expect(await delivery()).toMatchObject({ status: 'succeeded', attemptCount: 1 });
      expect(await scan()).toEqual([]);
    });

    test('asked for by hand during the last attempt: it stays, and goes by hand', async () => {
      const out = await scanned();
      await retry();
      const settlement = { ...attempt(out.seq, FAILED, { notices: ['delivery.failed'] }) };
      const batch = [{ lease: held.lease, attempts: [settlement], state: CALM, disable: null }];
      expect(await store.lanes.settle(batch)).toEqual(['look_anew']);
      // A repeat changes nothing, and says the same.
      expect(await store.lanes.settle(batch)).toEqual(['look_anew']);
      expect(await scan()).toMatchObject([{ byHand: true, resent: false, failures: 1, attemptCount: 1, dueAt: START }]);
      expect(await kinds()).toEqual([]);
      expect(await settle(await scanned(), FAILED, { notices: ['delivery.failed'] })).toEqual(['settled']);
      expect(await delivery()).toMatchObject({ status: 'failed', attemptCount: 2 });
      expect(await kinds()).toEqual(['delivery.failed']);
    });

    test('asked for by hand again while the first is out: the second stands', async () => {
      await retry();
      const first = await scanned();
      expect(first).toMatchObject({ byHand: true, resent: false });
      await retry();
      expect(await settle(first, { status: 'pending', failures: 0, dueAt: null })).toEqual(['settled']);
      const second = await scanned();
      expect(second).toMatchObject({ byHand: true, resent: false, attemptCount: 1 });
      await settle(second, { status: 'pending', failures: 0, dueAt: null });
      expect(await scanned()).toMatchObject({ byHand: false, attemptCount: 2 });
    });

    test('asked for by hand again while it is re-sent: the second goes beside the new series', async () => {
      await cancel();
      await retry();
      const first = await scanned();
      await retry();
      expect(await scanned()).toMatchObject({ byHand: true, resent: true });
      expect(await settle(first, RETRY)).toEqual(['settled']);
      expect(await scanned()).toMatchObject({ byHand: true, resent: false, failures: 1, dueAt: START + 5_000 });
    });

    test('each time it is asked for by hand is another', async () => {
      for (let time = 0; time < 3; time += 1) await retry();
      const { wish } = await scanned();
      expect(wish).toBe(5);
      await retry();
      expect((await scanned()).wish).toBe(7);
    });
  });
}
