/** Endpoints: their settings, their secrets, and what a change of either means for what waits. */
import type { EndpointId } from '@posthorn/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LeasedLane, Store, StoreHint } from '../../../src/store/store.ts';
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
  SETTINGS,
  START,
} from './harness.ts';

const NOTHING = 'ep_00000000000000000000000000' as EndpointId;
const HOUR = 3_600_000;

export function endpointsConformance(open: OpenStore): void {
  describe('endpoints', () => {
    let opened: OpenedStore;
    let store: Store;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.dispose());

    const hintsDuring = async (work: () => Promise<unknown>): Promise<string[]> => {
      const hints: StoreHint[] = [];
      const end = store.subscribe((hint) => hints.push(hint));
      await work();
      end();
      return hints.map(({ kind }) => kind);
    };
    const leaseOne = async (gate: number): Promise<LeasedLane> => {
      const [lane, ...more] = await lease(store, gate);
      expect(more).toEqual([]);
      if (lane === undefined) throw new Error('nothing was leased');
      return lane;
    };

    test('are made up to a limit, where one is given, in each environment', async () => {
      const application = await prepare(store);
      const make = (environment: 'production' | 'sandbox', most?: number) =>
        store.endpoints.create({ application, environment, settings: SETTINGS, secret: SECRET, ...(most !== undefined && { most }) });
      await make('production');
      const one = await make('sandbox', 2);
      if (one === null || one === 'limit') throw new Error('nothing was made');
      expect(await make('sandbox', 2)).toMatchObject({ application });
      expect(await make('sandbox', 2)).toBe('limit');
      expect(await make('sandbox')).toMatchObject({ application });
      await store.endpoints.delete('sandbox', one.id);
      expect(await make('sandbox', 3)).toMatchObject({ application });
    });

    test('keep every setting, sealed ones too, across a restart', async () => {
      const settings = {
        ...SETTINGS,
        description: 'ours',
        eventTypes: ['shipment.*'],
        headers: { authorization: 'Bearer é' },
        cadence: 'every 10s',
        ordering: 'strict' as const,
        rateLimit: 0.5,
        maxInFlight: 3,
        retrySchedule: [1, 2],
      };
      const application = await prepare(store);
      const made = await addEndpoint(store, application, settings);
      expect(made).toMatchObject({
        ...settings,
        application,
        environment: 'sandbox',
        status: 'enabled',
        disabledReason: null,
        createdAt: START,
      });
      store = await opened.reopen();
      expect(await store.endpoints.get('sandbox', made.id)).toEqual(made);
      expect(await store.endpoints.get('production', made.id)).toBeNull();
      expect(await store.endpoints.secrets('sandbox', made.id)).toEqual({ current: SECRET, next: null, previous: null });
      opened.clock.now += 9;
      const changed = await store.endpoints.update('sandbox', made.id, { url: 'https://example.com/other', rateLimit: null });
      expect(changed).toEqual({ ...made, url: 'https://example.com/other', rateLimit: null, updatedAt: START + 9 });
      opened.clock.now += 9;
      // Nothing to change is no change.
      expect(await store.endpoints.update('sandbox', made.id, {})).toEqual(changed);
      expect(await store.endpoints.get('sandbox', made.id)).toEqual(changed);
      expect(await store.endpoints.update('production', made.id, { url: 'https://example.com' })).toBeNull();
    });

    test('are listed by environment and application, newest first', async () => {
      const application = await prepare(store);
      const { application: other } = await store.applications.upsert({ uid: 'other', name: 'Other' });
      const first = await addEndpoint(store, application);
      const theirs = await addEndpoint(store, other.id);
      const second = await addEndpoint(store, application);
      await addEndpoint(store, application, {}, 'production');
      const page = await store.endpoints.list('sandbox', { application: null, limit: 2, cursor: null });
      expect(page.data).toEqual([second, theirs]);
      expect((await store.endpoints.list('sandbox', { application: null, limit: 2, cursor: page.nextCursor })).data).toEqual([first]);
      expect((await store.endpoints.list('sandbox', { application, limit: 10, cursor: null })).data).toEqual([second, first]);
    });

    test('a paused one keeps what waits, and sends it once it is enabled', async () => {
      const endpoint = await addEndpoint(store, await prepare(store));
      await store.endpoints.update('sandbox', endpoint.id, { status: 'paused' });
      await publish(store, event());
      expect(await lease(store, START)).toEqual([]);
      expect(await hintsDuring(() => store.endpoints.update('sandbox', endpoint.id, { status: 'enabled' }))).toEqual(['endpoint', 'work']);
      expect(await lease(store, START)).toHaveLength(1);
    });

    test('one that was disabled by the system forgets why once a person sets its status', async () => {
      const endpoint = await addEndpoint(store, await prepare(store));
      for (const status of ['enabled', 'paused'] as const) {
        await store.endpoints.update('sandbox', endpoint.id, { status: 'enabled' });
        await publish(store, event());
        const held = await leaseOne(START);
        await store.lanes.settle([{ lease: held.lease, attempts: [], state: held.state, disable: 'gone' }]);
        await store.lanes.release([{ lease: held.lease, firstAt: START, dueAt: null, notBefore: 0, state: CALM }]);
        expect(await store.endpoints.get('sandbox', endpoint.id)).toMatchObject({ status: 'disabled', disabledReason: 'gone' });
        // Any other change leaves it disabled, and says why.
        expect(await store.endpoints.update('sandbox', endpoint.id, { description: 'x' })).toMatchObject({ disabledReason: 'gone' });
        expect(await store.endpoints.update('sandbox', endpoint.id, { status })).toMatchObject({ status, disabledReason: null });
      }
    });

    test('a changed cadence holds for what waits already', async () => {
      const endpoint = await addEndpoint(store, await prepare(store));
      await publish(store, event());
      await store.endpoints.update('sandbox', endpoint.id, { cadence: 'immediate' });
      const { groups } = await store.lanes.outlook();
      expect(groups).toMatchObject([{ cadence: 'immediate', group: 'sandbox:immediate' }]);
      const request = { holder: 'one', leaseMs: 1000, limits: { proven: 100, untried: 100, failing: 100 } };
      expect(await store.lanes.lease({ ...request, gates: new Map([['sandbox:', START]]) })).toEqual([]);
      expect(await store.lanes.lease({ ...request, gates: new Map([['sandbox:immediate', START]]) })).toHaveLength(1);
    });

    test('with its order given up, what stood behind a retry is looked at again', async () => {
      const endpoint = await addEndpoint(store, await prepare(store));
      await publish(store, event({ orderingKey: 'k' }), event({ orderingKey: 'k' }));
      const held = await leaseOne(START);
      const { deliveries } = await store.lanes.scan({ lane: held.lease.lane, ordering: 'key', after: 0, limit: 10, gate: START });
      const dueAt = START + HOUR;
      const end = { status: 'pending' as const, failures: 1, dueAt };
      await store.lanes.settle([{ lease: held.lease, attempts: [attempt(deliveries[0]?.seq ?? 0, end)], state: CALM, disable: null }]);
      await store.lanes.release([{ lease: held.lease, firstAt: null, dueAt, notBefore: 0, state: CALM }]);
      expect(await lease(store, START)).toEqual([]);
      await store.endpoints.update('sandbox', endpoint.id, { ordering: 'none' });
      expect(await lease(store, START)).toHaveLength(1);
    });

    test('dispatch now opens its gate up to now, and says how much waits', async () => {
      const endpoint = await addEndpoint(store, await prepare(store));
      expect(await store.endpoints.open('sandbox', endpoint.id)).toEqual({ pending: 0, openedAt: START });
      expect(await lease(store, 0)).toEqual([]);
      await publish(store, event(), event());
      opened.clock.now += 1;
      const opening = hintsDuring(async () => {
        expect(await store.endpoints.open('sandbox', endpoint.id)).toEqual({ pending: 2, openedAt: START + 1 });
      });
      expect(await opening).toEqual(['endpoint', 'work']);
      expect((await leaseOne(0)).openedAt).toBe(START + 1);
      expect(await store.endpoints.open('production', endpoint.id)).toBeNull();
      expect(await store.endpoints.open('sandbox', NOTHING)).toBeNull();
    });

    test('no change takes a lane from its holder', async () => {
      const endpoint = await addEndpoint(store, await prepare(store));
      await publish(store, event());
      const held = await leaseOne(START);
      await store.endpoints.update('sandbox', endpoint.id, { url: 'https://example.com/new', status: 'paused' });
      await store.endpoints.update('sandbox', endpoint.id, { status: 'enabled', ordering: 'none', cadence: 'immediate' });
      await store.endpoints.open('sandbox', endpoint.id);
      expect(await lease(store, START, { holder: 'two' })).toEqual([]);
      expect((await store.lanes.target(held.lease))?.target.endpoint.url).toBe('https://example.com/new');
      expect(await store.lanes.renew({ leases: [held.lease], leaseMs: 1000 })).toMatchObject([{ rescan: true }]);
    });

    test('secrets rotate by the clock, over a restart too', async () => {
      const { id } = await addEndpoint(store, await prepare(store));
      const next = 'another secret of ours';
      const rotated = { current: SECRET, next: { secret: next, promotesAt: START + HOUR }, previous: null };
      expect(await store.endpoints.promoteSecret('sandbox', id)).toBe('conflict');
      expect(await hintsDuring(() => store.endpoints.rotateSecret('sandbox', id, { secret: next, overlapMs: HOUR }))).toContain('endpoint');
      expect(await store.endpoints.secrets('sandbox', id)).toEqual(rotated);
      expect(await store.endpoints.rotateSecret('sandbox', id, { secret: 'a third one, too soon', overlapMs: HOUR })).toBe('conflict');
      store = await opened.reopen();
      opened.clock.now += HOUR;
      const promoted = { current: next, next: null, previous: { secret: SECRET, validUntil: START + 2 * HOUR } };
      expect(await store.endpoints.secrets('sandbox', id)).toEqual(promoted);
      await publish(store, event());
      expect((await leaseOne(opened.clock.now)).target.secrets).toEqual(promoted);
      expect(await store.endpoints.rotateSecret('sandbox', id, { secret: SECRET, overlapMs: 0 })).toEqual({
        current: SECRET,
        next: null,
        previous: null,
      });
      expect(await store.endpoints.rotateSecret('production', id, { secret: SECRET, overlapMs: 0 })).toBeNull();
      expect(await store.endpoints.secrets('sandbox', NOTHING)).toBeNull();
    });

    const allCanceled = (endpoint: EndpointId, count: number) =>
      expect.poll(async () => (await everyDelivery(store, endpoint, 'canceled')).length, { timeout: 10_000, interval: 5 }).toBe(count);

    test('deleting one cancels all that waits, a large backlog too, and leaves its neighbour alone', async () => {
      const application = await prepare(store);
      const endpoint = await addEndpoint(store, application);
      const neighbour = await addEndpoint(store, application);
      const events = Array.from({ length: 1_000 }, () => event());
      for (let batch = 0; batch < 3; batch++) await publish(store, ...events);
      const deleting = store.endpoints.delete('sandbox', endpoint.id);
      // Two calls that nobody awaited in between have no order: wait until the deletion has begun.
      while ((await store.endpoints.get('sandbox', endpoint.id)) !== null);
      // Asked between two steps: what they have not reached yet is canceled all the same.
      const meanwhile = await everyDelivery(store, endpoint.id, null);
      expect(meanwhile).toHaveLength(3_000);
      expect(new Set(meanwhile.map(({ status, reason, nextAttemptAt }) => `${status} ${reason} ${nextAttemptAt}`))).toEqual(
        new Set(['canceled endpoint_deleted null']),
      );
      expect((await store.deliveries.list('sandbox', { ...ALL_DELIVERIES, endpoint: endpoint.id, status: 'pending' })).data).toEqual([]);
      expect(await deleting).toBe(true);
      expect(await store.endpoints.delete('sandbox', endpoint.id)).toBe(false);
      await allCanceled(endpoint.id, 3_000);
      expect(await everyDelivery(store, neighbour.id, 'pending')).toHaveLength(3_000);
      expect(await store.environments.backlog('sandbox', null)).toMatchObject({ pending: 3_000 });
      expect((await lease(store, START)).map(({ target }) => target.endpoint.id)).toEqual([neighbour.id]);
      expect(await store.endpoints.get('sandbox', endpoint.id)).toBeNull();
      expect(await store.endpoints.secrets('sandbox', endpoint.id)).toBeNull();
    });

    test.each(['endpoint', 'application'])(
      'deleting an %s stops it at once; what a stop leaves of a large backlog is canceled by the next start',
      async (what) => {
        const application = await prepare(store);
        const endpoint = await addEndpoint(store, application);
        const events = Array.from({ length: 1_000 }, () => event());
        for (let batch = 0; batch < 4; batch++) await publish(store, ...events);
        if (what === 'endpoint') await store.endpoints.delete('sandbox', endpoint.id);
        else await store.applications.delete(application);
        // It stops at once: nothing is leased, and nothing shows as pending.
        expect(await lease(store, START)).toEqual([]);
        expect(await everyDelivery(store, endpoint.id, 'pending')).toEqual([]);
        store = await opened.reopen();
        await allCanceled(endpoint.id, 4_000);
        const { reason } = (await everyDelivery(store, endpoint.id, 'canceled')).at(-1) ?? {};
        expect(reason).toBe(`${what}_deleted`);
      },
    );

    test('a small deletion does not wait for a large one, nor an application for its empty endpoints', async () => {
      const application = await prepare(store);
      const large = await addEndpoint(store, application, { eventTypes: ['large'] });
      const { application: other } = await store.applications.upsert({ uid: 'other', name: 'Other' });
      for (let index = 0; index < 20; index += 1) await addEndpoint(store, other.id, { eventTypes: ['none'] });
      const small = await addEndpoint(store, other.id);
      for (let batch = 0; batch < 4; batch++) await publish(store, ...Array.from({ length: 1_000 }, () => event({ type: 'large' })));
      await publish(store, event({ application: 'other' }));
      const deleting = store.endpoints.delete('sandbox', large.id);
      await store.applications.delete(other.id);
      expect(await everyDelivery(store, small.id, 'canceled')).toMatchObject([{ reason: 'application_deleted' }]);
      await deleting;
      await allCanceled(large.id, 4_000);
    });

    test('deleting its application cancels with another reason', async () => {
      const application = await prepare(store);
      const endpoint = await addEndpoint(store, application);
      await publish(store, event());
      await store.applications.delete(application);
      expect(await everyDelivery(store, endpoint.id, null)).toMatchObject([{ status: 'canceled', reason: 'application_deleted' }]);
      expect(await lease(store, START)).toEqual([]);
    });
  });
}

async function everyDelivery(store: Store, endpoint: EndpointId, status: 'pending' | 'canceled' | null) {
  const found = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<Store['deliveries']['list']>> = await store.deliveries.list('sandbox', {
      ...ALL_DELIVERIES,
      endpoint,
      status,
      cursor,
    });
    found.push(...page.data);
    if (found.length > 4_000) throw new Error('a cursor goes round');
    cursor = page.nextCursor;
  } while (cursor !== null);
  return found;
}
