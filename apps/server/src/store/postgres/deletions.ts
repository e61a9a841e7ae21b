/** Canceling what waits in the lanes of deleted endpoints: shared/deletions.ts says when. */
import type { DeletionReason, DeletionSteps, Deletions } from '../shared/deletions.ts';
import type { PostgresContext } from './context.ts';

/** Two that do it at once share the work. */
const CANCEL = `WITH gone AS (
    DELETE FROM posthorn.pending WHERE lane = $1 AND seq = ANY (ARRAY(SELECT seq FROM posthorn.pending WHERE lane >= $1 AND lane <= $1 ORDER BY lane, seq LIMIT $3))
    RETURNING application, environment, published_at, seq
  ), canceled AS (
    UPDATE posthorn.deliveries d SET problem = 'canceled', reason = $2 FROM gone
    WHERE d.application = gone.application AND d.environment = gone.environment AND d.published_at = gone.published_at AND d.seq = gone.seq
  )
  SELECT count(*)::integer AS count FROM gone`;

export function deletionSteps({ db }: Pick<PostgresContext, 'db'>): DeletionSteps {
  return {
    async cancel(lane, { reason, limit }) {
      const [, gone] = await db.batch([
        // What a dispatcher still settles of it comes before or after a step, never in the middle.
        { sql: 'SELECT FROM posthorn.lanes WHERE pk = $1 FOR NO KEY UPDATE', values: [lane] },
        { sql: CANCEL, values: [lane, reason, limit] },
      ]);
      return Number(gone?.[0]?.['count']);
    },
    rest: async () => {},
  };
}

/** Begins to finish the deletions that a process left undone. */
export async function resumeDeletions({ db }: Pick<PostgresContext, 'db'>, deletions: Deletions): Promise<void> {
  const unfinished = await db.all<{ pk: number; reason: DeletionReason }>(
    `SELECT l.pk, CASE WHEN a.deleted_at IS NULL THEN 'endpoint_deleted' ELSE 'application_deleted' END AS reason
     FROM posthorn.lanes l JOIN posthorn.applications a ON a.pk = l.application
     WHERE l.deleted = 1 AND EXISTS (SELECT FROM posthorn.pending p WHERE p.lane = l.pk)`,
  );
  for (const { pk, reason } of unfinished) deletions.resume(pk, reason);
}
