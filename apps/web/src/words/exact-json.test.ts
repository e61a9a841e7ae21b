import { expect, test } from 'vitest';
import { parseExactly } from './exact-json.ts';

test('gives numbers back as they were written', () => {
  const text = '{"weight":17.0,"id":9007199254740993,"count":3,"tiny":1e-7,"list":[1.50,2],"text":"17.0"}';
  expect(JSON.stringify(parseExactly(text))).toBe(text);
});

test('leaves alone what is plain', () => {
  expect(parseExactly('{"a":[1,2.5,-3],"b":null}')).toEqual({ a: [1, 2.5, -3], b: null });
});
