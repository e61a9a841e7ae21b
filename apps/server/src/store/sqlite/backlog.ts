/** What waits in an environment, or in one application of it. */
import type { EnvironmentStore } from '../store.ts';
import type { SqliteContext } from './context.ts';

/** Later than any publish. */
const NEVER = Number.MAX_SAFE_INTEGER;

/**
 * The oldest publish that waits in any of `lanes`: two seeks a lane. Publish order is the order of the numbers, but for what was re-sent or made by hand, which
 * has an index of its own. Where one of those is the first by number, whatever stands behind it was published later, or is one of them.
 * @param lanes the name of rows with a lane's pk
 */
export const oldestOf = (lanes: string): string => `min(nullif(min(
    coalesce((SELECT d.published_at FROM deliveries d INDEXED BY deliveries_pending
      WHERE d.lane = ${lanes}.pk AND d.status = 'pending' ORDER BY d.seq LIMIT 1), ${NEVER}),
    coalesce((SELECT d.published_at FROM deliveries d INDEXED BY deliveries_late_age
      WHERE d.lane = ${lanes}.pk AND d.status = 'pending' AND d.late = 1 ORDER BY d.published_at LIMIT 1), ${NEVER})), ${NEVER}))`;

export function sqliteBacklog({ db }: SqliteContext): EnvironmentStore['backlog'] {
  return async (environment, application) => {
    // Lane by lane over the partial index of what is pending: measured in docs/decisions for a million.
    const lanes =
      application === null
        ? `SELECT pk FROM endpoints WHERE environment = ?1 AND deleted_at IS NULL`
        : `SELECT pk FROM endpoints WHERE environment = ?1 AND deleted_at IS NULL AND application = (SELECT pk FROM applications WHERE id = ?2)`;
    const parameters = application === null ? [environment] : [environment, application];
    return db.get<{ pending: number; oldestPendingAt: number | null }>(
      `WITH lane AS (${lanes})
       SELECT
         (SELECT count(*) FROM lane JOIN deliveries d INDEXED BY deliveries_pending ON d.lane = lane.pk AND d.status = 'pending') AS pending,
         (SELECT ${oldestOf('lane')} FROM lane) AS oldestPendingAt`,
      ...parameters,
    ) as { pending: number; oldestPendingAt: number | null };
  };
}
