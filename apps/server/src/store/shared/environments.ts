/** The two environments: their cadence in force, dispatch-now, and what waits in them. */
import type { BreakerState } from '@posthorn/core';
import { cadenceChanges } from '../audit.ts';
import type { CadenceAtStart, Census, EndpointStatus, Environment, EnvironmentState, EnvironmentStore } from '../store.ts';
import { recordChange } from './audit.ts';
import type { SharedContext } from './context.ts';
import { all, get, now, type Recipe, run } from './recipe.ts';

interface EnvironmentRow {
  readonly name: Environment;
  readonly cadence: string;
  readonly cadence_at_start: string | null;
  readonly cadence_changed_at: number | null;
  readonly opened_at: number;
  readonly last_dispatch_at: number | null;
}

function find(environment: Environment): Recipe<EnvironmentRow | undefined> {
  return get<EnvironmentRow>(
    'SELECT name, cadence, cadence_at_start, cadence_changed_at, opened_at, last_dispatch_at FROM environments WHERE name = ?',
    environment,
  );
}

export function* environmentState(environment: Environment): Recipe<EnvironmentState> {
  const row = yield* find(environment);
  if (row === undefined) throw new TypeError(`no cadence was set for ${environment}: setCadence comes first`);
  return {
    environment,
    cadence: row.cadence,
    cadenceAtStart: row.cadence_at_start,
    cadenceChangedAt: row.cadence_changed_at,
    openedAt: row.opened_at,
    lastDispatchAt: row.last_dispatch_at,
  };
}

/** All but what waits, which each engine counts in its own way. */
export function environmentStore(context: SharedContext): Omit<EnvironmentStore, 'backlog'> {
  return {
    get: (environment) => context.read(() => environmentState(environment)),
    async setCadence(environment, cadence) {
      const state = await context.transaction(function* () {
        const before = yield* find(environment);
        yield* run(
          `INSERT INTO environments (name, cadence, cadence_changed_at) VALUES (?, ?, ?)
           ON CONFLICT (name) DO UPDATE SET cadence = excluded.cadence, cadence_changed_at = excluded.cadence_changed_at`,
          environment,
          cadence,
          yield* now(),
        );
        yield* recordChange(context, {
          action: 'environment.update',
          application: null,
          environment,
          target: { kind: 'environment', id: environment },
          changes: cadenceChanges(before?.cadence ?? null, cadence),
        });
        return yield* environmentState(environment);
      });
      context.hint({ kind: 'work' });
      return state;
    },
    async startCadence(environment, start) {
      await context.read(() => startCadence(environment, start));
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

/** One statement, so that processes which start at the same time need not wait for each other. */
function startCadence(environment: Environment, { given, byDefault, alone }: CadenceAtStart): Recipe<number> {
  const kept = given === null ? (alone ? 'environments.cadence_changed_at IS NOT NULL' : 'TRUE') : 'FALSE';
  return run(
    `INSERT INTO environments (name, cadence, cadence_at_start) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET
       cadence = CASE WHEN ${kept} THEN environments.cadence ELSE excluded.cadence END,
       cadence_changed_at = CASE WHEN ${kept} THEN environments.cadence_changed_at ELSE NULL END,
       cadence_at_start = excluded.cadence_at_start`,
    environment,
    given ?? byDefault,
    given,
  );
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
