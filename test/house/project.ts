import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The repository's top folder. */
export const ROOT = join(import.meta.dirname, '../..');

/** The commands that a script of the root package.json chains with `&&`. */
export function stagesOf(script: string): string[] {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  return scripts[script]?.split(' && ') ?? [];
}

/** Runs a command as an npm script would: in a shell that finds the project's own tools first. */
export function run(command: string, cwd: string): { status: number | null; stdout: string } {
  const path = [join(ROOT, 'node_modules/.bin'), process.env['PATH']].join(delimiter);
  return spawnSync(command, { cwd, shell: true, encoding: 'utf8', env: { ...process.env, PATH: path } });
}
