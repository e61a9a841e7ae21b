/** The operator's brake: what it holds back, and what it lets go again. */
import type { ApplicationId } from '@posthorn/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../../src/store/store.ts';
import { addEndpoint, event, lease, type OpenedStore, type OpenStore, prepare, publish, START } from './harness.ts';

const GATE = START + 60_000;

export function brakesConformance(open: OpenStore): void {
  describe('the brake', () => {
    let opened: OpenedStore;
    let store: Store;
    let acme: ApplicationId;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
      acme = await prepare(store);
    });
    afterEach(() => opened.dispose());

    test.each<[string, (application: ApplicationId) => ApplicationId | null]>([
      ['the environment', () => null],
      ['one application', (application) => application],
    ])('on %s: nothing is leased, what waits stays, over a restart too, until it is released', async (_name, scope) => {
      await addEndpoint(store, acme);
      await publish(store, event());
      expect(await store.brakes.pause('sandbox', scope(acme))).toBe(true);
      await publish(store, event());
      await addEndpoint(store, acme); // comes into it braked
      await publish(store, event());
      expect(await lease(store, GATE)).toEqual([]);
      store = await opened.reopen();
      expect(await lease(store, GATE)).toEqual([]);
      const { data } = await store.deliveries.list('sandbox', { ...ALL, status: 'pending' });
      expect(data).toHaveLength(4);
      expect((await store.deliveries.get('sandbox', data[0]?.id ?? ''))?.braked).toBe(true);
      await store.brakes.resume('sandbox', scope(acme));
      expect(await lease(store, GATE)).toHaveLength(2);
      expect((await store.deliveries.get('sandbox', data[0]?.id ?? ''))?.braked).toBe(false);
    });

    test('of one application leaves the others alone, and that of an environment the other environment', async () => {
      const other = (await store.applications.upsert({ uid: 'other', name: 'Other' })).application.id;
      await addEndpoint(store, acme);
      await addEndpoint(store, other);
      await publish(store, event(), event({ application: 'other' }));
      await store.brakes.pause('sandbox', acme);
      await store.brakes.pause('production', null);
      const held = await lease(store, GATE);
      expect(held.map(({ target }) => [target.endpoint.application, target.braked])).toEqual([[other, false]]);
    });

    test('tells the holder of a lane', async () => {
      await addEndpoint(store, acme);
      await publish(store, event());
      const [held] = await lease(store, GATE);
      const hints: string[] = [];
      store.subscribe((hint) => hints.push(hint.kind));
      await store.brakes.pause('sandbox', null);
      expect(hints).toContain('endpoint');
      if (held === undefined) throw new Error('nothing was leased');
      expect((await store.lanes.target(held.lease))?.target.braked).toBe(true);
    });

    test('of environment and application are released each by itself, and no endpoint is enabled by it', async () => {
      const { id } = await addEndpoint(store, acme);
      await publish(store, event());
      await store.brakes.pause('sandbox', acme);
      opened.clock.now += 1000;
      await store.brakes.pause('sandbox', null);
      await store.brakes.pause('sandbox', null);
      expect(await store.brakes.get('sandbox')).toEqual({ pausedAt: START + 1000, applications: [{ application: acme, pausedAt: START }] });
      await store.brakes.resume('sandbox', null);
      expect(await lease(store, GATE)).toEqual([]);
      await store.endpoints.update('sandbox', id, { status: 'paused' });
      await store.brakes.resume('sandbox', acme);
      expect(await store.brakes.get('sandbox')).toEqual({ pausedAt: null, applications: [] });
      expect(await lease(store, GATE)).toEqual([]);
      await store.endpoints.update('sandbox', id, { status: 'enabled' });
      expect(await lease(store, GATE)).toHaveLength(1);
    });

    test('of an application that does not exist is none', async () => {
      expect(await store.brakes.pause('sandbox', 'app_00000000000000000000000000' as ApplicationId)).toBe(false);
      expect(await store.brakes.get('sandbox')).toEqual({ pausedAt: null, applications: [] });
    });
  });
}

const ALL = { application: null, endpoint: null, event: null, orderingKey: null, since: null, until: null, cursor: null, limit: 100 };
