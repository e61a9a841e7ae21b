/**
 * What one attempt came to, as a value. `send()` never throws for anything the network or the endpoint does:
 * each such thing is one of these outcomes.
 */

/** The stable codes of a failed attempt (CONTRACT §1). */
export const ATTEMPT_ERROR_CODES = [
  'dns_failure',
  'address_blocked',
  'connect_refused',
  'connect_timeout',
  'connection_reset',
  'tls_error',
  'timeout',
  'http_status',
  'redirect',
  'invalid_response',
  'response_too_large',
] as const;

export type AttemptErrorCode = (typeof ATTEMPT_ERROR_CODES)[number];

/** The codes that arise without a final HTTP status. */
export type TransportErrorCode = Exclude<AttemptErrorCode, 'http_status' | 'redirect'>;

export type Outcome =
  /** A 2xx whose headers came before the deadline. */
  | { readonly kind: 'accepted'; readonly status: number }
  /** Any other final status. `retryAfter` is the raw header, null where there was none. */
  | { readonly kind: 'refused'; readonly status: number; readonly retryAfter: string | null }
  /** No final status at all. `detail` is for people: the system's own words, never a secret. */
  | { readonly kind: 'transport_error'; readonly code: TransportErrorCode; readonly detail: string };

/** Durations in milliseconds; null for a phase that did not happen (a kept-alive connection has no `connect`). */
export interface Timings {
  readonly dns: number | null;
  readonly connect: number | null;
  readonly tls: number | null;
  readonly first_byte: number | null;
  readonly body: number | null;
}

/** What an endpoint answered, cut to what is kept. Header names are lowercase; repeated headers are joined by ", ". */
export interface AttemptResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** At most 16 KiB. */
  readonly body: Uint8Array;
  readonly bodyTruncated: boolean;
}

/** One HTTP request of a delivery, as the sender saw it. Instants are epoch milliseconds. */
export interface AttemptResult {
  readonly startedAt: number;
  readonly durationMs: number;
  readonly outcome: Outcome;
  readonly response: AttemptResponse | null;
  readonly timings: Timings;
}

/** The error code of an outcome, null when it was accepted. */
export function outcomeErrorCode(outcome: Outcome): AttemptErrorCode | null {
  switch (outcome.kind) {
    case 'accepted':
      return null;
    case 'refused':
      return outcome.status >= 300 && outcome.status < 400 ? 'redirect' : 'http_status';
    case 'transport_error':
      return outcome.code;
  }
}
