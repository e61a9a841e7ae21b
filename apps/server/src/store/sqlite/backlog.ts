/** What waits in an environment, or in one application of it. */
import type { EnvironmentStore } from '../store.ts';
import type { SqliteContext } from './context.ts';

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
         (SELECT min((SELECT d.published_at FROM deliveries d WHERE d.lane = lane.pk AND d.status = 'pending' ORDER BY d.seq LIMIT 1)) FROM lane)
           AS oldestPendingAt`,
      ...parameters,
    ) as { pending: number; oldestPendingAt: number | null };
  };
}
