/**
 * The kits of all languages, found by what stands in `receivers/`: a folder there is a language if it has `servers.json`, a list of programs to run
 * for real, or `check`, which runs its own tests. `prepare`, where there is one, makes sure of the language's tools, and says what is missing.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect } from 'vitest';
import { ROOT } from '../house/project.ts';

export const RECEIVERS = join(ROOT, 'receivers');

export interface ServerProgram {
  /** Such as `sinatra kit`; the versions without a kit end with `plain`. */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Where it runs, within the language's folder. */
  readonly cwd: string;
}

export interface Language {
  readonly name: string;
  readonly folder: string;
  readonly hasCheck: boolean;
  readonly servers: readonly ServerProgram[];
}

export const LANGUAGES: readonly Language[] = readdirSync(RECEIVERS, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => ({ name, folder: join(RECEIVERS, name) }))
  .filter(({ folder }) => existsSync(join(folder, 'servers.json')) || existsSync(join(folder, 'check')))
  .map(({ name, folder }) => ({
    name,
    folder,
    hasCheck: existsSync(join(folder, 'check')),
    servers: existsSync(join(folder, 'servers.json'))
      ? (JSON.parse(readFileSync(join(folder, 'servers.json'), 'utf8')) as ServerProgram[])
      : [],
  }));

/** Our own tools first, above all Node 26. */
export const PATH = [join(ROOT, 'node_modules/.bin'), process.env['PATH']].join(delimiter);

export interface Ended {
  readonly status: number | null;
  readonly output: string;
}

/** Runs a program to its end, without holding up the other tests. Its output is what it wrote to both channels. */
export function runToEnd(
  [program, ...args]: readonly [string, ...string[]],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>>; readonly input?: string },
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: options.cwd, env: { ...process.env, PATH, ...options.env } });
    let output = '';
    for (const channel of [child.stdout, child.stderr]) {
      channel.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.on('error', (error) => resolve({ status: null, output: error.message }));
    child.on('close', (status) => resolve({ status, output }));
  });
}

const prepared = new Map<string, Promise<Ended>>();

/**
 * Whether the language's tools are there. If not, says in one line what is left out; under CI that is a failure.
 *
 * @param part of the tests, such as `the servers`
 */
export async function isAvailable({ name, folder }: Language, part: string): Promise<boolean> {
  if (!existsSync(join(folder, 'prepare'))) return true;
  const preparing = prepared.get(folder) ?? runToEnd(['./prepare'], { cwd: folder });
  prepared.set(folder, preparing);
  const { status, output } = await preparing;
  return status === 0 || leaveOut(`${part} in ${name}`, output);
}

const said = new Set<string>();

/** @returns false */
export function leaveOut(part: string, reason: string): false {
  const line = `left out: ${part}: ${reason.trim().split('\n').at(-1)}`;
  expect(process.env['CI'], line).toBeUndefined();
  if (!said.has(line)) console.log(line);
  said.add(line);
  return false;
}
