/** The two environments: their cadence in force, dispatch-now, and what waits in them. */
import type { Environment, EnvironmentState, EnvironmentStore } from '../store.ts';
import { Conditions } from './conditions.ts';
import type { PostgresContext } from './context.ts';
import type { Transaction } from './database.ts';

interface EnvironmentRow {
  readonly cadence: string;
  readonly opened_at: number;
  readonly last_dispatch_at: number | null;
}

export async function environmentState(tx: Transaction, environment: Environment): Promise<EnvironmentState> {
  const row = await tx.get<EnvironmentRow>(
    'SELECT cadence, opened_at, last_dispatch_at FROM posthorn.environments WHERE name = $1',
    environment,
  );
  if (row === undefined) throw new TypeError(`no cadence was set for ${environment}: setCadence comes first`);
  return { environment, cadence: row.cadence, openedAt: row.opened_at, lastDispatchAt: row.last_dispatch_at };
}

export function postgresEnvironments(context: PostgresContext): EnvironmentStore {
  const { db, clock } = context;
  return {
    async get(environment) {
      return environmentState(db, environment);
    },
    async setCadence(environment, cadence, options) {
      await db.run(
        `INSERT INTO posthorn.environments (name, cadence) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET cadence = $2 WHERE environments.cadence <> $2 AND NOT $3`,
        environment,
        cadence,
        options?.unlessSet ?? false,
      );
      context.hint({ kind: 'work' });
    },
    async open(environment) {
      const now = await clock.now();
      const opened = await db.transaction(async (tx) => {
        await tx.run('UPDATE posthorn.environments SET opened_at = greatest(opened_at, $2) WHERE name = $1', environment, now);
        // The holders of its lanes scan again with the gate as it is now.
        const held = await tx.all<{ pk: number }>(
          `SELECT pk FROM posthorn.lanes WHERE holder IS NOT NULL AND enabled AND starts_with(cadence_group, $1)`,
          `${environment}:`,
        );
        return { state: await environmentState(tx, environment), held };
      });
      context.hint({ kind: 'work' }, ...opened.held.map(({ pk }) => ({ kind: 'endpoint' as const, lane: pk })));
      return opened.state;
    },
    async backlog(environment, application) {
      const where = new Conditions().add('l.environment = ? AND l.deleted_at IS NULL', environment);
      if (application !== null) where.add('l.application = (SELECT pk FROM posthorn.applications WHERE id = ?)', application);
      // Lane by lane over the queue's own index: a count never touches the table, and the oldest is the first of its lane.
      const row = await db.get<{ pending: number; oldest: number | null }>(
        `SELECT coalesce(sum(waiting.count), 0) AS pending, min(oldest.published_at) AS oldest
         FROM posthorn.endpoints l
         CROSS JOIN LATERAL (SELECT count(*) AS count FROM posthorn.pending p WHERE p.lane = l.pk) waiting
         LEFT JOIN LATERAL (
           SELECT p.published_at FROM posthorn.pending p WHERE p.lane >= l.pk AND p.lane <= l.pk ORDER BY p.lane, p.seq LIMIT 1
         ) oldest ON true
         WHERE ${where.sql}`,
        ...where.parameters,
      );
      return { pending: Number(row?.pending ?? 0), oldestPendingAt: row?.oldest ?? null };
    },
  };
}
