import { describe, expect, test } from 'vitest';
import { nextStatus, queueName } from './delivery.ts';
import { DEFAULT_DISABLE_AFTER_MS, HEALTHY } from './lane-health.ts';
import type { Outcome } from './outcome.ts';
import { rateAfter, rateAllowsAt } from './rate.ts';
import { DEFAULT_RETRY_SCHEDULE, retryDelayMs } from './retry.ts';
import { settle } from './settle.ts';

const NOW = Date.UTC(2026, 10, 23, 10, 0, 0);
const fresh = { seq: 1, failures: 0, dueAt: null, byHand: false, resent: false, probe: false, former: false, health: HEALTHY };
const context = { now: NOW, random: 0, schedule: DEFAULT_RETRY_SCHEDULE, disableAfterMs: DEFAULT_DISABLE_AFTER_MS };
const refused = (status: number, retryAfter: string | null = null): Outcome => ({ kind: 'refused', status, retryAfter });

describe('retry schedule', () => {
  test.each([
    [1, 5],
    [2, 300],
    [3, 1_800],
    [4, 7_200],
    [5, 18_000],
    [6, 36_000],
    [7, 36_000],
  ])('after failure %i the next attempt is %i s away, plus up to 20 %%', (failures, seconds) => {
    expect(retryDelayMs(DEFAULT_RETRY_SCHEDULE, failures, { random: 0 })).toBe(seconds * 1000);
    expect(retryDelayMs(DEFAULT_RETRY_SCHEDULE, failures, { random: 0.999_999 })).toBeLessThanOrEqual(seconds * 1200);
    expect(retryDelayMs(DEFAULT_RETRY_SCHEDULE, failures, { random: 0.5 })).toBe(seconds * 1100);
  });

  test('is used up after its last step', () => {
    expect(retryDelayMs(DEFAULT_RETRY_SCHEDULE, 8, { random: 0 })).toBeNull();
    expect(retryDelayMs([], 1, { random: 0 })).toBeNull();
  });
});

describe('settle', () => {
  test('an accepted attempt succeeds and clears the lane', () => {
    expect(settle(fresh, { kind: 'accepted', status: 204 }, context)).toEqual({
      delivery: { status: 'succeeded' },
      lane: { health: { ...HEALTHY, succeededAt: NOW }, disable: null, notices: [] },
    });
  });

  test.each([301, 400, 401, 403, 404, 429, 500, 503])('status %i is retried after 5 s', (status) => {
    expect(settle(fresh, refused(status), context).delivery).toEqual({ status: 'pending', failures: 1, dueAt: NOW + 5_000 });
  });

  test('a transport error is retried', () => {
    const outcome: Outcome = { kind: 'transport_error', code: 'timeout', detail: '' };
    expect(settle({ ...fresh, failures: 2 }, outcome, context).delivery).toEqual({
      status: 'pending',
      failures: 3,
      dueAt: NOW + 1_800_000,
    });
  });

  test('the eighth failure is the last', () => {
    expect(settle({ ...fresh, failures: 7 }, refused(500), context).delivery).toEqual({ status: 'failed', reason: 'attempts_exhausted' });
  });

  test('410 fails at once and disables the endpoint', () => {
    expect(settle(fresh, refused(410), context)).toMatchObject({
      delivery: { status: 'failed', reason: 'endpoint_gone' },
      lane: { health: { failures: 1, lastFailure: 'status 410' }, disable: 'gone', notices: ['endpoint.disabled'] },
    });
  });

  test('410 counts as told, so that the recovery is told as well', () => {
    const { health } = settle(fresh, refused(410), context).lane;
    expect(health.warnedAt).toBe(NOW);
    expect(settle({ ...fresh, health }, { kind: 'accepted', status: 200 }, context).lane.notices).toEqual(['endpoint.recovered']);
    const warned = { ...HEALTHY, failingSince: NOW - 10, failures: 1, warnedAt: NOW - 5 };
    expect(settle({ ...fresh, health: warned }, refused(410), context).lane.health.warnedAt).toBe(NOW - 5);
  });

  test.each<[string, Outcome, number]>([
    ['410', refused(410), 5_000],
    ['a pause that was asked for', refused(429, '36000'), 5_000],
    ['a failure', refused(500), 5_000],
  ])('%s from where the endpoint was before is one failed attempt of the delivery, and no more', (_, outcome, ms) => {
    const health = { ...HEALTHY, failures: 0, succeededAt: NOW - 1 };
    expect(settle({ ...fresh, former: true, health }, outcome, context)).toEqual({
      delivery: { status: 'pending', failures: 1, dueAt: NOW + ms },
      lane: { health, disable: null, notices: [] },
    });
  });

  test('accepted where the endpoint was before is accepted, and says nothing of where it is now', () => {
    const health = { ...HEALTHY, failingSince: NOW - 10, failures: 3, warnedAt: NOW - 5 };
    expect(settle({ ...fresh, former: true, health }, { kind: 'accepted', status: 200 }, context)).toEqual({
      delivery: { status: 'succeeded' },
      lane: { health, disable: null, notices: [] },
    });
  });

  test.each([
    [429, '120', 120_000],
    [503, '7', 7_000],
    [503, 'Mon, 23 Nov 2026 10:01:00 GMT', 60_000],
    [429, '999999999', 36_000_000], // never longer than the schedule's longest step
  ])('%i with Retry-After %s holds the lane and the delivery', (status, header, ms) => {
    const { delivery, lane } = settle(fresh, refused(status, header), context);
    expect(lane.health.retryAfter).toBe(NOW + ms);
    expect(delivery).toEqual({ status: 'pending', failures: 1, dueAt: NOW + Math.max(ms, 5_000) });
  });

  test.each([
    [500, '120'],
    [429, 'soon'],
    [429, null],
    [429, '0'],
  ])('%i with Retry-After %s asks for no pause', (status, header) => {
    expect(settle(fresh, refused(status, header), context).lane.health.retryAfter).toBe(0);
  });

  test.each([[{ failures: 0, dueAt: null }], [{ failures: 3, dueAt: NOW + 99_000 }]])(
    'a failed attempt by hand leaves the automatic ones as they were: %j',
    (automatic) => {
      expect(settle({ ...fresh, ...automatic, byHand: true }, refused(500), context).delivery).toEqual({ status: 'pending', ...automatic });
    },
  );
});

test('a failed attempt by hand that came after the last automatic one was the last', () => {
  const last = { ...fresh, failures: 8, dueAt: NOW - 10, byHand: true };
  expect(settle(last, refused(500), context).delivery).toEqual({ status: 'failed', reason: 'attempts_exhausted' });
  // A schedule that was made shorter leaves the attempt that is still to come.
  const toCome = { ...last, dueAt: NOW + 10 };
  expect(settle(toCome, refused(500), context).delivery).toEqual({ status: 'pending', failures: 8, dueAt: NOW + 10 });
});

test('re-sent by hand after its end, a failed attempt is the first of a new series', () => {
  const resent = { ...fresh, dueAt: NOW - 10, byHand: true, resent: true };
  expect(settle(resent, refused(500), context).delivery).toEqual({ status: 'pending', failures: 1, dueAt: NOW + 5_000 });
});

describe('state machine of a delivery', () => {
  const statuses = ['pending', 'succeeded', 'failed', 'canceled'] as const;
  const actions = ['accept', 'fail', 'cancel', 'resend'] as const;
  test('every pair of status and action', () => {
    const table = Object.fromEntries(statuses.map((status) => [status, actions.map((action) => nextStatus(status, action))]));
    expect(table).toEqual({
      pending: ['succeeded', 'failed', 'canceled', null],
      succeeded: [null, null, null, 'pending'],
      failed: [null, null, null, 'pending'],
      canceled: [null, null, null, 'pending'],
    });
  });

  test.each([
    ['key', 'shp_1', false, 'key:shp_1'],
    ['key', null, false, null],
    ['key', 'shp_1', true, 'late:shp_1'],
    ['key', null, true, null],
    ['strict', 'shp_1', false, 'strict'],
    ['strict', null, false, 'strict'],
    ['strict', null, true, 'late'],
    ['none', 'shp_1', false, null],
    ['none', 'shp_1', true, null],
  ] as const)('ordering %s, key %s, late %s stands in queue %s', (ordering, orderingKey, late, queue) => {
    expect(queueName(ordering, { orderingKey, late })).toBe(queue);
  });
});

describe('rate limit', () => {
  test('one per second: nothing saved up', () => {
    let rateAt = 0;
    const starts: number[] = [];
    for (let now = NOW; starts.length < 4; now += 10) {
      if (rateAllowsAt(1, rateAt, { now }) > now) continue;
      starts.push(now - NOW);
      rateAt = rateAfter(1, rateAt, { now });
    }
    expect(starts).toEqual([0, 1000, 2000, 3000]);
  });

  test('a clock that was set back by an hour does not hold the lane for an hour', () => {
    const rateAt = rateAfter(1, 0, { now: NOW });
    const now = NOW - 3_600_000;
    expect(rateAllowsAt(1, rateAt, { now })).toBeLessThanOrEqual(now);
    expect(rateAllowsAt(1, rateAfter(1, rateAt, { now }), { now })).toBe(now + 1000);
  });

  test('fifty per second: five at once, then one every 20 ms', () => {
    let rateAt = 0;
    const starts: number[] = [];
    for (let now = NOW; starts.length < 8; ) {
      if (rateAllowsAt(50, rateAt, { now }) > now) {
        now += 1;
        continue;
      }
      starts.push(now - NOW);
      rateAt = rateAfter(50, rateAt, { now });
    }
    expect(starts).toEqual([0, 0, 0, 0, 0, 20, 40, 60]);
  });
});
