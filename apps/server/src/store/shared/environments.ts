/** The two environments: their cadence in force, dispatch-now, and what waits in them. */
import type { BreakerState } from '@posthorn/core';
import type { Census, EndpointStatus, Environment, EnvironmentState, EnvironmentStore } from '../store.ts';
import { recordChange } from './audit.ts';
import type { SharedContext } from './context.ts';
import { all, get, now, type Recipe, run } from './recipe.ts';

interface EnvironmentRow {
  readonly name: Environment;
  readonly cadence: string;
  readonly opened_at: number;
  readonly last_dispatch_at: number | null;
}

export function* environmentState(environment: Environment): Recipe<EnvironmentState> {
  const row = yield* get<EnvironmentRow>('SELECT * FROM environments WHERE name = ?', environment);
  if (row === undefined) throw new TypeError(`no cadence was set for ${environment}: setCadence comes first`);
  return { environment, cadence: row.cadence, openedAt: row.opened_at, lastDispatchAt: row.last_dispatch_at };
}

/** All but what waits, which each engine counts in its own way. */
export function environmentStore(context: SharedContext): Omit<EnvironmentStore, 'backlog'> {
  return {
    get: (environment) => context.read(() => environmentState(environment)),
    async setCadence(environment, cadence, options) {
      const insert = 'INSERT INTO environments (name, cadence) VALUES (?, ?) ON CONFLICT (name)';
      const unlessSet = options?.unlessSet === true;
      const otherwise = unlessSet
        ? 'DO NOTHING'
        : 'DO UPDATE SET cadence = excluded.cadence WHERE environments.cadence <> excluded.cadence';
      await context.read(() => run(`${insert} ${otherwise}`, environment, cadence));
      context.hint({ kind: 'work' });
    },
    async open(environment) {
      const opened = await context.transaction(function* () {
        const at = yield* now();
        yield* run('UPDATE environments SET opened_at = ? WHERE name = ? AND opened_at < ?', at, environment, at);
        yield* recordChange(context, {
          action: 'environment.dispatch',
          application: null,
          environment,
          target: { kind: 'environment', id: environment },
        });
        // The holders of its lanes scan again with the gate as it is now.
        const held = yield* all<{ pk: number }>(
          'SELECT pk FROM lanes WHERE holder IS NOT NULL AND cadence_group LIKE ?',
          `${environment}:%`,
        );
        return { state: yield* environmentState(environment), held };
      });
      context.hint({ kind: 'work' }, ...opened.held.map(({ pk }) => ({ kind: 'endpoint' as const, lane: pk })));
      return opened.state;
    },
    census: (environment) => context.read(() => census(environment)),
  };
}

function* census(environment: Environment): Recipe<Census> {
  const at = yield* now();
  const tenants = yield* get<{ n: number }>('SELECT count(*) AS n FROM applications WHERE deleted_at IS NULL');
  const counts = (yield* get<Record<'enabled' | 'paused' | 'disabled' | 'failing' | 'open' | 'half_open', number>>(
    `SELECT count(*) FILTER (WHERE e.status = 'enabled') AS enabled, count(*) FILTER (WHERE e.status = 'paused') AS paused,
       count(*) FILTER (WHERE e.status = 'disabled') AS disabled,
       count(*) FILTER (WHERE e.status = 'enabled' AND l.failing_since IS NOT NULL AND (l.probe_at IS NOT NULL OR l.warned_at IS NOT NULL)) AS failing,
       count(*) FILTER (WHERE l.probe_at > ?) AS open, count(*) FILTER (WHERE l.probe_at <= ?) AS half_open
     FROM endpoints e JOIN lanes l ON l.endpoint = e.pk WHERE e.environment = ? AND e.deleted_at IS NULL`,
    at,
    at,
    environment,
  )) as Record<EndpointStatus | 'failing' | Exclude<BreakerState, 'closed'>, number>;
  const { enabled, paused, disabled, failing, open, half_open } = counts;
  return {
    applications: tenants?.n ?? 0,
    endpoints: { enabled, paused, disabled, failing },
    breakers: { closed: enabled + paused + disabled - open - half_open, open, half_open },
  };
}
