/** Why not yet? What a pending delivery waits for, until when, and behind which delivery. */

export const WAITING_REASONS = ['gate', 'key', 'breaker', 'rate', 'paused', 'disabled', 'retry'] as const;
export type WaitingReason = (typeof WAITING_REASONS)[number];

export interface Waiting {
  readonly reason: WaitingReason;
  /** Epoch milliseconds; null when no instant is known (a person has to act, or another delivery has to end). */
  readonly until: number | null;
  /** The id of the delivery whose end is awaited, for `key`. */
  readonly behind: string | null;
}

export interface WaitingFacts {
  readonly now: number;
  readonly endpointStatus: 'enabled' | 'paused' | 'disabled';
  /** The environment or application is stopped by the operator's brake. */
  readonly braked: boolean;
  /** The earlier pending delivery of the same ordering key, if any. */
  readonly behind: string | null;
  /** The lane's floor (Retry-After, breaker, rate) and what set it; null when there is none. */
  readonly floor: { readonly reason: 'breaker' | 'rate' | 'retry'; readonly until: number } | null;
  readonly publishedAt: number;
  /** When the retry is due; null while the first attempt waits for its gate. */
  readonly dueAt: number | null;
  readonly byHand: boolean;
  /** The latest instant whose first attempts may go now. */
  readonly gate: number;
  /** The first tick at or after the publish. */
  readonly nextTick: number;
}

/**
 * The one reason that holds a pending delivery back, the most stubborn first: what only a person can change, then what
 * another delivery must do, then instants. Null when nothing does: it is due, or on its way.
 */
export function whyNotYet(facts: WaitingFacts): Waiting | null {
  if (facts.endpointStatus === 'disabled') return { reason: 'disabled', until: null, behind: null };
  if (facts.endpointStatus === 'paused' || facts.braked) return { reason: 'paused', until: null, behind: null };
  if (facts.behind !== null) return { reason: 'key', until: null, behind: facts.behind };
  // What was asked for by hand waits for its key only: neither gate nor floor nor schedule hold it.
  if (facts.byHand) return null;
  if (facts.dueAt === null && facts.publishedAt > facts.gate) {
    return { reason: 'gate', until: Math.max(facts.nextTick, facts.floor?.until ?? 0), behind: null };
  }
  const due = facts.dueAt ?? 0;
  const floor = facts.floor !== null && facts.floor.until > facts.now ? facts.floor : null;
  if (floor !== null && floor.until >= due) return { reason: floor.reason, until: floor.until, behind: null };
  if (due > facts.now) return { reason: 'retry', until: due, behind: null };
  return null;
}
