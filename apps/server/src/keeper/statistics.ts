/** Moves what settles have counted into the buckets of minutes, hours and days. */
import type { Chore, ChoreContext } from './keeper.ts';
import { Pace } from './pace.ts';

/** Reading adds up what is not in its bucket yet, so this may take its time: what waits longer is moved in fewer statements. */
const EVERY_MS = 5_000;

export function statisticsChore({ store, clock }: ChoreContext): Chore {
  const pace = new Pace(clock);
  return {
    name: 'statistics',
    async step() {
      const more = await pace.step((limit) => store.upkeep.foldStats(limit));
      return { rows: 0, nextMs: more ? pace.tookMs : EVERY_MS };
    },
  };
}
