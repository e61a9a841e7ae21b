/** Events, deliveries and environments: what people read, and what they do by hand. */
import type { DeliveryId } from '@posthorn/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Delivery,
  type DeliveryFilter,
  InvalidCursor,
  type LeasedLane,
  type Store,
  type StoreHint,
} from '../../../src/store/store.ts';
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

const NOTHING = 'dlv_00000000000000000000000000' as DeliveryId;
const EVENTS = { application: null, type: null, orderingKey: null, since: null, until: null, cursor: null, limit: 100 };
const HOUR = 3_600_000;
const NEXT_TICK = Date.UTC(2026, 10, 23, 10, 5, 0);

export function deliveriesConformance(open: OpenStore): void {
  let opened: OpenedStore;
  let store: Store;
  beforeEach(async () => {
    opened = await open();
    store = opened.store;
  });
  afterEach(() => opened.dispose());

  const list = async (filter: Partial<DeliveryFilter> = {}): Promise<Delivery[]> =>
    (await store.deliveries.list('sandbox', { ...ALL_DELIVERIES, ...filter })).data;
  const only = async (filter: Partial<DeliveryFilter> = {}): Promise<Delivery> => {
    const [first, ...more] = await list(filter);
    expect(more).toEqual([]);
    if (first === undefined) throw new Error('there is no delivery');
    return first;
  };
  const leaseOne = async (gate = START): Promise<LeasedLane> => {
    const [lane] = await lease(store, gate);
    if (lane === undefined) throw new Error('nothing was leased');
    return lane;
  };
  const scan = async ({ lease: { lane }, target }: LeasedLane) =>
    (await store.lanes.scan({ lane, ordering: target.endpoint.ordering, after: 0, limit: 100, gate: START })).deliveries;
  /** Leases the one lane, ends its first delivery as told and releases it. */
  const settleFirst = async (end: Parameters<typeof attempt>[1]): Promise<void> => {
    const held = await leaseOne();
    const [first] = await scan(held);
    await store.lanes.settle([{ lease: held.lease, attempts: [attempt(first?.seq ?? 0, end)], state: CALM, disable: null }]);
    await store.lanes.release([
      { lease: held.lease, firstAt: null, dueAt: end.status === 'pending' ? end.dueAt : null, notBefore: 0, state: CALM },
    ]);
  };
  const hintsDuring = async (work: () => Promise<unknown>): Promise<string[]> => {
    const hints: StoreHint[] = [];
    const end = store.subscribe((hint) => hints.push(hint));
    await work();
    end();
    return hints.map(({ kind }) => kind);
  };

  describe('lists', () => {
    test('of deliveries are newest first, page by page, whatever comes meanwhile', async () => {
      await addEndpoint(store, await prepare(store));
      // Two of an instant, so that the instant alone does not order them.
      for (let at = 0; at < 3; at++) {
        await publish(store, event({ id: `${at}a` }), event({ id: `${at}b` }));
        opened.clock.now += 1;
      }
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const page: Awaited<ReturnType<Store['deliveries']['list']>> = await store.deliveries.list('sandbox', {
          ...ALL_DELIVERIES,
          limit: 4,
          cursor,
        });
        seen.push(...page.data.map(({ event: id }) => id));
        cursor = page.nextCursor;
        await publish(store, event({ id: `later${seen.length}` }));
      } while (cursor !== null);
      expect(seen).toEqual(['2b', '2a', '1b', '1a', '0b', '0a']);
      expect((await store.events.list('sandbox', { ...EVENTS, until: START + 2, limit: 3 })).data.map(({ id }) => id)).toEqual([
        '1b',
        '1a',
        '0b',
      ]);
    });

    test.each([{ orderingKey: 'k' }, { event: 'same' }, { status: 'pending' as const }, {}])(
      'filtered by %o give every delivery once over their pages',
      async (filter) => {
        const application = await prepare(store);
        for (let at = 0; at < 3; at++) await addEndpoint(store, application);
        await publish(store, event({ id: 'same', orderingKey: 'k' }), event({ id: 'next', orderingKey: 'k' }));
        opened.clock.now += 1;
        await publish(store, event({ id: 'last', orderingKey: 'k' }));
        const whole = await list(filter);
        expect(whole.map(({ createdAt }) => createdAt)).toEqual(whole.map(({ createdAt }) => createdAt).toSorted((a, b) => b - a));
        const seen: Delivery[] = [];
        let cursor: string | null = null;
        do {
          const page: Awaited<ReturnType<Store['deliveries']['list']>> = await store.deliveries.list('sandbox', {
            ...ALL_DELIVERIES,
            ...filter,
            limit: 2,
            cursor,
          });
          seen.push(...page.data);
          // A cursor that does not move on would go round for ever, and no timeout would come in between.
          expect(seen.length).toBeLessThanOrEqual(whole.length);
          cursor = page.nextCursor;
        } while (cursor !== null);
        expect(seen).toEqual(whole);
        expect(seen).toHaveLength('event' in filter ? 3 : 9);
      },
    );

    test('take each filter, and all of them together', async () => {
      const application = await prepare(store);
      const { application: other } = await store.applications.upsert({ uid: 'other', name: 'Other' });
      const one = await addEndpoint(store, application);
      const two = await addEndpoint(store, application, { eventTypes: ['b'] });
      await addEndpoint(store, other.id);
      await publish(store, event({ id: 'first', type: 'a', orderingKey: 'k' }));
      opened.clock.now += 1;
      await publish(store, event({ id: 'second', type: 'b', orderingKey: 'k' }));
      opened.clock.now += 1;
      await publish(store, event({ id: 'first', application: 'other', type: 'a', orderingKey: 'l' }));
      const ids = async (filter: Partial<DeliveryFilter>): Promise<string[]> =>
        (await list(filter)).map(({ event: id, endpoint }) => (endpoint === two.id ? `${id}*` : id));
      const everything = ['first', 'second*', 'second', 'first'];
      expect(await ids({})).toEqual(everything);
      expect(await ids({ application })).toEqual(everything.slice(1));
      expect(await ids({ endpoint: one.id })).toEqual(['second', 'first']);
      expect(await ids({ event: 'second' })).toEqual(['second*', 'second']);
      expect(await ids({ event: 'first' })).toEqual(['first', 'first']);
      expect(await ids({ event: 'first', application })).toEqual(['first']);
      expect(await ids({ orderingKey: 'k' })).toEqual(everything.slice(1));
      expect(await ids({ orderingKey: 'k', endpoint: two.id })).toEqual(['second*']);
      expect(await ids({ orderingKey: 'none' })).toEqual([]);
      expect(await ids({ since: START + 1 })).toEqual(everything.slice(0, 3));
      expect(await ids({ until: START + 1 })).toEqual(['first']);
      expect(await ids({ application: other.id, endpoint: one.id })).toEqual([]);
      const chosen = (await list({ endpoint: one.id, event: 'second' }))[0]?.id ?? NOTHING;
      await store.deliveries.cancel('sandbox', chosen);
      expect(await ids({ status: 'canceled' })).toEqual(['second']);
      expect(await ids({ status: 'pending' })).toEqual(['first', 'second*', 'first']);
      expect(await ids({ status: 'pending', endpoint: one.id })).toEqual(['first']);
      expect(await ids({ status: 'failed' })).toEqual([]);
      const all = {
        application,
        endpoint: one.id,
        event: 'second',
        status: 'canceled' as const,
        orderingKey: 'k',
        since: START + 1,
        until: START + 2,
      };
      expect(await ids(all)).toEqual(['second']);
      for (const other of [
        { status: 'failed' as const },
        { orderingKey: 'l' },
        { since: START + 2 },
        { until: START + 1 },
        { event: 'first' },
      ]) {
        expect(await ids({ ...all, ...other })).toEqual([]);
      }
      expect((await store.deliveries.list('production', ALL_DELIVERIES)).data).toEqual([]);
    });

    test('of events take each filter', async () => {
      const application = await prepare(store);
      await store.applications.upsert({ uid: 'other', name: 'Other' });
      await publish(store, event({ id: 'first', type: 'a', orderingKey: 'k' }));
      opened.clock.now += 1;
      await publish(
        store,
        event({ id: 'second', type: 'b', orderingKey: 'k' }),
        event({ id: 'theirs', type: 'b', application: 'other', orderingKey: 'k' }),
      );
      const ids = async (filter: object): Promise<string[]> =>
        (await store.events.list('sandbox', { ...EVENTS, ...filter })).data.map(({ id }) => id);
      expect(await ids({})).toEqual(['theirs', 'second', 'first']);
      expect(await ids({ application })).toEqual(['second', 'first']);
      expect(await ids({ type: 'b' })).toEqual(['theirs', 'second']);
      expect(await ids({ orderingKey: 'k', application })).toEqual(['second', 'first']);
      expect(await ids({ since: START + 1 })).toEqual(['theirs', 'second']);
      expect(await ids({ until: START + 1 })).toEqual(['first']);
      expect((await store.events.list('production', EVENTS)).data).toEqual([]);
    });

    test('of events give short pages where bodies are large, and all of them in the end', async () => {
      await prepare(store);
      const data = (kilobytes: number): string => JSON.stringify({ text: 'x'.repeat(kilobytes * 1024) });
      for (const kilobytes of [900, 900, 900, 3000, 1, 1]) await publish(store, event({ data: data(kilobytes) }));
      const pages: number[] = [];
      const seen = new Set<string>();
      let cursor: string | null = null;
      do {
        const page: Awaited<ReturnType<Store['events']['list']>> = await store.events.list('sandbox', { ...EVENTS, cursor });
        pages.push(page.data.length);
        for (const { id } of page.data) seen.add(id);
        cursor = page.nextCursor;
      } while (cursor !== null);
      expect([pages, seen.size]).toEqual([[2, 1, 2, 1], 6]);
    });

    test('refuse a cursor that they did not give', async () => {
      await prepare(store);
      for (const cursor of [
        '',
        'x',
        '%',
        Buffer.from('1').toString('base64url'),
        Buffer.from('1.x').toString('base64url'),
        Buffer.from('1.2.3').toString('base64url'),
      ]) {
        await expect(store.deliveries.list('sandbox', { ...ALL_DELIVERIES, cursor })).rejects.toThrow(InvalidCursor);
        await expect(store.events.list('sandbox', { ...EVENTS, cursor })).rejects.toThrow(InvalidCursor);
      }
    });
  });

  describe('events', () => {
    test('an id is looked for in one application, or the newest in all', async () => {
      const application = await prepare(store);
      const { application: other } = await store.applications.upsert({ uid: 'other', name: 'Other' });
      await publish(store, event({ id: 'same' }));
      await publish(store, event({ id: 'same', application: 'other' }));
      expect(await store.events.get('sandbox', 'same', application)).toMatchObject({ application });
      expect(await store.events.get('sandbox', 'same', null)).toMatchObject({ application: other.id });
      expect(await store.events.get('production', 'same', null)).toBeNull();
    });
  });

  describe('deliveries', () => {
    test('a pending one says when it goes: its tick, at once when opened, or its retry', async () => {
      const endpoint = await addEndpoint(store, await prepare(store));
      await publish(store, event({ id: 'e' }));
      const first = await only();
      expect(first).toEqual({
        id: first.id,
        event: 'e',
        eventType: 'shipment.created',
        endpoint: endpoint.id,
        application: endpoint.application,
        environment: 'sandbox',
        status: 'pending',
        reason: null,
        orderingKey: null,
        attemptCount: 0,
        nextAttemptAt: NEXT_TICK,
        late: false,
        createdAt: START,
      });
      await store.endpoints.update('sandbox', endpoint.id, { cadence: 'every 10s' });
      expect((await only()).nextAttemptAt).toBe(START + 9_000);
      await store.endpoints.open('sandbox', endpoint.id);
      expect((await only()).nextAttemptAt).toBeLessThanOrEqual(START);
      await settleFirst({ status: 'pending', failures: 1, dueAt: START + HOUR });
      expect(await only()).toMatchObject({ status: 'pending', attemptCount: 1, nextAttemptAt: START + HOUR });
      // By hand it goes now, whatever its schedule says.
      expect((await store.deliveries.retry('sandbox', first.id)) as Delivery).toMatchObject({ status: 'pending', late: false });
      expect((await only()).nextAttemptAt).toBeLessThanOrEqual(START);
    });

    test('one shows its attempts in order, and where it stands', async () => {
      const endpoint = await addEndpoint(store, await prepare(store));
      await publish(store, event());
      await settleFirst({ status: 'pending', failures: 1, dueAt: START });
      await settleFirst({ status: 'succeeded' });
      const { id } = await only({ status: 'succeeded' });
      const detail = await store.deliveries.get('sandbox', id);
      expect(detail).toMatchObject({
        delivery: { status: 'succeeded', reason: null, attemptCount: 2, nextAttemptAt: null },
        attempts: [
          {
            number: 1,
            status: 'failed',
            error: 'http_status',
            responseStatus: 500,
            responseHeaders: { 'content-type': 'text/plain' },
            stale: false,
          },
          {
            number: 2,
            status: 'succeeded',
            error: null,
            responseStatus: 200,
            timings: { dns: null, connect: 1, tls: null, first_byte: 10, body: 0 },
          },
        ],
        endpoint,
        behind: null,
        byHand: false,
        lane: { openedAt: 0, rateAt: 0 },
        environment: { environment: 'sandbox', cadence: 'every 5m' },
      });
      expect(Buffer.from(detail?.attempts[0]?.responseBody ?? []).toString()).toBe('body');
      expect(await store.deliveries.get('production', id)).toBeNull();
      expect(await store.deliveries.get('sandbox', NOTHING)).toBeNull();
    });

    test('one with attempts without end shows the last hundred, numbered as they were made', async () => {
      await addEndpoint(store, await prepare(store));
      await publish(store, event());
      const held = await leaseOne();
      const [first] = await scan(held);
      const end = { status: 'pending', failures: 1, dueAt: START } as const;
      const attempts = Array.from({ length: 105 }, (_, index) => attempt(first?.seq ?? 0, end, { startedAt: START + index }));
      for (const one of attempts) await store.lanes.settle([{ lease: held.lease, attempts: [one], state: CALM, disable: null }]);
      const shown = (await store.deliveries.get('sandbox', (await only()).id))?.attempts ?? [];
      expect(shown.map(({ id }) => id)).toEqual(attempts.slice(5).map(({ attemptId }) => attemptId));
      expect([shown[0]?.number, shown.at(-1)?.number]).toEqual([6, 105]);
    });

    test.each([
      { ordering: 'key' as const, behind: [null, null, 0, 1, null] },
      { ordering: 'strict' as const, behind: [null, 0, 0, 0, 0] },
      { ordering: 'none' as const, behind: [null, null, null, null, null] },
    ])('with the ordering $ordering one says behind which other it waits', async ({ ordering, behind }) => {
      await addEndpoint(store, await prepare(store), { ordering });
      await publish(store, ...['a', 'b', 'a', 'b', null].map((orderingKey) => event({ orderingKey })));
      const inOrder = (await list()).toReversed();
      const seen = [];
      for (const { id } of inOrder) {
        const ahead = (await store.deliveries.get('sandbox', id))?.behind ?? null;
        seen.push(ahead === null ? null : inOrder.findIndex((delivery) => delivery.id === ahead));
      }
      expect(seen).toEqual(behind);
    });

    test('one that was sent again after its end neither waits nor holds others up', async () => {
      await addEndpoint(store, await prepare(store));
      await publish(store, event({ orderingKey: 'k' }), event({ orderingKey: 'k' }), event({ orderingKey: 'k' }));
      const [third, second, first] = await list();
      if (first === undefined || second === undefined || third === undefined) throw new Error('there are three');
      await store.deliveries.cancel('sandbox', first.id);
      expect(await store.deliveries.retry('sandbox', first.id)).toMatchObject({ status: 'pending', late: true, reason: null });
      expect((await store.deliveries.get('sandbox', first.id))?.behind).toBeNull();
      expect((await store.deliveries.get('sandbox', second.id))?.behind).toBeNull();
      expect((await store.deliveries.get('sandbox', third.id))?.behind).toBe(second.id);
    });

    test('retried by hand, a pending one goes beside its schedule and wakes its lane', async () => {
      await addEndpoint(store, await prepare(store));
      await publish(store, event());
      await settleFirst({ status: 'pending', failures: 3, dueAt: START + HOUR });
      expect(await lease(store, START)).toEqual([]);
      const { id } = await only();
      expect(await hintsDuring(() => store.deliveries.retry('sandbox', id))).toEqual(['endpoint', 'work']);
      expect(await scan(await leaseOne())).toMatchObject([{ byHand: true, late: false, failures: 3, dueAt: START + HOUR }]);
      expect(await store.deliveries.retry('production', id)).toBeNull();
      expect(await store.deliveries.retry('sandbox', NOTHING)).toBeNull();
    });

    test.each(['succeeded', 'failed'] as const)('retried by hand, one that has %s runs its whole schedule again, late', async (status) => {
      await addEndpoint(store, await prepare(store));
      await publish(store, event());
      await settleFirst(status === 'failed' ? { status, reason: 'attempts_exhausted' } : { status });
      const { id } = await only();
      opened.clock.now += 5;
      expect(await store.deliveries.retry('sandbox', id)).toMatchObject({
        status: 'pending',
        reason: null,
        late: true,
        attemptCount: 1,
        nextAttemptAt: START + 5,
      });
      expect(await scan(await leaseOne())).toMatchObject([{ byHand: true, resent: true, late: true, failures: 0, dueAt: START + 5 }]);
    });

    test('canceled, one lets those behind it go, and stays canceled', async () => {
      await addEndpoint(store, await prepare(store));
      await publish(store, event({ orderingKey: 'k' }), event({ orderingKey: 'k' }));
      await settleFirst({ status: 'pending', failures: 1, dueAt: START + HOUR });
      expect(await lease(store, START)).toEqual([]);
      const [second, first] = await list();
      if (first === undefined || second === undefined) throw new Error('there are two');
      expect(await hintsDuring(() => store.deliveries.cancel('sandbox', first.id))).toEqual(['endpoint', 'work']);
      expect(await only({ status: 'canceled' })).toMatchObject({ id: first.id, reason: 'canceled_by_hand', nextAttemptAt: null });
      expect(await store.deliveries.cancel('sandbox', first.id)).toBe('not_pending');
      expect(await store.deliveries.cancel('sandbox', NOTHING)).toBeNull();
      expect(await scan(await leaseOne())).toHaveLength(1);
    });

    test('of a deleted endpoint have nowhere to go', async () => {
      const endpoint = await addEndpoint(store, await prepare(store));
      await publish(store, event());
      const { id } = await only();
      await store.endpoints.delete('sandbox', endpoint.id);
      expect(await store.deliveries.retry('sandbox', id)).toBe('endpoint_deleted');
      expect(await store.deliveries.cancel('sandbox', id)).toBe('not_pending');
      expect(await store.deliveries.get('sandbox', id)).toMatchObject({
        endpoint: null,
        delivery: { status: 'canceled', reason: 'endpoint_deleted' },
      });
    });
  });

  describe('environments', () => {
    test('keep their cadence, and open up to now', async () => {
      await addEndpoint(store, await prepare(store));
      expect(await store.environments.get('sandbox')).toEqual({
        environment: 'sandbox',
        cadence: 'every 5m',
        cadenceAtStart: null,
        cadenceChangedAt: START,
        openedAt: 0,
        lastDispatchAt: null,
      });
      await publish(store, event());
      expect(await lease(store, 0)).toEqual([]);
      expect(await hintsDuring(() => store.environments.open('sandbox'))).toContain('work');
      expect(await lease(store, 0)).toHaveLength(1);
      await store.environments.setCadence('sandbox', 'immediate');
      store = await opened.reopen();
      expect(await store.environments.get('sandbox')).toMatchObject({ cadence: 'immediate', openedAt: START });
      expect(await store.environments.get('production')).toMatchObject({ cadence: 'every 30m', openedAt: 0 });
    });

    describe('at a start', () => {
      const start = (given: string | null, alone = true) =>
        store.environments.startCadence('sandbox', { given, byDefault: given ?? 'every 5m', alone });
      const cadence = async () => {
        const { cadence: inForce, cadenceAtStart, cadenceChangedAt } = await store.environments.get('sandbox');
        return [inForce, cadenceAtStart, cadenceChangedAt];
      };

      test('have the cadence that it was given, or the default, and not that of an earlier start', async () => {
        await start('every 5s');
        expect(await cadence()).toEqual(['every 5s', 'every 5s', null]);
        store = await opened.reopen();
        await start(null);
        expect(await cadence()).toEqual(['every 5m', null, null]);
      });

      test('keep what somebody has set since, unless the start is given another', async () => {
        await start(null);
        opened.clock.now += 7;
        expect(await store.environments.setCadence('sandbox', 'every 2h')).toMatchObject({ cadence: 'every 2h' });
        await start(null);
        expect(await cadence()).toEqual(['every 2h', null, START + 7]);
        await start('every 1h');
        expect(await cadence()).toEqual(['every 1h', 'every 1h', null]);
        await store.environments.setCadence('sandbox', 'immediate');
        expect(await cadence()).toEqual(['immediate', 'every 1h', START + 7]);
        await start('every 1h');
        expect(await cadence()).toEqual(['every 1h', 'every 1h', null]);
      });

      test('among other processes, keep the cadence in force unless one is given', async () => {
        await start(null, false);
        expect(await cadence()).toEqual(['every 5m', null, null]);
        await start('every 5s', false);
        await start(null, false);
        expect(await cadence()).toEqual(['every 5s', null, null]);
      });

      test('wake whoever dispatches, as a changed cadence does', async () => {
        await start(null);
        expect(await hintsDuring(() => start('every 1m'))).toEqual(['work']);
        expect(await hintsDuring(() => store.environments.setCadence('sandbox', 'every 2m'))).toEqual(['work']);
      });
    });

    test('remember when a dispatch last sent a first attempt', async () => {
      await addEndpoint(store, await prepare(store));
      await publish(store, event());
      await settleFirst({ status: 'succeeded' });
      expect((await store.environments.get('sandbox')).lastDispatchAt).toBe(START);
      expect((await store.environments.get('production')).lastDispatchAt).toBeNull();
    });

    test('count what waits, in all and in one application', async () => {
      const application = await prepare(store);
      const { application: other } = await store.applications.upsert({ uid: 'other', name: 'Other' });
      await addEndpoint(store, application);
      await addEndpoint(store, other.id);
      expect(await store.environments.backlog('sandbox', null)).toEqual({ pending: 0, oldestPendingAt: null });
      await publish(store, event());
      opened.clock.now += 1;
      await publish(store, event({ application: 'other' }), event());
      expect(await store.environments.backlog('sandbox', null)).toEqual({ pending: 3, oldestPendingAt: START });
      expect(await store.environments.backlog('sandbox', other.id)).toEqual({ pending: 1, oldestPendingAt: START + 1 });
      expect(await store.environments.backlog('production', null)).toEqual({ pending: 0, oldestPendingAt: null });
    });

    test('know the oldest publish that waits, though what was made of it by hand came last', async () => {
      const application = await prepare(store);
      await publish(store, event());
      opened.clock.now += 3 * 24 * 3_600_000;
      const { id: endpoint } = await addEndpoint(store, application);
      await publish(store, event());
      const oldest = async () => {
        const { environments } = await store.figures();
        const { oldestPendingAt } = await store.environments.backlog('sandbox', application);
        return [oldestPendingAt, environments.find(({ environment }) => environment === 'sandbox')?.oldestPendingAt];
      };
      expect(await oldest()).toEqual([opened.clock.now, opened.clock.now]);
      const task = { kind: 'replay_missing' } as const;
      const job = await store.jobs.create('sandbox', { endpoint, task, since: 0, until: opened.clock.now });
      if (job === null || job === 'too_many') throw new Error('there is no job');
      while ((await store.jobs.step(job.id, 500))?.endedAt === null);
      expect(await oldest()).toEqual([START, START]);
      // What was sent before, and is sent again, keeps its place: it stands first, and is the oldest as long as it waits.
      expect(await endAll(store, { status: 'succeeded' })).toBe(2);
      expect(await oldest()).toEqual([null, null]);
    });
  });
}
