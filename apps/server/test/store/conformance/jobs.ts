/** Jobs: everything once, in publish order, in steps of any size, over restarts and beside each other. */
import type { ApplicationId, EndpointId, JobId } from '@posthorn/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Delivery, type DeliveryFilter, type Job, type JobRequest, MOST_JOBS, type Store } from '../../../src/store/store.ts';
import { ALL_DELIVERIES, addEndpoint, endAll, event, lease, type OpenedStore, type OpenStore, prepare, publish, START } from './harness.ts';

const HOUR = 3_600_000;
const EXHAUSTED = { status: 'failed', reason: 'attempts_exhausted' } as const;
const RECOVER = { kind: 'recover', status: 'failed' } as const;
const REPLAY = { kind: 'replay_missing' } as const;

export function jobsConformance(open: OpenStore): void {
  describe('jobs', () => {
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
    const start = async (endpoint: EndpointId, more: Partial<JobRequest> = {}): Promise<Job> => {
      const job = await store.jobs.create('sandbox', { endpoint, since: 0, until: START + HOUR, task: RECOVER, ...more });
      if (job === null || job === 'too_many') throw new Error(`there is no job: ${job}`);
      return job;
    };
    /** Steps until the job has ended. @returns it, and its `done` after each step */
    const finish = async (id: JobId, limit = 1_000): Promise<{ job: Job; progress: number[] }> => {
      const progress: number[] = [];
      for (;;) {
        const job = await store.jobs.step(id, limit);
        if (job === null) throw new Error('the job had ended');
        progress.push(job.done);
        if (job.endedAt !== null) return { job, progress };
      }
    };
    /** An endpoint with so many deliveries that failed, of keys a and b in turn. */
    const failed = async (count: number): Promise<EndpointId> => {
      const { id } = await addEndpoint(store, acme);
      for (let index = 0; index < count; index += 1) {
        await publish(store, event({ id: `e${index}`, orderingKey: index % 2 === 0 ? 'a' : 'b' }));
        opened.clock.now += 1;
      }
      expect(await endAll(store, EXHAUSTED)).toBe(count);
      return id;
    };
    /** The events of what waits in all lanes, in the order of a scan. */
    const waiting = async () => {
      const found = [];
      for (const held of await lease(store, 0)) {
        const { lane } = held.lease;
        found.push(...(await store.lanes.scan({ lane, ordering: 'key', after: 0, limit: 1_000, gate: 0 })).deliveries);
        await store.lanes.release([{ lease: held.lease, firstAt: null, dueAt: START, notBefore: 0, state: held.state }]);
      }
      const bodies = new Map((await store.lanes.bodies(found.map(({ seq }) => seq))).map(({ seq, eventId }) => [seq, eventId]));
      return found.map((delivery) => ({ ...delivery, event: bodies.get(delivery.seq) }));
    };

    test('recover makes failed deliveries pending again: late, due at once, in publish order, held by the floor like any other', async () => {
      const endpoint = await failed(5);
      await publish(store, event({ id: 'new', orderingKey: 'a' }));
      opened.clock.now += 1_000;
      const job = await start(endpoint);
      expect(job).toMatchObject({
        environment: 'sandbox',
        application: acme,
        endpoint,
        task: RECOVER,
        state: 'running',
        done: 0,
        total: 5,
      });
      expect(await list({ status: 'failed' })).toHaveLength(5);
      const { job: done } = await finish(job.id);
      expect(done).toMatchObject({ state: 'done', done: 5, total: 5, endedAt: opened.clock.now });
      const resent = await waiting();
      expect(resent.map(({ event: id }) => id)).toEqual(['e0', 'e1', 'e2', 'e3', 'e4']);
      for (const delivery of resent) {
        expect(delivery).toMatchObject({ late: true, byHand: false, resent: false, failures: 0, dueAt: opened.clock.now, attemptCount: 1 });
      }
      const late = await list({ status: 'pending' });
      expect(late.filter((delivery) => delivery.late).map((delivery) => delivery.event)).toEqual(['e4', 'e3', 'e2', 'e1', 'e0']);
      expect(late.find((delivery) => delivery.event === 'new')).toMatchObject({ late: false });
    });

    test('small steps come to the same as one, progress shows, and a restart goes on where it was', async () => {
      const endpoint = await failed(25);
      const job = await start(endpoint);
      expect(await store.jobs.step(job.id, 10)).toMatchObject({ done: 10, total: 25, state: 'running' });
      store = await opened.reopen();
      expect((await store.jobs.unfinished()).map(({ id, done }) => [id, done])).toEqual([[job.id, 10]]);
      expect((await finish(job.id, 10)).progress).toEqual([20, 25]);
      expect(await list({ status: 'pending' })).toHaveLength(25);
      expect(await store.jobs.step(job.id, 10)).toBeNull();
      expect(await store.jobs.unfinished()).toEqual([]);
    });

    test('what is too much to count before the answer is counted first, step by step', async () => {
      const { id: endpoint } = await addEndpoint(store, acme);
      for (let batch = 0; batch < 3; batch += 1) await publish(store, ...Array.from({ length: 1_000 }, () => event()));
      while ((await list({ status: 'pending' })).length > 0) await endAll(store, EXHAUSTED);
      const job = await start(endpoint);
      expect(job.state).toBe('queued');
      expect(job.total).toBeLessThan(3_000);
      let counted = job;
      while (counted.state === 'queued') counted = (await store.jobs.step(job.id, 700)) ?? counted;
      expect(counted).toMatchObject({ state: 'running', done: 0, total: 3_000 });
      expect((await finish(job.id, 2_000)).job).toMatchObject({ state: 'done', done: 3_000, total: 3_000 });
    });

    test('only what failed, of this endpoint, within the span: since inclusive, until exclusive', async () => {
      const endpoint = await failed(4);
      await addEndpoint(store, acme);
      await publish(store, event({ id: 'ok' }));
      await endAll(store, { status: 'succeeded' });
      const job = await start(endpoint, { since: START + 1, until: START + 3 });
      expect((await finish(job.id)).job).toMatchObject({ done: 2, total: 2 });
      expect((await list({ status: 'pending' })).map((delivery) => delivery.event)).toEqual(['e2', 'e1']);
    });

    test('canceled deliveries are recovered when that is asked for, and only then', async () => {
      const { id: endpoint } = await addEndpoint(store, acme);
      await publish(store, event(), event());
      for (const { id } of await list()) await store.deliveries.cancel('sandbox', id);
      expect(await start(endpoint)).toMatchObject({ state: 'done', done: 0, total: 0, endedAt: START });
      const job = await start(endpoint, { task: { kind: 'recover', status: 'canceled' } });
      expect((await finish(job.id)).job).toMatchObject({ done: 2, task: { status: 'canceled' } });
      expect(await list({ status: 'pending' })).toHaveLength(2);
    });

    test('overlapping jobs send nothing twice, though it fails again between their steps', async () => {
      const endpoint = await failed(10);
      const first = await start(endpoint);
      const second = await start(endpoint);
      await store.jobs.step(first.id, 5);
      expect(await endAll(store, EXHAUSTED, { only: ({ late }) => late })).toBe(5);
      await finish(second.id, 3);
      await finish(first.id, 3);
      await endAll(store, EXHAUSTED, { only: ({ late }) => late });
      expect((await list()).map(({ attemptCount }) => attemptCount)).toEqual(Array.from({ length: 10 }, () => 2));
      expect((await store.jobs.get('sandbox', first.id))?.done).toBe(5);
      expect((await store.jobs.get('sandbox', second.id))?.done).toBe(5);
    });

    test('a job asked for twice sends nothing twice: what was still out when the second was made is not sent by it', async () => {
      const endpoint = await failed(3);
      await finish((await start(endpoint)).id);
      const again = await start(endpoint);
      expect(again).toMatchObject({ state: 'done', total: 0 });
      const third = await start(endpoint);
      expect(await endAll(store, EXHAUSTED)).toBe(3);
      expect(third.endedAt).not.toBeNull();
      // All three have failed since: who asks now means these.
      expect((await finish((await start(endpoint)).id)).job.done).toBe(3);
    });

    test('one that was retried by hand while a job was on its way is not sent once more by it', async () => {
      const endpoint = await failed(2);
      const job = await start(endpoint);
      const [last] = await list();
      await store.deliveries.retry('sandbox', last?.id as never);
      expect(await endAll(store, EXHAUSTED, { only: ({ late }) => late })).toBe(1);
      expect((await finish(job.id)).job).toMatchObject({ done: 1, total: 1 });
    });

    test('replay_missing makes what the endpoint would have had: of its types, without what it has, late and in order, over restarts', async () => {
      const { id: early } = await addEndpoint(store, acme);
      const other = (await store.applications.upsert({ uid: 'other', name: 'Other' })).application.id;
      for (let index = 0; index < 6; index += 1) {
        await publish(store, event({ id: `e${index}`, orderingKey: 'k', type: index === 3 ? 'invoice.paid' : 'shipment.created' }));
        opened.clock.now += 1;
      }
      await publish(store, event({ application: 'other', id: 'foreign' }));
      const { id: endpoint } = await addEndpoint(store, acme, { eventTypes: ['shipment.*'] });
      await addEndpoint(store, other);
      await publish(store, event({ id: 'own', orderingKey: 'k' }));
      const job = await start(endpoint, { task: REPLAY, since: START + 1 });
      expect(job).toMatchObject({ state: 'running', total: 4, task: REPLAY });
      await store.jobs.step(job.id, 2);
      store = await opened.reopen();
      expect((await finish(job.id, 2)).job).toMatchObject({ state: 'done', done: 4, total: 4 });
      const made = await list({ endpoint });
      expect(made.map((delivery) => [delivery.event, delivery.late, delivery.createdAt - START])).toEqual([
        ['own', false, 6],
        ['e5', true, 5],
        ['e4', true, 4],
        ['e2', true, 2],
        ['e1', true, 1],
      ]);
      const behind = await store.deliveries.get('sandbox', made[2]?.id ?? '');
      expect(behind?.behind).toBe(made[4]?.id);
      // Again, and for the one that was there from the start: nothing is missing.
      expect(await start(endpoint, { task: REPLAY, since: START + 1 })).toMatchObject({ state: 'done', total: 0 });
      expect(await start(early, { task: REPLAY })).toMatchObject({ state: 'done', total: 0 });
    });

    test('two replays at once make each delivery once', async () => {
      await publish(store, ...Array.from({ length: 10 }, (_, index) => event({ id: `e${index}` })));
      const { id: endpoint } = await addEndpoint(store, acme);
      const [one, two] = [await start(endpoint, { task: REPLAY }), await start(endpoint, { task: REPLAY })];
      await store.jobs.step(one.id, 4);
      await store.jobs.step(two.id, 7);
      await finish(one.id, 4);
      await finish(two.id, 7);
      expect((await list({ endpoint })).map((delivery) => delivery.event)).toEqual(
        Array.from({ length: 10 }, (_, index) => `e${9 - index}`),
      );
    });

    test('a canceled job stops where it is; an ended one cannot be canceled', async () => {
      const endpoint = await failed(10);
      const job = await start(endpoint);
      await store.jobs.step(job.id, 4);
      expect(await store.jobs.cancel('sandbox', job.id)).toMatchObject({ state: 'canceled', done: 4, total: 10 });
      expect(await store.jobs.cancel('sandbox', job.id)).toBe('ended');
      expect(await store.jobs.step(job.id, 4)).toBeNull();
      expect(await list({ status: 'pending' })).toHaveLength(4);
      expect(await store.jobs.cancel('production', job.id)).toBeNull();
    });

    test('a job ends with its endpoint', async () => {
      const endpoint = await failed(10);
      const job = await start(endpoint);
      await store.jobs.step(job.id, 4);
      await store.endpoints.delete('sandbox', endpoint);
      expect(await store.jobs.step(job.id, 4)).toMatchObject({ state: 'canceled', done: 4 });
      expect(await store.jobs.create('sandbox', { endpoint, since: 0, until: START, task: REPLAY })).toBeNull();
    });

    test('an endpoint has so many unfinished ones and no more; each is listed, newest first, for its own application', async () => {
      const endpoint = await failed(1);
      const jobs = [];
      for (let count = 0; count < MOST_JOBS; count += 1) jobs.push((await start(endpoint)).id);
      const request = { endpoint, since: 0, until: START + HOUR, task: RECOVER };
      expect(await store.jobs.create('sandbox', request)).toBe('too_many');
      await store.jobs.cancel('sandbox', jobs[0] as JobId);
      jobs.push((await start(endpoint)).id);
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const page = await store.jobs.list('sandbox', { application: acme, endpoint, limit: 8, cursor });
        seen.push(...page.data.map(({ id }) => id));
        cursor = page.nextCursor;
      } while (cursor !== null);
      expect(seen).toEqual(jobs.toReversed());
      const none = { endpoint: null, limit: 8, cursor: null };
      expect((await store.jobs.list('production', { ...none, application: null })).data).toEqual([]);
      const other = (await store.applications.upsert({ uid: 'other', name: 'Other' })).application.id;
      expect((await store.jobs.list('sandbox', { ...none, application: other })).data).toEqual([]);
      expect(await store.jobs.get('production', jobs[1] ?? '')).toBeNull();
    });

    test('making one and making progress are hinted', async () => {
      const endpoint = await failed(1);
      const hints: string[] = [];
      store.subscribe((hint) => hints.push(hint.kind));
      const job = await start(endpoint);
      expect(hints).toEqual(['job']);
      await finish(job.id);
      expect(hints).toContain('work');
    });
  });
}
