/** The README's first webhook, run as it stands: its curl blocks against `npm run dev`, its receiver beside it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../../../..');
const run = promisify(execFile);
let folder: string;
const started: ChildProcess[] = [];

beforeEach(async () => {
  // A copy of the tree without its data: `npm run dev` writes ./data, and a developer's own is none of our business.
  folder = await mkdtemp(join(tmpdir(), 'posthorn-readme-'));
  const kept = ['package.json', 'README.md', 'tsconfig.base.json', 'apps', 'packages', 'examples', 'receivers', 'docs'];
  for (const name of kept)
    await cp(join(ROOT, name), join(folder, name), { recursive: true, filter: (path) => !path.endsWith('node_modules') });
  for (const modules of globSync('{.,{apps,packages,examples,receivers}/*}/node_modules', { cwd: ROOT }))
    await symlink(join(ROOT, modules), join(folder, modules));
});
afterEach(async () => {
  await Promise.all(
    started.splice(0).map(
      (child) =>
        new Promise((resolve) => {
          child.once('exit', resolve);
          // npm, its shell and the program share a group of their own.
          if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
        }),
    ),
  );
  await rm(folder, { recursive: true, force: true });
});

/** Starts an npm script and waits for a line that says it runs. */
async function npmRun(
  script: string,
  options: { readonly env: Record<string, string>; readonly until: RegExp },
): Promise<() => Promise<unknown>> {
  const child = spawn('npm', ['run', script], {
    cwd: folder,
    env: { ...process.env, ...options.env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  let output = '';
  await new Promise<void>((resolve, reject) => {
    const look = (chunk: Buffer): void => {
      output += chunk.toString();
      if (options.until.test(output)) resolve();
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.once('exit', () => reject(new Error(`npm run ${script} ended:\n${output}`)));
  });
  return () =>
    new Promise((resolve) => {
      started.splice(started.indexOf(child), 1);
      child.stdout.once('end', () => resolve(output));
      child.kill('SIGTERM');
    });
}

test('the first webhook in six steps', { timeout: 60_000 }, async () => {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/^( *)```sh curl\n([\s\S]*?)^\1```/gm)].map(([, indent = '', block = '']) =>
    block.replaceAll(`\n${indent}`, '\n').trim(),
  );
  expect(blocks).toHaveLength(7);
  const endServer = await npmRun('dev', { env: {}, until: /listens on http:\/\/127\.0\.0\.1:8080/ });
  await npmRun('receiver', { env: { WEBHOOK_SECRET: 'your_secret_key' }, until: /4000/ });
  // One shell, as the reader has one; the answers of each step are told apart by a line between them. `sleep` is the reader's own pace.
  const { stdout } = await run('bash', ['-e', '-c', blocks.join('\necho; echo ---; sleep 1\n')], { cwd: folder });
  const [, application, , attempt, event, dispatch, delivery] = stdout.split('---').map((part) => part.trim());
  expect(JSON.parse(application ?? '')).toMatchObject({ uid: 'acme' });
  expect(JSON.parse(attempt ?? '')).toMatchObject({ status: 'succeeded', response_status: 200, response_body: 'Valid signature' });
  expect(JSON.parse(event ?? '')).toMatchObject({ deliveries: 1 });
  expect(JSON.parse(dispatch ?? '')).toMatchObject({ environment: 'sandbox', cadence: 'every 5s' });
  expect(JSON.parse(delivery ?? '')).toMatchObject({ status: 'succeeded', attempts: [{ response_body: 'Valid signature', error: null }] });
  // A signal to npm reaches the server itself, which ends in order: its output ends, and nobody listens any more.
  expect(await endServer()).toMatch(/"msg":"stopped"/);
  await expect(fetch('http://127.0.0.1:8080/readyz')).rejects.toThrow();
});
