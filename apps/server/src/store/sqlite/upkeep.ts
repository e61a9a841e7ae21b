/** What the keeper does in steps, each of them one transaction. A step that a power loss undoes is done again. */
import type { UpkeepStore } from '../store.ts';
import type { SqliteContext } from './context.ts';
import { expire } from './expiry.ts';
import { prune } from './prune.ts';
import { foldStats } from './stats.ts';

export function sqliteUpkeep(context: SqliteContext): UpkeepStore {
  const { db } = context;
  return {
    async expire(request) {
      const step = db.relaxedTransaction(() => expire(context, request));
      if (step.expired > 0) {
        context.hint({ kind: 'work' });
        context.hint({ kind: 'notice' });
      }
      return step;
    },
    async prune(request) {
      return db.relaxedTransaction(() => prune(context, request));
    },
    async foldStats(limit) {
      return db.relaxedTransaction(() => foldStats(context, limit));
    },
  };
}
