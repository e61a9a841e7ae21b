/** The whole way of a mail: the real program, an account made over its API, an endpoint that says 410, a real SMTP server. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type MailServer, startMailServer } from '../keeper/mail-server.ts';
import { freePort, type ServerProcess, startServer } from './server-process.ts';

let folder: string;
let server: ServerProcess | null = null;
let mails: MailServer;
let gone: Server;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthorn-mail-'));
  mails = await startMailServer();
  gone = createServer((request, response) => {
    request.resume();
    response.writeHead(410).end();
  });
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  if (server !== null && server.child.exitCode === null && server.child.signalCode === null) await server.end('SIGKILL');
  gone.closeAllConnections();
  gone.close();
  await mails.close();
  await rm(folder, { recursive: true, force: true });
});

/** The text of the mail with this number, its lines put together again (RFC 2045, section 6.7). */
async function mail(number: number): Promise<string> {
  await expect.poll(() => mails.mails.length, { timeout: 15_000 }).toBeGreaterThanOrEqual(number);
  return (mails.mails[number - 1]?.text ?? '').replaceAll('=\r\n', '').replaceAll('=3D', '=');
}

test('an owner is written to when the endpoint is disabled; SIGTERM ends in order', { timeout: 60_000 }, async () => {
  server = await startServer({
    dataDir: join(folder, 'data'),
    port: await freePort(),
    env: {
      POSTHORN_SMTP_URL: mails.url,
      POSTHORN_MAIL_FROM: 'Webhooks <webhooks@example.com>',
      POSTHORN_CADENCE_SANDBOX: 'immediate',
      POSTHORN_LOG_LEVEL: 'warn',
    },
  });
  const { base } = server;
  const ask = (path: string, body: object, cookie = '') =>
    fetch(base + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: base, cookie, 'posthorn-environment': 'sandbox' },
      body: JSON.stringify(body),
    });
  const signedUp = await ask('/auth/sign-up/email', { name: 'Ada', email: 'ada@example.com', password: 'correct horse battery' });
  expect(await signedUp.json()).toEqual({ person: null, verify_email: true });
  const link = /http:\S+/.exec(await mail(1))?.[0] ?? '';
  const verified = await fetch(link, { redirect: 'manual' });
  const cookie = verified.headers
    .getSetCookie()
    .map((each) => each.split(';')[0])
    .join('; ');
  const founded = await ask('/v1/applications', { name: 'Acme' }, cookie);
  expect(founded.status).toBe(201);
  const { id: application } = (await founded.json()) as { id: string };

  const url = `http://127.0.0.1:${(gone.address() as AddressInfo).port}/hook`;
  expect((await server.call('POST', '/v1/endpoints', { application, url })).status).toBe(201);
  expect((await server.call('POST', '/v1/events', { application, type: 'a.b', data: {} })).status).toBe(202);
  const text = await mail(2);
  expect(mails.mails[1]).toMatchObject({ from: 'webhooks@example.com', to: ['ada@example.com'] });
  for (const words of ['Subject: Your webhook endpoint was disabled (sandbox)', url, 'Acme', '410', base]) expect(text).toContain(words);
  // The same as an event, for the operator's own endpoints.
  const { body } = await server.call<{ data: { type: string }[] }>('GET', '/v1/events?application=posthorn-operator');
  expect(body.data.map(({ type }) => type).sort()).toEqual(['delivery.failed', 'endpoint.disabled']);
  expect(await server.end('SIGTERM')).toBe(0);
  expect(mails.mails).toHaveLength(2);
});
