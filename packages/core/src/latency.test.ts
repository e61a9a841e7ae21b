import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addLatencies, countLatency, type Latencies, latencyQuantile } from './latency.ts';

function histogram(durations: readonly number[]): Latencies {
  const latencies: Latencies = {};
  for (const ms of durations) countLatency(latencies, ms);
  return latencies;
}

describe('latencies', () => {
  test('of none there is no quantile', () => {
    expect(latencyQuantile({}, 0.5)).toBeNull();
  });

  test.each<[string, number[], number]>([
    ['one that took no time', [0.2], 0.5],
    ['one', [12], 0.99],
    ['five, one slow', [1, 1, 1, 1, 1000], 0.5],
    ['four, two hanging', [30_000, 30_000, 5, 5], 0.95],
    ['a thousand', Array.from({ length: 1000 }, (_, index) => index + 1), 0.95],
  ])('of %s a quantile is met within a fifth', (_, durations, share) => {
    const sorted = [...durations].sort((a, b) => a - b);
    const truth = sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
    const found = latencyQuantile(histogram(durations), share) ?? Number.NaN;
    expect(Math.abs(found - truth)).toBeLessThanOrEqual(Math.max(1, truth * 0.19));
  });

  test('what is slower than any attempt counts as the slowest; what is no duration as none at all', () => {
    expect(latencyQuantile(histogram([1e9]), 1)).toBeCloseTo(65_536);
    expect(latencyQuantile(histogram([-1, 0, Number.NaN]), 1)).toBeLessThanOrEqual(1);
  });

  test('added, they tell what one histogram of all would', () => {
    const some = fc.array(fc.double({ min: 0, max: 40_000, noNaN: true }));
    fc.assert(
      fc.property(some, some, (a, b) => {
        const sum = histogram(a);
        addLatencies(sum, histogram(b));
        expect(sum).toEqual(histogram([...a, ...b]));
      }),
    );
  });

  test('a quantile is never far from the duration that holds it, and grows with its share', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1, max: 30_000, noNaN: true }), { minLength: 1 }), (durations) => {
        const latencies = histogram(durations);
        const quantiles = [0.01, 0.5, 0.9, 0.99, 1].map((share) => latencyQuantile(latencies, share) ?? Number.NaN);
        expect(quantiles).toEqual([...quantiles].sort((a, b) => a - b));
        const slowest = Math.max(...durations);
        expect(quantiles.at(-1)).toBeGreaterThanOrEqual(slowest * (1 - 1e-9));
        expect(quantiles.at(-1)).toBeLessThanOrEqual(slowest * 1.19);
      }),
    );
  });
});
