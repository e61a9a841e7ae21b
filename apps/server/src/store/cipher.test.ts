import { describe, expect, test } from 'vitest';
import { createCipher, SealError } from './cipher.ts';

const KEY = new Uint8Array(32).fill(7);
const PLACE = 'endpoint:ep_1:secrets';
const SECRET = 'whsec_très-secret';

function failure(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('it opened');
}

describe('cipher', () => {
  test.each(['', SECRET, 'a'.repeat(10_000)])('opens what it sealed, and seals it otherwise each time', (plain) => {
    const cipher = createCipher(KEY);
    const sealed = cipher.seal(plain, PLACE);
    expect(cipher.open(sealed, PLACE)).toBe(plain);
    expect(Buffer.from(cipher.seal(plain, PLACE)).equals(sealed)).toBe(false);
    if (plain !== '') expect(Buffer.from(sealed).includes(plain)).toBe(false);
  });

  test('another key opens nothing, and the error says which setting, and nothing of the secret', () => {
    const sealed = createCipher(KEY).seal(SECRET, PLACE);
    const error = failure(() => createCipher(new Uint8Array(32)).open(sealed, PLACE));
    expect(error).toBeInstanceOf(SealError);
    expect(error.message).toContain('POSTHORN_ENCRYPTION_KEY');
    expect(`${error.message} ${error.stack} ${String(error.cause)}`).not.toContain(SECRET);
  });

  test('a value moved to another place does not open', () => {
    const cipher = createCipher(KEY);
    expect(() => cipher.open(cipher.seal(SECRET, PLACE), 'endpoint:ep_2:secrets')).toThrow(SealError);
  });

  test('each byte counts, and so does the length', () => {
    const cipher = createCipher(KEY);
    const sealed = cipher.seal(SECRET, PLACE);
    for (let at = 0; at < sealed.length; at++) {
      const changed = Uint8Array.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => cipher.open(changed, PLACE), `byte ${at}`).toThrow(SealError);
      expect(() => cipher.open(sealed.subarray(0, at), PLACE), `${at} bytes`).toThrow(SealError);
    }
  });

  test('a key has 32 bytes, and is copied', () => {
    expect(() => createCipher(new Uint8Array(31))).toThrow(RangeError);
    const key = Uint8Array.from(KEY);
    const cipher = createCipher(key);
    key.fill(0);
    expect(createCipher(KEY).open(cipher.seal(SECRET, PLACE), PLACE)).toBe(SECRET);
  });
});
