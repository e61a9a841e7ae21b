import { expect, test } from 'vitest';
import { parseRetryAfter } from './retry-after.ts';

const NOW = Date.UTC(2026, 10, 23, 10);

test.each<[string | null, number | null]>([
  [null, null],
  ['', null],
  ['0', 0],
  ['120', 120_000],
  [' 120 ', 120_000],
  ['007', 7_000],
  ['9'.repeat(400), Number.MAX_SAFE_INTEGER],
  ['-5', null],
  ['+5', null],
  ['1.5', null],
  ['1e3', null],
  ['0x10', null],
  ['120 s', null],
  ['120, 120', null],
  ['soon', null],
  ['Infinity', null],
  // The three forms of RFC 9110 §5.6.7.
  ['Mon, 23 Nov 2026 10:02:00 GMT', 120_000],
  ['Monday, 23-Nov-26 10:02:00 GMT', 120_000],
  ['Mon Nov 23 10:02:00 2026', 120_000],
  ['Tue Dec  1 10:00:00 2026', 8 * 86_400_000],
  ['Tue, 29 Feb 2028 00:00:00 GMT', Date.UTC(2028, 1, 29) - NOW],
  ['Thu, 31 Dec 2026 23:59:60 GMT', Date.UTC(2027, 0, 1) - NOW],
  // Past dates ask for no wait.
  ['Mon, 23 Nov 2026 10:00:00 GMT', 0],
  ['Sun, 06 Nov 1994 08:49:37 GMT', 0],
  ['Sunday, 06-Nov-94 08:49:37 GMT', 0],
  ['Sun Nov  6 08:49:37 1994', 0],
  // Two digits: at most 50 years ahead.
  ['Monday, 23-Nov-76 10:00:00 GMT', Date.UTC(2076, 10, 23, 10) - NOW],
  ['Wednesday, 23-Nov-77 10:00:00 GMT', 0],
  ['Sun, 29 Feb 2027 00:00:00 GMT', null],
  ['Mon, 31 Apr 2027 00:00:00 GMT', null],
  ['Mon, 00 Nov 2026 10:00:00 GMT', null],
  ['Mon, 23 Foo 2026 10:00:00 GMT', null],
  ['Mon, 23 Nov 2026 24:00:00 GMT', null],
  ['Mon, 23 Nov 2026 10:60:00 GMT', null],
  ['Mon, 23 Nov 2026 10:00:61 GMT', null],
  ['Mon, 23 Nov 2026 10:02:00 CET', null],
  ['Mon, 23 Nov 2026 10:02:00', null],
  ['2026-11-23T10:02:00Z', null],
])('%j', (header, expected) => {
  expect(parseRetryAfter(header, NOW)).toBe(expected);
});
