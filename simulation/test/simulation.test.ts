/** The short form of `npm run simulate`: the engine as it is has no fault in 300 histories, and with a fault put into it is caught. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MUTANTS } from '../src/mutants.ts';

const PROGRAM = join(import.meta.dirname, '../src/main.ts');

function simulate(...args: string[]): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [PROGRAM, ...args], { maxBuffer: 64 * 1024 * 1024 }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, output: stdout + stderr }),
    );
  });
}

test('300 histories: no fault, and everything rare has happened', { timeout: 240_000 }, async () => {
  const { code, output } = await simulate('--seeds', '300');
  console.log(output.trim().split('\n').at(-1));
  expect(output).toMatch(/300 histories in .*; 0 found a fault/);
  expect(code, output).toBe(0);
});

test('a seed replays exactly', { timeout: 60_000 }, async () => {
  const [first, second] = [await simulate('--seed', '7'), await simulate('--seed', '7')];
  expect(first.output).toMatch(/digest [0-9a-f]+/);
  expect(second.output).toBe(first.output);
});

test(`each of ${MUTANTS.length} faults put into the engine is caught within 200 histories`, { timeout: 300_000 }, async () => {
  expect(MUTANTS.length).toBeGreaterThanOrEqual(12);
  const { code, output } = await simulate('--mutant', 'all');
  expect(output).not.toContain('NOT CAUGHT');
  expect(output.match(/caught by seed \d+/g)).toHaveLength(MUTANTS.length);
  expect(code, output).toBe(0);
});
