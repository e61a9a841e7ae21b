/** The brake: the environment, or one application in it. A braked lane is not enabled, so no lease finds it. */
import type { ApplicationId } from '@posthorn/core';
import type { BrakeStore, Brakes, Environment } from '../store.ts';
import { recordChange } from './audit.ts';
import type { SqliteContext } from './context.ts';

const WHOLE = 0;

/** Whether nothing may leave for an endpoint `e`. */
const BRAKED = 'EXISTS (SELECT 1 FROM brakes b WHERE b.environment = e.environment AND b.application IN (0, e.application))';

/** Lanes follow their endpoint's status and its brakes. @param endpoints a condition on endpoints `e` */
export function enableLanes({ db }: SqliteContext, endpoints: string, ...parameters: (string | number)[]): void {
  db.run(
    `UPDATE lanes SET enabled = (SELECT e.status = 'enabled' AND e.deleted_at IS NULL AND NOT ${BRAKED} FROM endpoints e WHERE e.pk = lanes.endpoint)
     WHERE endpoint IN (SELECT e.pk FROM endpoints e WHERE ${endpoints})`,
    ...parameters,
  );
}

export function isBraked({ db }: SqliteContext, environment: Environment, application: number): boolean {
  return db.get('SELECT 1 FROM brakes WHERE environment = ? AND application IN (0, ?) LIMIT 1', environment, application) !== undefined;
}

export function sqliteBrakes(context: SqliteContext): BrakeStore {
  const { db } = context;

  function record(action: 'brake.pause' | 'brake.resume', environment: Environment, application: ApplicationId | null): void {
    const target = application === null ? { kind: 'environment', id: environment } : { kind: 'application', id: application };
    recordChange(context, { action, application, environment, target });
  }

  /** @returns false: there is no such application */
  function change(environment: Environment, application: ApplicationId | null, brake: (pk: number) => void): boolean {
    const held = db.transaction(() => {
      const pk =
        application === null
          ? WHOLE
          : db.get<{ pk: number }>('SELECT pk FROM applications WHERE id = ? AND deleted_at IS NULL', application)?.pk;
      if (pk === undefined) return null;
      brake(pk);
      const scope = 'e.environment = ?1 AND e.deleted_at IS NULL AND (?2 = 0 OR e.application = ?2)';
      enableLanes(context, scope, environment, pk);
      return db.all<{ pk: number }>(
        `SELECT l.pk FROM lanes l JOIN endpoints e ON e.pk = l.endpoint WHERE l.holder IS NOT NULL AND ${scope}`,
        environment,
        pk,
      );
    });
    for (const lane of held ?? []) context.hint({ kind: 'endpoint', lane: lane.pk });
    context.hint({ kind: 'work' });
    return held !== null;
  }

  return {
    async pause(environment, application) {
      return change(environment, application, (pk) => {
        const insert = 'INSERT OR IGNORE INTO brakes (environment, application, paused_at) VALUES (?, ?, ?)';
        if (db.run(insert, environment, pk, context.now()) === 1) record('brake.pause', environment, application);
      });
    },
    async resume(environment, application) {
      return change(environment, application, (pk) => {
        const removed = db.run('DELETE FROM brakes WHERE environment = ? AND application = ?', environment, pk);
        if (removed === 1) record('brake.resume', environment, application);
      });
    },
    async get(environment): Promise<Brakes> {
      const whole = db.get<{ paused_at: number }>('SELECT paused_at FROM brakes WHERE environment = ? AND application = 0', environment);
      const applications = db.all<{ id: ApplicationId; paused_at: number }>(
        `SELECT a.id, b.paused_at FROM brakes b JOIN applications a ON a.pk = b.application
         WHERE b.environment = ? AND a.deleted_at IS NULL ORDER BY b.paused_at DESC, a.pk DESC`,
        environment,
      );
      return {
        pausedAt: whole?.paused_at ?? null,
        applications: applications.map(({ id, paused_at }) => ({ application: id, pausedAt: paused_at })),
      };
    },
  };
}
