/** The figures of the whole database that metrics and the operator see. */
import { ENVIRONMENTS, type Environment, type Figures } from '../store.ts';
import { OLDEST_AT, OLDEST_OF_LANE } from './backlog.ts';
import type { PostgresContext } from './context.ts';

// A deleted endpoint's lane stays, and so does what was known of its breaker.
const COUNTS = `SELECT
  (SELECT count(*) FROM posthorn.lanes WHERE deleted = 0 AND probe_at IS NOT NULL AND probe_at > $1) AS open,
  (SELECT count(*) FROM posthorn.lanes WHERE deleted = 0 AND probe_at IS NOT NULL AND probe_at <= $1) AS half_open,
  (SELECT count(*) FROM posthorn.endpoints WHERE deleted_at IS NULL) AS endpoints,
  (SELECT count(*) FROM posthorn.lanes WHERE holder IS NOT NULL) AS leased,
  (SELECT count(*) FROM posthorn.notices WHERE handled_at IS NULL) AS notices,
  (SELECT count(*) FROM posthorn.jobs WHERE ended_at IS NULL) AS jobs,
  (SELECT count(*) FROM posthorn.outbox) AS waiting,
  (SELECT count(*) FROM posthorn.outbox_refused) AS refused`;

const OLDEST = `SELECT e.environment, ${OLDEST_AT} AS at
  FROM posthorn.endpoints e ${OLDEST_OF_LANE}
  WHERE e.deleted_at IS NULL GROUP BY e.environment`;

export async function figures({ db, clock }: PostgresContext): Promise<Figures> {
  const now = await clock.now();
  const [counts = [], oldest = []] = await db.batch([{ sql: COUNTS, values: [now] }, { sql: OLDEST }]);
  const [row] = counts as Record<'open' | 'half_open' | 'endpoints' | 'leased' | 'notices' | 'jobs' | 'waiting' | 'refused', number>[];
  if (row === undefined) throw new TypeError('counting gave no row');
  const instants = new Map(oldest.map((each) => [each['environment'] as Environment, each['at'] as number]));
  return {
    now,
    environments: ENVIRONMENTS.map((environment) => ({ environment, oldestPendingAt: instants.get(environment) ?? null })),
    breakers: { closed: Math.max(0, row.endpoints - row.open - row.half_open), open: row.open, half_open: row.half_open },
    lanesLeased: row.leased,
    noticesWaiting: row.notices,
    jobsUnfinished: row.jobs,
    outbox: { waiting: row.waiting, refused: row.refused },
  };
}
