/**
 * What an attempt's outcome means for its delivery and for its lane: the one place where retry policy is decided.
 */
import type { DeliveryReason } from './delivery.ts';
import { type HealthNotice, healthAfter, type LaneHealth } from './lane-health.ts';
import type { Outcome } from './outcome.ts';
import { longestStepMs, retryDelayMs } from './retry.ts';
import { parseRetryAfter } from './retry-after.ts';

/** What settle needs to know of a pending delivery. */
export interface SettledDelivery {
  /** The delivery's number in the store. */
  readonly seq: number;
  /** Automatic attempts that have failed so far. */
  readonly failures: number;
  /** When the next automatic attempt is due; null while the first one waits for its gate. */
  readonly dueAt: number | null;
  /** The attempt was asked for by hand: it must not disturb the automatic ones. */
  readonly byHand: boolean;
  /** By hand after the delivery's end: the attempt is the first of a new series of automatic ones. */
  readonly resent: boolean;
  /** The attempt started while the lane's breaker was open. */
  readonly probe: boolean;
  /** It went to the endpoint as it was before its health was started anew (another URL, say): that tells nothing of it as it is now. */
  readonly former: boolean;
  /** The lane's, as it was until now. */
  readonly health: LaneHealth;
}

export type DeliveryEnd =
  | { readonly status: 'succeeded' }
  | { readonly status: 'pending'; readonly failures: number; readonly dueAt: number | null }
  | { readonly status: 'failed'; readonly reason: DeliveryReason };

export interface LaneEffect {
  readonly health: LaneHealth;
  /** `gone`: it said 410 and wants no more webhooks. `failing`: it has failed for too long. */
  readonly disable: 'gone' | 'failing' | null;
  readonly notices: readonly HealthNotice[];
}

export interface Settlement {
  readonly delivery: DeliveryEnd;
  readonly lane: LaneEffect;
}

export interface SettleContext {
  /** The attempt's end, epoch milliseconds. */
  readonly now: number;
  /** In [0, 1), for jitter. */
  readonly random: number;
  /** The endpoint's retry schedule in seconds. */
  readonly schedule: readonly number[];
  /** How long an endpoint may fail without one success before it is disabled. */
  readonly disableAfterMs: number;
}

/** Settles one attempt. */
export function settle(delivery: SettledDelivery, outcome: Outcome, context: SettleContext): Settlement {
  if (delivery.former) {
    return {
      delivery: deliveryEnd(delivery, outcome, { ...context, retryAfter: null }),
      lane: { health: delivery.health, disable: null, notices: [] },
    };
  }
  const retryAfter = askedPause(outcome, context);
  const { seq, byHand, probe } = delivery;
  const change = healthAfter(delivery.health, { seq, byHand, probe, outcome, retryAfter }, context);
  if (outcome.kind === 'refused' && outcome.status === 410) {
    return {
      delivery: { status: 'failed', reason: 'endpoint_gone' },
      // Its owner is told with that, and so of the recovery too.
      lane: {
        health: { ...change.health, warnedAt: change.health.warnedAt ?? context.now },
        disable: 'gone',
        notices: ['endpoint.disabled'],
      },
    };
  }
  return { delivery: deliveryEnd(delivery, outcome, { ...context, retryAfter }), lane: change };
}

function deliveryEnd(
  delivery: SettledDelivery,
  outcome: Outcome,
  context: SettleContext & { readonly retryAfter: number | null },
): DeliveryEnd {
  if (outcome.kind === 'accepted') return { status: 'succeeded' };
  if (delivery.byHand && !delivery.resent && !wasLast(delivery, context)) {
    return { status: 'pending', failures: delivery.failures, dueAt: delivery.dueAt };
  }
  const failures = delivery.failures + 1;
  const delay = retryDelayMs(context.schedule, failures, { random: context.random });
  if (delay === null) return { status: 'failed', reason: 'attempts_exhausted' };
  return { status: 'pending', failures, dueAt: Math.max(context.now + delay, context.retryAfter ?? 0) };
}

/** No automatic attempt is left: the last one failed after this one was asked for. What a schedule that was made shorter left to come still comes. */
function wasLast(
  { failures, dueAt }: SettledDelivery,
  { schedule, now }: { readonly schedule: readonly number[]; readonly now: number },
): boolean {
  return failures > schedule.length && dueAt !== null && dueAt <= now;
}

/** Only 429 and 503 are heard, and never for longer than the schedule itself would ever wait. */
function askedPause(outcome: Outcome, context: { readonly now: number; readonly schedule: readonly number[] }): number | null {
  if (outcome.kind !== 'refused' || (outcome.status !== 429 && outcome.status !== 503)) return null;
  const asked = parseRetryAfter(outcome.retryAfter, context.now);
  if (asked === null || asked === 0) return null;
  return context.now + Math.min(asked, longestStepMs(context.schedule));
}
