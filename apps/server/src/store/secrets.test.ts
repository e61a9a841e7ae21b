import { describe, expect, test } from 'vitest';
import { firstSecret, promote, rotate, type SecretState, secretsAt } from './secrets.ts';

const NOW = 1_000_000;
const HOUR = 3_600_000;
const ROTATED: SecretState = { current: 'a', next: { secret: 'b', promotesAt: NOW + HOUR, overlapMs: HOUR }, previous: null };

describe('the secrets in force', () => {
  test.each([
    { when: 'after the rotation', at: NOW, current: 'a', next: { secret: 'b', promotesAt: NOW + HOUR }, previous: null },
    {
      when: 'just before the overlap ends',
      at: NOW + HOUR - 1,
      current: 'a',
      next: { secret: 'b', promotesAt: NOW + HOUR },
      previous: null,
    },
    { when: 'when it ends', at: NOW + HOUR, current: 'b', next: null, previous: { secret: 'a', validUntil: NOW + 2 * HOUR } },
    {
      when: 'one overlap later, just before',
      at: NOW + 2 * HOUR - 1,
      current: 'b',
      next: null,
      previous: { secret: 'a', validUntil: NOW + 2 * HOUR },
    },
    { when: 'one overlap later', at: NOW + 2 * HOUR, current: 'b', next: null, previous: null },
    { when: 'a year later', at: NOW + 8_760 * HOUR, current: 'b', next: null, previous: null },
  ])('$when', ({ at, current, next, previous }) => {
    expect(secretsAt(ROTATED, at)).toEqual({ current, next, previous });
  });
});

describe('rotate', () => {
  test('makes a next secret, the current one stays', () => {
    expect(rotate(firstSecret('a'), NOW, { secret: 'b', overlapMs: HOUR })).toEqual(ROTATED);
  });

  test('is refused while a next one waits, and not once that one is current', () => {
    expect(rotate(ROTATED, NOW + HOUR - 1, { secret: 'c', overlapMs: HOUR })).toBeNull();
    expect(rotate(ROTATED, NOW + HOUR - 1, { secret: 'c', overlapMs: 0 })).toBeNull();
    expect(rotate(ROTATED, NOW + HOUR, { secret: 'c', overlapMs: 5 })).toEqual({
      current: 'b',
      next: { secret: 'c', promotesAt: NOW + HOUR + 5, overlapMs: 5 },
      previous: { secret: 'a', validUntil: NOW + 2 * HOUR },
    });
  });

  test('without an overlap switches at once, and nothing older stays valid', () => {
    expect(rotate(firstSecret('a'), NOW, { secret: 'b', overlapMs: 0 })).toEqual(firstSecret('b'));
    expect(rotate(ROTATED, NOW + HOUR, { secret: 'c', overlapMs: 0 })).toEqual(firstSecret('c'));
  });
});

describe('promote', () => {
  test('makes the next secret current now; the old one stays valid for one overlap', () => {
    expect(promote(ROTATED, NOW + 5)).toEqual({ current: 'b', next: null, previous: { secret: 'a', validUntil: NOW + 5 + HOUR } });
  });

  test('has nothing to do without a next one, or once time has promoted it', () => {
    expect(promote(firstSecret('a'), NOW)).toBeNull();
    expect(promote(ROTATED, NOW + HOUR)).toBeNull();
  });
});
