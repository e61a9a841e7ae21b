/** What a deleted endpoint still had waiting is canceled in steps, so that a backlog of millions holds nobody up. */
import type { SqliteContext } from './context.ts';

const STEP = 2_000;

/** Cancels what waits for the endpoint with this pk; the loop runs on between the steps. */
export async function cancelDeleted(
  context: SqliteContext,
  endpoint: number,
  reason: 'endpoint_deleted' | 'application_deleted',
): Promise<void> {
  for (;;) {
    const changed = context.db.transaction(() =>
      context.db.run(
        `UPDATE deliveries SET status = 'canceled', reason = ?, by_hand = 0
         WHERE seq IN (SELECT seq FROM deliveries WHERE lane = ? AND status = 'pending' LIMIT ${STEP})`,
        reason,
        endpoint,
      ),
    );
    if (changed < STEP) return;
    await new Promise<void>((resolve) => context.soon(resolve));
  }
}

/** Finishes the deletions that a crash interrupted. */
export async function resumeDeletions(context: SqliteContext): Promise<void> {
  const unfinished = context.db.all<{ pk: number; application_deleted: number }>(
    `SELECT e.pk, a.deleted_at IS NOT NULL AS application_deleted
     FROM endpoints e JOIN applications a ON a.pk = e.application
     WHERE e.deleted_at IS NOT NULL AND EXISTS (SELECT 1 FROM deliveries d WHERE d.lane = e.pk AND d.status = 'pending')`,
  );
  for (const { pk, application_deleted } of unfinished) {
    await cancelDeleted(context, pk, application_deleted === 1 ? 'application_deleted' : 'endpoint_deleted');
  }
}
