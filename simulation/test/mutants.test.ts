import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runCrew } from '../src/crew.ts';
import { MUTANTS } from '../src/mutants.ts';
import { mutated } from '../src/mutate.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Each has to be caught within these; which seed catches it is found quickly, since the worker stops there. */
const SEEDS = 200;

describe('a fault put into the engine is caught by some history', () => {
  test.each(MUTANTS)('$name', { timeout: 240_000 }, async ({ name, file, seed = 1, ...mutant }) => {
    expect(() => mutated({ name, file, ...mutant }, readFileSync(join(ROOT, file), 'utf8'))).not.toThrow();
    const catches = async (from: number, seeds: number): Promise<boolean> =>
      (await runCrew({ from, seeds, mutant: name, stopAtFault: true })).faulty.length > 0;
    expect((await catches(seed, 1)) || (await catches(1, SEEDS))).toBe(true);
  });
});

test('a mutant whose text is gone, or came twice, is refused', () => {
  const mutant = { name: 'any', file: 'any.ts', search: 'a', replace: 'b' };
  expect(mutated(mutant, 'xay')).toBe('xby');
  expect(() => mutated(mutant, 'xy')).toThrow('is not in any.ts');
  expect(() => mutated(mutant, 'xaya')).toThrow('more than once');
});
