import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const folder = new URL('../', import.meta.url);

test('the code that the README shows is the code', () => {
  const readme = readFileSync(new URL('README.md', folder), 'utf8');
  const shown = [...readme.matchAll(/```ts\n(.*?)```/gs)].flatMap(([, block = '']) => block.trimEnd().split('\n'));
  const sources = readdirSync(new URL('src/', folder), { withFileTypes: true }).filter((entry) => entry.isFile());
  const lines = new Set(sources.flatMap(({ name }) => readFileSync(new URL(`src/${name}`, folder), 'utf8').split('\n')));
  expect(shown.length).toBeGreaterThan(20);
  expect(shown.filter((line) => !lines.has(line))).toEqual([]);
});
