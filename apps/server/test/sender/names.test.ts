import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSender, type Sender, type SenderOptions } from '../../src/sender/sender.ts';
import { answers, type Endpoint, response, startEndpoint } from './endpoint.ts';
import { type NameServer, startNameServer } from './name-server.ts';

let endpoint: Endpoint;
let nameServer: NameServer;
const senders: Sender[] = [];

beforeEach(async () => {
  endpoint = await startEndpoint(answers(response('200 OK')));
  nameServer = await startNameServer((name) => {
    if (name.startsWith('good')) return ['127.0.0.1'];
    if (name.startsWith('hanging')) return 'silence';
    if (name.startsWith('empty')) return [];
    if (name.startsWith('slow')) return { afterMs: 3_000, addresses: ['127.0.0.1'] };
    return null;
  });
});

afterEach(async () => {
  await Promise.all(senders.splice(0).map((sender) => sender.close()));
  await endpoint.close();
  await nameServer.close();
});

function send(name: string, sender: Sender) {
  return sender.send({ url: `http://${name}:${endpoint.port}/`, headers: {}, body: Buffer.from('{}') });
}

function newSender(options: Partial<SenderOptions> = {}): Sender {
  const sender = createSender({ isAllowed: () => true, dnsServers: [nameServer.address], ...options });
  senders.push(sender);
  return sender;
}

test('a name that resolves', async () => {
  const result = await send('good.example', newSender());
  expect(result.outcome).toEqual({ kind: 'accepted', status: 200 });
  expect(result.timings.dns).toBeTypeOf('number');
  expect(nameServer.asked).toEqual(['good.example', 'good.example']);
});

test.each([
  ['does not exist', 'missing.example', /missing\.example does not exist \(ENOTFOUND\)/],
  ['has no address', 'empty.example', /empty\.example exists but has no address \(ENODATA\)/],
])('a name that %s', async (_kind, name, detail) => {
  const result = await send(name, newSender());
  expect(result.outcome).toEqual({ kind: 'transport_error', code: 'dns_failure', detail: expect.stringMatching(detail) });
  expect(result.response).toBeNull();
});

test('a name that takes 3 s to resolve, after quick ones', async () => {
  const sender = newSender();
  for (let i = 0; i < 10; i++) await send(`good${i}.example`, sender);
  const result = await send('slow.example', sender);
  expect(result.outcome.kind).toBe('accepted');
  expect(result.timings.dns).toBeGreaterThanOrEqual(2_990);
  expect(result.timings.dns).toBeLessThan(3_500);
});

test('a question that got lost is put again after 2 s', async () => {
  const lossy = await startNameServer(() => (lossy.asked.length <= 2 ? 'silence' : ['127.0.0.1']));
  const result = await send('good.example', newSender({ dnsServers: [lossy.address] }));
  await lossy.close();
  expect(result.outcome.kind).toBe('accepted');
  expect(result.timings.dns).toBeLessThan(2_500);
});

test('a name server that does not answer: dns_failure at the time limit of names, timeout at the deadline', async () => {
  const [byNames, byDeadline] = await Promise.all([
    send('hanging.example', newSender({ dnsTimeoutMs: 300 })),
    send('hanging.example', newSender({ deadlineMs: 300 })),
  ]);
  expect(byNames.outcome).toMatchObject({ code: 'dns_failure', detail: expect.stringContaining('did not answer') });
  expect(byDeadline.outcome).toMatchObject({ code: 'timeout', detail: expect.stringContaining('the name was not resolved') });
  for (const { durationMs, timings } of [byNames, byDeadline]) {
    expect(durationMs).toBeLessThan(600);
    expect(timings.dns).toBeGreaterThanOrEqual(290);
    expect(timings.connect).toBeNull();
  }
});

test('fifty names that hang delay nobody else', async () => {
  const sender = newSender({ deadlineMs: 2_000 });
  const hanging = Array.from({ length: 50 }, (_, i) => send(`hanging${i}.example`, sender));
  const durations: number[] = [];
  for (let i = 0; i < 20; i++) {
    const result = await send(`good${i}.example`, sender);
    expect(result.outcome.kind).toBe('accepted');
    durations.push(result.durationMs);
  }
  expect(Math.max(...durations)).toBeLessThan(250);
  const outcomes = (await Promise.all(hanging)).map(({ outcome }) => outcome.kind === 'transport_error' && outcome.code);
  expect(outcomes).toEqual(Array(50).fill('timeout'));
});

test('fifty requests to one name ask for it once', async () => {
  const sender = newSender();
  const results = await Promise.all(Array.from({ length: 50 }, () => send('good.example', sender)));
  expect(results.every(({ outcome }) => outcome.kind === 'accepted')).toBe(true);
  expect(nameServer.asked).toHaveLength(2);
});

test('localhost names are loopback, without a name server', async () => {
  const sender = newSender();
  for (const name of ['localhost', 'hooks.localhost', 'LOCALHOST.']) expect((await send(name, sender)).outcome.kind).toBe('accepted');
  expect(nameServer.asked).toEqual([]);
});

test("the machine's hosts file is read, and read again when it has changed", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-hosts-'));
  const hostsFile = join(folder, 'hosts');
  writeFileSync(hostsFile, '# ours\n127.0.0.1 first.internal alias.internal # both\nnot-an-address other.internal\n');
  const sender = newSender({ hostsFile });
  expect((await send('first.internal', sender)).outcome.kind).toBe('accepted');
  expect((await send('Alias.internal', sender)).outcome.kind).toBe('accepted');
  expect((await send('second.internal', sender)).outcome).toMatchObject({ code: 'dns_failure' });
  writeFileSync(hostsFile, '127.0.0.1 second.internal\n');
  utimesSync(hostsFile, new Date(), new Date(Date.now() + 5_000));
  await expect.poll(async () => (await send('second.internal', sender)).outcome.kind, { timeout: 3_000, interval: 200 }).toBe('accepted');
  rmSync(folder, { recursive: true });
});
