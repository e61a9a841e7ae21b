/**
 * Checking the two signatures. Outcomes are values: what a stranger sends never throws. The order of the checks is the same in the kits of all
 * languages: a usable secret, the headers, the signature, the timestamp; the first that fails names the result.
 */

import { timingSafeEqual } from 'node:crypto';
import { isBytes } from './bytes.ts';
import { headerText, type RequestHeaders, readHeader } from './headers.ts';
import { type PreparedSecret, type Secret, usableSecret } from './secret.ts';
import { signX, standardSignature } from './sign.ts';

/** How far a timestamp may be from now, either way, as in the Standard Webhooks libraries. */
const TOLERANCE_SECONDS = 300;

/** Why a request was refused. Stable; the README explains each. */
export type FailureCode = 'no_secret' | 'missing_header' | 'bad_signature' | 'bad_timestamp';

const MESSAGES: Readonly<Record<FailureCode, string>> = {
  no_secret: 'No usable signing secret is configured: it is unset (an environment variable?), too short or damaged.',
  missing_header: 'A signature header is missing or empty: the request is not from Posthorn, or something in between removes headers.',
  bad_signature: 'No signature fits: another secret, or the body is not byte for byte what was sent (parsed and written again?).',
  bad_timestamp: 'webhook-timestamp is not Unix seconds, or too far from the clock here: an old request, or a clock that is wrong.',
};

export interface Failure<Code extends string = FailureCode> {
  readonly ok: false;
  readonly code: Code;
  /** A sentence for the receiver's own log. Holds nothing of the request or the secret. */
  readonly message: string;
}

export interface SignedRequest {
  /** The body exactly as it came in, before any parsing. */
  readonly body: Uint8Array | string;
  /** One secret or several (while one is rotated); a signature by any of them is good. */
  readonly secrets: Secret | readonly Secret[];
}

export interface XRequest extends SignedRequest {
  /** The request's headers; or give `signature` alone. */
  readonly headers?: RequestHeaders | undefined;
  /** The value of the `X-Signature` header, if it was read already. */
  readonly signature?: string | null | undefined;
}

export interface StandardSignedRequest extends SignedRequest {
  readonly headers: RequestHeaders;
  /** Unix time in seconds; by default the machine's clock. */
  readonly now?: number | undefined;
  /** How far `webhook-timestamp` may be from now, either way; 300 by default. */
  readonly toleranceSeconds?: number | undefined;
}

export interface StandardVerified {
  readonly ok: true;
  /** `webhook-id`: the event's id. */
  readonly id: string;
  /** `webhook-timestamp`: when this attempt was made, in Unix seconds. */
  readonly timestamp: number;
}

/**
 * Verifies `X-Signature`. It covers the body and nothing else, so an old request passes as long as its secret does: dedupe on the body's `id`.
 * Prefer {@link verifyStandard}.
 */
export function verifyX(request: XRequest): { readonly ok: true } | Failure {
  const secrets = usableSecrets(request.secrets);
  if (secrets.length === 0) return failure('no_secret');
  const given = headerText(request.signature) || readHeader(request.headers, 'x-signature');
  if (given === '') return failure('missing_header');
  if (!isRaw(request.body)) return bodyNotRaw();
  const { body } = request;
  return secrets.some((secret) => sameText(given, signX(body, secret))) ? { ok: true } : failure('bad_signature');
}

/** Verifies `webhook-signature` by the Standard Webhooks spec: body, id and time of the attempt. */
export function verifyStandard(request: StandardSignedRequest): StandardVerified | Failure {
  const secrets = usableSecrets(request.secrets);
  if (secrets.length === 0) return failure('no_secret');

  const id = readHeader(request.headers, 'webhook-id');
  const timestamp = readHeader(request.headers, 'webhook-timestamp');
  const signatures = readHeader(request.headers, 'webhook-signature');
  if (id === '' || timestamp === '' || signatures === '') return failure('missing_header');

  if (!isRaw(request.body)) return bodyNotRaw();
  const { body } = request;
  const given = signatures.split(' ');
  const good = secrets.some((secret) => {
    const expected = standardSignature(secret, { id, timestamp, body });
    return given.some((signature) => sameText(signature, expected));
  });
  if (!good) return failure('bad_signature');

  const now = request.now ?? Math.floor(Date.now() / 1000);
  const tolerance = request.toleranceSeconds ?? TOLERANCE_SECONDS;
  // Asked as "is it near", so that a NaN from any side fails.
  const near = /^[0-9]+$/.test(timestamp) && Math.abs(now - Number(timestamp)) <= tolerance;
  return near ? { ok: true, id, timestamp: Number(timestamp) } : failure('bad_timestamp');
}

function failure(code: FailureCode): Failure {
  return { ok: false, code, message: MESSAGES[code] };
}

/** The commonest mistake gets its own words. It is a result, not an exception: a request without a body leads here too (Express leaves it undefined). */
function bodyNotRaw(): Failure {
  const message = 'The body is neither bytes nor text: verify the raw body, before a JSON parser takes it (in Express: express.raw).';
  return { ok: false, code: 'bad_signature', message };
}

function usableSecrets(secrets: Secret | readonly Secret[]): PreparedSecret[] {
  // Array.isArray does not narrow a readonly array, hence the flattening.
  return [secrets].flat().flatMap((secret) => usableSecret(secret) ?? []);
}

function isRaw(body: unknown): body is Uint8Array | string {
  return typeof body === 'string' || isBytes(body);
}

/**
 * Compares without telling by its duration where two texts differ. By bytes, since timingSafeEqual throws on unequal lengths and 64 characters
 * may be 128 bytes. As text, not decoded: each signature has one spelling.
 */
function sameText(given: string, expected: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}
