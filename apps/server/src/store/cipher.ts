/**
 * Secrets at rest: AES-256-GCM. What is sealed is bound to its place (`endpoint:<id>:secrets`), so that a value copied
 * from one row into another does not open.
 *
 * Layout: version (1 byte) · nonce (12) · tag (16) · ciphertext.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + NONCE_BYTES + TAG_BYTES;

export interface Cipher {
  /** @param bindTo where the value lives; `open` needs the same. */
  seal(plain: string, bindTo: string): Uint8Array;
  /** @throws {SealError} the key is another one, or the value was changed or belongs elsewhere */
  open(sealed: Uint8Array, bindTo: string): string;
}

/** A sealed value did not open. Its message names the place, never the value. */
export class SealError extends Error {
  override readonly name = 'SealError';
}

/**
 * @param key 32 bytes
 * @throws {RangeError} when the key has another length
 */
export function createCipher(key: Uint8Array): Cipher {
  if (key.length !== 32) throw new RangeError(`the encryption key must have 32 bytes, not ${key.length}`);
  // A copy: the caller may wipe or reuse its own.
  const secretKey = Uint8Array.from(key);
  return {
    seal(plain, bindTo) {
      // Always the system's random bytes, never the store's dice: a nonce used twice would give the key stream away.
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', secretKey, nonce);
      cipher.setAAD(Buffer.from(bindTo, 'utf8'));
      const text = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      return Buffer.concat([Uint8Array.of(VERSION), nonce, cipher.getAuthTag(), text]);
    },

    open(sealed, bindTo) {
      if (sealed.length < HEADER_BYTES || sealed[0] !== VERSION) throw new SealError(`${bindTo} is not a sealed value of a known version`);
      const decipher = createDecipheriv('aes-256-gcm', secretKey, sealed.subarray(1, 1 + NONCE_BYTES), { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(bindTo, 'utf8'));
      decipher.setAuthTag(sealed.subarray(1 + NONCE_BYTES, HEADER_BYTES));
      try {
        return Buffer.concat([decipher.update(sealed.subarray(HEADER_BYTES)), decipher.final()]).toString('utf8');
      } catch {
        // Without a cause: Node's own error says less, and nothing of the value may travel along.
        throw new SealError(`${bindTo} does not open: POSTHORN_ENCRYPTION_KEY is not the key it was sealed with, or the value was changed`);
      }
    },
  };
}
