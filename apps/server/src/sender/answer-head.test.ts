import { expect, test } from 'vitest';
import { readHead } from './answer-head.ts';

function head(...lines: string[]): string {
  return lines.join('\r\n');
}

test('what a head says', () => {
  expect(readHead(head('HTTP/1.1 200 OK', 'Content-Type: text/plain', 'content-length: 15', 'Keep-Alive: timeout=5, max=100'))).toEqual({
    status: 200,
    headers: { 'content-type': 'text/plain', 'content-length': '15', 'keep-alive': 'timeout=5, max=100' },
    framing: { kind: 'length', bytes: 15 },
    keepAlive: true,
    keepAliveSeconds: 5,
  });
});

test.each([
  ['HTTP/1.1 200 OK', 200],
  ['HTTP/1.1 200', 200],
  ['HTTP/1.1 200 ', 200],
  ['HTTP/1.0 404 Nicht gefunden: \xe4', 404],
  ['HTTP/1.1 999 Their own number', 999],
  ['HTTP/1.1 103 Early Hints', 103],
])('%s: status %i', (line, status) => {
  expect(readHead(line)).toMatchObject({ status });
});

test.each([
  '',
  'HTTP/1.1',
  'HTTP/1.1 2000 OK',
  'HTTP/1.1 20 OK',
  'HTTP/1.1 099 OK',
  'HTTP/1.1  200 OK',
  'HTTP/1.1 200OK',
  'HTTP/2.0 200 OK',
  'HTTP/1.10 200 OK',
  'http/1.1 200 OK',
  ' HTTP/1.1 200 OK',
  'HTTP/1.1 200 O\nK',
  'HTTP/1.1 200 O\0K',
])('no status line: %j', (line) => {
  expect(readHead(line)).toBe('its first line is not a status line');
});

test.each(['no colon', ': no name', 'na me: a', 'name : a', 'name\t: a', 'x: a\rb', 'x: a\nb', 'x: \0', 'x: \x7f', 'é: a', ''])(
  'no header line: %j',
  (line) => {
    expect(readHead(head('HTTP/1.1 200 OK', 'a: b', line, 'c: d'))).toBe('one of its header lines is none');
  },
);

test('headers: in lower case, without blanks around, bytes as they are, repeated ones joined, names of objects like any other', () => {
  const read = readHead(
    head(
      'HTTP/1.1 200 OK',
      'X-A: \t one two \t',
      'x-empty:',
      'SET-cookie: a=1',
      'Set-Cookie: b=2',
      'x-latin: \xe9',
      '__proto__: p',
      'constructor: c',
    ),
  );
  expect(read).toHaveProperty(
    'headers',
    Object.assign(
      Object.create(null),
      JSON.parse(`{
    "x-a": "one two", "x-empty": "", "set-cookie": "a=1, b=2", "x-latin": "\xe9", "__proto__": "p", "constructor": "c"
  }`),
    ),
  );
});

test('a value that goes on in the next line', () => {
  expect(readHead(head('HTTP/1.1 200 OK', 'x-a: one', '  two', '\tthree', 'x-b: four'))).toMatchObject({
    headers: { 'x-a': 'one two three', 'x-b': 'four' },
  });
});

const LENGTH_0 = { kind: 'length', bytes: 0 };

test.each([
  ['200 OK', ['content-length: 0'], LENGTH_0],
  ['200 OK', ['transfer-encoding: Chunked'], { kind: 'chunked' }],
  ['200 OK', ['transfer-encoding: gzip, chunked'], { kind: 'chunked' }],
  ['200 OK', ['transfer-encoding: gzip', 'transfer-encoding: chunked'], { kind: 'chunked' }],
  ['200 OK', ['transfer-encoding: chunked, gzip'], { kind: 'until_close' }],
  ['200 OK', [], { kind: 'until_close' }],
  ['500 Oops', [], { kind: 'until_close' }],
  ['204 No Content', ['content-length: 7'], LENGTH_0],
  ['304 Not Modified', ['content-length: 7'], LENGTH_0],
  ['304 Not Modified', ['transfer-encoding: chunked'], LENGTH_0],
  ['100 Continue', [], LENGTH_0],
  ['103 Early Hints', ['content-length: 7'], LENGTH_0],
])('the body of %s with %j: %j', (status, headers, framing) => {
  expect(readHead(head(`HTTP/1.1 ${status}`, ...headers))).toHaveProperty('framing', framing);
});

test.each([
  [['content-length: 5', 'content-length: 6'], 'its length is not one number'],
  [['content-length: 5', 'content-length: 5'], 'its length is not one number'],
  [['content-length: 5, 6'], 'its length is not one number'],
  [['content-length: -1'], 'its length is not one number'],
  [['content-length: +1'], 'its length is not one number'],
  [['content-length: 0x10'], 'its length is not one number'],
  [['content-length: 1e3'], 'its length is not one number'],
  [['content-length:'], 'its length is not one number'],
  [['content-length: 9999999999999999'], 'its length is not one number'],
  [['content-length: 5', 'transfer-encoding: chunked'], 'it has both a length and a transfer coding'],
])('%j is refused: %s', (headers, problem) => {
  expect(readHead(head('HTTP/1.1 200 OK', ...headers))).toBe(problem);
});

test.each([
  ['1.1', ['content-length: 0'], true],
  ['1.1', ['transfer-encoding: chunked'], true],
  ['1.1', ['content-length: 0', 'Connection: Close'], false],
  ['1.1', ['content-length: 0', 'Connection: x, close'], false],
  ['1.1', [], false],
  ['1.0', ['content-length: 0'], false],
  ['1.0', ['content-length: 0', 'Connection: Keep-Alive'], true],
  ['1.0', ['content-length: 0', 'Connection: Keep-Alive, close'], false],
  ['1.0', ['transfer-encoding: chunked', 'Connection: Keep-Alive'], false],
])('HTTP/%s with %j: kept %s', (version, headers, keepAlive) => {
  expect(readHead(head(`HTTP/${version} 200 OK`, ...headers))).toHaveProperty('keepAlive', keepAlive);
});

test.each([
  ['204 No Content', [], true],
  ['204 No Content', ['content-length: 0'], true],
  ['204 No Content', ['content-length: 7'], false],
  ['304 Not Modified', ['transfer-encoding: chunked'], false],
])('%s with %j, which has no body: kept %s', (status, headers, keepAlive) => {
  expect(readHead(head(`HTTP/1.1 ${status}`, ...headers))).toHaveProperty('keepAlive', keepAlive);
});

test.each([
  ['timeout=5', 5],
  ['max=100, TIMEOUT=20', 20],
  ['timeout=5;max=1', null],
  ['timeout=', null],
  ['xtimeout=5', null],
  ['timeout=9999999', null],
  ['', null],
])('Keep-Alive: %s is %s seconds', (value, seconds) => {
  expect(readHead(head('HTTP/1.1 200 OK', `Keep-Alive: ${value}`))).toHaveProperty('keepAliveSeconds', seconds);
});
