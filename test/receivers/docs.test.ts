/** docs/receiving.md shows what goes wrong: each of its cases runs, and prints what the page says. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../apps/server/test/process/server-process.ts';
import { ROOT } from '../house/project.ts';
import { isAvailable, LANGUAGES, leaveOut, RECEIVERS, runToEnd } from './languages.ts';
import { startProgram } from './receiver-process.ts';

const FILE = join(ROOT, 'docs/receiving.md');
const page = readFileSync(FILE, 'utf8');

interface Case {
  readonly section: string;
  readonly language: 'js' | 'python' | 'ruby' | 'php';
  readonly kind: 'case' | 'server';
  readonly program: string;
  readonly prints: string;
}

const cases: Case[] = page
  .split(/^## /m)
  .slice(1)
  .flatMap((part) =>
    [...part.matchAll(/```(js|python|ruby|php) (case|server)\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/g)].map(
      ([, language, kind, program = '', prints = '']) => ({ section: part.split('\n')[0] ?? '', language, kind, program, prints }) as Case,
    ),
  );

/** How each language reads a program from its standard input. */
const INTERPRETERS: Readonly<Record<Case['language'], readonly [string, ...string[]]>> = {
  js: ['node', '--input-type=module', '-'],
  python: [join(RECEIVERS, 'python/.venv/bin/python'), '-'],
  ruby: ['ruby', '-'],
  php: ['php'],
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthorn-receiving-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function interpreterOf(language: Case['language']): Promise<readonly [string, ...string[]] | null> {
  const folderOf = LANGUAGES.find(({ name }) => name === language);
  if (folderOf !== undefined && !(await isAvailable(folderOf, 'the cases of docs/receiving.md'))) return null;
  const interpreter = INTERPRETERS[language];
  const { status, output } = await runToEnd([interpreter[0], '--version'], { cwd: ROOT });
  if (status === 0) return interpreter;
  leaveOut(`the cases of docs/receiving.md in ${language}`, output);
  return null;
}

test('every section has a failing case', () => {
  const sections = [...page.matchAll(/^## (.*)/gm)].map(([, section]) => section);
  expect(sections.length).toBeGreaterThan(12);
  expect(sections.filter((section) => !cases.some((one) => one.section === section))).toEqual([]);
});

test('its links lead somewhere', () => {
  const links = [...page.matchAll(/\]\((\.[^)#]*)/g)].map(([, link = '']) => link);
  expect(links.length).toBeGreaterThan(10);
  for (const link of links) expect(() => readFileSync(resolve(dirname(FILE), link)), link).not.toThrow(/ENOENT/);
});

describe.concurrent('the cases print what the page says', () => {
  test.each(cases.filter(({ kind }) => kind === 'case'))('$section, in $language', { timeout: 60_000 }, async (one) => {
    const interpreter = await interpreterOf(one.language);
    if (interpreter === null) return;
    // Where the example servers stand, so that their libraries are found.
    const { output } = await runToEnd(interpreter, { cwd: join(RECEIVERS, 'node'), input: one.program });
    expect(output).toBe(one.prints);
  });

  test.each(cases.filter(({ kind }) => kind === 'server'))('$section, in $language, on a server', { timeout: 60_000 }, async (one) => {
    if ((await interpreterOf(one.language)) === null) return;
    const script = join(folder, 'receive.php');
    await writeFile(script, one.program);
    const port = await freePort();
    const server = startProgram(['php', '-S', `127.0.0.1:${port}`, script], folder);
    await server.says(/Development Server .* started/);
    for (const line of one.prints.trim().split('\n')) {
      const [type = ''] = line.split(': ');
      const response = await fetch(`http://127.0.0.1:${port}/`, {
        method: 'POST',
        headers: { 'content-type': type },
        body: '{"id":"evt_1"}',
      });
      expect(`${type}: ${await response.text()}`).toBe(line);
    }
    await server.end();
  });
});
