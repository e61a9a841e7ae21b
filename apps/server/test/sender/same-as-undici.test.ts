/**
 * The sender reads answers by itself; undici is what it is held against. Both get the same bytes over real sockets, good answers and spoilt ones, and have to
 * tell the same; save for the differences listed here, each with its reason.
 */
import { createServer, type Server } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { Client } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSender, type Sender } from '../../src/sender/sender.ts';

/** `POSTHORN_ANSWERS=100000 POSTHORN_ANSWERS_SEED=7` for many others. */
const RUNS = Number(process.env['POSTHORN_ANSWERS'] ?? 1_000);
const SEED = Number(process.env['POSTHORN_ANSWERS_SEED'] ?? 1);

let answer: Buffer = Buffer.alloc(0);
let server: Server;
let sender: Sender;
let port = 0;

beforeAll(async () => {
  server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(answer));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
  sender = createSender({ isAllowed: () => true, deadlineMs: 5_000 });
});

afterAll(async () => {
  await sender.close();
  await new Promise((resolve) => server.close(resolve));
});

interface Read {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** False where the body broke off. */
  readonly whole: boolean;
}

async function byPosthorn(): Promise<Read | null> {
  const { response } = await sender.send({ url: `http://127.0.0.1:${port}/`, headers: {}, body: Buffer.from('{}') });
  if (response === null) return null;
  return {
    status: response.status,
    headers: { ...response.headers },
    body: Buffer.from(response.body).toString('latin1'),
    whole: !response.bodyTruncated,
  };
}

async function byUndici(): Promise<Read | null> {
  const client = new Client(`http://127.0.0.1:${port}`, { maxHeaderSize: 16 * 1024 });
  try {
    const { statusCode, headers, body } = await client.request({ path: '/', method: 'POST', body: '{}' });
    const read = { status: statusCode, headers: joined(headers) };
    const pieces: Buffer[] = [];
    try {
      for await (const piece of body) pieces.push(piece as Buffer);
      return { ...read, body: Buffer.concat(pieces).toString('latin1'), whole: true };
    } catch {
      return { ...read, body: Buffer.concat(pieces).toString('latin1'), whole: false };
    }
  } catch {
    return null;
  } finally {
    await client.destroy();
  }
}

/** undici keeps the blanks behind a value, which RFC 9112, section 5, has left out. */
function joined(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, values]) => [
      name,
      [values ?? '']
        .flat()
        .map((value) => value.replace(/[\t ]+$/, ''))
        .join(', '),
    ]),
  );
}

const statusLine = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      'HTTP/1.1 200 OK',
      'HTTP/1.1 200',
      'HTTP/1.0 200 OK',
      'HTTP/1.1 503 No',
      'HTTP/1.1 204 None',
      'HTTP/1.1 304 Same',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('HTTP/1.1 20 OK', 'HTTP/3 200 OK', 'ICY 200 OK', 'HTTP/1.1 200OK', 'HTTP/1.1  200 OK', 'HTTP/1.1 2000 OK'),
  },
);
const header = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      'x-a: b',
      'X-A:  c  ',
      'x-empty:',
      'x-latin: \xe9',
      'connection: close',
      'connection: keep-alive',
      'keep-alive: timeout=5',
    ),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom('content-length: 5', 'content-length: 3', 'transfer-encoding: chunked', 'transfer-encoding: gzip'),
  },
  { weight: 1, arbitrary: fc.constantFrom('x-b: one\r\n two', 'content-length: x', 'x bad: a', 'no colon') },
);
const body = fc.constantFrom(
  '',
  'hello',
  'hello and more',
  '5\r\nhello\r\n0\r\n\r\n',
  '5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nx-t: u\r\n\r\n',
  '5\r\nhel',
  '6\r\nhello\r\n',
);
const interim = fc.constantFrom('', '', '', 'HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n');
/** A byte put in somewhere. */
const spoiling = fc.option(fc.record({ at: fc.nat({ max: 200 }), byte: fc.constantFrom('\0', '\r', '\n', ' ', ':', 'A', '\xff') }), {
  freq: 3,
});

const raw = fc
  .record({ interim, statusLine, headers: fc.array(header, { maxLength: 4 }), body, spoiling })
  .map(({ interim: before, statusLine: first, headers, body: content, spoiling: spoilt }) => {
    const text = `${before}${[first, ...headers, '', content].join('\r\n')}`;
    if (spoilt === null) return text;
    const at = spoilt.at % (text.length + 1);
    return text.slice(0, at) + spoilt.byte + text.slice(at);
  });

/** Here the sender takes what undici refuses. */
const MORE_LENIENT = [
  // RFC 9112, section 5.2, has clients read a value that goes on in the next line.
  /\r\n[\t ]/,
  // Section 4: a reason may hold bytes beyond ASCII.
  /^HTTP\/1\.\d \d{3} [^\r\n]*\xff/m,
  // Section 5.5: blanks behind a value are not part of it, a length's neither.
  /^content-length: \d[\t ]/m,
  // Extensions of a chunk are passed over, whatever is in them.
  /^[0-9A-Fa-f]+[; ][^\r\n]*\r\n/m,
];
/** And here it refuses what undici takes: what no server means to send. */
const STRICTER = [/(?:^|\r\n\r\n)[\r\n]+HTTP/, /\0/];

test('answers are read as undici reads them', { timeout: 120_000 }, async () => {
  const seen = { alike: 0, refused: 0, lenient: 0, strict: 0 };
  await fc.assert(
    fc.asyncProperty(raw, async (text) => {
      answer = Buffer.from(text, 'latin1');
      const [ours, theirs] = [await byPosthorn(), await byUndici()];
      if (MORE_LENIENT.some((kind) => kind.test(text)) && !isDeepStrictEqual(ours, theirs)) seen.lenient += 1;
      else if (STRICTER.some((kind) => kind.test(text)) && ours === null) seen.strict += 1;
      else {
        expect({ text, read: ours }).toEqual({ text, read: theirs });
        if (ours === null) seen.refused += 1;
        else seen.alike += 1;
      }
    }),
    { numRuns: RUNS, seed: SEED },
  );
  console.log(`${RUNS} answers: ${JSON.stringify(seen)}`);
  expect(seen.alike).toBeGreaterThan(RUNS / 4);
  expect(seen.refused).toBeGreaterThan(RUNS / 5);
});
