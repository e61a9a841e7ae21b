import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { type IdPrefix, idTime, isId, isPublisherEventId, newId } from './ids.ts';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const LATEST = 2 ** 48 - 1;
const prefixes = fc.constantFrom<IdPrefix>('app_', 'ep_', 'evt_', 'dlv_', 'att_', 'key_', 'job_');
const times = fc.oneof(fc.integer({ min: 0, max: LATEST }), fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2027, 0) }));
const dice = fc.uint8Array({ minLength: 10, maxLength: 10 });

/** The 128 bits of an id, the slow way. */
const bits = (id: string) =>
  [...id.slice(id.indexOf('_') + 1)].reduce((sum, character) => sum * 32n + BigInt(ALPHABET.indexOf(character)), 0n);

describe('newId', () => {
  test.each<[IdPrefix, number, number, string]>([
    ['evt_', 0, 0, 'evt_00000000000000000000000000'],
    ['dlv_', LATEST, 0xff, 'dlv_7zzzzzzzzzzzzzzzzzzzzzzzzz'],
    // The time of the ULID specification's own example.
    ['app_', 1_469_918_176_385, 0, 'app_01aryz6s410000000000000000'],
  ])('%s%d', (prefix, timeMs, byte, expected) => {
    expect(newId(prefix, timeMs, new Uint8Array(10).fill(byte))).toBe(expected);
  });

  it('holds 48 bits of time and the 80 random ones, all of them', () => {
    fc.assert(
      fc.property(prefixes, times, dice, (prefix, timeMs, random) => {
        const id = newId(prefix, timeMs, random);
        expect(id).toMatch(/^[a-z]+_[0-9a-hjkmnp-tv-z]{26}$/);
        expect(bits(id)).toBe(random.reduce((sum, byte) => sum * 256n + BigInt(byte), BigInt(timeMs)));
        expect(idTime(id)).toBe(timeMs);
        expect(isId(prefix, id)).toBe(true);
      }),
    );
  });

  it('sorts by time as text', () => {
    fc.assert(
      fc.property(times, times, dice, dice, (one, other, random, moreRandom) => {
        fc.pre(one !== other);
        expect(newId('evt_', one, random) < newId('evt_', other, moreRandom)).toBe(one < other);
      }),
    );
  });

  test.each([-1, 0.5, LATEST + 1, Number.NaN, Number.POSITIVE_INFINITY])('refuses the time %d', (timeMs) => {
    expect(() => newId('evt_', timeMs, new Uint8Array(10))).toThrow(RangeError);
  });

  it('refuses too few random bytes', () => {
    expect(() => newId('evt_', 0, new Uint8Array(9))).toThrow(RangeError);
  });
});

describe('reading ids', () => {
  test.each([
    ['evt_01aryz6s410000000000000000', true],
    ['evt_7zzzzzzzzzzzzzzzzzzzzzzzzz', true],
    ['evt_8zzzzzzzzzzzzzzzzzzzzzzzzz', false],
    ['evt_01ARYZ6S410000000000000000', false],
    ['evt_01aryz6s41000000000000000', false],
    ['evt_01aryz6s4100000000000000000', false],
    ['evt_01aryz6s41000000000000000\n', false],
    ['evt_01aryz6s41000000000000000u', false],
    ['evt_01aryz6s41000000000000000l', false],
    ['dlv_01aryz6s410000000000000000', false],
    ['01aryz6s410000000000000000', false],
    ['order-4711', false],
    ['', false],
  ])('%j is an event id of ours: %s', (text, expected) => {
    expect(isId('evt_', text)).toBe(expected);
  });

  test.each(['', 'order-4711', 'evt_', 'evt_01ARYZ6S410000000000000000', 'xyz_01aryz6s410000000000000000'])(
    '%j carries no time',
    (text) => {
      expect(idTime(text)).toBeNull();
    },
  );

  test.each([
    ['order-4711', true],
    ['A_z-9', true],
    ['x'.repeat(64), true],
    ['x'.repeat(65), false],
    ['', false],
    ['a b', false],
    ['a.b', false],
    ['é', false],
    ['a\n', false],
  ])('%j may be a publisher’s event id: %s', (text, expected) => {
    expect(isPublisherEventId(text)).toBe(expected);
  });
});
