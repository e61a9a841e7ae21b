/** Attempts as the API shows them. */
import type { AttemptView } from '@posthorn/contract';
import { type AttemptResult, adviceFor, outcomeErrorCode } from '@posthorn/core';
import type { Attempt } from '../store/store.ts';
import { timestamp } from './instants.ts';

type ShownAttempt = Omit<Attempt, 'id'>;

/** @param url the endpoint's: what to mend differs a little between http and https; null: unknown */
export function attemptView(attempt: ShownAttempt, url: string | null): AttemptView {
  return {
    number: attempt.number,
    started_at: timestamp(attempt.startedAt),
    status: attempt.status,
    response_status: attempt.responseStatus,
    response_headers: attempt.responseHeaders === null ? null : { ...attempt.responseHeaders },
    response_body: bodyText(attempt),
    response_body_truncated: attempt.responseTruncated,
    error: attempt.error,
    error_detail: attempt.detail,
    advice: advice(attempt, url),
    duration_ms: attempt.durationMs,
    timings: { ...attempt.timings },
    stale: attempt.stale,
  };
}

/** A test request's attempt, which is never stored. */
export function unstoredAttempt(result: AttemptResult): ShownAttempt {
  const { outcome, response } = result;
  return {
    number: 1,
    startedAt: result.startedAt,
    durationMs: Math.round(result.durationMs),
    status: outcome.kind === 'accepted' ? 'succeeded' : 'failed',
    error: outcomeErrorCode(outcome),
    detail: outcome.kind === 'transport_error' ? outcome.detail : null,
    responseStatus: response?.status ?? (outcome.kind === 'transport_error' ? null : outcome.status),
    responseHeaders: response?.headers ?? null,
    responseBody: response?.body ?? null,
    responseTruncated: response?.bodyTruncated ?? false,
    timings: result.timings,
    stale: false,
  };
}

function advice(attempt: ShownAttempt, url: string | null): string | null {
  if (attempt.error === null) return null;
  const failed = { code: attempt.error, status: attempt.responseStatus };
  return adviceFor(url === null ? failed : { ...failed, scheme: /^http:/i.test(url) ? 'http' : 'https' });
}

/** What is not UTF-8 shows as U+FFFD; a character that the cut went through is left out. */
function bodyText(attempt: ShownAttempt): string | null {
  if (attempt.responseBody === null) return null;
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(attempt.responseBody, { stream: attempt.responseTruncated });
}
