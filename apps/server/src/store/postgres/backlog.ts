/** What waits in an environment, or in one application of it. */
import type { EnvironmentStore } from '../store.ts';
import { Conditions } from './conditions.ts';
import type { PostgresContext } from './context.ts';

export function postgresBacklog({ db }: PostgresContext): EnvironmentStore['backlog'] {
  return async (environment, application) => {
    const where = new Conditions().add('e.environment = ? AND e.deleted_at IS NULL', environment);
    if (application !== null) where.add('e.application = (SELECT pk FROM posthorn.applications WHERE id = ?)', application);
    // Lane by lane over the queue's own index: a count never touches the table, and the oldest is the first of its lane.
    const row = await db.get<{ pending: number; oldest: number | null }>(
      `SELECT coalesce(sum(waiting.count), 0) AS pending, min(oldest.published_at) AS oldest
       FROM posthorn.endpoints e
       CROSS JOIN LATERAL (SELECT count(*) AS count FROM posthorn.pending p WHERE p.lane = e.pk) waiting
       LEFT JOIN LATERAL (
         SELECT p.published_at FROM posthorn.pending p WHERE p.lane >= e.pk AND p.lane <= e.pk ORDER BY p.lane, p.seq LIMIT 1
       ) oldest ON true
       WHERE ${where.sql}`,
      ...where.parameters,
    );
    return { pending: Number(row?.pending ?? 0), oldestPendingAt: row?.oldest ?? null };
  };
}
