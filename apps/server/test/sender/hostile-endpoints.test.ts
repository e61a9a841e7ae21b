import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { AttemptResult } from '@posthorn/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSender, type SenderOptions } from '../../src/sender/sender.ts';
import { answers, type Behaviour, type Endpoint, type EndpointOptions, pem, response, startEndpoint } from './endpoint.ts';

interface Case {
  readonly kind: string;
  /** As `summary` writes it. */
  readonly expected: string;
  readonly behave: Behaviour;
  readonly endpoint?: EndpointOptions;
  readonly sender?: Partial<SenderOptions>;
  /** The least and the most the attempt may take, in milliseconds. */
  readonly takes?: readonly [number, number];
  readonly url?: (endpoint: Endpoint) => string;
  readonly body?: Uint8Array;
}

const MiB = 1024 * 1024;

const CASES: readonly Case[] = [
  {
    kind: 'answers after 29 s',
    expected: 'accepted 200',
    behave: after(29_000, response('200 OK')),
    sender: { deadlineMs: 30_000 },
    takes: [28_900, 29_990],
  },
  {
    kind: 'answers after 31 s',
    expected: 'timeout',
    behave: after(31_000, response('200 OK')),
    sender: { deadlineMs: 30_000 },
    takes: [29_900, 30_900],
  },
  { kind: 'never answers', expected: 'timeout', behave: answers(''), takes: [990, 1_500] },
  { kind: 'drips its headers', expected: 'timeout', behave: drips('HTTP/1.1 200 OK\r\nx-slow: ', 'a'), takes: [990, 1_500] },
  {
    kind: 'drips its body under a 200',
    expected: 'accepted 200, body cut',
    behave: drips('HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n', 'a'),
    takes: [990, 1_500],
  },
  {
    kind: 'drips its body under a 500',
    expected: 'refused 500, body cut',
    behave: drips('HTTP/1.1 500 Oops\r\ncontent-length: 5000\r\n\r\n', 'a'),
    takes: [990, 1_500],
  },
  { kind: 'answers 200', expected: 'accepted 200, body "thanks"', behave: answers(response('200 OK', { body: 'thanks' })) },
  { kind: 'answers 204 without a body', expected: 'accepted 204', behave: answers('HTTP/1.1 204 No Content\r\n\r\n') },
  {
    kind: 'redirects',
    expected: 'refused 301, body "moved"',
    behave: answers(response('301 Moved Permanently', { headers: ['location: http://127.0.0.1:1/'], body: 'moved' })),
  },
  { kind: 'answers 404', expected: 'refused 404', behave: answers(response('404 Not Found')) },
  { kind: 'answers 410', expected: 'refused 410', behave: answers(response('410 Gone')) },
  {
    kind: 'answers 429 with Retry-After',
    expected: 'refused 429, retry after "120"',
    behave: answers(response('429 Too Many Requests', { headers: ['Retry-After: 120'] })),
  },
  { kind: 'answers 500', expected: 'refused 500', behave: answers(response('500 Internal Server Error')) },
  {
    kind: 'answers 413 and hangs up before it has read the body',
    expected: 'refused 413',
    behave: (socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')),
    endpoint: { atAccept: true },
    body: Buffer.alloc(64 * 1024),
  },
  {
    kind: '10 GB of body under a 200',
    expected: 'accepted 200, body cut at 16384 bytes',
    behave: floods('HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n', Buffer.alloc(65_536, 'x')),
  },
  {
    kind: 'endless chunks under a 500',
    expected: 'refused 500, body cut at 16384 bytes',
    behave: floods('HTTP/1.1 500 Oops\r\ntransfer-encoding: chunked\r\n\r\n', Buffer.from('1\r\nx\r\n'.repeat(5_000))),
  },
  {
    kind: 'an endless chunk extension',
    expected: 'accepted 200, body cut',
    behave: floods('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;', Buffer.alloc(65_536, 'x')),
  },
  {
    kind: 'endless trailers',
    expected: 'accepted 200, body cut',
    behave: floods('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n', Buffer.from('x-trailer: more\r\n'.repeat(1_000))),
  },
  {
    kind: 'a body of exactly 16 KiB',
    expected: 'accepted 200, whole body of 16384 bytes',
    behave: answers(response('200 OK', { body: 'x'.repeat(16_384) })),
  },
  {
    kind: 'a body one byte longer',
    expected: 'accepted 200, body cut at 16384 bytes',
    behave: answers(response('200 OK', { body: 'x'.repeat(16_385) })),
  },
  {
    kind: 'hangs up in the middle of the body',
    expected: 'accepted 200, body cut',
    behave: (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'),
  },
  {
    kind: 'resets in the middle of the body',
    expected: 'accepted 200, body cut',
    behave: (socket) =>
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', () => setImmediate(() => socket.resetAndDestroy())),
  },
  {
    kind: 'chunks without an end, then silence',
    expected: 'accepted 200, body cut',
    behave: answers('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n'),
    takes: [990, 1_500],
  },
  {
    kind: 'rubbish behind its answer',
    expected: 'accepted 200, body "ok"',
    behave: answers(`${response('200 OK', { body: 'ok' })}${'rubbish '.repeat(1_000)}`),
  },
  {
    kind: 'a second answer that nobody asked for',
    expected: 'accepted 200, body "ok"',
    behave: answers(response('200 OK', { body: 'ok' }) + response('500 Internal Server Error')),
  },
  {
    kind: 'answers 200 and reads nothing of the request',
    expected: 'accepted 200',
    behave: (socket) => {
      socket.pause();
      socket.write(response('200 OK'));
    },
    endpoint: { atAccept: true },
    body: Buffer.alloc(8 * 1024 * 1024),
  },
  { kind: 'garbage instead of HTTP', expected: 'invalid_response', behave: answers(Buffer.from([0, 255, 1, 254, 13, 10, 13, 10])) },
  { kind: 'another protocol', expected: 'invalid_response', behave: answers('SSH-2.0-OpenSSH_9.9\r\n') },
  { kind: 'a status of two digits', expected: 'invalid_response', behave: answers('HTTP/1.1 99 Low\r\ncontent-length: 0\r\n\r\n') },
  { kind: 'the status 000', expected: 'invalid_response', behave: answers('HTTP/1.1 000 None\r\ncontent-length: 0\r\n\r\n') },
  {
    kind: 'two lengths that disagree',
    expected: 'invalid_response',
    behave: answers('HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello'),
  },
  { kind: 'resets at accept', expected: 'connection_reset', behave: (socket) => socket.resetAndDestroy(), endpoint: { atAccept: true } },
  { kind: 'hangs up at accept', expected: 'connection_reset', behave: (socket) => socket.end(), endpoint: { atAccept: true } },
  { kind: 'hangs up without an answer', expected: 'connection_reset', behave: (socket) => socket.end() },
  {
    kind: 'resets in the middle of the headers',
    expected: 'connection_reset',
    behave: (socket) => socket.write('HTTP/1.1 200 OK\r\nx-half: ', () => socket.resetAndDestroy()),
  },
  {
    kind: 'a header of 20 KiB',
    expected: 'response_too_large',
    behave: answers(response('200 OK', { headers: [`x-huge: ${'x'.repeat(20_480)}`] })),
  },
  {
    kind: 'headers of 1 MB',
    expected: 'response_too_large',
    behave: answers(response('200 OK', { headers: Array.from({ length: 1_024 }, (_, index) => `x-${index}: ${'x'.repeat(1_010)}`) })),
  },
  {
    kind: 'endless headers',
    expected: 'response_too_large',
    behave: floods('HTTP/1.1 200 OK\r\n', Buffer.from('x-more: x\r\n'.repeat(1_000))),
  },
  {
    kind: 'endless headers without a value',
    expected: 'response_too_large',
    behave: floods('HTTP/1.1 200 OK\r\n', Buffer.from('a:\r\n'.repeat(1_000))),
  },
  { kind: 'an endless status line', expected: 'response_too_large', behave: floods('HTTP/1.1 200 ', Buffer.alloc(4_096, 'x')) },
  {
    kind: 'endless interim answers',
    expected: 'response_too_large',
    behave: floods('', Buffer.from('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100))),
  },
  {
    kind: 'one endless interim answer',
    expected: 'response_too_large',
    behave: floods('HTTP/1.1 103 Hints\r\n', Buffer.from('x-more: x\r\n'.repeat(500))),
  },
  {
    kind: '100 Continue before the answer',
    expected: 'accepted 200, body "ok"',
    behave: answers(`HTTP/1.1 100 Continue\r\n\r\n${response('200 OK', { body: 'ok' })}`),
  },
  {
    kind: 'early hints, 100 Continue and the answer, byte by byte',
    expected: 'accepted 200, body "ok"',
    behave: byteByByte(`HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${response('200 OK', { body: 'ok' })}`),
  },
  {
    kind: '101 Switching Protocols',
    expected: 'invalid_response',
    behave: answers('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n'),
  },
  {
    kind: 'HTTP/1.0, its body ended by closing',
    expected: 'accepted 200, body "old"',
    behave: (socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nold'),
  },
  {
    kind: 'a gzip body',
    expected: `accepted 200, whole body of ${gzipSync('packed').length} bytes`,
    behave: (socket) => {
      const body = gzipSync('packed');
      socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${body.length}\r\n\r\n`);
      socket.write(body);
    },
  },
  { kind: 'a valid certificate', expected: 'accepted 200', behave: answers(response('200 OK')), endpoint: { certificate: 'valid' } },
  {
    kind: 'a valid certificate, by name',
    expected: 'accepted 200',
    behave: answers(response('200 OK')),
    endpoint: { certificate: 'valid' },
    url: ({ port }) => `https://localhost:${port}/`,
  },
  { kind: 'an expired certificate', expected: 'tls_error', behave: answers(response('200 OK')), endpoint: { certificate: 'expired' } },
  {
    kind: 'a self-signed certificate',
    expected: 'tls_error',
    behave: answers(response('200 OK')),
    endpoint: { certificate: 'self-signed' },
  },
  {
    kind: 'a certificate for another host',
    expected: 'tls_error',
    behave: answers(response('200 OK')),
    endpoint: { certificate: 'wrong-host' },
  },
  {
    kind: 'http where https is expected',
    expected: 'tls_error',
    behave: (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    endpoint: { atAccept: true },
    url: ({ port }) => `https://127.0.0.1:${port}/`,
  },
  {
    kind: 'resets during the TLS handshake',
    expected: 'connection_reset',
    behave: (socket) => socket.once('data', () => socket.resetAndDestroy()),
    endpoint: { atAccept: true },
    url: ({ port }) => `https://127.0.0.1:${port}/`,
  },
  {
    kind: 'never ends the TLS handshake',
    expected: 'connect_timeout',
    behave: () => undefined,
    endpoint: { atAccept: true },
    sender: { connectTimeoutMs: 500 },
    takes: [490, 950],
    url: ({ port }) => `https://127.0.0.1:${port}/`,
  },
  { kind: 'nobody listens', expected: 'connect_refused', behave: answers(''), url: () => 'http://127.0.0.1:1/' },
  { kind: 'a URL of another kind', expected: 'address_blocked', behave: answers(''), url: () => 'ftp://127.0.0.1/' },
];

describe('an endpoint that', () => {
  const seen = new Map<string, { readonly result: AttemptResult; readonly endpoint: Endpoint }>();

  beforeAll(async () => {
    await Promise.all(CASES.map(async (one) => seen.set(one.kind, await attempt(one))));
  }, 45_000);

  test.each(CASES)('$kind: $expected', ({ kind, expected, takes: [least, most] = [0, 950] }) => {
    const { result, endpoint } = seen.get(kind) ?? expect.fail('not run');
    expect(summary(result, expected)).toBe(expected);
    expect(result.durationMs).toBeGreaterThanOrEqual(least);
    expect(result.durationMs).toBeLessThan(most);
    expect(result.response?.body.length ?? 0).toBeLessThanOrEqual(16_384);
    // What the kernel had taken over before we hung up; the rest was never sent.
    expect(endpoint.bytesWritten).toBeLessThan(16 * MiB);
    if (result.outcome.kind === 'transport_error') expect(result.outcome.detail).toMatch(/^[A-Z0-9].*\.$/);
  });

  afterAll(() => {
    const width = Math.max(...CASES.map(({ kind }) => kind.length));
    const rows = CASES.map(({ kind, expected }) => {
      const run = seen.get(kind);
      const text = run === undefined ? 'not run' : summary(run.result, expected);
      const detail = run?.result.outcome.kind === 'transport_error' ? run.result.outcome.detail : '';
      return `${text === expected ? 'as expected' : 'DIFFERENT  '}  ${kind.padEnd(width)}  ${text}  ${run?.result.durationMs} ms  ${detail}`;
    });
    console.log(rows.join('\n'));
  });
});

test('twenty endpoints with 10 GB each: hung up on, and nothing of it stays in memory', async () => {
  const flood = floods('HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n', Buffer.alloc(65_536, 'x'));
  const endpoints = await Promise.all(Array.from({ length: 20 }, () => startEndpoint(flood)));
  const sender = createSender({ isAllowed: () => true, deadlineMs: 5_000 });
  const before = process.memoryUsage();
  const results = await Promise.all(endpoints.map(({ url }) => sender.send({ url, headers: {}, body: Buffer.from('{}') })));
  const after = process.memoryUsage();
  await sender.close();
  await Promise.all(endpoints.map((endpoint) => endpoint.close()));

  expect(results.map((result) => summary(result, ''))).toEqual(Array(20).fill('accepted 200, body cut at 16384 bytes'));
  const written = endpoints.reduce((sum, endpoint) => sum + endpoint.bytesWritten, 0);
  const grown = after.heapUsed + after.external - before.heapUsed - before.external;
  console.log(`20 x 10 GB offered: ${(written / MiB).toFixed(1)} MiB sent, heap and buffers grew by ${(grown / MiB).toFixed(1)} MiB`);
  expect(written).toBeGreaterThan(20 * 16_384);
  expect(written).toBeLessThan(20 * 16 * MiB);
  expect(grown).toBeLessThan(32 * MiB);
});

async function attempt({ behave, body, ...one }: Case): Promise<{ result: AttemptResult; endpoint: Endpoint }> {
  const endpoint = await startEndpoint(behave, one.endpoint);
  const sender = createSender({ isAllowed: () => true, deadlineMs: 1_000, ca: pem('authority.pem'), ...one.sender });
  const url = one.url?.(endpoint) ?? endpoint.url;
  const result = await sender.send({ url, headers: { 'Content-Type': 'application/json' }, body: body ?? Buffer.from('{"id":"evt_1"}') });
  await sender.close();
  await endpoint.close();
  return { result, endpoint };
}

/** In one line, with as much about the body as is expected. */
function summary({ outcome, response: answer }: AttemptResult, expected: string): string {
  if (outcome.kind === 'transport_error') return outcome.code;
  const head = `${outcome.kind} ${outcome.status}`;
  if (outcome.kind === 'refused' && outcome.retryAfter !== null) return `${head}, retry after "${outcome.retryAfter}"`;
  if (answer === null || answer.body.length + Number(answer.bodyTruncated) === 0) return head;
  if (answer.bodyTruncated) return `${head}, body cut${answer.body.length < 16_384 ? '' : ` at ${answer.body.length} bytes`}`;
  return expected.includes('whole body')
    ? `${head}, whole body of ${answer.body.length} bytes`
    : `${head}, body "${Buffer.from(answer.body)}"`;
}

function after(ms: number, text: string): Behaviour {
  return (socket) =>
    whileOpen(
      socket,
      setTimeout(() => socket.write(text), ms),
    );
}

function drips(start: string, drop: string): Behaviour {
  return (socket) => {
    socket.write(start);
    whileOpen(
      socket,
      setInterval(() => socket.write(drop), 20),
    );
  };
}

function byteByByte(text: string): Behaviour {
  return (socket) => {
    let at = 0;
    const next = () => {
      if (at < text.length) socket.write(text.charAt(at++), () => setImmediate(next));
    };
    socket.setNoDelay(true);
    next();
  };
}

/** As fast as the other side takes it, without end. */
function floods(start: string, block: Buffer): Behaviour {
  return (socket) => {
    const pour = () => {
      while (!socket.destroyed && socket.write(block));
    };
    socket.write(start);
    socket.on('drain', pour);
    pour();
  };
}

function whileOpen(socket: Socket, timer: NodeJS.Timeout): void {
  socket.once('close', () => clearTimeout(timer));
}
