/** The package as its users meet it: packed, installed elsewhere, checked by their compiler, and the README's examples run over real sockets. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generateSecret, signStandard, signX } from '../src/index.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const secret = generateSecret();
const body = JSON.stringify({
  id: 'evt_1',
  type: 'shipment.created',
  timestamp: '2026-11-23T10:00:00.000Z',
  environment: 'sandbox',
  data: { note: 'x'.repeat(200_000) },
});

/** A program's folder: the packed package is installed there, and the frameworks of this repository beside it. */
let home: string;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'posthorn-package-'));
  // Without its build, which would write dist under the feet of the other tests.
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', home], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
  });
  expect(stdout).toContain('posthorn-receiver-0.1.0.tgz');
  const installed = join(home, 'node_modules/@posthorn/receiver');
  mkdirSync(installed, { recursive: true });
  await run('tar', ['-xzf', join(home, 'posthorn-receiver-0.1.0.tgz'), '-C', installed, '--strip-components=1']);
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!['@posthorn', '.bin'].includes(name)) symlinkSync(join(root, 'node_modules', name), join(home, 'node_modules', name));
  }
  writeFileSync(join(home, 'package.json'), '{ "type": "module" }');
});
afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

test('it holds what users need and nothing else', () => {
  const files = readdirSync(join(home, 'node_modules/@posthorn/receiver'), { recursive: true, encoding: 'utf8' });
  expect(files.filter((file) => !file.startsWith('dist')).sort()).toEqual(['LICENSE', 'README.md', 'package.json']);
  expect(files).toContain(join('dist', 'express.d.ts'));
  const manifest = JSON.parse(readFileSync(join(home, 'node_modules/@posthorn/receiver/package.json'), 'utf8')) as object;
  expect(manifest).toMatchObject({ version: '0.1.0', license: 'Apache-2.0' });
  expect(manifest).not.toHaveProperty('dependencies');
  expect(manifest).not.toHaveProperty('peerDependencies');
});

test('its types fit those of the frameworks', { timeout: 60_000 }, async () => {
  const program = `
    import { handleOnce, MemoryDedupe, verifyWebhook, type WebhookEvent } from '@posthorn/receiver';
    import { receiveWebhooks as inExpress } from '@posthorn/receiver/express';
    import { receiveWebhooks as inFastify } from '@posthorn/receiver/fastify';
    import { receiveWebhooks as inFetch } from '@posthorn/receiver/fetch';
    import express, { type Request as ExpressRequest, type Response as ExpressResponse } from 'express';
    import fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
    import { createServer } from 'node:http';

    interface Shipment { readonly id: string }
    const options = { secrets: process.env['WEBHOOK_SECRET'] };
    const app = express();
    app.post('/a', inExpress(options, (_webhook, _request, response) => response.status(200).type('text/plain').send('Valid signature')));
    app.post('/b', inExpress<Shipment, ExpressRequest, ExpressResponse>(options, ({ event, body }, request, response) => {
      response.locals['id'] = event.data.id.length + body.length + request.ip!.length;
    }));
    const listener = inExpress(options, () => undefined);
    createServer((request, response) => listener(request, response as never, () => response.end()));
    const server = fastify();
    server.register(inFastify({ ...options, path: '/a' }, (_webhook, _request, reply) => reply.type('text/plain').send('Valid signature')));
    server.register(inFastify<Shipment, FastifyRequest, FastifyReply>({ ...options, path: '/b' }, ({ event }, request) => event.data.id + request.ip));
    export const POST: (request: Request, context: { params: string }) => Promise<Response> =
      inFetch(options, (_webhook, request, context: { params: string }) => new Response(request.url + context.params));
    const result = verifyWebhook<Shipment>({ body: '', headers: new Headers(), secrets: 'x' });
    if (result.ok) await handleOnce(new MemoryDedupe(), { id: result.event.id, work: () => result.event.data.id });
    export type Event = WebhookEvent<Shipment>;
    // @ts-expect-error there is no such scheme
    inFetch({ secrets: 'x', scheme: 'x_signature' }, () => new Response());
    // @ts-expect-error secrets are required
    inExpress({}, () => undefined);
  `;
  writeFileSync(join(home, 'consumer.ts'), program);
  const options = [
    '--noEmit',
    '--strict',
    '--exactOptionalPropertyTypes',
    '--module',
    'NodeNext',
    '--target',
    'ES2022',
    '--skipLibCheck',
    'false',
  ];
  const { stdout } = await run(join(root, 'node_modules/.bin/tsc'), [...options, 'consumer.ts'], { cwd: home }).catch(
    (error: { stdout: string }) => error,
  );
  expect(stdout).toBe('');
});

const EXAMPLES = [
  ['express', 'app.listen(4000)', "app.listen(0, '127.0.0.1', function () { console.log(this.address().port); })"],
  ['fastify', 'app.listen({ port: 4000 });', 'app.listen({ port: 0 }); console.log(app.server.address().port);'],
  ['fetch', 'port: 4000 })', 'port: 0 }, ({ port }) => console.log(port))'],
] as const;

function example(kind: string): string {
  const [, program] = new RegExp(`\`\`\`js ${kind}\n([\\s\\S]*?)\`\`\``).exec(readme) ?? [];
  if (program === undefined) throw new Error(`the README has no example ${kind}`);
  return program;
}

function startExample(
  program: string,
  env: Record<string, string>,
): ChildProcess & { stdout: NodeJS.ReadableStream; stderr: NodeJS.ReadableStream } {
  return spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: home,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

describe.each(EXAMPLES)("the README's example, %s", (kind, listening, telling) => {
  const program = example(kind).replace(listening, telling);
  let server: ReturnType<typeof startExample>;
  let url: string;

  beforeAll(async () => {
    expect(program).not.toBe(example(kind));
    server = startExample(program, { WEBHOOK_SECRET: secret });
    let complaints = '';
    server.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaints += text;
    });
    // Its first line is its port; if it ends before, the lines end too.
    const { value: port } = await createInterface(server.stdout)[Symbol.asyncIterator]().next();
    if (port === undefined) throw new Error(`the example did not start: ${complaints}`);
    url = `http://localhost:${port}/webhooks`;
  });
  afterAll(() => {
    server.kill();
  });

  /** Posts the body as Posthorn does, signed now. */
  async function post(sent: string | undefined, contentType = 'application/json'): Promise<string> {
    const timestamp = Math.floor(Date.now() / 1000);
    const headers = {
      'content-type': contentType,
      'x-signature': signX(body, secret),
      'webhook-id': 'evt_1',
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signStandard({ id: 'evt_1', timestamp, body, secrets: [secret] }),
    };
    const response = await fetch(url, { method: 'POST', headers, ...(sent === undefined ? {} : { body: sent }) });
    return `${response.status} ${await response.text()}`;
  }

  test('accepts what is signed, up to large events', async () => {
    expect(await post(body)).toBe('200 Valid signature');
    expect(await post(body, 'text/plain')).toBe('200 Valid signature');
  });

  test('refuses what is not', async () => {
    for (const sent of [body.replace('x', 'y'), '', undefined]) expect(await post(sent)).toBe('403 Invalid signature');
  });

  test.each(['', undefined])('does not start with the secret %j', async (unset) => {
    const { WEBHOOK_SECRET: _mine, ...environment } = process.env;
    const env = unset === undefined ? environment : { ...environment, WEBHOOK_SECRET: unset };
    const starting = run(process.execPath, ['--input-type=module', '--eval', program], { cwd: home, env, timeout: 60_000 });
    await expect(starting).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('No signing secret: it is unset or empty') });
  });
});

test("the README's dedupe on a database", async () => {
  const work = `
    const event = { id: 'evt_1', data: { shipment: { id: 'shp_1' } } };
    console.log(handle(event), handle(event));
    try {
      handle({ id: 'evt_2', data: {} });
    } catch (error) {
      console.log(error.constructor.name);
    }
    const count = (table) => database.prepare('SELECT count(*) AS n FROM ' + table).get().n;
    console.log(count('handled_webhooks'), count('bookings'));
  `;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', example('dedupe') + work], { cwd: home });
  expect(stdout).toBe('true false\nTypeError\n1 1\n');
});

test('the README explains each code', () => {
  const source = ['../src/verify.ts', '../src/receiver.ts'].map((file) => readFileSync(new URL(file, import.meta.url), 'utf8')).join('');
  const types = [...source.matchAll(/(?:type FailureCode =|Failure<FailureCode \|)([^;>]*)/g)].map((match) => match[1]).join('');
  const codes = [...types.matchAll(/'(\w+)'/g)].map((match) => match[1]);
  expect(codes).toHaveLength(6);
  for (const code of codes) expect(readme).toContain(`\n| \`${code}\` `);
});
