/**
 * The rate limit of a lane, by the generic cell rate algorithm (ITU-T I.371): one number, the theoretical arrival time of the
 * next request, holds everything, so it fits in the lane's row and outlives leases.
 */

/** Requests that may go together after a pause: a tenth of a second's worth, at least one. */
function burst(perSecond: number): number {
  return Math.max(1, Math.floor(perSecond / 10));
}

/**
 * The earliest instant of the next request, epoch milliseconds (it may lie in the past).
 * @param rateAt the lane's theoretical arrival time
 */
export function rateAllowsAt(perSecond: number, rateAt: number): number {
  return rateAt - ((burst(perSecond) - 1) * 1000) / perSecond;
}

/** The theoretical arrival time after a request that starts at `now`. */
export function rateAfter(perSecond: number, rateAt: number, options: { readonly now: number }): number {
  return Math.max(options.now, rateAt) + 1000 / perSecond;
}
