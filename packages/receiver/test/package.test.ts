/** The built package, as its users meet it: the README's example runs, over a real socket, with what `dist` holds. */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { generateSecret, signStandard, signX } from '../src/index.ts';

const folder = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const secret = generateSecret();
const body = JSON.stringify({
  id: 'evt_1',
  type: 'shipment.created',
  timestamp: '2026-11-23T10:00:00.000Z',
  environment: 'sandbox',
  data: { note: 'x'.repeat(200_000) },
});

let server: ChildProcess;
let url: string;

beforeAll(async () => {
  expect(existsSync(new URL('../dist/index.js', import.meta.url)), 'dist is missing: npm run build --workspace @posthorn/receiver').toBe(
    true,
  );
  const example = /```js\n(import [\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const program = example.replace('app.listen(3000)', 'app.listen(0, "127.0.0.1", function () { console.log(this.address().port); })');
  expect(program).not.toBe(example);

  server = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: folder,
    env: { ...process.env, POSTHORN_SECRET: secret },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { stdout, stderr } = server;
  if (stdout === null || stderr === null) throw new Error('the example has no output to read');
  let complaints = '';
  stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  // Its first line is its port; if it ends before, the lines end too.
  const { value: port } = await createInterface(stdout)[Symbol.asyncIterator]().next();
  if (port === undefined) throw new Error(`the example did not start: ${complaints}`);
  url = `http://127.0.0.1:${port}/webhooks`;
});

afterAll(() => {
  server.kill();
});

/** Posts the body as Posthorn does, signed now. */
function post(sent: string | undefined, contentType = 'application/json'): Promise<Response> {
  const timestamp = Math.floor(Date.now() / 1000);
  const headers = {
    'content-type': contentType,
    'x-signature': signX(body, secret),
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signStandard({ id: 'evt_1', timestamp, body, secrets: [secret] }),
  };
  return fetch(url, { method: 'POST', headers, ...(sent === undefined ? {} : { body: sent }) });
}

test('the example in the README accepts what is signed, up to large events', async () => {
  expect((await post(body)).status).toBe(204);
  expect((await post(body, 'text/plain')).status).toBe(204);
});

test('and refuses what is not', async () => {
  for (const sent of [body.replace('x', 'y'), '', undefined]) {
    const answer = await post(sent);
    expect(answer.status).toBe(401);
    expect(await answer.json()).toEqual({ error: 'bad_signature' });
  }
});

test('the README explains each code', () => {
  const source = ['../src/verify.ts', '../src/webhook.ts'].map((file) => readFileSync(new URL(file, import.meta.url), 'utf8')).join('');
  const types = [...source.matchAll(/(?:type FailureCode =|Failure<FailureCode \|)([^;>]*)/g)].map((match) => match[1]).join('');
  const codes = [...types.matchAll(/'(\w+)'/g)].map((match) => match[1]);
  expect(codes).toHaveLength(5);
  for (const code of codes) expect(readme).toContain(`\n| \`${code}\` `);
});
