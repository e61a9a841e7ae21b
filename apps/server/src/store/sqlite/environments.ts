/** The two environments: their cadence in force, dispatch-now, and what waits in them. */
import type { Census, Environment, EnvironmentState, EnvironmentStore } from '../store.ts';
import { recordChange } from './audit.ts';
import type { SqliteContext } from './context.ts';

interface EnvironmentRow {
  readonly name: Environment;
  readonly cadence: string;
  readonly opened_at: number;
  readonly last_dispatch_at: number | null;
}

export function environmentState({ db }: SqliteContext, environment: Environment): EnvironmentState {
  const row = db.get<EnvironmentRow>('SELECT * FROM environments WHERE name = ?', environment);
  if (row === undefined) throw new TypeError(`no cadence was set for ${environment}: setCadence comes first`);
  return { environment, cadence: row.cadence, openedAt: row.opened_at, lastDispatchAt: row.last_dispatch_at };
}

export function sqliteEnvironments(context: SqliteContext): EnvironmentStore {
  const { db } = context;
  return {
    async get(environment) {
      return environmentState(context, environment);
    },
    async setCadence(environment, cadence) {
      db.run(
        'INSERT INTO environments (name, cadence) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET cadence = ?2 WHERE cadence <> ?2',
        environment,
        cadence,
      );
      context.hint({ kind: 'work' });
    },
    async open(environment) {
      const now = context.now();
      const opened = db.transaction(() => {
        db.run('UPDATE environments SET opened_at = max(opened_at, ?) WHERE name = ?', now, environment);
        recordChange(context, {
          action: 'environment.dispatch',
          application: null,
          environment,
          target: { kind: 'environment', id: environment },
        });
        // The holders of its lanes scan again with the gate as it is now.
        const held = db.all<{ pk: number }>(`SELECT pk FROM lanes WHERE holder IS NOT NULL AND cadence_group GLOB ? || ':*'`, environment);
        return { state: environmentState(context, environment), held };
      });
      context.hint({ kind: 'work' });
      for (const { pk } of opened.held) context.hint({ kind: 'endpoint', lane: pk });
      return opened.state;
    },
    async census(environment) {
      return census(context, environment);
    },
    async backlog(environment, application) {
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
    },
  };
}

function census({ db, now }: SqliteContext, environment: Environment): Census {
  const { applications } = db.get<{ applications: number }>(
    'SELECT count(*) AS applications FROM applications WHERE deleted_at IS NULL',
  ) as {
    applications: number;
  };
  const counts = db.get<Record<'enabled' | 'paused' | 'disabled' | 'failing' | 'open' | 'half_open', number>>(
    `SELECT count(*) FILTER (WHERE e.status = 'enabled') AS enabled, count(*) FILTER (WHERE e.status = 'paused') AS paused,
       count(*) FILTER (WHERE e.status = 'disabled') AS disabled,
       count(*) FILTER (WHERE e.status = 'enabled' AND l.failing_since IS NOT NULL AND (l.probe_at IS NOT NULL OR l.warned_at IS NOT NULL)) AS failing,
       count(*) FILTER (WHERE l.probe_at > ?1) AS open, count(*) FILTER (WHERE l.probe_at <= ?1) AS half_open
     FROM endpoints e JOIN lanes l ON l.endpoint = e.pk WHERE e.environment = ?2 AND e.deleted_at IS NULL`,
    now(),
    environment,
  ) as Record<'enabled' | 'paused' | 'disabled' | 'failing' | 'open' | 'half_open', number>;
  const { enabled, paused, disabled, failing, open, half_open } = counts;
  return {
    applications,
    endpoints: { enabled, paused, disabled, failing },
    breakers: { closed: enabled + paused + disabled - open - half_open, open, half_open },
  };
}
