/** What is wrong before there is a request: broken HTTP over real sockets, unknown paths and methods, a database that is gone. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Workbench, workbench } from './workbench.ts';

const bench: Workbench = await workbench();
let port = 0;

beforeAll(async () => {
  await bench.api.listen({ host: '127.0.0.1', port: 0 });
  const address = bench.api.server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  port = address.port;
});
afterAll(async () => bench.close());

/** Sends raw bytes and reads until the server closes the connection. */
async function exchange(text: string): Promise<{ head: string; body: unknown }> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(text);
  await once(socket, 'close');
  const [head = '', body = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n');
  return { head, body: JSON.parse(body) };
}

const KEY = () => `Host: x\r\nAuthorization: Bearer ${bench.service.sandbox}\r\nConnection: close`;

test.each<[string, () => string, number, string]>([
  ['no HTTP', () => 'hello\r\n\r\n', 400, 'malformed_request'],
  ['an unknown method', () => `FOO /v1/events HTTP/1.1\r\n${KEY()}\r\n\r\n`, 400, 'malformed_request'],
  ['a header without a colon', () => 'GET / HTTP/1.1\r\nHost x\r\n\r\n', 400, 'malformed_request'],
  [
    'two lengths',
    () => `POST /v1/events HTTP/1.1\r\n${KEY()}\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
    400,
    'malformed_request',
  ],
  [
    'length and chunks',
    () => `POST /v1/events HTTP/1.1\r\n${KEY()}\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    'malformed_request',
  ],
  ['headers of 20 KiB', () => `GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
  ['a URL of 20 KiB', () => `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431, 'headers_too_large'],
  ['a broken escape', () => `GET /v1/events/%zz HTTP/1.1\r\n${KEY()}\r\n\r\n`, 400, 'malformed_request'],
  ['an escape that is not UTF-8', () => `GET /v1/events/%ff HTTP/1.1\r\n${KEY()}\r\n\r\n`, 400, 'malformed_request'],
  [
    'chunks beyond 1 MiB',
    () =>
      `POST /v1/events HTTP/1.1\r\n${KEY()}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${`10000\r\n${'x'.repeat(65_536)}\r\n`.repeat(17)}0\r\n\r\n`,
    413,
    'payload_too_large',
  ],
])('%s is answered by a problem', async (_, request, status, code) => {
  const { head, body } = await exchange(request());
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(head).toMatch(/^content-type: application\/problem\+json/im);
  expect(body).toMatchObject({ status, code, type: `/docs/errors#${code}`, title: expect.any(String), detail: expect.any(String) });
});

test.each([
  ['/nowhere', 404],
  ['/healthz', 405],
  ['/inbox/unknown', 404],
  [`/inbox/${'a'.repeat(22)}`, 404],
  ['/auth/sign-in/email', 413],
  ['/v1/events', 401],
])('of a stranger who posts to %s nothing is kept: the answer comes before the body', async (path, status) => {
  const socket = connect(port, '127.0.0.1');
  socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  socket.destroy();
});

test('a request that its sender breaks off does no harm', async () => {
  const socket = connect(port, '127.0.0.1');
  socket.write(`POST /v1/events HTTP/1.1\r\n${KEY()}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a`);
  await once(socket, 'connect');
  socket.resetAndDestroy();
  await once(socket, 'close');
  expect((await bench.call('GET', '/healthz', { key: null })).body).toEqual({ status: 'ok' });
});

test('a reader that stops reading is cut off, and its answers are let go', async () => {
  const { server } = bench.api;
  expect(server.timeout).toBe(60_000);
  // In place of a minute.
  server.timeout = 200;
  await bench.tenant('large');
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) {
    const json = { application: 'large', type: 'a', id, data: { text: 'x'.repeat(250_000) } };
    expect((await bench.call('POST', '/v1/events', { json })).status).toBe(202);
  }
  const connected = once(server, 'connection');
  const socket = connect(port, '127.0.0.1').pause();
  const [served] = (await connected) as [Socket];
  socket.write(`GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${bench.service.sandbox}\r\n\r\n`.repeat(50));
  await once(served, 'close');
  server.timeout = 60_000;
  expect(served.bytesWritten).toBeLessThan(50 * 1_500_000);
  socket.destroy();
});

describe('routes that are not there', () => {
  test.each([['/v1'], ['/v1/'], ['/v1/nowhere'], ['/v1/events/a/b'], ['//v1/events'], ['/v1/events;x=1'], ['/v2/events']])(
    '%s is a 404',
    async (url) => {
      expect((await bench.call('GET', url)).body).toMatchObject({ status: 404, code: 'route_not_found' });
    },
  );

  test.each([
    ['DELETE', '/v1/events', 'GET, HEAD, OPTIONS, POST'],
    ['PUT', '/v1/endpoints/ep_1', 'DELETE, GET, HEAD, OPTIONS, PATCH'],
    ['GET', '/v1/events/batch/', null],
    ['PATCH', '/v1/test', 'OPTIONS, POST'],
    ['POST', '/healthz', 'GET, HEAD, OPTIONS'],
  ] as const)('%s %s says what would do', async (method, url, allow) => {
    const answer = await bench.call(method, url);
    if (allow === null) return expect(answer.body.code).toBe('route_not_found');
    expect(answer.body).toMatchObject({ status: 405, code: 'method_not_allowed' });
    return expect(answer.headers['allow']).toBe(allow);
  });

  test('OPTIONS asks for that', async () => {
    const answer = await bench.call('OPTIONS', '/v1/applications/x', { key: null });
    expect([answer.status, answer.headers['allow']]).toEqual([204, 'DELETE, GET, HEAD, OPTIONS, PATCH, PUT']);
  });

  test('HEAD is GET without the body', async () => {
    expect(await bench.call('HEAD', '/v1/events')).toMatchObject({ status: 200, text: '' });
    expect(await bench.call('HEAD', '/v1/events', { key: null })).toMatchObject({ status: 401, text: '' });
  });
});

test('a database that fails is a 503 to try again, and not ready', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-api-'));
  const broken = await workbench({ path: join(folder, 'posthorn.db') });
  expect((await broken.call('GET', '/readyz', { key: null })).status).toBe(200);
  const vandal = new DatabaseSync(join(folder, 'posthorn.db'));
  vandal.exec('PRAGMA foreign_keys = OFF; DROP TABLE environments; DROP TABLE events;');
  vandal.close();
  for (const [method, url] of [
    ['GET', '/v1/events'],
    ['GET', '/readyz'],
  ] as const) {
    const answer = await broken.call(method, url);
    expect(answer.body).toMatchObject({ status: 503, code: 'store_unavailable' });
    expect(answer.headers['retry-after']).toBe('5');
    expect(answer.text).not.toContain('no such table');
  }
  expect((await broken.call('GET', '/healthz', { key: null })).status).toBe(200);
  expect(broken.log.filter((line) => JSON.parse(line).status === 503 && line.includes('no such table'))).toHaveLength(2);
  await broken.close();
  rmSync(folder, { recursive: true });
});

test('a fault of ours is a 500 that gives nothing away, and is in the log', async () => {
  const faulty = await workbench();
  faulty.store.events.list = () => Promise.reject(new TypeError('an inner secret'));
  const answer = await faulty.call('GET', '/v1/events');
  expect(answer.body).toMatchObject({ status: 500, code: 'internal_error' });
  expect(answer.text).not.toContain('inner secret');
  expect(faulty.log.at(-1)).toContain('an inner secret');
  await faulty.close();
});
