/** Moves what settles have counted into the buckets of minutes, hours and days. */
import type { Chore, ChoreContext } from './keeper.ts';
import { Pace } from './pace.ts';

export function statisticsChore({ store, clock, lookMs }: ChoreContext): Chore {
  const pace = new Pace(clock);
  return {
    name: 'statistics',
    async step() {
      const more = await pace.step((limit) => store.upkeep.foldStats(limit));
      // Reading adds up what is not in its bucket yet, so this may take its time: what waits longer is moved in fewer statements.
      return { rows: 0, nextMs: more ? pace.tookMs : lookMs };
    },
  };
}
