/** What waits in an environment, or in one application of it. */
import type { EnvironmentStore } from '../store.ts';
import { Conditions } from './conditions.ts';
import type { PostgresContext } from './context.ts';

/**
 * The oldest publish that waits in the lane of each endpoint `e`: two seeks a lane. Publish order is the order of the numbers, but for what was re-sent or made
 * by hand, which has an index of its own. Where one of those is the first by number, whatever stands behind it was published later, or is one of them. Ranges of
 * one lane: see scan.ts.
 */
export const OLDEST_OF_LANE = `LEFT JOIN LATERAL (
    SELECT p.published_at FROM posthorn.pending p WHERE p.lane >= e.pk AND p.lane <= e.pk ORDER BY p.lane, p.seq LIMIT 1
  ) head ON true LEFT JOIN LATERAL (
    SELECT p.published_at FROM posthorn.pending p WHERE p.lane >= e.pk AND p.lane <= e.pk AND p.late ORDER BY p.lane, p.published_at LIMIT 1
  ) late ON head.published_at IS NOT NULL`;
/** Of all those lanes. */
export const OLDEST_AT = 'min(least(head.published_at, late.published_at))';

export function postgresBacklog({ db }: PostgresContext): EnvironmentStore['backlog'] {
  return async (environment, application) => {
    const where = new Conditions().add('e.environment = ? AND e.deleted_at IS NULL', environment);
    if (application !== null) where.add('e.application = (SELECT pk FROM posthorn.applications WHERE id = ?)', application);
    // Lane by lane over the queue's own index: a count never touches the table.
    const row = await db.get<{ pending: number; oldest: number | null }>(
      `SELECT coalesce(sum(waiting.count), 0) AS pending, ${OLDEST_AT} AS oldest
       FROM posthorn.endpoints e
       CROSS JOIN LATERAL (SELECT count(*) AS count FROM posthorn.pending p WHERE p.lane = e.pk) waiting
       ${OLDEST_OF_LANE}
       WHERE ${where.sql}`,
      ...where.parameters,
    );
    return { pending: Number(row?.pending ?? 0), oldestPendingAt: row?.oldest ?? null };
  };
}
