/** Ends what has waited for too long, lane by lane, and sleeps until the next may have. */
import { EXPIRY_MS, expiryHorizon } from '@posthorn/core';
import { storedCadence } from '../store/cadences.ts';
import type { Chore, ChoreContext } from './keeper.ts';
import { Pace } from './pace.ts';

/** Where something expires every second, a look at all lanes for each would cost more than it tells. */
const LEAST_PAUSE_MS = 10_000;
/** Its instant has passed, but its cadence has not let it go yet. */
const OVERDUE_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 3_600_000;

export function expiryChore({ store, clock, log }: ChoreContext): Chore {
  const pace = new Pace(clock);
  let cursor: string | null = null;
  let oldest: number | null = null;
  let expired = 0;
  return {
    name: 'expiry',
    async step() {
      const { now, groups } = await store.lanes.outlook();
      const horizons = new Map(groups.map(({ group, cadence }) => [group, expiryHorizon(storedCadence(cadence), now)]));
      const step = await pace.step((limit) => store.upkeep.expire({ horizons, revived: now - EXPIRY_MS, cursor, limit }));
      cursor = step.cursor;
      expired += step.expired;
      if (step.oldest !== null) oldest = Math.min(oldest ?? step.oldest, step.oldest);
      if (cursor !== null) return { rows: step.expired, nextMs: pace.tookMs };
      const nextMs = pauseUntil(oldest, now);
      if (expired > 0) log.info({ deliveries: expired }, 'deliveries expired');
      oldest = null;
      expired = 0;
      return { rows: step.expired, nextMs };
    },
  };
}

/** @param oldest since when the oldest waits that is left; null: nothing waits */
function pauseUntil(oldest: number | null, now: number): number {
  if (oldest === null) return LONGEST_PAUSE_MS;
  const untilNext = oldest + EXPIRY_MS - now;
  return untilNext <= 0 ? OVERDUE_PAUSE_MS : Math.min(Math.max(untilNext, LEAST_PAUSE_MS), LONGEST_PAUSE_MS);
}
