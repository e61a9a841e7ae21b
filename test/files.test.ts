import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT, run, stagesOf } from './house/project.ts';

test('the type check reads every TypeScript file of the house', () => {
  const read = stagesOf('check:types').flatMap((stage) => run(`${stage} --listFilesOnly`, ROOT).stdout.split('\n'));
  const written = sourceFiles(ROOT).filter((file) => file.endsWith('.ts'));
  expect(written).toContain(import.meta.filename);
  expect(written.filter((file) => !read.includes(file))).toEqual([]);
});

describe('the lock file and the sources', () => {
  test('package-lock.json names no host: whoever installs chooses where from', () => {
    const resolved = Object.entries(lockedPackages()).filter(([, entry]) => entry.resolved !== undefined);
    expect(resolved.length).toBeGreaterThan(0);
    expect(resolved.filter(([, entry]) => entry.link !== true || entry.resolved?.includes(':'))).toEqual([]);
  });

  test('package-lock.json holds the parts of every platform: npm ci refuses a lock file that was made without them', () => {
    const packages = lockedPackages();
    const locked = new Set(Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)));
    const named = Object.values(packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
    expect(named).toContain('@biomejs/cli-darwin-arm64');
    expect(named.filter((name) => !locked.has(name))).toEqual([]);
  });

  test('no file names a registry', () => {
    const registry = /\bregistry\.[\w-]+\.\w+|\bnpmjs\.\w+|\bverdaccio\b|\bartifactory\b/i;
    const files = sourceFiles(ROOT);
    expect(files.length).toBeGreaterThan(50);
    expect(files.filter((file) => registry.test(readFileSync(file, 'utf8')))).toEqual([]);
  });
});

interface LockedPackage {
  readonly resolved?: string;
  readonly link?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

function lockedPackages(): Record<string, LockedPackage> {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as { packages: Record<string, LockedPackage> };
  return lock.packages;
}

/** Everything that belongs to the project, by walking: an unpacked archive has no git to ask. */
function sourceFiles(folder: string): string[] {
  const foreign = /^(node_modules|\.venv(\.lock)?|__pycache__|\..*_cache|dist|coverage|data(-.*)?|\.git|\.env|.*\.(db|db-wal|db-shm|log))$/;
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !foreign.test(entry.name))
    .flatMap((entry) => (entry.isDirectory() ? sourceFiles(join(folder, entry.name)) : entry.isFile() ? [join(folder, entry.name)] : []));
}
