/** Signing secrets: making, checking and preparing them. The rules are those of the Standard Webhooks spec, widened to plain-text secrets. */

import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';

const PREFIX = 'whsec_';

/**
 * No secret that Posthorn signs with has a shorter key, so a receiver that holds one is misconfigured (`''`, `'undefined'`, a truncated copy),
 * and anyone could forge its signatures.
 */
const MIN_KEY_BYTES = 12;

/**
 * A secret with both of its keys derived, for repeated use. Opaque; neither printing nor serialising it shows the secret.
 * Made by {@link prepareSecret}.
 */
export class PreparedSecret {
  readonly #xKey: KeyObject;
  readonly #standardKey: KeyObject;

  /** @internal */
  constructor(xKey: Uint8Array, standardKey: Uint8Array) {
    this.#xKey = createSecretKey(xKey);
    this.#standardKey = createSecretKey(standardKey);
  }

  /** @internal */
  get xKey(): KeyObject {
    return this.#xKey;
  }

  /** @internal */
  get standardKey(): KeyObject {
    return this.#standardKey;
  }
}

/** One secret, as text or prepared. Unset ones (an environment variable that is not there) are skipped. */
export type Secret = string | PreparedSecret | null | undefined;

/** A new secret: `whsec_` and the base64 of 32 random bytes. */
export function generateSecret(): string {
  return PREFIX + randomBytes(32).toString('base64');
}

/**
 * Whether an endpoint's owner may bring this secret: 12 to 256 printable ASCII characters (space to `~`), and if it starts with `whsec_`, then
 * strictly valid base64 of 16 to 64 bytes after that.
 *
 * @returns null, or the reason against it: a sentence for people that does not repeat the secret
 */
export function checkSecret(secret: string): string | null {
  if (!/^[ -~]*$/.test(secret)) return 'A secret consists of printable ASCII characters only.';
  if (secret.length < 12 || secret.length > 256) return 'A secret has 12 to 256 characters.';
  if (!secret.startsWith(PREFIX)) return null;
  const key = standardKeyBytes(secret);
  if (key === null) return `After ${PREFIX}, a secret is base64 in its standard alphabet, with its padding.`;
  if (key.length < 16 || key.length > 64) return `After ${PREFIX}, a secret is the base64 of 16 to 64 bytes.`;
  return null;
}

/**
 * The `whsec_` form of any secret, for Standard Webhooks libraries, which take no other. A secret that has it already comes back unchanged.
 * It stands for the same key of `webhook-signature`, but not of `X-Signature`, which uses the secret's own characters.
 *
 * @throws TypeError if the secret cannot sign (see {@link prepareSecret})
 */
export function standardSecret(secret: string): string {
  const key = standardKeyBytes(secret);
  if (key === null || key.length < MIN_KEY_BYTES) throw new TypeError(UNUSABLE);
  return PREFIX + key.toString('base64');
}

/**
 * Derives a secret's keys once, for whoever signs or verifies often.
 *
 * @throws TypeError if it cannot sign: a key under 12 bytes, or `whsec_` followed by anything but base64. The message does not repeat the secret.
 */
export function prepareSecret(secret: string): PreparedSecret {
  const prepared = usableSecret(secret);
  if (prepared === null) throw new TypeError(UNUSABLE);
  return prepared;
}

const UNUSABLE = `The signing secret is empty, too short or damaged: it is ${PREFIX} and base64, or a text of at least ${MIN_KEY_BYTES} bytes.`;

/**
 * The secrets of a receiver that is about to start, each with its keys derived. Unset and empty ones are skipped, since the next secret of a rotation
 * mostly is; but without any, or with a damaged one, there is nothing to start: it would refuse every webhook.
 *
 * @throws TypeError in those two cases; the message does not repeat a secret
 */
export function prepareSecrets(secrets: Secret | readonly Secret[]): PreparedSecret[] {
  const given = [secrets].flat().filter((secret) => secret !== undefined && secret !== null && secret !== '');
  if (given.length === 0) throw new TypeError('No signing secret: it is unset or empty. Is its environment variable there?');
  return given.map((secret) => {
    const prepared = usableSecret(secret);
    if (prepared === null) throw new TypeError(UNUSABLE);
    return prepared;
  });
}

/** The secret ready for use, or null if it is unset or cannot sign. */
export function usableSecret(secret: Secret): PreparedSecret | null {
  if (secret instanceof PreparedSecret) return secret;
  if (typeof secret !== 'string') return null;
  const standardKey = standardKeyBytes(secret);
  if (standardKey === null || standardKey.length < MIN_KEY_BYTES) return null;
  return new PreparedSecret(Buffer.from(secret), standardKey);
}

/** The key of `webhook-signature`, or null if what follows `whsec_` is not base64. */
function standardKeyBytes(secret: string): Buffer | null {
  if (!secret.startsWith(PREFIX)) return Buffer.from(secret);
  const text = secret.slice(PREFIX.length);
  const key = Buffer.from(text, 'base64');
  // Node decodes leniently. Only what encodes back to itself means the same key in every language's library.
  return key.toString('base64') === text ? key : null;
}
