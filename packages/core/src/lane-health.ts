/**
 * How an endpoint is doing, as its lane remembers it across leases: the circuit breaker, and the long view that ends in disabling.
 *
 *   closed ──failures in a row of several deliveries──▶ open ──probe due──▶ half open
 *      ▲                                                 ▲                     │
 *      │                                                 └──── probe fails ────┤   (each wait longer than the one before)
 *      └───────────────────── any success ──────────────────────────────────── ┘
 *
 * "Half open" is not a state of its own: it is an open breaker whose probe is due or out. While the breaker is open nothing leaves but the probe,
 * so what waits uses up no attempts. A delivery that always fails (poison) is one delivery however often it is tried, and opens nothing.
 */
import type { Outcome } from './outcome.ts';

/** Failures in a row that open the breaker, counted by different deliveries. */
export const BREAKER_THRESHOLD = 5;

/** Seconds until the first, second, … probe; the last one repeats. */
const PROBE_STEPS: readonly number[] = [30, 60, 120, 240, 480, 900];
/** Up to this share of a step is added at random, so that what broke together is not probed together. */
const JITTER = 0.2;

/** An endpoint is disabled only after at least this many attempts without a success between them. */
const DISABLE_AFTER_ATTEMPTS = 20;
/** How long an endpoint may fail without one success before it is disabled: 5 days. */
export const DEFAULT_DISABLE_AFTER_MS = 5 * 24 * 3_600_000;

/** Instants are epoch milliseconds. */
export interface LaneHealth {
  /** The last success; null: none ever. */
  readonly succeededAt: number | null;
  /** The first failure since the last success; null: none. */
  readonly failingSince: number | null;
  /** Attempts that failed since the last success. */
  readonly failures: number;
  /** The deliveries (by their number in the store) of those failures, each once, up to BREAKER_THRESHOLD of them. */
  readonly failed: readonly number[];
  /** What the last failed attempt came to: an error code, or `status <n>`; null: none since the last success. */
  readonly lastFailure: string | null;
  /** No automatic attempt before this instant: the endpoint asked for it with Retry-After. 0: it did not. */
  readonly retryAfter: number;
  /** Open while not null: when the next probe may go, and how many have failed. */
  readonly breaker: { readonly probeAt: number; readonly probes: number } | null;
  /**
   * When its owner was told that it keeps failing, or was disabled; null: not since the last success. Where its failures were forgotten meanwhile
   * (see `failingSince`) that was of former ones: the owner is told of new ones too, but only once of the recovery.
   */
  readonly warnedAt: number | null;
}

export const HEALTHY: LaneHealth = {
  succeededAt: null,
  failingSince: null,
  failures: 0,
  failed: [],
  lastFailure: null,
  retryAfter: 0,
  breaker: null,
  warnedAt: null,
};

/** What people who run or own the endpoint are to be told of. */
export type HealthNotice = 'endpoint.failing' | 'endpoint.disabled' | 'endpoint.recovered';

export interface HealthChange {
  readonly health: LaneHealth;
  readonly disable: 'failing' | null;
  readonly notices: readonly HealthNotice[];
}

/** One attempt, as the endpoint's health sees it. */
export interface HealthAttempt {
  /** The delivery's number in the store. */
  readonly seq: number;
  /** Attempts by hand may close a breaker; they open none and move no probe. */
  readonly byHand: boolean;
  /** It started while the breaker was open. Not told by instants: the clocks of dispatcher and database may differ. */
  readonly probe: boolean;
  readonly outcome: Outcome;
  /** The pause that the endpoint asked for, already bounded: until this instant; null: none. */
  readonly retryAfter: number | null;
}

/** How far an endpoint is to be trusted: `failing` without a success since its last failure, `untried` without any, ever. */
export const STANDINGS = ['proven', 'untried', 'failing'] as const;
export type Standing = (typeof STANDINGS)[number];

export function standing({ failingSince, succeededAt }: Pick<LaneHealth, 'failingSince' | 'succeededAt'>): Standing {
  if (failingSince !== null) return 'failing';
  return succeededAt === null ? 'untried' : 'proven';
}

export const BREAKER_STATES = ['closed', 'open', 'half_open'] as const;
export type BreakerState = (typeof BREAKER_STATES)[number];

export function breakerState({ breaker }: Pick<LaneHealth, 'breaker'>, now: number): BreakerState {
  if (breaker === null) return 'closed';
  return breaker.probeAt > now ? 'open' : 'half_open';
}

/** No automatic attempt before this instant; in the past when nothing holds the lane back. */
export function healthFloor({ retryAfter, breaker }: Pick<LaneHealth, 'retryAfter' | 'breaker'>): number {
  return Math.max(retryAfter, breaker?.probeAt ?? 0);
}

/**
 * A lane's health after an attempt.
 *
 * @param context.now the attempt's end, epoch milliseconds
 * @param context.random in [0, 1), for jitter
 */
export function healthAfter(
  health: LaneHealth,
  attempt: HealthAttempt,
  context: { readonly now: number; readonly random: number; readonly disableAfterMs: number },
): HealthChange {
  return attempt.outcome.kind === 'accepted' ? afterSuccess(health, context.now) : afterFailure(health, attempt, context);
}

function afterSuccess(health: LaneHealth, now: number): HealthChange {
  return {
    // A pause that another attempt was asked for stands: this answer says nothing about it.
    health: { ...HEALTHY, succeededAt: now, retryAfter: health.retryAfter > now ? health.retryAfter : 0 },
    disable: null,
    notices: health.warnedAt === null ? [] : ['endpoint.recovered'],
  };
}

function afterFailure(
  health: LaneHealth,
  attempt: HealthAttempt,
  { now, random, disableAfterMs }: { readonly now: number; readonly random: number; readonly disableAfterMs: number },
): HealthChange {
  const failingSince = health.failingSince ?? now;
  const failures = health.failures + 1;
  const failed = attempt.byHand ? health.failed : withSeq(health.failed, attempt.seq);
  const next: LaneHealth = {
    ...health,
    failingSince,
    failures,
    failed,
    lastFailure: failureText(attempt.outcome),
    retryAfter: Math.max(health.retryAfter, attempt.retryAfter ?? 0),
    breaker: breakerAfter(health, failed, { attempt, now, random }),
  };
  const failingFor = now - failingSince;
  const warned = isWarnedOf(health.warnedAt, failingSince);
  if (failingFor >= disableAfterMs && failures >= DISABLE_AFTER_ATTEMPTS) {
    return { health: { ...next, warnedAt: warned ? health.warnedAt : now }, disable: 'failing', notices: ['endpoint.disabled'] };
  }
  if (!warned && failingFor >= disableAfterMs / 2 && failures >= DISABLE_AFTER_ATTEMPTS / 2) {
    return { health: { ...next, warnedAt: now }, disable: null, notices: ['endpoint.failing'] };
  }
  return { health: next, disable: null, notices: [] };
}

/** Whether what the owner was told last is of these failures. */
function isWarnedOf(warnedAt: number | null, failingSince: number): boolean {
  return warnedAt !== null && warnedAt >= failingSince;
}

function breakerAfter(
  { breaker }: LaneHealth,
  failed: readonly number[],
  { attempt, now, random }: { readonly attempt: HealthAttempt; readonly now: number; readonly random: number },
): LaneHealth['breaker'] {
  if (attempt.byHand) return breaker;
  if (breaker === null) return failed.length < BREAKER_THRESHOLD ? null : { probeAt: now + probeDelayMs(0, random), probes: 0 };
  // What was out already when the breaker opened is no probe.
  if (!attempt.probe) return breaker;
  const probes = breaker.probes + 1;
  return { probeAt: now + probeDelayMs(probes, random), probes };
}

function probeDelayMs(failedProbes: number, random: number): number {
  const seconds = PROBE_STEPS[Math.min(failedProbes, PROBE_STEPS.length - 1)] ?? 0;
  return Math.round(seconds * 1000 * (1 + JITTER * random));
}

function withSeq(failed: readonly number[], seq: number): readonly number[] {
  return failed.length >= BREAKER_THRESHOLD || failed.includes(seq) ? failed : [...failed, seq];
}

function failureText(outcome: Outcome): string | null {
  if (outcome.kind === 'accepted') return null;
  return outcome.kind === 'refused' ? `status ${outcome.status}` : outcome.code;
}

export type HealthState = 'ok' | 'failing' | 'disabled';

/**
 * How an endpoint is doing, in a word and a sentence for its owner. `failing`: its breaker is open, or it has failed for so long that its owner was
 * told. Null where there is nothing to say.
 *
 * @param options.disabled why the system disabled it; null: it did not
 */
export function describeHealth(
  health: LaneHealth,
  options: { readonly disabled: 'gone' | 'failing' | null; readonly disableAfterMs: number },
): { readonly state: HealthState; readonly reason: string | null } {
  if (options.disabled === 'gone') {
    return {
      state: 'disabled',
      reason: 'The endpoint answered 410 (gone): it wants no more webhooks. Correct its URL, then enable it again.',
    };
  }
  const { failingSince, failures, lastFailure } = health;
  if (failingSince === null) {
    // Its failures are forgotten with a new URL or secret, but the endpoint stays disabled until its owner enables it.
    return options.disabled === null
      ? { state: 'ok', reason: null }
      : { state: 'disabled', reason: 'It failed for too long without one success.' };
  }
  const what = `Since ${instant(failingSince)} not one of ${failures} attempts was accepted; the last came to ${lastFailure ?? 'an error'}.`;
  if (options.disabled !== null) return { state: 'disabled', reason: `${what} What waits goes once you enable it again.` };
  if (isWarnedOf(health.warnedAt, failingSince)) {
    return {
      state: 'failing',
      reason: `${what} Without a success it is disabled after ${instant(failingSince + options.disableAfterMs)}.`,
    };
  }
  if (health.breaker !== null) {
    return {
      state: 'failing',
      reason: `${what} Until one succeeds, only one is tried at a time; the next after ${instant(health.breaker.probeAt)}.`,
    };
  }
  return { state: 'ok', reason: what };
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
