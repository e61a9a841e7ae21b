/**
 * Each language's own tests: vectors, properties, types, packages. Node's are not among them, since this very run has them.
 * RECEIVER_CASES=200000 is the long form, `npm run test:receivers`.
 */
import { expect, test } from 'vitest';
import { vectors } from '../../packages/receiver/test/vectors.ts';
import { isAvailable, LANGUAGES, runToEnd } from './languages.ts';

const CASES = process.env['RECEIVER_CASES'] ?? '2000';
const MINUTES = 60_000;

const foreign = LANGUAGES.filter(({ name, hasCheck }) => hasCheck && name !== 'node');

test('there are kits in four languages beside Node, each with its tests', () => {
  expect(foreign.map(({ name }) => name)).toEqual(expect.arrayContaining(['go', 'php', 'python', 'ruby']));
});

test.concurrent.each(foreign)('$name', { timeout: 15 * MINUTES }, async (language) => {
  if (!(await isAvailable(language, 'the tests of the kit'))) return;
  const { status, output } = await runToEnd(['./check'], { cwd: language.folder, env: { RECEIVER_CASES: CASES } });
  expect(status, output).toBe(0);
  const lines = output.trim().split('\n');
  expect(lines.at(-1)).toMatch(/^[1-9]\d* passed, 0 failed$/);
  // A case that is added to the file is run by each of them.
  expect(output).toMatch(new RegExp(`^vectors: ${vectors.length} cases`, 'm'));
  console.log(`${language.name}: ${lines.at(-1)}, ${CASES} cases of each property`);
});
