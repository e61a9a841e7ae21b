/** The program as its first visitors meet it: the operator's link, an inbox that the dispatcher reaches, a reverse proxy in front. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePort, type ServerProcess, type Settings, startServer } from './server-process.ts';

let folder: string;
let settings: Settings;
const servers: ServerProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthorn-people-'));
  settings = { dataDir: join(folder, 'data'), port: await freePort() };
});
afterEach(async () => {
  for (const server of servers.splice(0)) if (server.child.exitCode === null) await server.end('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

async function start(env: Record<string, string> = {}): Promise<ServerProcess> {
  const server = await startServer({ ...settings, env: { POSTHORN_ALLOW_ADDRESSES: '', ...env } });
  servers.push(server);
  return server;
}

/** The token of the link in the log. The line may come a moment after the server is ready. */
async function operatorLink(server: ServerProcess): Promise<URL> {
  for (;;) {
    const url = /"url":"([^"]+\/operator\/[^"]+)"/.exec(server.output())?.[1];
    if (url !== undefined) return new URL(url);
    await new Promise((resolve) => server.child.stdout?.once('data', resolve));
  }
}

interface Browser {
  call(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly body: unknown; readonly headers: Headers }>;
}

/** Keeps cookies, and says where its pages come from. */
function browser(base: string, headers: Record<string, string> = {}): Browser {
  const jar = new Map<string, string>();
  return {
    async call(method, path, body) {
      const response = await fetch(base + path, {
        method,
        redirect: 'manual',
        headers: {
          origin: base,
          cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
          'posthorn-environment': 'sandbox',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      for (const cookie of response.headers.getSetCookie()) {
        const [name = '', value = ''] = cookie.split(';', 1)[0]?.split('=', 2) ?? [];
        jar.set(name, value);
      }
      const text = await response.text();
      return { status: response.status, body: text === '' ? null : JSON.parse(text), headers: response.headers };
    },
  };
}

const ADA = { name: 'Ada', email: 'ada@example.com', password: 'a few words in a row' };

describe('the first start', () => {
  test('prints a link that makes one visitor the operator, and no second one', async () => {
    const server = await start({ POSTHORN_SIGN_UP: 'closed' });
    const link = await operatorLink(server);
    expect(link.origin).toBe(server.base);
    const token = link.pathname.split('/').at(-1);
    const ada = browser(server.base);
    expect((await ada.call('GET', '/v1/branding')).body).toMatchObject({ needs_operator: true, sign_up: 'closed' });
    expect((await ada.call('POST', '/auth/sign-up/email', ADA)).body).toMatchObject({ code: 'sign_up_closed' });
    expect((await ada.call('POST', '/auth/sign-up/email', { ...ADA, token })).status).toBe(200);
    expect((await ada.call('POST', '/v1/operator/claim', { token })).body).toMatchObject({ operator: true });
    expect((await ada.call('POST', '/v1/operator/claim', { token })).body).toMatchObject({ code: 'link_over' });
    expect((await ada.call('GET', '/v1/branding')).body).toMatchObject({ needs_operator: false });
    await server.end('SIGTERM');
    const again = await start({ POSTHORN_SIGN_UP: 'closed' });
    expect((await ada.call('GET', '/v1/session')).body).toMatchObject({ operator: true });
    await again.end('SIGTERM');
    expect(again.output()).not.toContain('/operator/');
  });
});

test('an inbox is reached by the dispatcher, although no address is allowed', async () => {
  const server = await start();
  await server.call('PUT', '/v1/applications/acme', { name: 'Acme' });
  const inbox = (await server.call<{ id: string; url: string }>('POST', '/v1/inboxes', { application: 'acme' })).body;
  expect(inbox.url).toMatch(new RegExp(`^${server.base}/inbox/[A-Za-z0-9_-]{22}$`));
  await server.call('POST', '/v1/endpoints', { application: 'acme', url: inbox.url });
  const event = (await server.call<{ id: string }>('POST', '/v1/events', { application: 'acme', type: 'a.b', data: { n: 17.5 } })).body;
  await server.call('POST', '/v1/dispatch');
  const delivery = async () =>
    (await server.call<{ data: { status: string }[] }>('GET', `/v1/deliveries?event=${event.id}`)).body.data[0] ?? { status: 'pending' };
  // Whatever happens writes a line.
  while ((await delivery()).status === 'pending') await new Promise((resolve) => server.child.stdout?.once('data', resolve));
  expect(await delivery()).toMatchObject({ status: 'succeeded', attempt_count: 1 });
  const requests = await server.call<{ data: object[] }>('GET', `/v1/inboxes/${inbox.id}/requests`);
  expect(requests.body.data).toMatchObject([{ event_id: event.id, signature: { x_signature: 'valid', standard: 'valid' } }]);
});

/** Ends TLS in front of the program, as far as that can be told: it speaks plain HTTP here, and says that it did not. */
async function proxyTo(port: number, publicHost: string): Promise<Server> {
  const proxy = createServer((incoming, outgoing) => {
    const headers = {
      ...incoming.headers,
      host: publicHost,
      'x-forwarded-for': '203.0.113.50',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': publicHost,
    };
    const upstream = httpRequest({ port, host: '127.0.0.1', method: incoming.method, path: incoming.url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(outgoing);
    });
    incoming.pipe(upstream);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return proxy;
}

test('behind a reverse proxy, cookies are Secure, links lead to the public URL, and the visitor’s address is the proxy’s word', async () => {
  const server = await start({ POSTHORN_PUBLIC_URL: 'https://hooks.example.com', POSTHORN_TRUST_PROXY: '1' });
  const proxy = await proxyTo(settings.port, 'hooks.example.com');
  const base = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const ada = browser(base, { origin: 'https://hooks.example.com' });
  const signedUp = await ada.call('POST', '/auth/sign-up/email', ADA);
  expect(signedUp.status).toBe(200);
  expect(signedUp.headers.getSetCookie()).toEqual([
    expect.stringMatching(/^__Secure-posthorn\.session_token=.*; HttpOnly; Secure; SameSite=Lax$/),
  ]);
  await ada.call('POST', '/v1/applications', { name: 'Ada’s Bookshop' });
  expect((await ada.call('POST', '/v1/inboxes', {})).body).toMatchObject({
    url: expect.stringMatching(/^https:\/\/hooks\.example\.com\/inbox\//),
  });
  expect((await ada.call('POST', '/v1/invitations', { email: 'grace@example.com', role: 'viewer' })).body).toMatchObject({
    url: expect.stringMatching(/^https:\/\/hooks\.example\.com\/invite\//),
    mailed: false,
  });
  const elsewhere = browser(base, { origin: 'https://evil.example' });
  expect((await elsewhere.call('POST', '/auth/sign-in/email', { email: ADA.email, password: ADA.password })).body).toMatchObject({
    code: 'wrong_origin',
  });
  expect((await operatorLink(server)).origin).toBe('https://hooks.example.com');
  await server.end('SIGTERM');
  expect(server.output()).toContain('"ip":"203.0.113.50"');
  proxy.close();
});
