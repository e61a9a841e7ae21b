/** What the keeper does in steps. */
import type { UpkeepStore } from '../store.ts';
import type { PostgresContext } from './context.ts';
import { expire } from './expiry.ts';
import { prune } from './prune.ts';
import { foldStats } from './stats.ts';

export function postgresUpkeep(context: PostgresContext): UpkeepStore {
  return {
    async expire(request) {
      const step = await expire(context, request);
      if (step.expired > 0) context.hint({ kind: 'work' }, { kind: 'notice' });
      return step;
    },
    prune: (request) => prune(context, request),
    foldStats: (limit) => foldStats(context, limit),
  };
}
