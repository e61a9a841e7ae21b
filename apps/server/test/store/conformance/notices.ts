/** The outbox of what people are to be told. */
import type { ApplicationId } from '@posthorn/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NoticeKind, SettledAttempt, Store } from '../../../src/store/store.ts';
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

const EXHAUSTED = { status: 'failed', reason: 'attempts_exhausted' } as const;
const RETRY = { status: 'pending', failures: 1, dueAt: START } as const;
const SICK = { ...CALM, failingSince: START - 9_000, failures: 21, lastFailure: 'status 500' };

export function noticesConformance(open: OpenStore): void {
  describe('notices', () => {
    let opened: OpenedStore;
    let store: Store;
    let acme: ApplicationId;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
      acme = await prepare(store);
    });
    afterEach(() => opened.dispose());

    /** Publishes and leases as many as there are ends, and settles each with its notices. */
    const settle = async (...ends: readonly [SettledAttempt['end'], readonly NoticeKind[]][]) => {
      await publish(store, ...ends.map(() => event()));
      const [held] = await lease(store, opened.clock.now);
      if (held === undefined) throw new Error('nothing was leased');
      const { deliveries } = await store.lanes.scan({
        lane: held.lease.lane,
        ordering: 'key',
        after: 0,
        limit: 100,
        gate: opened.clock.now,
      });
      const { epoch } = held.state;
      const attempts = ends.map(([end, notices], index) => attempt(deliveries.at(index - ends.length)?.seq ?? 0, end, { notices, epoch }));
      const batch = [{ lease: held.lease, attempts, state: SICK, disable: null }];
      await store.lanes.settle(batch);
      // A repeat tells nothing twice.
      await store.lanes.settle(batch);
      await store.lanes.release([{ lease: held.lease, firstAt: null, dueAt: null, notBefore: 0, state: SICK }]);
    };
    const kinds = async () => (await store.notices.waiting(100)).map(({ kind }) => kind);

    test('come with what they are about, oldest first, until they are handled; over a restart too', async () => {
      const endpoint = await addEndpoint(store, acme, { description: 'Orders' });
      await settle([EXHAUSTED, ['delivery.failed']], [RETRY, ['endpoint.failing']]);
      store = await opened.reopen();
      const [delivery] = (await store.deliveries.list('sandbox', { ...ALL_DELIVERIES, status: 'failed' })).data;
      const waiting = await store.notices.waiting(100);
      const about = {
        environment: 'sandbox',
        application: { id: acme, uid: 'acme', name: 'Acme' },
        endpoint: { id: endpoint.id, url: endpoint.url, description: 'Orders' },
        at: START,
      };
      expect(waiting).toEqual([
        {
          ...about,
          id: expect.stringMatching(/^ntc_[0-9a-z]{26}_delivery_failed$/),
          kind: 'delivery.failed',
          delivery: {
            id: delivery?.id,
            event: delivery?.event,
            eventType: 'shipment.created',
            orderingKey: null,
            attemptCount: 1,
            publishedAt: START,
          },
          detail: { reason: 'attempts_exhausted', lastFailure: 'status 500', failingSince: null, failures: null },
        },
        {
          ...about,
          id: expect.stringMatching(/^ntc_[0-9a-z]{26}_endpoint_failing$/),
          kind: 'endpoint.failing',
          delivery: null,
          detail: { reason: null, lastFailure: 'status 500', failingSince: START - 9_000, failures: 21 },
        },
      ]);
      expect(await store.notices.waiting(1)).toEqual(waiting.slice(0, 1));
      await store.notices.handled([{ id: waiting[0]?.id ?? '', mailAt: null }]);
      expect(await kinds()).toEqual(['endpoint.failing']);
    });

    test('tell the same of an endpoint once, however many attempts fail with it', async () => {
      const { id } = await addEndpoint(store, acme);
      await settle([RETRY, ['endpoint.failing']], [RETRY, ['endpoint.disabled']], [EXHAUSTED, ['delivery.failed', 'endpoint.disabled']]);
      expect(await kinds()).toEqual(['endpoint.failing', 'endpoint.disabled', 'delivery.failed']);
      await settle([RETRY, ['endpoint.disabled']]);
      expect(await kinds()).toHaveLength(3);
      // Enabled by its owner and disabled again: that is news.
      await store.endpoints.update('sandbox', id, { status: 'paused' });
      await store.endpoints.update('sandbox', id, { status: 'enabled' });
      await settle([RETRY, ['endpoint.disabled']]);
      expect(await kinds()).toHaveLength(4);
      await settle([{ status: 'succeeded' }, ['endpoint.recovered']]);
      expect((await kinds()).at(-1)).toBe('endpoint.recovered');
    });

    test('of a delivery that was canceled while its last attempt was out: none', async () => {
      await addEndpoint(store, acme);
      await publish(store, event());
      const [held] = await lease(store, START);
      const { deliveries } = await store.lanes.scan({ lane: held?.lease.lane ?? 0, ordering: 'key', after: 0, limit: 1, gate: START });
      const [delivery] = (await store.deliveries.list('sandbox', ALL_DELIVERIES)).data;
      await store.deliveries.cancel('sandbox', delivery?.id as never);
      const attempts = [attempt(deliveries[0]?.seq ?? 0, EXHAUSTED, { notices: ['delivery.failed'] })];
      await store.lanes.settle([{ lease: held?.lease as never, attempts, state: SICK, disable: null }]);
      expect(await kinds()).toEqual([]);
    });

    test('are hinted', async () => {
      await addEndpoint(store, acme);
      const hints: string[] = [];
      store.subscribe((hint) => hints.push(hint.kind));
      await settle([RETRY, []]);
      expect(hints).not.toContain('notice');
      await settle([RETRY, ['endpoint.failing']]);
      expect(hints).toContain('notice');
    });

    test('a mail is taken once, when it is due; who could not be reached is tried again later', async () => {
      await addEndpoint(store, acme);
      await settle([RETRY, ['endpoint.failing']], [RETRY, ['endpoint.disabled']]);
      const [failing, disabled] = await store.notices.waiting(2);
      if (failing === undefined || disabled === undefined) throw new Error('there are two');
      expect(await store.notices.nextMailAt()).toBeNull();
      await store.notices.handled([
        { id: failing.id, mailAt: START },
        { id: disabled.id, mailAt: START + 5 },
      ]);
      // Handled by another process as well: what it takes is not due once more.
      expect(await store.notices.takeMails(10)).toEqual([{ notice: failing, to: null, tries: 0 }]);
      await store.notices.handled([{ id: failing.id, mailAt: START }]);
      expect(await store.notices.takeMails(10)).toEqual([]);
      expect(await store.notices.nextMailAt()).toBe(START + 5);
      await store.notices.mailLater(failing.id, { to: ['b@example.com'], at: START + 7, tries: 1 });
      store = await opened.reopen();
      opened.clock.now = START + 7;
      expect(await store.notices.takeMails(10)).toEqual([
        { notice: disabled, to: null, tries: 0 },
        { notice: failing, to: ['b@example.com'], tries: 1 },
      ]);
      expect(await store.notices.nextMailAt()).toBeNull();
    });
  });
}
