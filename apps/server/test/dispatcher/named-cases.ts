/** Cases that once went wrong somewhere, by name, on the real dispatcher and whichever store an engine brings. */
import type { ApplicationId, Outcome } from '@posthorn/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EndpointSettings, EventToPublish } from '../../src/store/store.ts';
import { addEndpoint, event, publish } from '../store/conformance/harness.ts';
import { openStage, type Stage, type StageOptions } from './stage.ts';

/** An engine, with the two things that no store's interface can do. */
export interface CaseEngine {
  readonly openStore: NonNullable<StageOptions['openStore']>;
  /** Publishes so that the event has its place in publish order, but is seen only once the returned function was called: a commit that comes late. */
  publishUnseen(stage: Stage, event: EventToPublish): Promise<() => Promise<void>>;
  /** Puts that many gated-open deliveries of one key into the endpoint's lane, without publishing each. */
  fill(stage: Stage, endpoint: string, of: { readonly orderingKey: string; readonly count: number }): Promise<void>;
  dispose(): Promise<void>;
}

const at = (time: string): number => Date.parse(`2026-11-23T${time}Z`);
const URL_OF = 'https://endpoint.test/';
const ACCEPTED: Outcome = { kind: 'accepted', status: 200 };
const DOWN: Outcome = { kind: 'refused', status: 500, retryAfter: null };
const HANGS: Outcome = { kind: 'transport_error', code: 'timeout', detail: '' };
const NO_NAME: Outcome = { kind: 'transport_error', code: 'dns_failure', detail: '' };

export function namedCases(name: string, open: () => Promise<CaseEngine>): void {
  describe(`named cases on ${name}`, () => {
    let engine: CaseEngine;
    let stage: Stage;
    let application: ApplicationId;

    beforeEach(async () => {
      engine = await open();
      stage = await openStage(at('10:00:01'), { openStore: engine.openStore });
      application = (await stage.store.applications.upsert({ uid: 'acme', name: 'Acme' })).application.id;
    });
    afterEach(async () => {
      await stage.close();
      await engine.dispose();
    });

    const add = (settings: Partial<EndpointSettings> = {}) =>
      addEndpoint(stage.store, application, { url: URL_OF, cadence: 'immediate', ...settings });
    const ids = (): string[] => stage.arrivals.map(({ id }) => id);
    const keyed = (id: string): EventToPublish => event({ id, orderingKey: 'k' });

    test('e1 waits for its retry, the lane is released, another dispatcher leases: e2 stays', async () => {
      await add({ retrySchedule: [600] });
      let failures = 1;
      stage.answers.set(URL_OF, ({ id }) => (id === 'e1' && failures-- > 0 ? DOWN : ACCEPTED));
      stage.dispatcher.start();
      await publish(stage.store, keyed('e1'), keyed('e2'));
      await stage.clock.advanceTo(at('10:00:05'));
      const drained = stage.dispatcher.drain();
      await stage.clock.advanceTo(at('10:00:06'));
      await drained;
      stage.another().start();
      // Another key's event makes the other dispatcher lease the lane and scan it.
      await publish(stage.store, event({ id: 'other', orderingKey: 'l' }));
      await stage.clock.advanceTo(at('10:09:00'));
      expect(ids()).toEqual(['e1', 'other']);
      await stage.clock.advanceTo(at('10:11:00'));
      expect(ids()).toEqual(['e1', 'other', 'e1', 'e2']);
    });

    test('the last failure of e1 is unsettled at a takeover: e2 stays unsent until e1 has ended', async () => {
      await add({ retrySchedule: [] });
      stage.answers.set(URL_OF, ({ id }) => (id === 'e1' ? DOWN : ACCEPTED));
      stage.dispatcher.start();
      await publish(stage.store, keyed('e1'), keyed('e2'));
      // Its answer has come, and nothing of it is on disk yet.
      await stage.clock.advanceTo(at('10:00:01.010'));
      expect(ids()).toEqual(['e1']);
      stage.clock.freezeTimers();
      stage.another().start();
      await stage.clock.advanceTo(at('10:00:30'));
      expect(ids()).toEqual(['e1']);
      stage.delays.set(URL_OF, 5_000);
      await stage.clock.advanceTo(at('10:00:45'));
      expect(ids()).toEqual(['e1', 'e1']);
      await stage.clock.advanceTo(at('10:01:00'));
      expect(ids()).toEqual(['e1', 'e1', 'e2']);
    });

    test('a lower sequence commits after a higher one was sent: it is delivered all the same', async () => {
      await add();
      stage.dispatcher.start();
      const commit = await engine.publishUnseen(stage, event({ id: 'lower' }));
      stage.delays.set(URL_OF, 20_000);
      await publish(stage.store, event({ id: 'higher' }));
      await stage.clock.advanceTo(at('10:00:05'));
      expect(ids()).toEqual(['higher']);
      await commit();
      // The lane is held all along, and its scan has passed that place.
      await stage.clock.advanceTo(at('10:00:16'));
      expect(ids()).toEqual(['higher', 'lower']);
    });

    test('a lower sequence commits into a held lane just before that is given back: it is delivered all the same', async () => {
      await add({ eventTypes: ['one'] });
      await add({ url: 'https://other.test/', eventTypes: ['other'] });
      stage.delays.set(URL_OF, 1_000);
      stage.dispatcher.start();
      const commit = await engine.publishUnseen(stage, event({ id: 'lower', type: 'one' }));
      await publish(stage.store, event({ id: 'higher', type: 'one' }));
      await stage.clock.advanceTo(at('10:00:01.500'));
      await commit();
      // The hint makes the dispatcher look at the marks of what it holds.
      await publish(stage.store, event({ id: 'other', type: 'other' }));
      await stage.clock.advanceTo(at('10:00:04'));
      expect(ids().sort()).toEqual(['higher', 'lower', 'other']);
    });

    test('one request a second under a cadence of 30 minutes, the lease changing hands: one a second, not one a tick', async () => {
      await add({ cadence: 'every 30m', rateLimit: 1 });
      await publish(stage.store, ...Array.from({ length: 20 }, () => event()));
      let dispatcher = stage.dispatcher;
      dispatcher.start();
      for (let change = 0; change < 4; change += 1) {
        await stage.clock.advanceTo(at('10:30:04') + change * 4_300);
        const drained = dispatcher.drain();
        await stage.clock.advanceTo(stage.clock.time + 100);
        await drained;
        dispatcher = stage.another();
        dispatcher.start();
      }
      await stage.clock.advanceTo(at('10:31:00'));
      const gaps = stage.arrivals.slice(1).map((arrival, index) => arrival.at - (stage.arrivals[index]?.at ?? 0));
      expect(gaps).toHaveLength(19);
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(999);
      expect(Math.max(...gaps)).toBeLessThan(1_200);
    });

    test('500,000 followers of one poison key: another key leaves within 1 s', { timeout: 120_000 }, async () => {
      const endpoint = await add({ retrySchedule: [3600] });
      stage.answers.set(URL_OF, ({ id }) => (id === 'free' ? ACCEPTED : DOWN));
      await publish(stage.store, keyed('poison'));
      await engine.fill(stage, endpoint.id, { orderingKey: 'k', count: 500_000 });
      stage.dispatcher.start();
      await stage.clock.advanceTo(at('10:00:10'));
      expect(ids()).toEqual(['poison']);
      const startedAt = process.cpuUsage();
      const publishedAt = stage.clock.time;
      await publish(stage.store, event({ id: 'free', orderingKey: 'l' }));
      while (stage.arrivals.length < 2) await stage.clock.advanceTo(stage.clock.time + 1);
      const { user, system } = process.cpuUsage(startedAt);
      const ms = (user + system) / 1000;
      console.log(`${name}: behind 500,000 followers of a poison key, another key left after ${ms.toFixed(0)} ms of processor time`);
      expect(ids()).toEqual(['poison', 'free']);
      expect(stage.clock.time - publishedAt).toBeLessThan(1_000);
      expect(ms).toBeLessThan(1_000);
    });

    test('1,000 hanging endpoints, half for want of a name server, right after a kill -9: a healthy one is served within 1 s', {
      timeout: 120_000,
    }, async () => {
      for (let index = 0; index < 1_000; index += 1) {
        const url = `https://hangs.test/${index}`;
        await add({ url, eventTypes: ['hanging'] });
        stage.answers.set(url, () => (index % 2 === 0 ? HANGS : NO_NAME));
        stage.delays.set(url, index % 2 === 0 ? 30_000 : 10_000);
      }
      await add({ eventTypes: ['healthy'] });
      stage.dispatcher.start();
      await publish(stage.store, event({ type: 'healthy' }));
      await stage.clock.advanceTo(at('10:00:02'));
      await publish(stage.store, event({ type: 'hanging' }), event({ type: 'hanging' }));
      await stage.clock.advanceTo(at('10:00:03'));
      // Killed with requests out: what it holds is free when its leases end.
      stage.clock.freezeTimers();
      stage.clock.time = at('10:01:00');
      stage.another().start();
      await stage.clock.advanceTo(at('10:01:05'));
      const publishedAt = stage.clock.time;
      await publish(stage.store, event({ id: 'free', type: 'healthy' }));
      await stage.clock.advanceTo(publishedAt + 2_000);
      const arrived = stage.arrivals.find(({ id }) => id === 'free');
      expect((arrived?.at ?? Number.NaN) - publishedAt).toBeLessThan(1_000);
    });
  });
}
