import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AnswerReader, MAX_HEADER_BYTES } from './answer-reader.ts';

const MAX_BODY_WIRE_BYTES = 128 * 1024;

/** What a reader tells of these bytes, and of their end, one line for each thing; body bytes that follow each other are one. */
function told(pieces: readonly Buffer[], { closes = false }: { readonly closes?: boolean } = {}): string[] {
  const lines: string[] = [];
  let body = '';
  const say = (line: string): void => {
    if (body !== '') lines.push(`body ${body.length <= 40 ? body : `of ${body.length} bytes`}`);
    body = '';
    if (line !== '') lines.push(line);
  };
  const stopWith = (line: string): void => {
    say(line);
    reader.stop();
  };
  const reader = new AnswerReader(
    {
      onHead: ({ status }) => say(`head ${status}`),
      onBody: (data) => {
        body += data.toString('latin1');
      },
      onEnd: (reusable) => say(reusable ? 'end, reusable' : 'end'),
      onExcess: () => stopWith('excess'),
      onInvalid: (problem) => stopWith(`invalid: ${problem}`),
    },
    { maxBodyWireBytes: MAX_BODY_WIRE_BYTES },
  );
  reader.begin();
  for (const piece of pieces) reader.read(piece);
  if (closes && !reader.end()) say('broken off');
  say('');
  return lines;
}

const text = (raw: string): string[] => told([Buffer.from(raw, 'latin1')]);
const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;

describe('an answer', () => {
  test.each([
    ['with a length', `${OK}content-length: 5\r\n\r\nhello`, ['head 200', 'body hello', 'end, reusable']],
    ['without a body', 'HTTP/1.1 204 No Content\r\n\r\n', ['head 204', 'end, reusable']],
    ['in chunks', `${CHUNKED}5\r\nhello\r\n6;ext="a"\r\n world\r\n0\r\n\r\n`, ['head 200', 'body hello world', 'end, reusable']],
    [
      'in chunks, with trailers',
      `${CHUNKED}A \r\n0123456789\r\n0\r\nx-a: b\r\nx-c: d\r\n\r\n`,
      ['head 200', 'body 0123456789', 'end, reusable'],
    ],
    [
      'behind interim ones',
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: a\r\n\r\n${OK}content-length: 0\r\n\r\n`,
      ['head 200', 'end, reusable'],
    ],
    ['on a connection that is not kept', `${OK}connection: close\r\ncontent-length: 2\r\n\r\nok`, ['head 200', 'body ok', 'end']],
    ['with something behind it', `${OK}content-length: 2\r\n\r\nok${OK}`, ['head 200', 'body ok', 'end']],
    ['in chunks, with something behind them', `${CHUNKED}0\r\n\r\n\r\n`, ['head 200', 'end']],
    ['that is not over', `${OK}content-length: 9\r\n\r\nhello`, ['head 200', 'body hello']],
    ['whose lines end in bare line feeds', 'HTTP/1.1 200 OK\nx-a: b\n\n', ['invalid: its lines end in bare line feeds']],
    ['whose last line is a bare line feed', `${OK}x-a: b\r\n\n`, ['invalid: its lines end in bare line feeds']],
    ['whose first lines end in bare line feeds', 'HTTP/1.1 200 OK\nx-a: b\n\r\n', ['invalid: its lines end in bare line feeds']],
    ['of another protocol', 'SSH-2.0-OpenSSH_9.9\r\n', ['invalid: its first line is not a status line']],
    ['that switches protocols', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', ['invalid: it switches to another protocol']],
    ['with a size that is none', `${CHUNKED}g\r\n`, ['head 200', 'invalid: its chunks are none']],
    ['with no size', `${CHUNKED}\r\nhello\r\n0\r\n\r\n`, ['head 200', 'invalid: its chunks are none']],
    ['with a size beyond all bounds', `${CHUNKED}1000000000000000\r\n`, ['head 200', 'invalid: its chunks are none']],
    ['with a chunk longer than its size', `${CHUNKED}2\r\nhello\r\n`, ['head 200', 'body he', 'invalid: its chunks are none']],
    ['with a bare line feed behind a size', `${CHUNKED}2\nok\r\n0\r\n\r\n`, ['head 200', 'invalid: its chunks are none']],
    ['with a bare carriage return in an extension', `${CHUNKED}2;a\rb\r\nok\r\n0\r\n\r\n`, ['head 200', 'invalid: its chunks are none']],
    ['with a bare carriage return in its trailers', `${CHUNKED}0\r\na\rb\r\n\r\n`, ['head 200', 'invalid: its chunks are none']],
    ['with a bare carriage return at its end', `${CHUNKED}0\r\n\rb`, ['head 200', 'invalid: its chunks are none']],
  ])('%s', (_, raw, expected) => {
    expect(text(raw)).toEqual(expected);
  });

  test.each([
    ['until the connection closes', `${OK}\r\nold`, ['head 200', 'body old', 'end']],
    ['broken off in its head', `${OK}x-a`, ['broken off']],
    ['broken off before it began', '', ['broken off']],
    ['broken off in a body with a length', `${OK}content-length: 9\r\n\r\nhello`, ['head 200', 'body hello', 'broken off']],
    ['broken off in a chunk', `${CHUNKED}9\r\nhello`, ['head 200', 'body hello', 'broken off']],
  ])('%s', (_, raw, expected) => {
    expect(told([Buffer.from(raw, 'latin1')], { closes: true })).toEqual(expected);
  });

  test('a head of 16 KiB is read, one byte more is not', () => {
    const head = (size: number): string => `${OK}x: ${'a'.repeat(size - OK.length - 'x: \r\n\r\n'.length)}\r\n\r\n`;
    expect(text(head(MAX_HEADER_BYTES))).toEqual(['head 200']);
    expect(text(head(MAX_HEADER_BYTES + 1))).toEqual(['excess']);
    expect(told([Buffer.from(head(MAX_HEADER_BYTES + 1)).subarray(0, MAX_HEADER_BYTES + 1)])).toEqual(['excess']);
  });

  test('interim answers count: 16 KiB of them, and no more', () => {
    const interim = 'HTTP/1.1 103 Early Hints\r\n\r\n';
    const fitting = Math.floor(MAX_HEADER_BYTES / interim.length);
    expect(text(interim.repeat(fitting))).toEqual([]);
    expect(text(interim.repeat(fitting + 1))).toEqual(['excess']);
  });

  test('a head that drips in costs for each byte the same, however long it is', () => {
    const drip = (size: number): readonly Buffer[] =>
      Array.from(Buffer.from(`${OK}${'\r'.repeat(size - OK.length)}`), (byte) => Buffer.from([byte]));
    const [long, short] = [drip(16_000), drip(1_000)];
    const leastMs = (read: () => void): number =>
      Math.min(
        ...Array.from({ length: 5 }, () => {
          const beganAt = performance.now();
          read();
          return performance.now() - beganAt;
        }),
      );
    const longMs = leastMs(() => expect(told(long)).toEqual([]));
    const shortMs = leastMs(() => {
      for (let i = 0; i < 16; i++) expect(told(short)).toEqual([]);
    });
    // As many bytes; 14 times as long when each byte was a new search through all before it.
    expect(longMs / shortMs).toBeLessThan(5);
  });

  test('framing that is out of proportion', () => {
    const bytes = Buffer.from('1;x\r\na\r\n'.repeat(1_000));
    const pieces = [Buffer.from(CHUNKED), ...Array.from({ length: 40 }, () => bytes)];
    expect(told(pieces)).toEqual(['head 200', `body of ${Math.ceil((MAX_BODY_WIRE_BYTES + 1) / bytes.length) * 1_000} bytes`, 'excess']);
  });
});

test('however the bytes come in pieces, the same is told', () => {
  const answers = fc.constantFrom(
    `HTTP/1.1 103 Hints\r\nlink: a\r\n\r\n${OK}content-length: 5\r\nx-a: b\r\n\r\nhello`,
    `HTTP/1.1 100 Continue\r\n\r\n${CHUNKED}5;a=b\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nx-trailer: y\r\n\r\n`,
    `${CHUNKED}5\r\nhello\r\nz`,
    `${OK}x-a: b\r\n folded\r\n\r\nuntil the end`,
    'HTTP/1.1 20x No\r\n\r\n',
    'HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\nx-a: b\n\n',
  );
  const cuts = fc.array(fc.nat({ max: 200 }), { maxLength: 20 });
  fc.assert(
    fc.property(answers, cuts, (raw, at) => {
      const bytes = Buffer.from(raw);
      const places = [0, ...at.map((place) => place % bytes.length).sort((a, b) => a - b), bytes.length];
      const pieces = places.slice(1).map((place, index) => bytes.subarray(places[index], place));
      const whole = told([bytes], { closes: true });
      expect(
        told(
          pieces.filter((piece) => piece.length > 0),
          { closes: true },
        ),
      ).toEqual(whole);
    }),
    { numRuns: 2_000 },
  );
});
