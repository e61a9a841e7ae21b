/** Canceling what waits in the lanes of deleted endpoints: shared/deletions.ts says when. */
import type { DeletionReason, DeletionSteps, Deletions } from '../shared/deletions.ts';
import type { SqliteContext } from './context.ts';

export function deletionSteps({ db, soon }: Pick<SqliteContext, 'db' | 'soon'>): DeletionSteps {
  return {
    // A step that a power loss undoes is done again by the next start.
    async cancel(lane, { reason, limit }) {
      return db.relaxedTransaction(() =>
        db.run(
          `UPDATE deliveries SET status = 'canceled', reason = ?, by_hand = 0
           WHERE seq IN (SELECT seq FROM deliveries WHERE lane = ? AND status = 'pending' LIMIT ?)`,
          reason,
          lane,
          limit,
        ),
      );
    },
    rest: () => new Promise((resolve) => soon(resolve)),
  };
}

/** Begins to finish the deletions that a stop interrupted. */
export function resumeDeletions({ db }: Pick<SqliteContext, 'db'>, deletions: Deletions): void {
  const unfinished = db.all<{ pk: number; reason: DeletionReason }>(
    `SELECT e.pk, CASE WHEN a.deleted_at IS NULL THEN 'endpoint_deleted' ELSE 'application_deleted' END AS reason
     FROM endpoints e JOIN applications a ON a.pk = e.application
     WHERE e.deleted_at IS NOT NULL AND EXISTS (SELECT 1 FROM deliveries d WHERE d.lane = e.pk AND d.status = 'pending')`,
  );
  for (const { pk, reason } of unfinished) deletions.resume(pk, reason);
}
