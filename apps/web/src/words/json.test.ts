import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prettyJson } from './json.ts';

test('says the same as the text', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(JSON.parse(prettyJson(text))).toEqual(JSON.parse(text));
    }),
  );
});

test('is what JSON.stringify would write, where that loses nothing', () => {
  for (const value of [{}, [], { a: [] }, [{ a: 1, b: [true, null] }, 'x'], { 'a:"b': '{[,' }]) {
    expect(prettyJson(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
  }
});

test('keeps every digit, and leaves alone what is not JSON', () => {
  expect(prettyJson('{"n":12345678901234567890,"f":17.0}')).toBe('{\n  "n": 12345678901234567890,\n  "f": 17.0\n}');
  expect(prettyJson('<html>')).toBe('<html>');
});
