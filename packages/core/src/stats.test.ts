import { describe, expect, test } from 'vitest';
import { alignSpan, formatStep, MOST_POINTS, parseStep, ROLLUPS, statsPoints, stepFor, widthFor } from './stats.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('a step', () => {
  test.each([
    ['1m', MINUTE, '1m'],
    ['60', MINUTE, '1m'],
    ['120s', 2 * MINUTE, '2m'],
    ['90m', 90 * MINUTE, '90m'],
    ['3600', HOUR, '1h'],
    ['12h', 12 * HOUR, '12h'],
    ['48h', 2 * DAY, '2d'],
    ['31d', 31 * DAY, '31d'],
  ])('%s', (text, ms, canonical) => {
    expect(parseStep(text)).toBe(ms);
    expect(formatStep(ms)).toBe(canonical);
    expect(parseStep(canonical)).toBe(ms);
  });

  test.each(['', '0', '0m', '1', '90', '1.5h', '-1m', '1w', '32d', '1 m', 'm', '01m', '9999999999999'])('%j is none', (text) => {
    expect(parseStep(text)).toBeNull();
  });

  test.each([
    [HOUR, '1m'],
    [2 * HOUR, '1m'],
    [DAY, '30m'],
    [7 * DAY, '3h'],
    [30 * DAY, '6h'],
    [365 * DAY, '7d'],
    [20 * 365 * DAY, '31d'],
  ])('for a span of %d ms is %s', (span, step) => {
    expect(formatStep(stepFor(span))).toBe(step);
  });

  test.each([
    ['1m', MINUTE],
    ['30m', MINUTE],
    ['90m', MINUTE],
    ['1h', HOUR],
    ['12h', HOUR],
    ['36h', HOUR],
    ['1d', DAY],
    ['7d', DAY],
  ])('of %s is made of buckets of %d ms', (step, width) => {
    expect(widthFor(parseStep(step) ?? 0)).toBe(width);
  });
});

test('whatever is kept can be charted: a day by half hours, a month by 12 hours, a year by days', () => {
  const kept = (step: string) => ROLLUPS.find(({ widthMs }) => widthMs === widthFor(parseStep(step) ?? 0))?.keepMs ?? 0;
  expect(kept('30m')).toBeGreaterThan(2 * DAY);
  expect(kept('12h')).toBeGreaterThan(31 * DAY);
  expect(kept('1d')).toBeGreaterThan(366 * DAY);
  expect((3 * DAY) / (5 * MINUTE)).toBeLessThan(MOST_POINTS);
});

describe('points', () => {
  test('are aligned to whole steps since the epoch, one for each step, empty ones too', () => {
    const span = alignSpan({ since: 10 * HOUR + 1, until: 12 * HOUR + 1, stepMs: HOUR });
    expect(span).toEqual({ since: 10 * HOUR, until: 13 * HOUR, stepMs: HOUR });
    expect(alignSpan(span)).toEqual(span);
    expect(statsPoints([], span).map(({ at, accepted, failed, p50 }) => [at / HOUR, accepted, failed, p50])).toEqual([
      [10, 0, 0, null],
      [11, 0, 0, null],
      [12, 0, 0, null],
    ]);
  });

  test('add up the buckets in their step', () => {
    const bucket = (at: number, accepted: number, failed: number, latencies: Record<string, number>) => ({
      at,
      accepted,
      failed,
      latencies,
    });
    const rollups = [
      bucket(10 * HOUR, 3, 1, { 0: 4 }),
      bucket(10 * HOUR + 59 * MINUTE, 2, 0, { 40: 2 }),
      bucket(11 * HOUR, 0, 5, { 59: 5 }),
    ];
    const [first, second] = statsPoints(rollups, { since: 10 * HOUR, until: 12 * HOUR, stepMs: HOUR });
    expect(first).toMatchObject({ accepted: 5, failed: 1 });
    expect(first?.p50).toBeLessThanOrEqual(1);
    expect(first?.p99).toBeGreaterThan(800);
    expect(first?.p99).toBeLessThanOrEqual(1024);
    expect(second).toMatchObject({ accepted: 0, failed: 5 });
    expect(second?.p50).toBeGreaterThan(22_000);
  });
});
