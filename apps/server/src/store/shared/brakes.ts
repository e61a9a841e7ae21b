/** The brake: the environment, or one application in it. A braked lane is not enabled, so no lease finds it. */
import type { ApplicationId } from '@posthorn/core';
import type { BrakeStore, Brakes, Environment } from '../store.ts';
import { recordChange } from './audit.ts';
import type { SharedContext } from './context.ts';
import { all, exists, get, now, type Recipe, run, type SqlValue } from './recipe.ts';

const WHOLE = 0;

/** Whether nothing may leave for an endpoint `e`. */
export const BRAKED = 'EXISTS (SELECT 1 FROM brakes b WHERE b.environment = e.environment AND b.application IN (0, e.application))';

/** Lanes follow their endpoint's status and its brakes. @param endpoints a condition on endpoints `e` */
export function* enableLanes(endpoints: string, ...parameters: readonly SqlValue[]): Recipe<void> {
  yield* run(
    `UPDATE lanes SET enabled = (
       SELECT CASE WHEN e.status = 'enabled' AND e.deleted_at IS NULL AND NOT ${BRAKED} THEN 1 ELSE 0 END FROM endpoints e WHERE e.pk = lanes.endpoint)
     WHERE endpoint IN (SELECT e.pk FROM endpoints e WHERE ${endpoints})`,
    ...parameters,
  );
}

export function* isBraked(environment: Environment, application: number): Recipe<boolean> {
  return yield* exists('SELECT 1 AS one FROM brakes WHERE environment = ? AND application IN (0, ?) LIMIT 1', environment, application);
}

export function brakeStore(context: SharedContext): BrakeStore {
  function* record(action: 'brake.pause' | 'brake.resume', environment: Environment, application: ApplicationId | null): Recipe<void> {
    const target = application === null ? { kind: 'environment', id: environment } : { kind: 'application', id: application };
    yield* recordChange(context, { action, application, environment, target });
  }

  /** @returns false: there is no such application */
  async function change(
    environment: Environment,
    application: ApplicationId | null,
    brake: (pk: number) => Recipe<void>,
  ): Promise<boolean> {
    const held = await context.transaction(function* () {
      const pk =
        application === null
          ? WHOLE
          : (yield* get<{ pk: number }>('SELECT pk FROM applications WHERE id = ? AND deleted_at IS NULL', application))?.pk;
      if (pk === undefined) return null;
      yield* brake(pk);
      const scope = 'e.environment = ? AND e.deleted_at IS NULL AND (? = 0 OR e.application = ?)';
      const parameters = [environment, pk, pk];
      yield* context.lanes.lock(application === null ? { environment } : { application: pk });
      yield* enableLanes(scope, ...parameters);
      const lanes = `SELECT l.pk FROM lanes l JOIN endpoints e ON e.pk = l.endpoint WHERE l.holder IS NOT NULL AND ${scope}`;
      return yield* all<{ pk: number }>(lanes, ...parameters);
    });
    context.hint(...(held ?? []).map(({ pk }) => ({ kind: 'endpoint' as const, lane: pk })), { kind: 'work' });
    return held !== null;
  }

  return {
    async pause(environment, application) {
      return change(environment, application, function* (pk) {
        const insert = 'INSERT INTO brakes (environment, application, paused_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING';
        if ((yield* run(insert, environment, pk, yield* now())) === 1) yield* record('brake.pause', environment, application);
      });
    },
    async resume(environment, application) {
      return change(environment, application, function* (pk) {
        const removed = yield* run('DELETE FROM brakes WHERE environment = ? AND application = ?', environment, pk);
        if (removed === 1) yield* record('brake.resume', environment, application);
      });
    },
    get(environment) {
      return context.read(function* (): Recipe<Brakes> {
        const whole = yield* get<{ paused_at: number }>(
          'SELECT paused_at FROM brakes WHERE environment = ? AND application = 0',
          environment,
        );
        const applications = yield* all<{ id: ApplicationId; paused_at: number }>(
          `SELECT a.id, b.paused_at FROM brakes b JOIN applications a ON a.pk = b.application
           WHERE b.environment = ? AND a.deleted_at IS NULL ORDER BY b.paused_at DESC, a.pk DESC`,
          environment,
        );
        return {
          pausedAt: whole?.paused_at ?? null,
          applications: applications.map(({ id, paused_at }) => ({ application: id, pausedAt: paused_at })),
        };
      });
    },
  };
}
