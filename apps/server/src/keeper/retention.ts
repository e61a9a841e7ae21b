/** Removes what is older than it is kept. */
import { ROLLUPS } from '@posthorn/core';
import type { Chore, ChoreContext } from './keeper.ts';
import { Pace } from './pace.ts';

/** A pass is made this often within the time that things are kept, at the most and at the least. */
const PASSES = 24;
const LEAST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 3_600_000;

export function retentionChore({ store, clock, retentionMs, log }: ChoreContext): Chore {
  const pace = new Pace(clock);
  const pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(LEAST_PAUSE_MS, retentionMs / PASSES));
  let cursor: string | null = null;
  let removed = 0;
  return {
    name: 'retention',
    async step() {
      const now = await store.now();
      const rollups = new Map(ROLLUPS.map(({ widthMs, keepMs }) => [widthMs, now - keepMs]));
      const step = await pace.step((limit) => store.upkeep.prune({ before: now - retentionMs, rollups, cursor, limit }));
      cursor = step.cursor;
      removed += step.removed;
      if (cursor !== null) return { rows: step.removed, nextMs: pace.tookMs };
      if (removed > 0) log.info({ rows: removed }, 'what was older than it is kept was removed');
      removed = 0;
      return { rows: step.removed, nextMs: pauseMs };
    },
  };
}
