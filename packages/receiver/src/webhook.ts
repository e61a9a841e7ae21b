/** From a request to its event: verify the raw bytes, then parse them. Framework adapters need nothing else. */

import { type Failure, type FailureCode, type StandardSignedRequest, verifyStandard, verifyX } from './verify.ts';

/** The body of a webhook. Dedupe on `id`: an event may arrive more than once. */
export interface WebhookEvent<Data = unknown> {
  readonly id: string;
  readonly type: string;
  /** When the event was published, RFC 3339 in UTC with milliseconds. */
  readonly timestamp: string;
  readonly environment: 'production' | 'sandbox';
  /** As JSON.parse reads it: integers beyond 2^53 lose digits, so parse the raw body yourself if you need them. */
  readonly data: Data;
}

export interface WebhookRequest extends StandardSignedRequest {
  /**
   * Which of the two signatures counts: `standard` (default) or `x-signature`. It is never guessed from the headers: whoever replays an old
   * request could leave those of the stronger one out.
   */
  readonly scheme?: 'standard' | 'x-signature' | undefined;
}

/** The codes of verifying, and `bad_body`: the signature is good, yet the body is not a Posthorn event. */
export type WebhookFailure = Failure<FailureCode | 'bad_body'>;

/**
 * Verifies a request and returns its event. Never throws for anything that a request may hold.
 *
 * @typeParam Data what you expect in `data`; it is not checked
 */
export function verifyWebhook<Data = unknown>(
  request: WebhookRequest,
): { readonly ok: true; readonly event: WebhookEvent<Data> } | WebhookFailure {
  const verified = request.scheme === 'x-signature' ? verifyX(request) : verifyStandard(request);
  if (!verified.ok) return verified;
  const event = parseEvent<Data>(request.body);
  if (event === null) return { ok: false, code: 'bad_body', message: 'The signature is good, but the body is not a Posthorn event.' };
  return { ok: true, event };
}

function parseEvent<Data>(body: Uint8Array | string): WebhookEvent<Data> | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(typeof body === 'string' ? body : new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return null;
  }
  if (!isEvent<Data>(parsed)) return null;
  const { id, type, timestamp, environment, data } = parsed;
  return { id, type, timestamp, environment, data };
}

function isEvent<Data>(value: unknown): value is WebhookEvent<Data> {
  if (typeof value !== 'object' || value === null) return false;
  const fields: { readonly [Name in keyof WebhookEvent]?: unknown } = value;
  return (
    typeof fields.id === 'string' &&
    typeof fields.type === 'string' &&
    typeof fields.timestamp === 'string' &&
    (fields.environment === 'production' || fields.environment === 'sandbox') &&
    'data' in fields
  );
}
