import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createSender, type Sender } from '../../src/sender/sender.ts';
import { answers, type Endpoint, response, startEndpoint } from './endpoint.ts';
import { type NameServer, startNameServer } from './name-server.ts';

// Listens where a blocked request would arrive; no test may ever see a connection on it.
let internal: Endpoint;
let nameServer: NameServer;
let sender: Sender;
let records: Record<string, readonly string[]> = {};

beforeAll(async () => {
  internal = await startEndpoint(answers(response('200 OK')));
  nameServer = await startNameServer((name) => records[name] ?? null);
  sender = createSender({ isAllowed: isPublic, dnsServers: [nameServer.address], deadlineMs: 2_000 });
});

afterEach(() => {
  records = {};
});

afterAll(async () => {
  await sender.close();
  await internal.close();
  await nameServer.close();
});

/** Stands for the rule of packages/core: what these tests use of special addresses, in the spellings that reach the rule. */
function isPublic(ip: string): boolean {
  return !/^(127\.|10\.|169\.254\.|0\.|::1$|::$|::ffff:|fd|fe80:)/i.test(ip);
}

function send(host: string) {
  return sender.send({ url: `http://${host}:${internal.port}/`, headers: {}, body: Buffer.from('{}') });
}

async function expectBlocked(host: string): Promise<void> {
  const { outcome, response: answer, timings } = await send(host);
  expect(outcome, host).toEqual({
    kind: 'transport_error',
    code: 'address_blocked',
    detail: expect.stringContaining('is not a public address'),
  });
  expect(answer).toBeNull();
  expect(timings.connect, host).toBeNull();
  expect(internal.connections, host).toBe(0);
}

test('the listener would notice', async () => {
  const witness = await startEndpoint(answers(response('200 OK')));
  await new Promise<void>((resolve) => {
    const socket = connect(witness.port, '127.0.0.1', () => socket.end('', resolve));
  });
  await expect.poll(() => witness.connections).toBe(1);
  await witness.close();
});

test.each([
  '127.0.0.1',
  '127.1',
  '2130706433',
  '0x7f.1',
  '0x7f000001',
  '017700000001',
  '0177.0.0.1',
  '127.0.0.1.',
  '%31%32%37.0.0.1',
  '１２７.０.０.１',
  '0.0.0.0',
  '0',
  '[::1]',
  '[::]',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  'user:secret@127.0.0.1',
  'localhost',
  'LocalHost',
  'localhost.',
  'hooks.localhost',
  '10.0.0.1',
  '169.254.169.254',
])('http://%s/ is blocked', async (host) => {
  await expectBlocked(host);
});

test.each([
  ['loopback', ['127.0.0.1']],
  ['loopback, IPv6', ['::1']],
  ['loopback, IPv4 within IPv6', ['::ffff:7f00:1']],
  ['the cloud metadata address', ['169.254.169.254']],
  ['a private network', ['10.1.2.3']],
  ['a public address and a private one', ['203.0.113.7', '127.0.0.1']],
  ['a public address and a private one, in the other order', ['127.0.0.1', '203.0.113.7']],
  ['a public IPv4 and a private IPv6 address', ['203.0.113.7', '::1']],
])('a name that answers with %s is blocked', async (_kind, addresses) => {
  records['hooks.example'] = addresses;
  await expectBlocked('hooks.example');
});

test('the reason names the kind of address, and not the address that a name has inside', async () => {
  records['hooks.example'] = ['10.1.2.3'];
  const { outcome } = await send('hooks.example');
  expect(outcome).toMatchObject({ detail: expect.stringContaining('hooks.example leads to what is not a public address (private)') });
  expect(JSON.stringify(outcome)).not.toContain('10.1.2.3');
  expect((await send('10.1.2.3')).outcome).toMatchObject({ detail: expect.stringContaining('10.1.2.3 is not a public address (private)') });
});

test('a name that answers with a public address first and a private one later (DNS rebinding)', async () => {
  // On one machine both must be loopback: 127.0.0.1 plays the public address here, and everything else the private ones.
  const isPlayedPublic = (ip: string) => ip === '127.0.0.1';
  const listener = await startEndpoint((socket) => socket.end(`HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`));
  const rebinding = createSender({ isAllowed: isPlayedPublic, dnsServers: [nameServer.address], deadlineMs: 2_000 });
  const request = { url: `http://rebinding.example:${listener.port}/`, headers: {}, body: Buffer.from('{}') };
  records['rebinding.example'] = ['127.0.0.1'];
  expect((await rebinding.send(request)).outcome).toEqual({ kind: 'accepted', status: 200 });
  for (const address of ['127.0.0.2', '::1', '10.0.0.1', '169.254.169.254']) {
    records['rebinding.example'] = [address];
    expect((await rebinding.send(request)).outcome, address).toMatchObject({ code: 'address_blocked' });
  }
  expect(listener.connections).toBe(1);
  await rebinding.close();
  await listener.close();
});

test('the address that was connected to is checked again, before a byte is written', async () => {
  // Vetted once, and refused from then on: as if the connection had gone elsewhere than it was sent.
  const vetted = new Set<string>();
  const once = createSender({
    isAllowed: (ip) => {
      const first = !vetted.has(ip);
      vetted.add(ip);
      return first;
    },
  });
  const listener = await startEndpoint(answers(response('200 OK')));
  const result = await once.send({ url: listener.url, headers: {}, body: Buffer.from('{}') });
  expect(result.outcome).toMatchObject({ code: 'address_blocked' });
  expect(listener.requests).toEqual([]);
  await once.close();
  await listener.close();
});

test('a redirect to a blocked address is not followed', async () => {
  const redirecting = await startEndpoint(
    answers(response('307 Temporary Redirect', { headers: [`location: http://127.0.0.1:${internal.port}/`] })),
  );
  const open = createSender({ isAllowed: () => true });
  const result = await open.send({ url: redirecting.url, headers: {}, body: Buffer.from('{}') });
  expect(result.outcome).toMatchObject({ kind: 'refused', status: 307 });
  expect(internal.connections).toBe(0);
  await open.close();
  await redirecting.close();
});
