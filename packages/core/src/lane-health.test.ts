import { describe, expect, test } from 'vitest';
import {
  BREAKER_THRESHOLD,
  breakerState,
  DEFAULT_DISABLE_AFTER_MS,
  describeHealth,
  HEALTHY,
  type HealthAttempt,
  type HealthChange,
  healthAfter,
  healthFloor,
  type LaneHealth,
} from './lane-health.ts';

const NOW = Date.UTC(2026, 10, 23, 10, 0, 0);
const DAY = 24 * 3_600_000;

function change(health: LaneHealth, attempt: Partial<HealthAttempt>, now: number): HealthChange {
  const whole: HealthAttempt = {
    seq: 1,
    byHand: false,
    probe: health.breaker !== null,
    outcome: { kind: 'refused', status: 500, retryAfter: null },
    retryAfter: null,
    ...attempt,
  };
  return healthAfter(health, whole, { now, random: 0, disableAfterMs: DEFAULT_DISABLE_AFTER_MS });
}

const fail = (health: LaneHealth, seq: number, now = NOW): LaneHealth => change(health, { seq }, now).health;
const succeed = (health: LaneHealth, now = NOW): HealthChange => change(health, { outcome: { kind: 'accepted', status: 200 } }, now);
const broken = (now = NOW): LaneHealth =>
  Array.from({ length: BREAKER_THRESHOLD }, (_, seq) => seq).reduce((health, seq) => fail(health, seq, now), HEALTHY);

describe('the breaker', () => {
  test('opens on failures in a row of several deliveries', () => {
    const nearly = Array.from({ length: BREAKER_THRESHOLD - 1 }, (_, seq) => seq).reduce((health, seq) => fail(health, seq), HEALTHY);
    expect(breakerState(nearly, NOW)).toBe('closed');
    const open = fail(nearly, 99);
    expect(open.breaker).toEqual({ probeAt: NOW + 30_000, probes: 0 });
    expect(breakerState(open, NOW)).toBe('open');
    expect(breakerState(open, NOW + 30_000)).toBe('half_open');
    expect(healthFloor(open)).toBe(NOW + 30_000);
  });

  test('stays closed for one poison event, however often it is tried', () => {
    let health = HEALTHY;
    for (let attempt = 0; attempt < 100; attempt += 1) health = fail(health, 7);
    expect(health).toMatchObject({ failures: 100, failed: [7], breaker: null });
  });

  test('a success between starts the count anew', () => {
    let health = HEALTHY;
    for (let seq = 0; seq < 50; seq += 1) health = seq % (BREAKER_THRESHOLD - 1) === 0 ? succeed(health).health : fail(health, seq);
    expect(health.breaker).toBeNull();
  });

  test('probes at growing intervals, up to a quarter of an hour', () => {
    let health = broken();
    const waits: number[] = [];
    for (let probe = 0; probe < 8; probe += 1) {
      const at = health.breaker?.probeAt ?? 0;
      health = fail(health, 100 + probe, at);
      waits.push(((health.breaker?.probeAt ?? 0) - at) / 1000);
    }
    expect(waits).toEqual([60, 120, 240, 480, 900, 900, 900, 900]);
  });

  test('what was out already when it opened, and attempts by hand, move no probe', () => {
    const open = broken();
    expect(change(open, { probe: false, seq: 50 }, NOW + 25_000).health.breaker).toEqual(open.breaker);
    expect(change(open, { byHand: true, seq: 51 }, NOW + 40_000).health.breaker).toEqual(open.breaker);
  });

  test('attempts by hand open none', () => {
    let health = HEALTHY;
    for (let seq = 0; seq < 20; seq += 1) health = change(health, { seq, byHand: true }, NOW).health;
    expect(health).toMatchObject({ failures: 20, breaker: null });
  });

  test('any success closes it', () => {
    expect(succeed(broken()).health).toEqual({ ...HEALTHY, succeededAt: NOW });
  });

  test('jitter puts a probe off by up to a fifth', () => {
    const nearly = { ...broken(), failed: [1, 2, 3, 4], breaker: null };
    const attempt: HealthAttempt = {
      seq: 9,
      byHand: false,
      probe: false,
      outcome: { kind: 'refused', status: 500, retryAfter: null },
      retryAfter: null,
    };
    const { health } = healthAfter(nearly, attempt, { now: NOW, random: 0.5, disableAfterMs: DEFAULT_DISABLE_AFTER_MS });
    expect(health.breaker?.probeAt).toBe(NOW + 33_000);
  });
});

test('a pause that the endpoint asked for outlasts the success of another attempt', () => {
  const { health } = change(HEALTHY, { retryAfter: NOW + 60_000 }, NOW);
  expect(healthFloor(succeed(health, NOW + 1).health)).toBe(NOW + 60_000);
  expect(healthFloor(succeed(health, NOW + 60_000).health)).toBe(0);
});

describe('the long view', () => {
  /** One failure an hour for `days`, each of another delivery. */
  function failFor(days: number): HealthChange[] {
    const changes: HealthChange[] = [];
    let health = HEALTHY;
    for (let hour = 0; hour <= days * 24; hour += 1) {
      const next = change(health, { seq: hour }, NOW + hour * 3_600_000);
      changes.push(next);
      health = next.health;
    }
    return changes;
  }

  test('warned once at half the time, disabled after all of it', () => {
    const said = failFor(5).flatMap(({ notices, disable }, hour) => notices.map((notice) => [hour, notice, disable]));
    expect(said).toEqual([
      [60, 'endpoint.failing', null],
      [120, 'endpoint.disabled', 'failing'],
    ]);
  });

  test('its failures forgotten after the warning, it is warned of again; the recovery is told all the same', () => {
    const warned = failFor(3).at(-1)?.health ?? HEALTHY;
    const anew = { ...HEALTHY, warnedAt: warned.warnedAt };
    const from = NOW + 4 * DAY;
    let health: LaneHealth = anew;
    const said: [number, string][] = [];
    for (let hour = 0; hour <= 60; hour += 1) {
      const next = change(health, { seq: hour }, from + hour * 3_600_000);
      said.push(...next.notices.map((notice): [number, string] => [hour, notice]));
      health = next.health;
    }
    expect(said).toEqual([[60, 'endpoint.failing']]);
    expect(health.warnedAt).toBe(from + 60 * 3_600_000);
    expect(succeed(change(anew, {}, from).health).notices).toEqual(['endpoint.recovered']);
  });

  test('too few attempts say nothing: neither warned nor disabled', () => {
    let health = HEALTHY;
    for (let attempt = 0; attempt < 9; attempt += 1) {
      const { health: next, disable, notices } = change(health, { seq: attempt }, NOW + attempt * DAY);
      expect([disable, notices]).toEqual([null, []]);
      health = next;
    }
    for (let attempt = 9; attempt < 19; attempt += 1) {
      const { health: next, disable } = change(health, { seq: attempt }, NOW + attempt * DAY);
      expect(disable).toBeNull();
      health = next;
    }
    expect(change(health, { seq: 19 }, NOW + 19 * DAY).disable).toBe('failing');
  });

  test('a success after the warning is told as well, one without a warning is not', () => {
    const warned = failFor(3).at(-1)?.health ?? HEALTHY;
    expect(succeed(warned, NOW + 4 * DAY)).toEqual({
      health: { ...HEALTHY, succeededAt: NOW + 4 * DAY },
      disable: null,
      notices: ['endpoint.recovered'],
    });
    expect(succeed(fail(HEALTHY, 1)).notices).toEqual([]);
  });

  test.each<[string, LaneHealth, 'gone' | 'failing' | null, string, RegExp | null]>([
    ['nothing to say', HEALTHY, null, 'ok', null],
    ['a few failures', fail(HEALTHY, 1), null, 'ok', /not one of 1 attempts was accepted; the last came to status 500/],
    ['an open breaker', broken(), null, 'failing', /only one is tried at a time; the next after 2026-11-23T10:00:30/],
    ['warned', { ...broken(), warnedAt: NOW }, null, 'failing', /disabled after 2026-11-28T10:00:00/],
    ['disabled', { ...broken(), warnedAt: NOW }, 'failing', 'disabled', /goes once you enable it again/],
    ['disabled, with a new URL', HEALTHY, 'failing', 'disabled', /too long/],
    ['gone', fail(HEALTHY, 1), 'gone', 'disabled', /410/],
  ])('in words: %s', (_name, health, disabled, state, reason) => {
    const described = describeHealth(health, { disabled, disableAfterMs: DEFAULT_DISABLE_AFTER_MS });
    expect(described.state).toBe(state);
    if (reason === null) expect(described.reason).toBeNull();
    else expect(described.reason).toMatch(reason);
  });
});
