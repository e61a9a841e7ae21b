/** What a deleted endpoint still had waiting is canceled in steps, so that a backlog of millions holds nobody up. */
import type { PostgresContext } from './context.ts';

const STEP = 2_000;

/** Cancels what waits for the endpoint with this pk. Two that do it at once share the work. */
export async function cancelDeleted(
  context: PostgresContext,
  lane: number,
  reason: 'endpoint_deleted' | 'application_deleted',
): Promise<void> {
  for (;;) {
    const [, gone] = await context.db.batch([
      // What a dispatcher still settles of it comes before or after a step, never in the middle.
      { sql: 'SELECT FROM posthorn.lanes WHERE pk = $1 FOR NO KEY UPDATE', values: [lane] },
      {
        sql: `WITH gone AS (
                DELETE FROM posthorn.pending WHERE lane = $1 AND seq = ANY (ARRAY(SELECT seq FROM posthorn.pending WHERE lane >= $1 AND lane <= $1 ORDER BY lane, seq LIMIT ${STEP}))
                RETURNING application, environment, published_at, seq
              ), canceled AS (
                UPDATE posthorn.deliveries d SET problem = 'canceled', reason = $2 FROM gone
                WHERE d.application = gone.application AND d.environment = gone.environment AND d.published_at = gone.published_at AND d.seq = gone.seq
              )
              SELECT count(*)::integer AS count FROM gone`,
        values: [lane, reason],
      },
    ]);
    if (Number(gone?.[0]?.['count']) < STEP) return;
  }
}

/** Finishes the deletions that a crash interrupted. */
export async function resumeDeletions(context: PostgresContext): Promise<void> {
  const unfinished = await context.db.all<{ pk: number; of_application: boolean }>(
    `SELECT l.pk, a.deleted_at IS NOT NULL AS of_application
     FROM posthorn.lanes l JOIN posthorn.applications a ON a.pk = l.application
     WHERE l.deleted = 1 AND EXISTS (SELECT FROM posthorn.pending p WHERE p.lane = l.pk)`,
  );
  for (const { pk, of_application } of unfinished) {
    await cancelDeleted(context, pk, of_application ? 'application_deleted' : 'endpoint_deleted');
  }
}
