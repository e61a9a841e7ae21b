import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Cadence, nextTick, parseCadence } from './cadence.ts';
import { EXPIRY_MS, expiryHorizon } from './expiry.ts';

const NOW = Date.parse('2026-11-23T10:07:00.000Z');
const DAY = 24 * 3_600_000;

function cadence(text: string): Cadence {
  const reading = parseCadence(text);
  if (!reading.ok) throw new Error(reading.message);
  return reading.cadence;
}

describe('what was published at or before this has expired', () => {
  test.each([
    ['immediate', '2026-11-16T10:07:00.000Z'],
    ['every 5m', '2026-11-16T10:07:00.000Z'],
    ['every 30m', '2026-11-16T10:07:00.000Z'],
    ['every 1d', '2026-11-16T10:07:00.000Z'],
    // Mondays at nine: what was published after the tick of the 16th waited for that of the 23rd, an hour ago.
    ['cron 0 9 * * MON', '2026-11-16T09:00:00.000Z'],
    // The tick of the 1st was 22 days ago, the next is still to come.
    ['cron 0 0 1 * *', '2026-11-01T00:00:00.000Z'],
    // The tick of the 20th was three days ago: it has three more.
    ['cron 0 0 20 * *', '2026-10-20T00:00:00.000Z'],
    ['cron 0 0 1 1 *', '2026-01-01T00:00:00.000Z'],
  ])('%s: %s', (text, horizon) => {
    expect(new Date(expiryHorizon(cadence(text), NOW)).toISOString()).toBe(horizon);
  });

  test('at the very instant, not a millisecond before', () => {
    for (const text of ['immediate', 'every 30m']) {
      const published = NOW - 12_345;
      expect(expiryHorizon(cadence(text), published + EXPIRY_MS)).toBeGreaterThanOrEqual(published);
      expect(expiryHorizon(cadence(text), published + EXPIRY_MS - 1)).toBeLessThan(published);
    }
  });

  test('whatever the cadence: never within 7 days of the publish, nor within 6 of the first tick; always within 7 of it', () => {
    const texts = ['immediate', 'every 30m', 'every 1d', 'every 9d', 'cron 0 9 * * MON', 'cron 0 0 1 * *', 'cron 30 2 29 2 *'];
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.integer({ min: NOW - 800 * DAY, max: NOW }), (text, published) => {
        const tick = nextTick(cadence(text), published);
        const expires = Math.max(published + 7 * DAY, tick + 6 * DAY);
        expect(expiryHorizon(cadence(text), expires - 1)).toBeLessThan(published);
        expect(expiryHorizon(cadence(text), expires)).toBeGreaterThanOrEqual(published);
      }),
    );
  });
});
