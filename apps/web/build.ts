/** Builds the web app into dist/, unless dist/ was built from just these files: a start should not pay for what has not changed. */
import { createHash } from 'node:crypto';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'vite';

const ROOT = join(import.meta.dirname, '../..');

/** All that the build reads, dependencies by the lock file. */
const INPUTS = [
  'package-lock.json',
  'apps/web/{package.json,index.html,vite.config.ts,build.ts}',
  'apps/web/{src,public,standard-webhooks}/**/*',
  'packages/contract/src/*.ts',
  'receivers/*/plain/**/*',
];

const MARK = join(import.meta.dirname, 'dist/.built-from');

function digest(): string {
  const hash = createHash('sha256');
  const files = globSync(INPUTS, { cwd: ROOT, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const file of files) hash.update(file.slice(ROOT.length)).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

function builtFrom(): string | null {
  try {
    return readFileSync(MARK, 'utf8');
  } catch {
    return null;
  }
}

/** The server sends what lies beside a file already compressed: once here instead of with every visit. */
function compress(): void {
  const dist = join(import.meta.dirname, 'dist');
  for (const file of globSync('assets/*.{js,css,svg}', { cwd: dist })) {
    const path = join(dist, file);
    const content = readFileSync(path);
    writeFileSync(`${path}.br`, brotliCompressSync(content));
    writeFileSync(`${path}.gz`, gzipSync(content));
  }
}

const now = digest();
if (builtFrom() !== now) {
  await build({ configFile: join(import.meta.dirname, 'vite.config.ts'), logLevel: 'warn' });
  compress();
  writeFileSync(MARK, now);
}
