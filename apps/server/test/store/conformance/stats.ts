/** What settles count, over time. */
import { type ApplicationId, latencyQuantile, ROLLUPS } from '@posthorn/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Endpoint, Environment, Store } from '../../../src/store/store.ts';
import { addEndpoint, attempt, CALM, endAll, event, lease, type OpenedStore, type OpenStore, prepare, publish, START } from './harness.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const FAILED = { status: 'pending', failures: 1, dueAt: 0 } as const;

export function statsConformance(open: OpenStore): void {
  describe('statistics', () => {
    let opened: OpenedStore;
    let store: Store;
    let acme: ApplicationId;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
      acme = await prepare(store);
    });
    afterEach(() => opened.dispose());

    const read = (
      widthMs: number,
      of: { endpoint?: string; application?: ApplicationId; environment?: Environment; until?: number } = {},
    ) =>
      store.stats.rollups(of.environment ?? 'sandbox', {
        application: of.application ?? null,
        endpoint: (of.endpoint ?? null) as never,
        widthMs,
        since: START - DAY,
        until: of.until ?? START + 400 * DAY,
      });
    const counts = async (...of: Parameters<typeof read>) => (await read(...of)).map(({ at, accepted, failed }) => [at, accepted, failed]);
    const foldAll = async (): Promise<void> => {
      while (await store.upkeep.foldStats(2)) expect(true).toBe(true);
    };
    const minute = (at: number): number => Math.floor(at / MINUTE) * MINUTE;

    test.each([true, false])('count attempts by endpoint, application and environment, in each width (folded: %s)', async (folded) => {
      const other = (await store.applications.upsert({ uid: 'other', name: 'Other' })).application.id;
      const one = await addEndpoint(store, acme);
      const two = await addEndpoint(store, acme, { eventTypes: ['b'] });
      await addEndpoint(store, other);
      await publish(store, event({ type: 'a' }), event({ type: 'b' }), event({ application: 'other' }));
      expect(await endAll(store, FAILED, { more: { durationMs: 900 } })).toBe(4);
      opened.clock.now += 61_000;
      expect(await endAll(store, { status: 'succeeded' }, { more: { durationMs: 20 } })).toBe(4);
      if (folded) await foldAll();
      const [first, second] = [minute(START), minute(START + 61_000)];
      expect(await counts(MINUTE, { endpoint: one.id })).toEqual([
        [first, 0, 2],
        [second, 2, 0],
      ]);
      expect(await counts(MINUTE, { endpoint: two.id })).toEqual([
        [first, 0, 1],
        [second, 1, 0],
      ]);
      expect(await counts(HOUR, { application: acme })).toEqual([[Math.floor(START / HOUR) * HOUR, 3, 3]]);
      expect(await counts(DAY)).toEqual([[Math.floor(START / DAY) * DAY, 4, 4]]);
      expect(await counts(DAY, { environment: 'production' })).toEqual([]);
      expect(await counts(MINUTE, { until: second })).toEqual([[first, 0, 4]]);
      expect(await counts(MINUTE, { endpoint: 'ep_00000000000000000000000000' })).toEqual([]);
      const latencies = (await read(DAY)).map((rollup) => [0.4, 0.9].map((share) => latencyQuantile(rollup.latencies, share) ?? 0));
      expect(latencies[0]?.[0]).toBeGreaterThan(16);
      expect(latencies[0]?.[0]).toBeLessThan(24);
      expect(latencies[0]?.[1]).toBeGreaterThan(750);
      expect(latencies[0]?.[1]).toBeLessThan(1_080);
    });

    test('are whole while they are being folded, and after a restart', async () => {
      const { id: endpoint } = await addEndpoint(store, acme);
      for (let round = 0; round < 7; round += 1) {
        await publish(store, event());
        await endAll(store, { status: 'succeeded' });
        opened.clock.now += 20_000;
        if (round % 3 === 0) await store.upkeep.foldStats(2);
      }
      const sum = async () => (await read(HOUR, { endpoint })).reduce((total, { accepted }) => total + accepted, 0);
      expect(await sum()).toBe(7);
      store = await opened.reopen();
      expect(await sum()).toBe(7);
      await foldAll();
      expect(await sum()).toBe(7);
      expect((await read(MINUTE, { endpoint })).map(({ accepted }) => accepted)).toEqual([3, 3, 1]);
      expect(await store.upkeep.foldStats(2)).toBe(false);
    });

    test('a batch of many lanes is moved in parts, and is whole between them and after a restart', async () => {
      const endpoints: Endpoint[] = [];
      for (let index = 0; index < 7; index += 1) endpoints.push(await addEndpoint(store, acme));
      await publish(store, event(), event());
      const settlements = [];
      for (const { lease: held } of await lease(store, START)) {
        const { deliveries } = await store.lanes.scan({ lane: held.lane, ordering: 'none', after: 0, limit: 2, gate: START });
        const attempts = deliveries.map(({ seq }, index) => attempt(seq, index === 0 ? { status: 'succeeded' } : FAILED));
        settlements.push({ lease: held, attempts, state: CALM, disable: null });
      }
      await store.lanes.settle(settlements);
      const all = async () => [
        ...(await counts(DAY)),
        ...(await counts(MINUTE, { application: acme })),
        ...(await Promise.all(endpoints.map(({ id }) => counts(HOUR, { endpoint: id })))).flat(),
      ];
      const before = await all();
      expect(before.map(([, accepted, failed]) => [accepted, failed])).toEqual([[7, 7], [7, 7], ...endpoints.map(() => [1, 1])]);
      let steps = 0;
      for (let more = true; more; steps += 1) {
        more = await store.upkeep.foldStats(12);
        if (steps === 1) store = await opened.reopen();
        expect(await all()).toEqual(before);
      }
      expect(steps).toBeGreaterThanOrEqual(4);
    });

    test('tell the slowest endpoints of the last hours', async () => {
      const slow = await addEndpoint(store, acme, { url: 'https://slow.example/', eventTypes: ['slow'] });
      const quick = await addEndpoint(store, acme, { url: 'https://quick.example/', eventTypes: ['quick'] });
      const gone = await addEndpoint(store, acme, { eventTypes: ['gone'] });
      for (const [type, durationMs] of [
        ['slow', 4_000],
        ['gone', 9_000],
        ['quick', 40],
      ] as const) {
        await publish(store, event({ type }));
        await endAll(store, { status: 'succeeded' }, { more: { durationMs } });
      }
      await foldAll();
      await store.endpoints.delete('sandbox', gone.id);
      const slowest = (since: number, limit = 10) => store.stats.slowest('sandbox', { since, limit });
      const found = await slowest(START);
      expect(found.map(({ endpoint, url, application }) => [endpoint, url, application])).toEqual([
        [slow.id, 'https://slow.example/', acme],
        [quick.id, 'https://quick.example/', acme],
      ]);
      expect(found[0]?.p95).toBeGreaterThan(3_300);
      expect(found[0]?.p95).toBeLessThan(4_800);
      expect((await slowest(START, 2)).map(({ endpoint }) => endpoint)).toEqual([slow.id]);
      expect(await slowest(START + HOUR)).toEqual([]);
      expect(await store.stats.slowest('production', { since: START, limit: 10 })).toEqual([]);
    });

    test('neither a repeated settle nor a stale one counts', async () => {
      await addEndpoint(store, acme);
      await publish(store, event());
      const [held] = await lease(store, START, { leaseMs: 1_000 });
      if (held === undefined) throw new Error('nothing was leased');
      const { deliveries } = await store.lanes.scan({ lane: held.lease.lane, ordering: 'key', after: 0, limit: 1, gate: START });
      const batch = [{ lease: held.lease, attempts: [attempt(deliveries[0]?.seq ?? 0, FAILED)], state: CALM, disable: null }];
      await store.lanes.settle(batch);
      await store.lanes.settle(batch);
      opened.clock.now += 1_000;
      await lease(store, START, { holder: 'two' });
      const late = [attempt(deliveries[0]?.seq ?? 0, { status: 'succeeded' })];
      expect(await store.lanes.settle([{ lease: held.lease, attempts: late, state: CALM, disable: null }])).toEqual(['stale']);
      expect((await counts(DAY)).map(([, accepted, failed]) => [accepted, failed])).toEqual([[0, 1]]);
    });

    test('of each width go when they are too old, and only they', async () => {
      await addEndpoint(store, acme);
      for (const _ of [1, 2]) {
        await publish(store, event());
        await endAll(store, { status: 'succeeded' });
        opened.clock.now += 4 * DAY;
      }
      await foldAll();
      const rollups = new Map(ROLLUPS.map(({ widthMs, keepMs }) => [widthMs, opened.clock.now - keepMs]));
      for (let cursor: string | null = null, first = true; first || cursor !== null; first = false) {
        ({ cursor } = await store.upkeep.prune({ before: 0, rollups, cursor, limit: 2 }));
      }
      expect(await read(MINUTE)).toEqual([]);
      expect(await counts(HOUR)).toHaveLength(2);
      expect(await counts(DAY)).toHaveLength(2);
    });
  });
}
