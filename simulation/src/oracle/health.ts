/**
 * How an endpoint is doing, reckoned by the oracle from what its attempts came to: the breaker, the pause that was asked for, the
 * long view that ends in disabling. Instants are epoch milliseconds by the clock of whoever heard.
 */
import type { AttemptModel } from './model.ts';

export interface HealthModel {
  /** Counts what starts it anew: another URL, enabled again. */
  readonly epoch: number;
  readonly everSucceeded: boolean;
  readonly failingSince: number | null;
  readonly failures: number;
  /** The events of those failures, each once. */
  readonly failed: ReadonlySet<string>;
  /** The endpoint asked for a pause until then. */
  readonly pausedUntil: number;
  /** While its breaker is open: from when to when the next probe is due, and how many have failed. */
  readonly breaker: { readonly from: number; readonly until: number; readonly probes: number } | null;
}

export const FRESH: HealthModel = {
  epoch: 0,
  everSucceeded: false,
  failingSince: null,
  failures: 0,
  failed: new Set(),
  pausedUntil: 0,
  breaker: null,
};

const OPENS_AFTER = 5;
const PROBES_S = [30, 60, 120, 240, 480, 900];
const JITTER = 0.2;
const DISABLED_AFTER_FAILURES = 20;

/** Nothing automatic leaves before this instant. */
export function floorOf(health: HealthModel): number {
  return Math.max(health.pausedUntil, health.breaker?.from ?? 0);
}

/** Surely nothing holds it back any more from this instant on. */
export function floorEndOf(health: HealthModel): number {
  return Math.max(health.pausedUntil, health.breaker?.until ?? 0);
}

export function startedAnew(health: HealthModel): HealthModel {
  return { ...FRESH, epoch: health.epoch + 1, everSucceeded: health.everSucceeded };
}

/** @param attempt with its outcome */
export function healthAfter(health: HealthModel, attempt: AttemptModel): HealthModel {
  const { outcome, heardInstant: now } = attempt;
  if (outcome?.kind === 'accepted') {
    return { ...FRESH, epoch: health.epoch, everSucceeded: true, pausedUntil: health.pausedUntil > now ? health.pausedUntil : 0 };
  }
  const failed = attempt.byHand ? health.failed : new Set([...health.failed, attempt.delivery.eventId]);
  return {
    ...health,
    failingSince: health.failingSince ?? now,
    failures: health.failures + 1,
    failed,
    pausedUntil: Math.max(health.pausedUntil, now + (askedPause(attempt) ?? Number.NEGATIVE_INFINITY)),
    breaker: breakerAfter(health, failed.size, attempt),
  };
}

function breakerAfter({ breaker }: HealthModel, failed: number, attempt: AttemptModel): HealthModel['breaker'] {
  if (attempt.byHand) return breaker;
  if (breaker === null) return failed < OPENS_AFTER ? null : probeIn(0, attempt.heardInstant);
  return attempt.probe ? probeIn(breaker.probes + 1, attempt.heardInstant) : breaker;
}

function probeIn(probes: number, now: number): { from: number; until: number; probes: number } {
  const ms = (PROBES_S[probes] ?? 900) * 1000;
  return { from: now + ms, until: now + ms * (1 + JITTER) + 1, probes };
}

/** Whether this attempt is the one too many. */
export function disables(health: HealthModel, attempt: AttemptModel, disableAfterMs: number): 'gone' | 'failing' | null {
  const { outcome } = attempt;
  if (outcome?.kind === 'refused' && outcome.status === 410) return 'gone';
  if (outcome?.kind === 'accepted' || health.failingSince === null) return null;
  return attempt.heardInstant - health.failingSince >= disableAfterMs && health.failures >= DISABLED_AFTER_FAILURES ? 'failing' : null;
}

/** How long the endpoint asked everyone to stay away, milliseconds; null: it did not. */
export function askedPause({ outcome, heardInstant, schedule }: AttemptModel): number | null {
  if (outcome === null || outcome.kind !== 'refused' || (outcome.status !== 429 && outcome.status !== 503)) return null;
  if (outcome.retryAfter === null) return null;
  const asked = /^\d+$/.test(outcome.retryAfter) ? Number(outcome.retryAfter) * 1000 : Date.parse(outcome.retryAfter) - heardInstant;
  return asked <= 0 ? null : Math.min(asked, Math.max(0, ...schedule) * 1000);
}
