import { expect, test } from 'vitest';
import { runCrew } from '../src/crew.ts';
import { neverHappened } from '../src/rare.ts';

const SEEDS = Number(process.env['SIMULATE_SEEDS'] ?? 300);

test(`${SEEDS} histories keep every promise, and every rare thing happens in them`, { timeout: 240_000 }, async () => {
  const { faulty, histories, counts } = await runCrew({ from: 1, seeds: SEEDS, mutant: null, stopAtFault: false });
  expect(faulty.map(({ seed, fault }) => `seed ${seed} (npm run simulate -- --seed ${seed}): ${fault?.message}`)).toEqual([]);
  expect(histories).toBe(SEEDS);
  expect(neverHappened(counts)).toEqual([]);
});

test('a seed gives the same history again, whatever ran before it', { timeout: 60_000 }, async () => {
  const digests = async (from: number): Promise<(readonly [number, number])[]> => {
    const seen: (readonly [number, number])[] = [];
    await runCrew({ from, seeds: 12, mutant: null, stopAtFault: false, onResult: ({ seed, digest }) => seen.push([seed, digest]) });
    return seen.filter(([seed]) => seed >= 6 && seed < 13).sort(([a], [b]) => a - b);
  };
  const first = await digests(1);
  expect(first).toHaveLength(7);
  expect(new Set(first.map(([, digest]) => digest)).size).toBe(7);
  expect((await digests(6)).slice(0, 7)).toEqual(first);
});
