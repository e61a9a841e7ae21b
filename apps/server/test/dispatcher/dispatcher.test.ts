import type { ApplicationId, Outcome } from '@posthorn/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EndpointSettings, Environment, Store } from '../../src/store/store.ts';
import { ALL_DELIVERIES, addEndpoint, event, lease, publish } from '../store/conformance/harness.ts';
import { openStage, openStageStore, type Stage } from './stage.ts';

const at = (time: string): number => Date.parse(`2026-11-23T${time}Z`);
const DOWN: Outcome = { kind: 'refused', status: 500, retryAfter: null };

let stage: Stage;
let application: ApplicationId;

beforeEach(async () => {
  stage = await openStage(at('10:00:01'));
  ({
    application: { id: application },
  } = await stage.store.applications.upsert({ uid: 'acme', name: 'Acme' }));
});
afterEach(() => stage.close());

const add = (settings: Partial<EndpointSettings> = {}, environment: Environment = 'sandbox') =>
  addEndpoint(stage.store, application, settings, environment);
const times = (): string[] => stage.arrivals.map((arrival) => new Date(arrival.at).toISOString().slice(11, 23));
const ids = (): string[] => stage.arrivals.map(({ id }) => id);

describe('the gate', () => {
  test('published at 10:00:01, the sandbox leaves at 10:05:00 and production at 10:30:00', async () => {
    await add({ url: 'https://sandbox.test/' });
    await add({ url: 'https://production.test/' }, 'production');
    stage.dispatcher.start();
    await publish(stage.store, event({ id: 's' }));
    await stage.store.publish({ environment: 'production', events: [event({ id: 'p' })], idempotency: null });
    await stage.clock.advanceTo(at('10:04:59.999'));
    expect(stage.arrivals).toEqual([]);
    await stage.clock.advanceTo(at('10:29:59.999'));
    expect(ids()).toEqual(['s']);
    await stage.clock.advanceTo(at('10:31:00'));
    expect(ids()).toEqual(['s', 'p']);
    expect(times()).toEqual(['10:05:00.000', '10:30:00.000']);
  });

  test('published on the tick, it leaves on that tick', async () => {
    await add();
    stage.dispatcher.start();
    await stage.clock.advanceTo(at('10:05:00'));
    await publish(stage.store, event());
    await stage.clock.advanceTo(at('10:05:01'));
    expect(times()).toEqual(['10:05:00.000']);
  });

  test('a tick missed while nothing ran is caught up at the start', async () => {
    await add();
    await publish(stage.store, event());
    await stage.clock.advanceTo(at('10:07:00'));
    stage.dispatcher.start();
    await stage.clock.advanceTo(at('10:07:01'));
    expect(times()).toEqual(['10:07:00.000']);
  });

  test('a changed cadence takes effect at once on what waits', async () => {
    await add();
    stage.dispatcher.start();
    await publish(stage.store, event());
    await stage.clock.advanceTo(at('10:01:00'));
    await stage.store.environments.setCadence('sandbox', 'immediate');
    await stage.clock.advanceTo(at('10:01:01'));
    expect(times()).toEqual(['10:01:00.000']);
  });

  test('an endpoint may override it', async () => {
    await add({ cadence: 'immediate' });
    stage.dispatcher.start();
    await publish(stage.store, event());
    await stage.clock.advanceTo(at('10:00:02'));
    expect(times()).toEqual(['10:00:01.000']);
  });

  test('dispatch now lets go what waits, and nothing that comes after it', async () => {
    const endpoint = await add();
    stage.dispatcher.start();
    await publish(stage.store, event({ id: 'a' }));
    await stage.clock.advanceTo(at('10:00:30'));
    await stage.store.endpoints.open('sandbox', endpoint.id);
    await stage.clock.advanceTo(at('10:00:31'));
    await publish(stage.store, event({ id: 'b' }));
    await stage.clock.advanceTo(at('10:04:00'));
    expect(ids()).toEqual(['a']);
    await stage.clock.advanceTo(at('10:06:00'));
    expect(ids()).toEqual(['a', 'b']);
  });
});

describe('retries', () => {
  test('go when they are due, not at a tick, along the schedule, and end as failed', async () => {
    await add({ url: 'https://down.test/' });
    stage.answers.set('https://down.test/', () => DOWN);
    stage.dispatcher.start();
    await publish(stage.store, event());
    await stage.clock.advanceTo(at('10:00:01') + 40 * 3_600_000);
    const gaps = stage.arrivals.slice(1).map((arrival, index) => Math.round((arrival.at - (stage.arrivals[index]?.at ?? 0)) / 1000));
    expect(gaps).toEqual([5, 300, 1800, 7200, 18_000, 36_000, 36_000]);
    const { data } = await stage.store.deliveries.list('sandbox', { ...ALL_DELIVERIES, limit: 1 });
    expect(data).toMatchObject([{ status: 'failed', reason: 'attempts_exhausted', attemptCount: 8 }]);
  });

  test('hold up their key and nothing else; the key goes on in order afterwards', async () => {
    await add({ url: 'https://flaky.test/', cadence: 'immediate' });
    let failures = 2;
    stage.answers.set('https://flaky.test/', ({ id }) => (id === 'a1' && failures-- > 0 ? DOWN : { kind: 'accepted', status: 200 }));
    stage.dispatcher.start();
    await publish(
      stage.store,
      event({ id: 'a1', orderingKey: 'a' }),
      event({ id: 'a2', orderingKey: 'a' }),
      event({ id: 'b1', orderingKey: 'b' }),
    );
    await stage.clock.advanceTo(at('10:00:02'));
    expect(ids()).toEqual(['a1', 'b1']);
    await stage.clock.advanceTo(at('10:07:00'));
    expect(ids()).toEqual(['a1', 'b1', 'a1', 'a1', 'a2']);
  });

  test('by hand go now and leave the automatic ones as they were', async () => {
    await add({ url: 'https://down.test/', cadence: 'immediate' });
    stage.answers.set('https://down.test/', () => DOWN);
    stage.dispatcher.start();
    await publish(stage.store, event());
    await stage.clock.advanceTo(at('10:01:00')); // 10:00:01 and the retry 5 s later
    const [delivery] = (await stage.store.deliveries.list('sandbox', { ...ALL_DELIVERIES, limit: 1 })).data;
    await stage.store.deliveries.retry('sandbox', delivery?.id as never);
    await stage.clock.advanceTo(at('10:02:00'));
    expect(stage.arrivals).toHaveLength(3);
    const after = (await stage.store.deliveries.list('sandbox', { ...ALL_DELIVERIES, limit: 1 })).data[0];
    expect(after).toMatchObject({ attemptCount: 3, nextAttemptAt: delivery?.nextAttemptAt });
  });

  test('Retry-After of a 429 holds the whole lane', async () => {
    await add({ url: 'https://busy.test/', cadence: 'immediate', maxInFlight: 1 });
    let first = true;
    stage.answers.set('https://busy.test/', () => {
      const outcome: Outcome = first ? { kind: 'refused', status: 429, retryAfter: '60' } : { kind: 'accepted', status: 200 };
      first = false;
      return outcome;
    });
    stage.dispatcher.start();
    await publish(stage.store, event({ id: 'a' }), event({ id: 'b' }));
    await stage.clock.advanceTo(at('10:00:59'));
    expect(ids()).toEqual(['a']);
    await stage.clock.advanceTo(at('10:02:00'));
    expect(ids().slice(1).sort()).toEqual(['a', 'b']);
    expect(times()[1]).toBe('10:01:01.007');
  });

  test('410 fails the delivery and disables the endpoint', async () => {
    const endpoint = await add({ url: 'https://gone.test/', cadence: 'immediate', maxInFlight: 1 });
    stage.answers.set('https://gone.test/', () => ({ kind: 'refused', status: 410, retryAfter: null }));
    stage.dispatcher.start();
    await publish(stage.store, event({ id: 'a' }), event({ id: 'b' }));
    await stage.clock.advanceTo(at('11:00:00'));
    expect(ids()).toEqual(['a']);
    expect(await stage.store.endpoints.get('sandbox', endpoint.id)).toMatchObject({ status: 'disabled', disabledReason: 'gone' });
  });
});

describe('limits', () => {
  test('one request per second, over many leases', async () => {
    await add({ rateLimit: 1, cadence: 'immediate' });
    stage.dispatcher.start();
    await publish(stage.store, ...Array.from({ length: 5 }, () => event()));
    await stage.clock.advanceTo(at('10:01:00'));
    const gaps = stage.arrivals.slice(1).map((arrival, index) => arrival.at - (stage.arrivals[index]?.at ?? 0));
    expect(gaps).toHaveLength(4);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1000);
    expect(Math.max(...gaps)).toBeLessThan(1100);
  });

  test('an attempt goes to the URL as it is then', async () => {
    const endpoint = await add({ url: 'https://old.test/', cadence: 'immediate' });
    stage.answers.set('https://old.test/', () => DOWN);
    stage.dispatcher.start();
    await publish(stage.store, event());
    await stage.clock.advanceTo(at('10:00:03'));
    await stage.store.endpoints.update('sandbox', endpoint.id, { url: 'https://new.test/' });
    await stage.clock.advanceTo(at('10:01:00'));
    expect(stage.arrivals.map(({ url }) => url)).toEqual(['https://old.test/', 'https://new.test/']);
  });
});

test('a rate-limited key arrives whole, whatever renewals and changes of its endpoint fall between', async () => {
  const endpoint = await add({ rateLimit: 1, cadence: 'immediate' });
  stage.dispatcher.start();
  await publish(stage.store, ...Array.from({ length: 15 }, (_, index) => event({ id: `e${index}`, orderingKey: 'k' })));
  for (let step = 1; step <= 60; step += 1) {
    // At every phase of an attempt: before its answer, between answer and settle, after it.
    await stage.clock.advanceTo(at('10:00:01') + step * 517);
    await stage.store.endpoints.update('sandbox', endpoint.id, { description: `step ${step}` });
  }
  await stage.clock.advanceTo(at('10:02:00'));
  expect(ids()).toEqual(Array.from({ length: 15 }, (_, index) => `e${index}`));
});

test('what is published, or whose tick comes, while a slow answer is out starts at once in a free slot', async () => {
  const endpoint = await add({ url: 'https://slow.test/', cadence: 'immediate' });
  stage.delays.set('https://slow.test/', 29_000);
  stage.dispatcher.start();
  await publish(stage.store, event({ id: 'a' }));
  await stage.clock.advanceTo(at('10:00:05'));
  await publish(stage.store, event({ id: 'b' }));
  await stage.clock.advanceTo(at('10:00:06'));
  expect(times()).toEqual(['10:00:01.000', '10:00:05.000']);
  await stage.store.endpoints.update('sandbox', endpoint.id, { cadence: 'every 10s' });
  await publish(stage.store, event({ id: 'c' }));
  await stage.clock.advanceTo(at('10:00:12'));
  expect(times()).toEqual(['10:00:01.000', '10:00:05.000', '10:00:10.000']);
});

test('more hanging endpoints than lanes can be held do not shut out a healthy one', async () => {
  for (let index = 0; index < 150; index += 1) {
    await add({ url: `https://hangs.test/${index}`, cadence: 'immediate' });
    stage.delays.set(`https://hangs.test/${index}`, 30_000);
    stage.answers.set(`https://hangs.test/${index}`, () => ({ kind: 'transport_error', code: 'timeout', detail: '' }));
  }
  await add({ url: 'https://healthy.test/', cadence: 'immediate', eventTypes: ['only.this'] });
  stage.dispatcher.start();
  await publish(stage.store, ...Array.from({ length: 20 }, () => event()));
  await stage.clock.advanceTo(at('10:05:00'));
  await publish(stage.store, event({ id: 'healthy', type: 'only.this' }));
  await stage.clock.advanceTo(at('10:05:05'));
  const arrived = stage.arrivals.find(({ url }) => url === 'https://healthy.test/');
  expect((arrived?.at ?? Number.NaN) - at('10:05:00')).toBeLessThan(1000);
});

test('two dispatchers on one store share the lanes and send nothing twice', async () => {
  for (let index = 0; index < 20; index += 1) await add({ url: `https://e${index}.test/`, cadence: 'immediate' });
  stage.dispatcher.start();
  stage.another().start();
  await publish(stage.store, ...Array.from({ length: 30 }, (_, index) => event({ id: `e-${index}`, orderingKey: `k${index % 3}` })));
  await stage.clock.advanceTo(at('10:01:00'));
  expect(stage.arrivals).toHaveLength(600);
  expect(new Set(stage.arrivals.map(({ url, id }) => `${url} ${id}`)).size).toBe(600);
});

test('a holder whose lease has ended starts nothing more, even when the wall clock was set back; the next one takes over', async () => {
  await add({ url: 'https://slow.test/', cadence: 'immediate', maxInFlight: 1 });
  stage.dispatcher.start();
  await publish(stage.store, event({ id: 'a', orderingKey: 'k' }), event({ id: 'b', orderingKey: 'k' }));
  // The first holder is out with `a` and stands still, as a stopped process does: it neither renews nor hears of the answer.
  await stage.clock.advanceTo(at('10:00:01.003'));
  expect(ids()).toEqual(['a']);
  stage.clock.freezeTimers();
  stage.clock.time += 60_000;
  stage.another().start();
  await stage.clock.advanceTo(stage.clock.time + 5_000);
  expect(ids()).toEqual(['a', 'a', 'b']);
  // It wakes: its answer is late, its state is refused, and it sends nothing.
  stage.clock.thawTimers();
  await stage.clock.advanceTo(stage.clock.time + 60_000);
  expect(ids()).toEqual(['a', 'a', 'b']);
  const { data } = await stage.store.deliveries.list('sandbox', { ...ALL_DELIVERIES, limit: 10 });
  expect(data.map(({ status, attemptCount }) => [status, attemptCount])).toEqual([
    ['succeeded', 1],
    ['succeeded', 1],
  ]);
});

test('draining finishes what is out, starts nothing more, and leaves the rest to the next', async () => {
  await add({ cadence: 'immediate', maxInFlight: 1 });
  stage.dispatcher.start();
  await publish(stage.store, ...Array.from({ length: 10 }, () => event()));
  await stage.clock.advanceTo(at('10:00:01.010'));
  const out = stage.arrivals.length;
  expect(out).toBeGreaterThan(0);
  const settledAtDrain = stage.dispatcher.drain().then(async () => {
    const { data } = await stage.store.deliveries.list('sandbox', { ...ALL_DELIVERIES, limit: 100 });
    return {
      settled: data.filter(({ status }) => status === 'succeeded').length,
      free: (await lease(stage.store, Number.POSITIVE_INFINITY, { leaseMs: 1 })).length,
    };
  });
  await stage.clock.advanceTo(at('10:00:03'));
  // Everything that went out is on disk, and the lane is free for another at once.
  expect(await settledAtDrain).toEqual({ settled: out, free: 1 });
  expect(stage.arrivals).toHaveLength(out);
  stage.another().start();
  await stage.clock.advanceTo(at('10:00:10'));
  expect(stage.arrivals).toHaveLength(10);
});

test('what falls due in a lane that is held goes then, not at the next look', async () => {
  await stage.close();
  stage = await openStage(at('10:00:01'), { longestSleepMs: 3_600_000 });
  ({
    application: { id: application },
  } = await stage.store.applications.upsert({ uid: 'acme', name: 'Acme' }));
  await add({ url: 'https://held.test/', cadence: 'immediate', retrySchedule: [5, 5] });
  let failures = 1;
  stage.answers.set('https://held.test/', ({ id }) => (id === 'fails' && failures-- > 0 ? DOWN : { kind: 'accepted', status: 200 }));
  // What is accepted after the failure gives the lane its second slot; what is slow holds the lane and the first.
  stage.delays.set('https://held.test/', ({ id }) => ({ fails: 5, accepted: 1_000 })[id] ?? 29_000);
  stage.dispatcher.start();
  await publish(stage.store, event({ id: 'slow' }), event({ id: 'fails' }), event({ id: 'accepted' }));
  await stage.clock.advanceTo(at('10:00:20'));
  expect(ids()).toEqual(['slow', 'fails', 'accepted', 'fails']);
  expect(times()[3]?.slice(0, 8)).toBe('10:00:06');
});

test('what came into a held lane is not lost when the lane could be given back before the store has answered', async () => {
  await stage.close();
  let answer = (): void => {};
  stage = await openStage(at('10:00:01'), {
    longestSleepMs: 3_600_000,
    async openStore(clock) {
      const store = await openStageStore(clock);
      const stirred: Store['lanes']['stirred'] = async (request) => {
        const found = await store.lanes.stirred(request);
        if (found.length > 0) await new Promise<void>((resolve) => (answer = resolve));
        return found;
      };
      return { ...store, lanes: { ...store.lanes, stirred } };
    },
  });
  application = (await stage.store.applications.upsert({ uid: 'acme', name: 'Acme' })).application.id;
  await add({ url: 'https://slow.test/', cadence: 'immediate' });
  stage.delays.set('https://slow.test/', 5_000);
  stage.dispatcher.start();
  await publish(stage.store, event({ id: 'a' }));
  await stage.clock.advanceTo(at('10:00:03'));
  await publish(stage.store, event({ id: 'b' })); // the store takes its mark, and its answer is on its way
  await stage.clock.advanceTo(at('10:00:07')); // a is accepted and settled: nothing is left in the lane that its holder knows of
  answer();
  await stage.clock.advanceTo(at('10:00:08'));
  expect(ids()).toEqual(['a', 'b']);
});

/** A stage whose store is changed by `change`, with the application that endpoints belong to. */
async function restage(change: (lanes: Store['lanes']) => Partial<Store['lanes']>): Promise<void> {
  await stage.close();
  stage = await openStage(at('10:00:01'), {
    longestSleepMs: 3_600_000,
    async openStore(clock) {
      const store = await openStageStore(clock);
      return { ...store, lanes: { ...store.lanes, ...change(store.lanes) } };
    },
  });
  application = (await stage.store.applications.upsert({ uid: 'acme', name: 'Acme' })).application.id;
}

test('what comes into a lane while its release is under way is not lost, whatever is carried out first', async () => {
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  await restage((lanes) => ({ release: (batch) => held.then(() => lanes.release(batch)) }));
  await add({ url: 'https://slow.test/', cadence: 'immediate', eventTypes: ['slow'] }); // its lane stays held
  await add({ url: 'https://up.test/', cadence: 'immediate', eventTypes: ['one'] });
  await add({ url: 'https://other.test/', cadence: 'immediate', eventTypes: ['other'] });
  stage.delays.set('https://slow.test/', 20_000);
  stage.dispatcher.start();
  await publish(stage.store, event({ id: 'slow', type: 'slow' }), event({ id: 'a', type: 'one' }));
  await stage.clock.advanceTo(at('10:00:03')); // a is settled, and its lane is being given back
  await publish(stage.store, event({ id: 'b', type: 'one' }));
  await publish(stage.store, event({ id: 'other', type: 'other' })); // the hint makes the dispatcher take the marks of what it holds
  await stage.clock.advanceTo(at('10:00:04'));
  letGo();
  await stage.clock.advanceTo(at('10:00:05'));
  expect(ids().sort()).toEqual(['a', 'b', 'other', 'slow']);
});

test('retries that fall due one after the other do not make it scan a long lane from the start each time', async () => {
  let looks = 0;
  await restage((lanes) => ({
    scan: (request) => {
      looks += 1;
      return lanes.scan(request);
    },
    scanDue: (request) => {
      looks += 1;
      return lanes.scanDue(request);
    },
  }));
  await add({ url: 'https://shaky.test/', cadence: 'immediate', retrySchedule: [1], maxInFlight: 32 });
  const failed = new Set<string>();
  stage.answers.set('https://shaky.test/', ({ id }) => {
    if (Number(id) % 3 !== 0 || failed.has(id)) return { kind: 'accepted', status: 200 };
    failed.add(id);
    return DOWN;
  });
  stage.delays.set('https://shaky.test/', 20);
  await publish(stage.store, ...Array.from({ length: 3_000 }, (_, index) => event({ id: String(index), orderingKey: `k${index}` })));
  stage.dispatcher.start();
  await stage.clock.advanceTo(at('10:01:00'));
  expect(new Set(ids()).size).toBe(3_000);
  expect(stage.arrivals).toHaveLength(4_000);
  expect(looks).toBeLessThan(200);
});

test('endpoints of one destination that hang leave room for a proven one there', async () => {
  const proven = 'https://shared.test/proven';
  await add({ url: proven, cadence: 'immediate', eventTypes: ['proven'] });
  stage.dispatcher.start();
  await publish(stage.store, event({ type: 'proven' }));
  await stage.clock.advanceTo(at('10:00:03'));
  for (let index = 0; index < 40; index += 1) {
    const url = `https://shared.test/hangs/${index}`;
    await add({ url, cadence: 'immediate', eventTypes: ['hanging'], retrySchedule: [1, 1, 1, 1] });
    stage.answers.set(url, () => ({ kind: 'transport_error', code: 'timeout', detail: '' }));
    stage.delays.set(url, 30_000);
  }
  await publish(stage.store, event({ type: 'hanging' }), event({ type: 'hanging' }));
  for (let round = 0; round < 6; round += 1) {
    await stage.clock.advanceTo(stage.clock.time + 25_000);
    const id = `proven-${round}`;
    const publishedAt = stage.clock.time;
    await publish(stage.store, event({ id, type: 'proven' }));
    await stage.clock.advanceTo(publishedAt + 1_000);
    expect(ids(), id).toContain(id);
  }
});

describe('an answer about the store’s clock that comes 40 s late moves no retry', () => {
  test.each(['before', 'after'] as const)('the store read its clock %s the wait', async (read) => {
    await stage.close();
    let isSlow = false;
    stage = await openStage(at('10:00:01'), {
      longestSleepMs: 3_600_000,
      async openStore(clock) {
        const store = await openStageStore(clock);
        const outlook: Store['lanes']['outlook'] = async () => {
          if (!isSlow) return store.lanes.outlook();
          isSlow = false;
          const early = read === 'before' ? await store.lanes.outlook() : null;
          await new Promise<void>((resolve) => clock.after(40_000, resolve));
          return early ?? store.lanes.outlook();
        };
        return { ...store, lanes: { ...store.lanes, outlook } };
      },
    });
    application = (await stage.store.applications.upsert({ uid: 'acme', name: 'Acme' })).application.id;
    await add({ url: 'https://down.test/', cadence: 'immediate', retrySchedule: [90] });
    stage.answers.set('https://down.test/', () => DOWN);
    stage.dispatcher.start();
    await publish(stage.store, event({ id: 'a' }));
    await stage.clock.advanceTo(at('10:00:03'));
    isSlow = true;
    await publish(stage.store, event({ id: 'b', orderingKey: 'other' })); // the hint makes it look
    await stage.clock.advanceTo(at('10:02:00'));
    expect(ids()).toEqual(['a', 'b', 'a']);
    const [first, , second] = stage.arrivals;
    const waited = (second?.at ?? 0) - (first?.at ?? 0);
    expect(waited).toBeGreaterThanOrEqual(90_000);
    expect(waited).toBeLessThan(91_000);
  });
});

describe('by hand', () => {
  const retry = async (id: string): Promise<void> => {
    const { data } = await stage.store.deliveries.list('sandbox', { ...ALL_DELIVERIES, event: id, limit: 1 });
    await stage.store.deliveries.retry('sandbox', data[0]?.id as never);
  };

  test('a retry goes as soon as the attempt that is out has failed', async () => {
    await add({ url: 'https://slow.test/', cadence: 'immediate', retrySchedule: [3600] });
    stage.answers.set('https://slow.test/', () => DOWN);
    stage.delays.set('https://slow.test/', 20_000);
    stage.dispatcher.start();
    await publish(stage.store, event({ id: 'a' }));
    await stage.clock.advanceTo(at('10:00:10'));
    await retry('a');
    await stage.clock.advanceTo(at('10:00:40'));
    expect(times().map((time) => time.slice(0, 8))).toEqual(['10:00:01', '10:00:21']);
  });

  test('a canceled one that fails all the same lets its key go on at once', async () => {
    await add({ url: 'https://slow.test/', cadence: 'immediate', retrySchedule: [3600] });
    stage.answers.set('https://slow.test/', ({ id }) => (id === 'a' ? DOWN : { kind: 'accepted', status: 200 }));
    stage.delays.set('https://slow.test/', 20_000);
    stage.dispatcher.start();
    await publish(stage.store, event({ id: 'a', orderingKey: 'k' }), event({ id: 'b', orderingKey: 'k' }));
    await stage.clock.advanceTo(at('10:00:10'));
    const { data } = await stage.store.deliveries.list('sandbox', { ...ALL_DELIVERIES, event: 'a', limit: 1 });
    await stage.store.deliveries.cancel('sandbox', data[0]?.id as never);
    await stage.clock.advanceTo(at('10:00:22'));
    expect(ids()).toEqual(['a', 'b']);
  });

  test('canceled and re-sent just before it leaves, it goes once, as what it is now', async () => {
    await stage.close();
    let resend = async (): Promise<void> => {};
    stage = await openStage(at('10:00:01'), {
      async openStore(clock) {
        const store = await openStageStore(clock);
        const bodies: Store['lanes']['bodies'] = async (seqs) => {
          await resend();
          return store.lanes.bodies(seqs);
        };
        return { ...store, lanes: { ...store.lanes, bodies } };
      },
    });
    application = (await stage.store.applications.upsert({ uid: 'acme', name: 'Acme' })).application.id;
    await add({ url: 'https://down.test/', cadence: 'immediate', retrySchedule: [3600] });
    stage.answers.set('https://down.test/', () => DOWN);
    resend = async () => {
      resend = async () => {};
      const { data } = await stage.store.deliveries.list('sandbox', { ...ALL_DELIVERIES, event: 'a', limit: 1 });
      await stage.store.deliveries.cancel('sandbox', data[0]?.id as never);
      await retry('a');
    };
    stage.dispatcher.start();
    await publish(stage.store, event({ id: 'a' }));
    await stage.clock.advanceTo(at('10:01:00'));
    expect(stage.arrivals.map(({ id, late }) => [id, late])).toEqual([['a', true]]);
  });

  test('beyond the gate, it goes as soon as it heads its key', async () => {
    await add({ url: 'https://slow.test/' });
    stage.delays.set('https://slow.test/', 20_000);
    stage.dispatcher.start();
    await publish(stage.store, event({ id: 'a', orderingKey: 'k' }));
    await stage.clock.advanceTo(at('10:05:05'));
    await publish(stage.store, event({ id: 'gated' }), event({ id: 'b', orderingKey: 'k' }));
    await retry('b');
    await stage.clock.advanceTo(at('10:05:30'));
    expect(ids()).toEqual(['a', 'b']);
    expect(times()[1]?.slice(0, 8)).toBe('10:05:20');
  });

  test('before its gate and in vain, it goes again at its gate, whatever the lane is busy with', async () => {
    await add({ url: 'https://shaky.test/' });
    let failures = 1;
    stage.answers.set('https://shaky.test/', ({ id }) => (id === 'wished' && failures-- > 0 ? DOWN : { kind: 'accepted', status: 200 }));
    // What is accepted after the failure gives the lane its second slot; what is slow holds the lane beyond the tick.
    stage.delays.set('https://shaky.test/', ({ id }) => ({ wished: 7, accepted: 1_000 })[id] ?? 29_000);
    stage.dispatcher.start();
    await publish(stage.store, event({ id: 'wished', orderingKey: 'k' }), event({ id: 'accepted' }), event({ id: 'slow' }));
    await stage.clock.advanceTo(at('10:04:58'));
    await Promise.all(['slow', 'accepted'].map(retry));
    await stage.clock.advanceTo(at('10:04:58.100'));
    await retry('wished');
    await stage.clock.advanceTo(at('10:06:00'));
    expect(ids().sort()).toEqual(['accepted', 'slow', 'wished', 'wished']);
    expect(times()[3]).toBe('10:05:00.000');
  });

  test('a second wish waits for no breaker either', async () => {
    await add({ url: 'https://down.test/', cadence: 'immediate', maxInFlight: 1 });
    stage.answers.set('https://down.test/', () => DOWN);
    stage.dispatcher.start();
    await publish(stage.store, ...['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((id) => event({ id })));
    await stage.clock.advanceTo(at('10:00:03'));
    expect(stage.arrivals).toHaveLength(5); // then its breaker opened
    await Promise.all([retry('f'), retry('g')]);
    await stage.clock.advanceTo(at('10:00:05'));
    expect(ids().slice(5).sort()).toEqual(['f', 'g']);
  });
});
