/** The brake: the environment, or one application in it. A braked lane is not enabled, so no lease finds it. */
import type { ApplicationId } from '@posthorn/core';
import type { BrakeStore, Brakes, Environment } from '../store.ts';
import type { PostgresContext } from './context.ts';
import type { Transaction } from './database.ts';

const WHOLE = 0;

/** Whether nothing may leave for an endpoint `e`. */
export const BRAKED = 'EXISTS (SELECT FROM posthorn.brakes b WHERE b.environment = e.environment AND b.application IN (0, e.application))';

/** Lanes follow their endpoint's status and its brakes. They have to be locked already. @param endpoints a condition on endpoints `e` */
export async function enableLanes(tx: Transaction, endpoints: string, ...values: readonly unknown[]): Promise<void> {
  await tx.run(
    `UPDATE posthorn.lanes l SET enabled = e.status = 'enabled' AND e.deleted_at IS NULL AND NOT ${BRAKED}
     FROM posthorn.endpoints e WHERE e.pk = l.endpoint AND ${endpoints}`,
    ...values,
  );
}

export async function isBraked(tx: Transaction, environment: Environment, application: number): Promise<boolean> {
  const brake = await tx.get(
    'SELECT FROM posthorn.brakes WHERE environment = $1 AND application IN (0, $2) LIMIT 1',
    environment,
    application,
  );
  return brake !== undefined;
}

export function postgresBrakes(context: PostgresContext): BrakeStore {
  const { db, clock } = context;

  /** @returns false: there is no such application */
  async function change(
    environment: Environment,
    application: ApplicationId | null,
    brake: (tx: Transaction, pk: number) => Promise<number>,
  ): Promise<boolean> {
    const held = await db.transaction(async (tx) => {
      const pk =
        application === null
          ? WHOLE
          : (await tx.get<{ pk: number }>('SELECT pk FROM posthorn.applications WHERE id = $1 AND deleted_at IS NULL', application))?.pk;
      if (pk === undefined) return null;
      // Endpoints that are being made come before this, or see it.
      await tx.run('SELECT FROM posthorn.environments WHERE name = $1 FOR UPDATE', environment);
      await brake(tx, pk);
      const lanes = await tx.all<{ pk: number; held: boolean }>(
        `SELECT l.pk, l.holder IS NOT NULL AS held FROM posthorn.lanes l
         WHERE starts_with(l.cadence_group, $1) AND NOT l.deleted AND ($2 = 0 OR l.application = $2) ORDER BY l.pk FOR NO KEY UPDATE`,
        `${environment}:`,
        pk,
      );
      await enableLanes(tx, 'e.environment = $1 AND e.deleted_at IS NULL AND ($2 = 0 OR e.application = $2)', environment, pk);
      return lanes.filter((lane) => lane.held).map((lane) => lane.pk);
    });
    context.hint(...(held ?? []).map((lane) => ({ kind: 'endpoint' as const, lane })), { kind: 'work' });
    return held !== null;
  }

  return {
    async pause(environment, application) {
      const now = await clock.now();
      return change(environment, application, (tx, pk) =>
        tx.run(
          'INSERT INTO posthorn.brakes (environment, application, paused_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
          environment,
          pk,
          now,
        ),
      );
    },
    async resume(environment, application) {
      return change(environment, application, (tx, pk) =>
        tx.run('DELETE FROM posthorn.brakes WHERE environment = $1 AND application = $2', environment, pk),
      );
    },
    async get(environment): Promise<Brakes> {
      const rows = await db.all<{ id: ApplicationId | null; application: number; paused_at: number }>(
        `SELECT b.application, a.id, b.paused_at FROM posthorn.brakes b
         LEFT JOIN posthorn.applications a ON a.pk = b.application AND a.deleted_at IS NULL
         WHERE b.environment = $1 ORDER BY b.paused_at DESC, b.application DESC`,
        environment,
      );
      return {
        pausedAt: rows.find(({ application }) => application === WHOLE)?.paused_at ?? null,
        applications: rows.flatMap(({ id, paused_at }) => (id === null ? [] : [{ application: id, pausedAt: paused_at }])),
      };
    },
  };
}
