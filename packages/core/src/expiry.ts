/**
 * When what waits has waited too long: 7 days after its publish, or after it was sent again by hand, a pending delivery has failed (`expired`). So
 * nothing stays forever, and an endpoint that comes back is not flooded with last month; `recover` sends it again all the same.
 */
import { type Cadence, gate } from './cadence.ts';

const DAY_MS = 24 * 3_600_000;
/** CONTRACT §2. */
export const EXPIRY_MS = 7 * DAY_MS;
/** Under a cadence that ticks once a month a first attempt waits longer than 7 days, and is nobody's fault: it has this long from its tick on. */
const AFTER_TICK_MS = 6 * DAY_MS;

/**
 * Pending deliveries published at or before this instant, and never sent again by hand, have expired. Where the first tick comes within a day of the
 * publish this is 7 days ago, to the millisecond.
 *
 * @param cadence the one in force for their lane
 * @param now epoch milliseconds
 * @returns -Infinity where none has
 */
export function expiryHorizon(cadence: Cadence, now: number): number {
  return Math.min(now - EXPIRY_MS, gate(cadence, now - AFTER_TICK_MS));
}
