/** The figures of the whole database that metrics and the operator see. */
import type { BreakerState } from '@posthorn/core';
import { ENVIRONMENTS, type Figures } from '../store.ts';
import { oldestOf } from './backlog.ts';
import type { SqliteContext } from './context.ts';

export function figures({ db, now: clock }: SqliteContext): Figures {
  const now = clock();
  const count = (sql: string, ...parameters: number[]): number =>
    (db.get<{ n: number }>(`SELECT count(*) AS n FROM ${sql}`, ...parameters) ?? { n: 0 }).n;
  // A deleted endpoint's lane stays, and so does what was known of its breaker.
  const breaking = 'lanes l JOIN endpoints e ON e.pk = l.endpoint AND e.deleted_at IS NULL WHERE l.probe_at IS NOT NULL';
  const open = count(`${breaking} AND l.probe_at > ?`, now);
  const halfOpen = count(`${breaking} AND l.probe_at <= ?`, now);
  const all = count('endpoints WHERE deleted_at IS NULL');
  const breakers: Record<BreakerState, number> = { closed: Math.max(0, all - open - halfOpen), open, half_open: halfOpen };
  return {
    now,
    environments: ENVIRONMENTS.map((environment) => ({
      environment,
      oldestPendingAt:
        db.get<{ at: number | null }>(
          `SELECT ${oldestOf('e')} AS at FROM endpoints e WHERE e.environment = ? AND e.deleted_at IS NULL`,
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
