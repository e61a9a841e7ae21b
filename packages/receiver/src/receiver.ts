/** What the adapters of all frameworks share: settings that are checked when the receiver starts, and one request verified. */

import type { RequestHeaders } from './headers.ts';
import { prepareSecrets, type Secret } from './secret.ts';
import type { Failure, FailureCode } from './verify.ts';
import { verifyWebhook, type WebhookEvent } from './webhook.ts';

/** 1 MiB, four times the largest event that Posthorn takes. */
const LIMIT_BYTES = 1_048_576;

export interface ReceiverOptions {
  /** One secret or, during a rotation, several; unset ones beside a good one are skipped. */
  readonly secrets: Secret | readonly Secret[];
  /** Which of the two signatures counts: `standard` (default) or `x-signature`. */
  readonly scheme?: 'standard' | 'x-signature' | undefined;
  /** The largest body that is taken, in bytes; 1 MiB by default. */
  readonly limitBytes?: number | undefined;
  /** How far `webhook-timestamp` may be from now, either way; 300 by default. */
  readonly toleranceSeconds?: number | undefined;
  /** The clock, Unix time in seconds; for tests. */
  readonly now?: (() => number) | undefined;
  /** Hears why a request was refused, for your log: the answer itself does not say. */
  readonly onRefused?: ((refusal: Refusal) => void) | undefined;
}

/** Why an adapter refused a request: the codes of `verifyWebhook`, and `too_large`, which is answered 413. */
export type Refusal = Failure<FailureCode | 'bad_body' | 'too_large'>;

/** A request that was verified. */
export interface Webhook<Data = unknown> {
  readonly event: WebhookEvent<Data>;
  /** The body, byte for byte: for numbers that JSON.parse rounds, or to keep what was signed. */
  readonly body: Uint8Array;
}

/** What a refused request is answered, as text/plain. It tells a stranger nothing about why. */
export interface RefusalAnswer {
  readonly status: 403 | 413;
  readonly text: string;
}

/** One request's outcome. */
export type Reception<Data> = { readonly ok: true; readonly webhook: Webhook<Data> } | ({ readonly ok: false } & RefusalAnswer);

export interface Receiver<Data> {
  readonly limitBytes: number;
  /** Verifies what was read whole. */
  receive(body: Uint8Array, headers: RequestHeaders): Reception<Data>;
  /** The outcome of a body that is larger than the limit. */
  tooLarge(): RefusalAnswer;
}

/**
 * Checks the options once, when the program starts.
 *
 * @throws TypeError if no secret is given, or one that cannot sign; if the scheme is unknown
 * @throws RangeError if the limit is not a whole number of bytes
 */
export function createReceiver<Data>(options: ReceiverOptions): Receiver<Data> {
  const { scheme = 'standard', limitBytes = LIMIT_BYTES, toleranceSeconds, now, onRefused } = options;
  const secrets = prepareSecrets(options.secrets);
  // Without TypeScript a misspelled scheme would silently mean the default.
  if (scheme !== 'standard' && scheme !== 'x-signature') throw new TypeError("scheme is 'standard' or 'x-signature'.");
  if (!Number.isSafeInteger(limitBytes) || limitBytes < 1) throw new RangeError('limitBytes is a whole number of bytes, 1 or more.');

  return {
    limitBytes,
    receive(body, headers) {
      if (body.length > limitBytes) return { ok: false, ...this.tooLarge() };
      const result = verifyWebhook<Data>({ body, headers, secrets, scheme, toleranceSeconds, now: now?.() });
      if (result.ok) return { ok: true, webhook: { event: result.event, body } };
      onRefused?.(result);
      return { ok: false, status: 403, text: 'Invalid signature' };
    },
    tooLarge() {
      onRefused?.({ ok: false, code: 'too_large', message: `The body is larger than ${limitBytes} bytes (limitBytes).` });
      return { status: 413, text: 'Payload too large' };
    },
  };
}
