/** What Posthorn sends verifies with the published libraries of Standard Webhooks, unmodified: npm, PyPI, Go, and svix on npm. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isAvailable, LANGUAGES, leaveOut, runToEnd } from './languages.ts';
import { type Endpoint, type Posthorn, SAMPLES, startPosthorn } from './posthorn.ts';

interface Delivery {
  readonly name: string;
  /** What the receiver has configured: always in the form that these libraries take. */
  readonly secret: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body_base64: string;
  readonly expected: 'valid' | 'refused';
}

const PUBLISHED = join(import.meta.dirname, 'published');

let posthorn: Posthorn;
let recorder: Server;
let last: { readonly headers: IncomingHttpHeaders; readonly body: Buffer };
const deliveries: Delivery[] = [];

beforeAll(async () => {
  posthorn = await startPosthorn();
  recorder = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      last = { headers: request.headers, body: Buffer.concat(chunks) };
      response.end();
    });
  });
  await new Promise<void>((resolve) => recorder.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(recorder.address() as AddressInfo).port}/webhooks`;

  const generated = await posthorn.createEndpoint(url);
  const brought = await posthorn.createEndpoint(url, 'your_secret_key');
  await record('a generated secret', generated, [generated.secret]);
  await record('standard_secret of a secret that was brought', brought, [brought.standard_secret]);

  // In a rotation both secrets are good from its beginning, so that a receiver may change over when it likes.
  const { next } = await posthorn.rotate(generated);
  await record('rotated', generated, [generated.secret, next.secret]);
  await posthorn.promote(generated);
  await record('promoted', generated, [generated.secret, next.secret]);
  const { next: plain } = await posthorn.rotate(brought, 'another plain secret');
  await record('rotated, standard_secret', brought, [brought.standard_secret, plain.standard_secret]);
});
afterAll(async () => {
  await posthorn.end();
  recorder.closeAllConnections();
  recorder.close();
});

/** Delivers each sample and keeps what arrived, for each of these secrets; beside it what has to be refused, or a library that takes all would pass. */
async function record(name: string, endpoint: Endpoint, secrets: readonly string[]): Promise<void> {
  for (const sample of SAMPLES.keys()) {
    expect(await posthorn.deliver(endpoint, sample)).toMatchObject({ response_status: 200 });
    const headers = Object.fromEntries(Object.entries(last.headers).map(([header, value]) => [header, String(value)]));
    const body_base64 = last.body.toString('base64');
    const reserialised = Buffer.from(JSON.stringify(JSON.parse(last.body.toString()))).toString('base64');
    expect(reserialised).not.toBe(body_base64);
    for (const secret of secrets) {
      deliveries.push({ name, secret, headers, body_base64, expected: 'valid' });
      deliveries.push({ name: `${name}, re-serialised`, secret, headers, body_base64: reserialised, expected: 'refused' });
    }
    const forger = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
    deliveries.push({ name: `${name}, another secret`, secret: forger, headers, body_base64, expected: 'refused' });
  }
}

function expectOutcomes(outcomes: readonly string[]): void {
  expect(deliveries.filter(({ expected }) => expected === 'valid').length).toBeGreaterThanOrEqual(8 * SAMPLES.length);
  expect(outcomes.map((outcome, at) => `${deliveries[at]?.name}: ${outcome.split(':')[0]}`)).toEqual(
    deliveries.map(({ name, expected }) => `${name}: ${expected}`),
  );
}

test.each([
  ['standardwebhooks on npm', StandardWebhook],
  ['svix on npm', SvixWebhook],
])('%s', (_name, Webhook) => {
  expectOutcomes(
    deliveries.map(({ secret, headers, body_base64 }) => {
      try {
        new Webhook(secret).verify(Buffer.from(body_base64, 'base64').toString(), { ...headers });
        return 'valid';
      } catch (error) {
        return `refused: ${String(error)}`;
      }
    }),
  );
});

test('standardwebhooks on PyPI', { timeout: 120_000 }, async () => {
  const python = LANGUAGES.find(({ name }) => name === 'python');
  if (python === undefined) throw new Error('receivers/python is missing');
  if (!(await isAvailable(python, 'verifying with the published library'))) return;
  const program = [join(python.folder, '.venv/bin/python'), 'verify.py'] as const;
  const { status, output } = await runToEnd(program, { cwd: PUBLISHED, input: JSON.stringify(deliveries) });
  expect(status, output).toBe(0);
  expectOutcomes(JSON.parse(output.trim().split('\n').at(-1) ?? ''));
});

test('the Go module', { timeout: 120_000 }, async () => {
  const cwd = join(PUBLISHED, 'go');
  // The module asks for Go 1.21 itself. Fetching it first tells a machine without Go, or without network, from a delivery that does not verify.
  const { status: fetched, output: reason } = await runToEnd(['go', 'mod', 'download'], { cwd, env: { GOTOOLCHAIN: 'local' } });
  if (fetched !== 0) {
    leaveOut('the Go module of Standard Webhooks', reason);
    return;
  }
  const { status, output } = await runToEnd(['go', 'run', '.'], { cwd, env: { CGO_ENABLED: '0' }, input: JSON.stringify(deliveries) });
  expect(status, output).toBe(0);
  expectOutcomes(JSON.parse(output.trim().split('\n').at(-1) ?? ''));
});
