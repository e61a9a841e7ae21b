/**
 * The rate limit of a lane, by the generic cell rate algorithm (ITU-T I.371): one number, the theoretical arrival time of the
 * next request, holds everything, so it fits in the lane's row and outlives leases.
 */

/** Requests that may go together after a pause: a tenth of a second's worth, at least one. */
function burst(perSecond: number): number {
  return Math.max(1, Math.floor(perSecond / 10));
}

/**
 * A clock that ran on never leaves the arrival time more than a burst ahead. What lies farther was reckoned before the clock was set back, and
 * would hold the lane until the clock has caught up: it counts as free.
 */
function believable(perSecond: number, rateAt: number, now: number): number {
  return rateAt > now + ((burst(perSecond) + 1) * 1000) / perSecond ? now : rateAt;
}

/**
 * The earliest instant of the next request, epoch milliseconds (it may lie in the past).
 * @param rateAt the lane's theoretical arrival time
 */
export function rateAllowsAt(perSecond: number, rateAt: number, { now }: { readonly now: number }): number {
  return believable(perSecond, rateAt, now) - ((burst(perSecond) - 1) * 1000) / perSecond;
}

/** The theoretical arrival time after a request that starts at `now`. */
export function rateAfter(perSecond: number, rateAt: number, { now }: { readonly now: number }): number {
  return Math.max(now, believable(perSecond, rateAt, now)) + 1000 / perSecond;
}
