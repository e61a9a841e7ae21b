/** The figures of the whole database that metrics and the operator see. */
import type { BreakerState } from '@posthorn/core';
import { ENVIRONMENTS, type Figures } from '../store.ts';
import type { SqliteContext } from './context.ts';

export function figures({ db, now: clock }: SqliteContext): Figures {
  const now = clock();
  const count = (sql: string, ...parameters: number[]): number =>
    (db.get<{ n: number }>(`SELECT count(*) AS n FROM ${sql}`, ...parameters) ?? { n: 0 }).n;
  const open = count('lanes WHERE probe_at IS NOT NULL AND probe_at > ?', now);
  const halfOpen = count('lanes WHERE probe_at IS NOT NULL AND probe_at <= ?', now);
  const all = count('endpoints WHERE deleted_at IS NULL');
  const breakers: Record<BreakerState, number> = { closed: Math.max(0, all - open - halfOpen), open, half_open: halfOpen };
  return {
    now,
    environments: ENVIRONMENTS.map((environment) => ({
      environment,
      // Lane by lane over the partial index of what is pending: one seek each.
      oldestPendingAt:
        db.get<{ at: number | null }>(
          `SELECT min((SELECT d.published_at FROM deliveries d WHERE d.lane = e.pk AND d.status = 'pending' ORDER BY d.seq LIMIT 1)) AS at
           FROM endpoints e WHERE e.environment = ? AND e.deleted_at IS NULL`,
          environment,
        )?.at ?? null,
    })),
    breakers,
    lanesLeased: count('lanes WHERE holder IS NOT NULL'),
    noticesWaiting: count('notices WHERE handled_at IS NULL'),
    outbox: { waiting: 0, refused: 0 },
    jobsUnfinished: count('jobs WHERE ended_at IS NULL'),
  };
}
