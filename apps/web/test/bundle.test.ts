/** What a first visit has to load. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';

const DIST = join(import.meta.dirname, '../dist');
const MOST_BYTES = 200 * 1024;

interface Chunk {
  readonly file: string;
  readonly imports?: readonly string[];
  readonly dynamicImports?: readonly string[];
}

const MANIFEST = JSON.parse(readFileSync(join(DIST, '.vite/manifest.json'), 'utf8')) as Record<string, Chunk>;

/** A chunk with all that it imports before it can run. */
function withImports(name: string, seen = new Set<string>()): Set<string> {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const one of MANIFEST[name]?.imports ?? []) withImports(one, seen);
  return seen;
}

/** Compressed bytes of JavaScript. */
function size(chunks: Iterable<string>): number {
  return [...chunks]
    .map((name) => MANIFEST[name]?.file ?? '')
    .filter((file) => file.endsWith('.js'))
    .reduce((sum, file) => sum + gzipSync(readFileSync(join(DIST, file))).length, 0);
}

const PAGES = Object.keys(MANIFEST).filter((name) => /^src\/pages\/.*\.tsx$/.test(name));

test('a page is a chunk of its own', () => {
  expect(PAGES.length).toBeGreaterThan(15);
});

test.each(PAGES)('%s loads less than 200 KB of compressed JavaScript, the frame included', (page) => {
  const bytes = size(new Set([...withImports('index.html'), ...withImports(page)]));
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThan(MOST_BYTES);
});
