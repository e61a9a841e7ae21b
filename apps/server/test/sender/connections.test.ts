import { once } from 'node:events';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { Worker } from 'node:worker_threads';
import { afterEach, expect, test, vi } from 'vitest';
import { createSender, type Sender, type SenderOptions } from '../../src/sender/sender.ts';
import { answers, type Endpoint, pem, response, startEndpoint } from './endpoint.ts';
import { startNameServer } from './name-server.ts';

const cleanUp: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of cleanUp.splice(0)) await close();
});

async function start(...args: Parameters<typeof startEndpoint>): Promise<Endpoint> {
  const endpoint = await startEndpoint(...args);
  cleanUp.push(endpoint.close);
  return endpoint;
}

function newSender(options: Partial<SenderOptions> = {}): Sender {
  const sender = createSender({ isAllowed: () => true, deadlineMs: 2_000, ca: pem('authority.pem'), ...options });
  cleanUp.unshift(sender.close);
  return sender;
}

const BODY = Buffer.from('{"id":"evt_1"}');

test('the request on the wire', async () => {
  const endpoint = await start(answers(response('200 OK')));
  const result = await newSender({ clock: () => 1_795_428_000_123 }).send({
    url: `http://127.0.0.1:${endpoint.port}/hooks/a%20b?x=1&y=%C3%A9#fragment`,
    headers: { 'Content-Type': 'application/json', 'X-Signature': 'abc' },
    body: BODY,
  });
  expect(result.startedAt).toBe(1_795_428_000_123);
  expect(endpoint.requests).toEqual([
    `POST /hooks/a%20b?x=1&y=%C3%A9 HTTP/1.1\r\nhost: 127.0.0.1:${endpoint.port}\r\nconnection: keep-alive\r\n` +
      `Content-Type: application/json\r\nX-Signature: abc\r\ncontent-length: 14\r\n\r\n{"id":"evt_1"}`,
  ]);
});

test.each(['http', 'https'])('%s: the second request rides on the first one’s connection, and its timings say so', async (scheme) => {
  const endpoint = await start(answers(response('200 OK', { body: 'ok' })), scheme === 'https' ? { certificate: 'valid' } : {});
  const sender = newSender();
  const request = { url: endpoint.url, headers: {}, body: BODY };
  const first = await sender.send(request);
  const second = await sender.send(request);
  const ms = expect.any(Number);
  expect(first.timings).toEqual({ dns: null, connect: ms, tls: scheme === 'https' ? ms : null, first_byte: ms, body: ms });
  expect(second.timings).toEqual({ dns: null, connect: null, tls: null, first_byte: ms, body: ms });
  expect(endpoint.connections).toBe(1);
  expect(endpoint.requests).toHaveLength(2);
});

test('requests at the same time each have their own connection, and none waits for another', async () => {
  const hanging = await start((socket) => {
    // The first request hangs; the others are answered.
    if (hanging.requests.length > 1) socket.write(response('200 OK'));
  });
  const sender = newSender({ deadlineMs: 500 });
  const request = { url: hanging.url, headers: {}, body: BODY };
  const results = await Promise.all([request, request, request].map((one) => sender.send(one)));
  expect(results.map(({ outcome }) => outcome.kind).sort()).toEqual(['accepted', 'accepted', 'transport_error']);
  expect(hanging.connections).toBe(3);
});

test('a connection that the server closed is not used again', async () => {
  let closed: () => void = () => undefined;
  const endpoint = await start((socket) => {
    socket.on('close', () => closed());
    socket.write(response('200 OK'), () => socket.end());
  });
  const sender = newSender();
  for (let i = 0; i < 5; i++) {
    const gone = new Promise<void>((resolve) => {
      closed = resolve;
    });
    expect((await sender.send({ url: endpoint.url, headers: {}, body: BODY })).outcome.kind).toBe('accepted');
    await gone;
  }
  expect(endpoint.requests).toHaveLength(5);
});

test('a server that hangs up after each answer without saying so: at most one request is lost to it, and none is sent twice', async () => {
  const endpoint = await start((socket) => socket.write(response('200 OK'), () => socket.resetAndDestroy()));
  const sender = newSender();
  const lost: string[] = [];
  for (let i = 0; i < 100; i++) {
    const { outcome } = await sender.send({ url: endpoint.url, headers: {}, body: Buffer.from(`{"id":"evt_${i}"}`) });
    if (outcome.kind !== 'accepted') lost.push(outcome.kind === 'transport_error' ? outcome.code : outcome.kind);
  }
  expect(lost.length).toBeLessThanOrEqual(1);
  expect(lost.every((code) => code === 'connection_reset')).toBe(true);
  const bodies = endpoint.requests.map((request) => request.split('\r\n\r\n')[1]);
  expect(new Set(bodies).size).toBe(bodies.length);
  expect(bodies.length).toBeGreaterThanOrEqual(100 - lost.length);
});

test('a kept-alive connection that breaks just before a request is written: the request goes out on a new one', async () => {
  const sockets: Socket[] = [];
  const endpoint = await start((socket) => {
    sockets.push(socket);
    socket.write(response('200 OK'));
  });
  const sender = newSender();
  const request = { url: endpoint.url, headers: {}, body: BODY };
  for (let i = 0; i < 20; i++) {
    expect((await sender.send(request)).outcome.kind).toBe('accepted');
    const socket = sockets.at(-1) ?? expect.fail('no connection');
    socket.resetAndDestroy();
    // The reset is under way now, and the sender has not read it yet.
    await once(socket, 'close');
  }
  expect(endpoint.requests).toHaveLength(20);
});

test('an idle connection is ended before its server ends it: after 4 s, or 2 s before the time that the server names', async () => {
  const idleFor = async (...headers: string[]): Promise<number> => {
    let ended: (at: number) => void = () => undefined;
    const end = new Promise<number>((resolve) => {
      ended = resolve;
    });
    const endpoint = await start((socket) => {
      socket.on('close', () => ended(performance.now()));
      socket.write(response('200 OK', { headers }));
    });
    await newSender().send({ url: endpoint.url, headers: {}, body: BODY });
    const answeredAt = performance.now();
    return (await end) - answeredAt;
  };
  const [asUsual, named, tooShort] = await Promise.all([
    idleFor(),
    idleFor('Connection: keep-alive', 'Keep-Alive: timeout=3'),
    idleFor('Keep-Alive: timeout=2'),
  ]);
  // Looked for once a second.
  expect(asUsual).toBeGreaterThan(3_900);
  expect(asUsual).toBeLessThan(5_500);
  expect(named).toBeGreaterThan(900);
  expect(named).toBeLessThan(2_500);
  expect(tooShort).toBeLessThan(500);
});

test('a connection whose time is over is not used, though it was not ended yet', async () => {
  const endpoint = await start(answers(response('200 OK')));
  const sender = newSender();
  const request = { url: endpoint.url, headers: {}, body: BODY };
  vi.useFakeTimers({ toFake: ['performance'] });
  cleanUp.push(async () => void vi.useRealTimers());
  await sender.send(request);
  vi.advanceTimersByTime(3_990);
  await sender.send(request);
  expect(endpoint.connections).toBe(1);
  vi.advanceTimersByTime(4_010);
  await sender.send(request);
  expect(endpoint.connections).toBe(2);
});

test('bytes that come while nothing was asked end the connection', async () => {
  const sockets: Socket[] = [];
  const endpoint = await start((socket) => {
    sockets.push(socket);
    socket.write(response('200 OK', { body: `answer ${sockets.length}` }));
  });
  const sender = newSender();
  const request = { url: endpoint.url, headers: {}, body: BODY };
  await sender.send(request);
  const [socket = expect.fail('no connection')] = sockets;
  const closed = once(socket, 'close');
  const writtenAt = performance.now();
  socket.write(response('200 OK', { body: 'forged' }));
  await closed;
  expect(performance.now() - writtenAt, 'not only when its time was over').toBeLessThan(2_000);
  const { response: second } = await sender.send(request);
  expect(Buffer.from(second?.body ?? []).toString()).toBe('answer 2');
  expect(endpoint.connections).toBe(2);
});

test('a request that was answered before it was read whole leaves no connection for the next, and none that stays', async () => {
  const sockets: Socket[] = [];
  const endpoint = await start(
    (socket) => {
      sockets.push(socket);
      socket.pause();
      socket.write(response('200 OK'));
    },
    { atAccept: true },
  );
  const sender = newSender();
  const request = { url: endpoint.url, headers: {}, body: Buffer.alloc(32 * 1024 * 1024) };
  const outcomes = [await sender.send(request), await sender.send(request)].map(({ outcome }) => outcome.kind);
  expect(outcomes).toEqual(['accepted', 'accepted']);
  expect(endpoint.connections).toBe(2);
  const [, last = expect.fail('no connection')] = sockets;
  const closed = once(last, 'close');
  last.resume();
  await closed;
  expect(last.bytesRead).toBeLessThan(32 * 1024 * 1024);
});

/** Answers in a thread of its own, and counts in `seen`: connections, then answers that were handed to the kernel. */
const TLS_ENDPOINT_THREAD = `
  const { parentPort, workerData: { cert, key, seen } } = require('node:worker_threads');
  const server = require('node:tls').createServer({ cert, key }, (socket) => {
    Atomics.add(seen, 0, 1);
    socket.on('error', () => undefined);
    socket.on('data', () => {
      socket.write('HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\n\\r\\n');
      Atomics.add(seen, 1, 1);
      Atomics.notify(seen, 1);
    });
  });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

test('https: an answer that is there before Node has counted its request as written leaves a connection for the next', async () => {
  const seen = new Int32Array(new SharedArrayBuffer(8));
  const workerData = { cert: pem('valid.pem'), key: pem('server.key'), seen };
  const thread = new Worker(TLS_ENDPOINT_THREAD, { eval: true, workerData });
  cleanUp.push(async () => void (await thread.terminate()));
  const [port] = await once(thread, 'message');
  const sender = newSender();
  const request = { url: `https://127.0.0.1:${port}/`, headers: {}, body: BODY };
  await sender.send(request);
  for (let answered = 1; answered < 5; answered++) {
    const sent = sender.send(request);
    // The request is written in the immediate before this one; the loop stands still until its answer lies in the socket.
    await new Promise<void>((resolve) => {
      setImmediate(() => {
        while (Atomics.load(seen, 1) <= answered && Atomics.wait(seen, 1, answered, 1_000) !== 'timed-out');
        resolve();
      });
    });
    expect((await sent).outcome.kind).toBe('accepted');
    expect(seen[0]).toBe(1);
  }
});

test('TLS by name: the name is sent to the server, and the certificate is checked for it', async () => {
  const asked: unknown[] = [];
  const endpoint = await start(
    (socket) => {
      if (socket instanceof TLSSocket) asked.push(socket.servername);
      socket.write(response('200 OK'));
    },
    { certificate: 'wrong-host' },
  );
  const nameServer = await startNameServer(() => ['127.0.0.1']);
  cleanUp.push(nameServer.close);
  const sender = newSender({ dnsServers: [nameServer.address] });
  const send = (name: string) => sender.send({ url: `https://${name}:${endpoint.port}/`, headers: {}, body: BODY });
  expect((await send('elsewhere.example')).outcome.kind).toBe('accepted');
  expect((await send('another.example')).outcome).toMatchObject({ code: 'tls_error' });
  expect(asked).toEqual(['elsewhere.example']);
});

test('an answer that nobody asked for does not become the answer of the next request', async () => {
  const forged = response('200 OK', { body: 'forged' });
  const endpoint = await start((socket) => socket.write(response('500 Oops') + forged));
  const sender = newSender();
  for (let i = 0; i < 3; i++) {
    expect((await sender.send({ url: endpoint.url, headers: {}, body: BODY })).outcome).toMatchObject({ kind: 'refused', status: 500 });
  }
});

test('the body of an answer that has none does not become the answer of the next request', async () => {
  let body: () => void = () => undefined;
  const endpoint = await start((socket) => {
    // That of the answer before; this one's comes after the next request.
    body();
    body = () => socket.write('ok');
    socket.write('HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n');
  });
  const sender = newSender();
  for (let i = 0; i < 3; i++) {
    expect((await sender.send({ url: endpoint.url, headers: {}, body: BODY })).outcome).toEqual({ kind: 'accepted', status: 204 });
  }
});

test('close ends idle connections, waits for the request in flight, and refuses new ones', async () => {
  let answer: () => void = () => undefined;
  const idle = await start(answers(response('200 OK')));
  let idleClosed: () => void = () => undefined;
  const seenClosed = new Promise<void>((resolve) => {
    idleClosed = resolve;
  });
  const busy = await start((socket) => {
    answer = () => socket.write(response('200 OK'));
    arrived();
  });
  let arrived: () => void = () => undefined;
  const requestArrived = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const watched = await start((socket) => {
    socket.on('close', () => idleClosed());
    socket.write(response('200 OK'));
  });
  const sender = newSender();
  await sender.send({ url: idle.url, headers: {}, body: BODY });
  await sender.send({ url: watched.url, headers: {}, body: BODY });
  const inFlight = sender.send({ url: busy.url, headers: {}, body: BODY });
  await requestArrived;
  let isClosed = false;
  const closing = sender.close().then(() => {
    isClosed = true;
  });
  await seenClosed;
  expect(isClosed).toBe(false);
  await expect(sender.send({ url: idle.url, headers: {}, body: BODY })).rejects.toThrow('closed');
  answer();
  expect((await inFlight).outcome.kind).toBe('accepted');
  await closing;
  expect(isClosed).toBe(true);
});

test('a header that is no header is the caller’s mistake, and rejects', async () => {
  const endpoint = await start(answers(response('200 OK')));
  const sender = newSender();
  const request = (headers: Record<string, string>) => sender.send({ url: endpoint.url, headers, body: BODY });
  await expect(request({ 'X-Bad': 'a\r\nb' })).rejects.toThrow('invalid X-Bad header');
  await expect(request({ expect: '100-continue' })).rejects.toThrow('invalid expect header');
  expect(endpoint.requests).toEqual([]);
  expect((await request({})).outcome.kind).toBe('accepted');
});
