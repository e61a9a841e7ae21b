import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type AllowList, type AttemptResult, parseAllowList } from '@posthorn/core';
import { generateSecret, verifyStandard, verifyX } from '@posthorn/receiver';
import { afterEach, expect, test } from 'vitest';
import { createSender, type DeliverRequest, type Sender } from '../../src/sender/sender.ts';
import { ResultPack } from '../../src/sender/thread-messages.ts';
import { createThreadedSender, type ThreadedSenderOptions } from '../../src/sender/threaded-sender.ts';
import { answers, type Endpoint, pem, response, startEndpoint } from './endpoint.ts';

const cleanUp: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of cleanUp.splice(0)) await close();
});

async function start(...args: Parameters<typeof startEndpoint>): Promise<Endpoint> {
  const endpoint = await startEndpoint(...args);
  cleanUp.push(endpoint.close);
  return endpoint;
}

const LOOPBACK = allowList('127.0.0.0/8,::1');

function allowList(text: string): AllowList {
  const parsed = parseAllowList(text);
  return parsed.ok ? parsed.list : expect.fail(parsed.message);
}

function newSender(options: Partial<ThreadedSenderOptions> = {}): Sender {
  const sender = createThreadedSender({ allowList: LOOPBACK, ca: pem('authority.pem'), ...options });
  cleanUp.unshift(sender.close);
  return sender;
}

/** A threaded sender and the worker behind it. */
async function newSenderAndWorker(options: Partial<ThreadedSenderOptions> = {}): Promise<{ sender: Sender; worker: Worker }> {
  const created = once(process, 'worker');
  const sender = newSender(options);
  const [worker]: unknown[] = await created;
  return worker instanceof Worker ? { sender, worker } : expect.fail('no worker');
}

const SECRET = generateSecret();

function delivery(url: string, changes: Partial<DeliverRequest> = {}): DeliverRequest {
  return {
    url,
    secrets: { current: SECRET, others: [] },
    customHeaders: {},
    userAgent: 'Posthorn/test',
    eventId: 'evt_1',
    body: Buffer.from('{"id":"evt_1"}'),
    late: false,
    ...changes,
  };
}

/** A request that an endpoint has read. */
function received(request: string): { line: string; headers: Record<string, string>; body: Buffer } {
  const headEnd = request.indexOf('\r\n\r\n');
  const [line = '', ...fields] = request.slice(0, headEnd).split('\r\n');
  const headers = Object.fromEntries(
    fields.map((field) => [field.split(': ', 1)[0]?.toLowerCase() ?? '', field.slice(field.indexOf(': ') + 2)]),
  );
  return { line, headers, body: Buffer.from(request.slice(headEnd + 4), 'latin1') };
}

/** A result without what differs from run to run. */
function comparable({ startedAt, durationMs, timings, outcome, response: answer }: AttemptResult) {
  const known = Object.fromEntries(Object.entries(timings).map(([phase, ms]) => [phase, ms !== null]));
  expect(Math.abs(Date.now() - startedAt)).toBeLessThan(60_000);
  expect(durationMs).toBeGreaterThanOrEqual(0);
  return { outcome, known, response: answer && { ...answer, body: Buffer.from(answer.body).toString() } };
}

const KINDS = {
  accepted: {
    behave: answers(response('201 Created', { headers: ['X-Some: a', 'X-Some: b', 'Date: today'], body: 'thanks' })),
    expected: { kind: 'accepted', status: 201 },
  },
  'accepted without a body': { behave: answers(response('204 No Content')), expected: { kind: 'accepted', status: 204 } },
  'refused with Retry-After': {
    behave: answers(response('503 Busy', { headers: ['Retry-After: 120'], body: 'later' })),
    expected: { kind: 'refused', status: 503, retryAfter: '120' },
  },
  'a body that is cut': { behave: answers(response('500 Oops', { body: 'x'.repeat(20_000) })), expected: { kind: 'refused', status: 500 } },
  timeout: { behave: () => undefined, expected: { kind: 'transport_error', code: 'timeout' } },
  connection_reset: {
    behave: (socket: { resetAndDestroy(): unknown }) => {
      socket.resetAndDestroy();
    },
    expected: { kind: 'transport_error', code: 'connection_reset' },
  },
  tls_error: { behave: answers(response('200 OK')), certificate: 'expired', expected: { kind: 'transport_error', code: 'tls_error' } },
};

test.each(Object.entries(KINDS))(
  '%s: the thread tells the same as the sender in this thread',
  async (_name, { behave, expected, ...options }) => {
    const endpoint = await start(behave, options);
    const here = createSender({ isAllowed: () => true, deadlineMs: 300, ca: pem('authority.pem') });
    cleanUp.unshift(here.close);
    const there = newSender({ deadlineMs: 300 });
    const results = await Promise.all([here.deliver(delivery(endpoint.url)), there.deliver(delivery(endpoint.url))]);
    expect(results[1].outcome).toMatchObject(expected);
    expect(comparable(results[1])).toEqual(comparable(results[0]));
  },
);

test('requests that never leave: a closed port, an address that is not allowed, a URL of another kind', async () => {
  const gone = await start(answers(response('200 OK')));
  await gone.close();
  const sender = newSender({ allowList: allowList('127.0.0.1,fd00::/8') });
  expect((await sender.deliver(delivery(gone.url))).outcome).toMatchObject({ code: 'connect_refused' });
  expect((await sender.deliver(delivery('http://127.0.0.2/'))).outcome).toMatchObject({ code: 'address_blocked' });
  expect((await sender.deliver(delivery('http://[::ffff:127.0.0.2]/'))).outcome).toMatchObject({ code: 'address_blocked' });
  expect((await sender.deliver(delivery('gopher://127.0.0.1/'))).outcome).toMatchObject({ code: 'address_blocked' });
});

test.each(['in this thread', 'in a thread'])('%s: bytes arrive as they are, signed for this instant by each secret', async (where) => {
  const endpoint = await start(answers(response('200 OK')));
  const sender = where === 'in a thread' ? newSender() : createSender({ isAllowed: () => true });
  if (where !== 'in a thread') cleanUp.unshift(sender.close);
  const others = [generateSecret(), 'a plain-text secret'];
  // Around the size at which a batch is cut, and all in one turn.
  const bodies = [0, 1, 300, 65_535, 65_536, 65_537, 3, 256 * 1024, 2].map((size) => randomBytes(size));
  const before = Math.floor(Date.now() / 1000);
  const results = await Promise.all(
    bodies.map((body, index) =>
      sender.deliver(
        delivery(endpoint.url, {
          body,
          eventId: `evt_${index}`,
          late: index === 2,
          secrets: { current: SECRET, others },
          customHeaders: { 'X-Own': 'yes', Host: 'evil.example' },
        }),
      ),
    ),
  );
  expect(results.map(({ outcome }) => outcome.kind)).toEqual(bodies.map(() => 'accepted'));
  const requests = endpoint.requests.map(received);
  expect(requests).toHaveLength(bodies.length);
  for (const [index, body] of bodies.entries()) {
    const { headers, body: bytes } =
      requests.find((request) => request.headers['webhook-id'] === `evt_${index}`) ?? expect.fail(`no evt_${index}`);
    expect(bytes.equals(body)).toBe(true);
    expect(headers).toMatchObject({ 'x-own': 'yes', host: `127.0.0.1:${endpoint.port}`, 'user-agent': 'Posthorn/test' });
    expect(headers['posthorn-late']).toBe(index === 2 ? 'true' : undefined);
    expect(Number(headers['webhook-timestamp']) - before).toBeLessThanOrEqual(20);
    expect(verifyX({ headers, body: bytes, secrets: SECRET })).toEqual({ ok: true });
    for (const secret of [SECRET, ...others]) expect(verifyStandard({ headers, body: bytes, secrets: secret })).toMatchObject({ ok: true });
  }
});

test('the timestamp is the sender’s clock in whole seconds', async () => {
  const endpoint = await start(answers(response('200 OK')));
  const sender = createSender({ isAllowed: () => true, clock: () => 1_795_428_000_999 });
  cleanUp.unshift(sender.close);
  await sender.deliver(delivery(endpoint.url));
  expect(endpoint.requests.map((request) => received(request).headers['webhook-timestamp'])).toEqual(['1795428000']);
});

test('a changed endpoint is used as it is now', async () => {
  const endpoint = await start(answers(response('200 OK')));
  const sender = newSender();
  const next = generateSecret();
  const own = { 'X-Own': '1' };
  const changes: Partial<DeliverRequest>[] = [
    {},
    { userAgent: 'Other/1' },
    { customHeaders: own },
    { customHeaders: { 'X-Own': '2' } },
    { customHeaders: { ...own }, secrets: { current: SECRET, others: [next] } },
    { secrets: { current: next, others: [SECRET] } },
    { url: `${endpoint.url}/other` },
    {},
  ];
  for (const change of changes) await sender.deliver(delivery(endpoint.url, change));
  const seen = endpoint.requests.map(received).map(({ line, headers, body }) => ({
    line,
    agent: headers['user-agent'],
    own: headers['x-own'],
    signatures: headers['webhook-signature']?.split(' ').length,
    current: verifyX({ headers, body, secrets: next }).ok ? 'next' : 'first',
  }));
  const plain = { line: 'POST /hook HTTP/1.1', agent: 'Posthorn/test', own: undefined, signatures: 1, current: 'first' };
  expect(seen).toEqual([
    plain,
    { ...plain, agent: 'Other/1' },
    { ...plain, own: '1' },
    { ...plain, own: '2' },
    { ...plain, own: '1', signatures: 2 },
    { ...plain, signatures: 2, current: 'next' },
    { ...plain, line: 'POST /hook/other HTTP/1.1' },
    plain,
  ]);
});

test('more endpoints than are remembered: each is signed with its own secret, the first one again too', async () => {
  const endpoint = await start(answers(response('200 OK')));
  const sender = newSender();
  const secrets = Array.from({ length: 2_100 }, (_, index) => `the secret of endpoint ${index}`);
  const order = [...secrets, ...secrets.slice(0, 10)];
  for (let from = 0; from < order.length; from += 100) {
    await Promise.all(
      order
        .slice(from, from + 100)
        .map((current) => sender.deliver(delivery(endpoint.url, { eventId: current.slice(-4).trim(), secrets: { current, others: [] } }))),
    );
  }
  const wrong = endpoint.requests.map(received).filter(({ headers, body }) => {
    const secret = `the secret of endpoint ${headers['webhook-id']?.replace(/\D/g, '')}`;
    return !verifyX({ headers, body, secrets: secret }).ok;
  });
  expect(endpoint.requests).toHaveLength(order.length);
  expect(wrong).toEqual([]);
});

test.each([1, 2])('2,000 requests at once over %i threads: each gets its own answer', async (threads) => {
  const endpoint = await start((socket) => {
    // Each request is read on a connection of its own, so the last one is this one’s.
    const id = received(endpoint.requests.at(-1) ?? '').headers['webhook-id'];
    socket.write(response('200 OK', { headers: [`X-Id: ${id}`], body: `for ${id}` }));
  });
  const sender = newSender({ threads });
  const ids = Array.from({ length: 2_000 }, (_, index) => `evt_${index}`);
  const results = await Promise.all(ids.map((eventId) => sender.deliver(delivery(endpoint.url, { eventId }))));
  expect(results.map((result) => Buffer.from(result.response?.body ?? []).toString())).toEqual(ids.map((id) => `for ${id}`));
  expect(results.map((result) => result.response?.headers['x-id'])).toEqual(ids);
});

/** An endpoint in a thread of its own, which answers 50 ms after a request: it goes on while this thread is blocked. */
async function startDistantEndpoint(): Promise<string> {
  const worker = new Worker(
    `const { createServer } = require('node:http');
     const server = createServer((request, response) => {
       request.resume().on('end', () => setTimeout(() => response.end('ok'), 50));
     });
     server.listen(0, '127.0.0.1', () => require('node:worker_threads').parentPort.postMessage(server.address().port));`,
    { eval: true },
  );
  cleanUp.push(async () => {
    await worker.terminate();
  });
  const [port]: unknown[] = await once(worker, 'message');
  return `http://127.0.0.1:${port}/`;
}

test('a blocked main thread makes no request late', async () => {
  const url = await startDistantEndpoint();
  const sender = newSender();
  await sender.deliver(delivery(url));
  const all = Promise.all(Array.from({ length: 20 }, () => sender.deliver(delivery(url))));
  await new Promise((resolve) => process.nextTick(resolve));
  const blockedAt = Date.now();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
  const results = await all;
  expect(Date.now() - blockedAt).toBeGreaterThanOrEqual(990);
  expect(results.map(({ outcome }) => outcome.kind)).toEqual(results.map(() => 'accepted'));
  const endedAt = Math.max(...results.map(({ startedAt, durationMs }) => startedAt + durationMs));
  expect(endedAt - blockedAt).toBeLessThan(700);
});

test('of many results that come at once, what follows from the first is done before the last are told', async () => {
  const endpoint = await start(() => undefined);
  const { sender, worker } = await newSenderAndWorker({ deadlineMs: 300 });
  const done: number[] = [];
  let told = 0;
  const all = Promise.all(
    Array.from({ length: 200 }, async () => {
      await sender.deliver(delivery(endpoint.url));
      told += 1;
      // As many steps as a dispatcher may need until the next request is out.
      for (let step = 0; step < 20; step += 1) await Promise.resolve();
      done.push(told);
    }),
  );
  // How many share a message is a matter of luck; this one has them all.
  const pack = new ResultPack();
  const timings = { dns: null, connect: null, tls: null, first_byte: 1, body: 0 };
  const answer = { status: 200, headers: {}, body: Buffer.from('ok'), bodyTruncated: false };
  for (let request = 0; request < 200; request += 1) {
    pack.add(request, { startedAt: Date.now(), durationMs: 1, outcome: { kind: 'accepted', status: 200 }, response: answer, timings });
  }
  worker.emit('message', { kind: 'results', packed: pack.take(), others: [], rejected: [] });
  await all;
  expect(done).toHaveLength(200);
  expect(done[0]).toBe(32);
});

test('send goes through the thread too, with the headers it is given', async () => {
  const endpoint = await start(answers(response('200 OK', { body: 'ok' })));
  const sender = newSender();
  const body = Buffer.from('{"test":true}');
  const result = await sender.send({ url: endpoint.url, headers: { 'X-Test': 'yes' }, body });
  expect(comparable(result)).toMatchObject({ outcome: { kind: 'accepted', status: 200 }, response: { body: 'ok' } });
  expect(endpoint.requests.map(received)).toMatchObject([{ headers: { 'x-test': 'yes' }, body: Buffer.from('{"test":true}') }]);
  expect(body.toString()).toBe('{"test":true}');
});

test('a caller’s mistake rejects, and the next request is served', async () => {
  const endpoint = await start(answers(response('200 OK')));
  const sender = newSender();
  await expect(sender.send({ url: endpoint.url, headers: { 'X-Bad': 'a\r\nb' }, body: Buffer.alloc(0) })).rejects.toThrow(
    'invalid X-Bad header',
  );
  await expect(sender.deliver(delivery(endpoint.url, { secrets: { current: 'short', others: [] } }))).rejects.toThrow(TypeError);
  expect(endpoint.requests).toEqual([]);
  expect((await sender.deliver(delivery(endpoint.url))).outcome.kind).toBe('accepted');
});

test('close lets what is out end, what was just given too, ends the thread, and refuses more', async () => {
  const count = 100;
  const sockets: { write(text: string): unknown }[] = [];
  let arrived: () => void = () => undefined;
  const allArrived = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const endpoint = await start((socket) => {
    sockets.push(socket);
    if (sockets.length === count) arrived();
  });
  const { sender, worker } = await newSenderAndWorker();
  let ended = false;
  worker.once('exit', () => {
    ended = true;
  });
  const out = [
    sender.send({ url: endpoint.url, headers: {}, body: Buffer.from('x') }),
    ...Array.from({ length: count - 1 }, () => sender.deliver(delivery(endpoint.url))),
  ];
  const closing = sender.close();
  await expect(sender.deliver(delivery(endpoint.url))).rejects.toThrow('closed');
  await expect(sender.send({ url: endpoint.url, headers: {}, body: Buffer.alloc(0) })).rejects.toThrow('closed');
  await allArrived;
  expect(ended).toBe(false);
  for (const socket of sockets) socket.write(response('200 OK'));
  expect((await Promise.all(out)).map(({ outcome }) => outcome.kind)).toEqual(out.map(() => 'accepted'));
  await closing;
  expect(ended).toBe(true);
  await sender.close();
});

test('one secrets object at two endpoints, and with changed headers: each request has its own', async () => {
  const endpoint = await start(answers(response('200 OK')));
  const sender = newSender();
  const secrets = { current: SECRET, others: [] };
  const one = delivery(`${endpoint.url}/one`, { secrets });
  const other = delivery(`${endpoint.url}/other`, { secrets });
  const changed = { ...one, customHeaders: { 'X-Own': 'changed' } };
  for (const request of [one, other, one, changed, changed, one]) await sender.deliver(request);
  const seen = endpoint.requests.map(received).map(({ line, headers }) => `${line.split(' ')[1]} ${headers['x-own'] ?? 'none'}`);
  expect(seen).toEqual([
    '/hook/one none',
    '/hook/other none',
    '/hook/one none',
    '/hook/one changed',
    '/hook/one changed',
    '/hook/one none',
  ]);
});

test('a thread that breaks: what was out ends as connection_reset, the next request is served by another', async () => {
  let arrived: () => void = () => undefined;
  const requestArrived = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const hanging = await start(() => arrived());
  const healthy = await start(answers(response('200 OK')));
  const errors: Error[] = [];
  const { sender, worker } = await newSenderAndWorker({ onThreadLost: (error) => errors.push(error) });
  const before = Date.now();
  const out = sender.deliver(delivery(hanging.url));
  await requestArrived;
  // Breaks it as a fault in its own code would: with an exception that nobody catches.
  const requests = { numbers: [1, 99, 0, 0], eventIds: ['evt_1'], bodies: new Uint8Array(0) };
  worker.postMessage({ kind: 'deliver', added: [], requests, forgotten: [] });
  const lost = await out;
  expect(lost).toMatchObject({ outcome: { kind: 'transport_error', code: 'connection_reset' }, response: null });
  expect(lost.startedAt).toBeGreaterThanOrEqual(before);
  expect(errors.map((error) => error.message)).toEqual(['endpoint 99 is not known here']);
  expect((await sender.deliver(delivery(healthy.url))).outcome.kind).toBe('accepted');
});

test('a thread that is ended from outside, while closing: close still ends, and so does what was out', async () => {
  let arrived: () => void = () => undefined;
  const requestArrived = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const hanging = await start(() => arrived());
  const { sender, worker } = await newSenderAndWorker({ onThreadLost: () => undefined });
  const out = sender.deliver(delivery(hanging.url));
  await requestArrived;
  const closing = sender.close();
  await worker.terminate();
  expect((await out).outcome).toMatchObject({ code: 'connection_reset' });
  await expect(closing).resolves.toBeUndefined();
});

test('a thread that ends before it has begun to work rejects what it was given', async () => {
  const endpoint = await start(answers(response('200 OK')));
  const { sender, worker } = await newSenderAndWorker({ onThreadLost: () => undefined });
  const refused = expect(sender.deliver(delivery(endpoint.url))).rejects.toThrow('ended with code');
  await worker.terminate();
  await refused;
  expect(endpoint.requests).toEqual([]);
  expect((await sender.deliver(delivery(endpoint.url))).outcome.kind).toBe('accepted');
});
