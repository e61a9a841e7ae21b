import { expect, test } from 'vitest';
import { ticksBetweenMinutes } from './cadence.ts';
import { until } from './time.ts';

test.each([
  ['every 5s', true],
  ['every 90s', true],
  ['every 120s', false],
  ['every 30m', false],
  ['cron */10 * * * * * UTC', true],
  ['cron 0 9 * * 1-5 Europe/Berlin', false],
  ['immediate', false],
])('%s ticks between the minutes: %s', (cadence, between) => {
  expect(ticksBetweenMinutes(cadence)).toBe(between);
});

test('a next dispatch is never past', () => {
  const at = new Date('2026-11-23T10:00:00Z');
  expect([-12_000, -1_000, 0, 2_000, 60_000].map((later) => until(at, at.getTime() + later))).toEqual([
    'in 12 s',
    'in 1 s',
    'now',
    'now',
    'now',
  ]);
});
