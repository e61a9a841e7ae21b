/**
 * What an attempt's outcome means for its delivery and for its lane: the one place where retry policy is decided.
 */
import type { DeliveryReason } from './delivery.ts';
import type { Outcome } from './outcome.ts';
import { longestStepMs, retryDelayMs } from './retry.ts';
import { parseRetryAfter } from './retry-after.ts';

/** What settle needs to know of a pending delivery. */
export interface SettledDelivery {
  /** Automatic attempts that have failed so far. */
  readonly failures: number;
  /** When the next automatic attempt is due; null while the first one waits for its gate. */
  readonly dueAt: number | null;
  /** The attempt was asked for by hand: it must not disturb the automatic ones. */
  readonly byHand: boolean;
}

export type DeliveryEnd =
  | { readonly status: 'succeeded' }
  | { readonly status: 'pending'; readonly failures: number; readonly dueAt: number | null }
  | { readonly status: 'failed'; readonly reason: DeliveryReason };

export interface LaneEffect {
  readonly success: boolean;
  /** Nothing goes to this endpoint before this instant (429 and 503 with Retry-After); null: no such wish. */
  readonly notBefore: number | null;
  /** The endpoint said 410: it wants no more webhooks. */
  readonly disable: 'gone' | null;
}

export interface Settlement {
  readonly delivery: DeliveryEnd;
  readonly lane: LaneEffect;
}

/**
 * Settles one attempt.
 *
 * @param context.now the attempt's end, epoch milliseconds
 * @param context.random in [0, 1), for jitter
 * @param context.schedule the endpoint's retry schedule in seconds
 */
export function settle(
  delivery: SettledDelivery,
  outcome: Outcome,
  context: { readonly now: number; readonly random: number; readonly schedule: readonly number[] },
): Settlement {
  if (outcome.kind === 'accepted') {
    return { delivery: { status: 'succeeded' }, lane: { success: true, notBefore: null, disable: null } };
  }
  if (outcome.kind === 'refused' && outcome.status === 410) {
    return { delivery: { status: 'failed', reason: 'endpoint_gone' }, lane: { success: false, notBefore: null, disable: 'gone' } };
  }
  const notBefore = askedPause(outcome, context);
  const lane: LaneEffect = { success: false, notBefore, disable: null };
  if (delivery.byHand) {
    return { delivery: { status: 'pending', failures: delivery.failures, dueAt: delivery.dueAt }, lane };
  }
  const failures = delivery.failures + 1;
  const delay = retryDelayMs(context.schedule, failures, { random: context.random });
  if (delay === null) return { delivery: { status: 'failed', reason: 'attempts_exhausted' }, lane };
  return { delivery: { status: 'pending', failures, dueAt: Math.max(context.now + delay, notBefore ?? 0) }, lane };
}

/** Only 429 and 503 are heard, and never for longer than the schedule itself would ever wait. */
function askedPause(outcome: Outcome, context: { readonly now: number; readonly schedule: readonly number[] }): number | null {
  if (outcome.kind !== 'refused' || (outcome.status !== 429 && outcome.status !== 503)) return null;
  const asked = parseRetryAfter(outcome.retryAfter, context.now);
  if (asked === null || asked === 0) return null;
  return context.now + Math.min(asked, longestStepMs(context.schedule));
}
