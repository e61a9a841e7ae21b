/**
 * The operator's brake. A braked lane is one that is not enabled, whatever its endpoint's status: so no look for work needs to know of brakes, and
 * whatever enables a lane asks `isBraked`.
 */
import type { ApplicationId } from '@posthorn/core';
import type { Brake, Environment } from '../store.ts';
import type { SqliteContext } from './context.ts';

/** That a brake holds the endpoint `e`, as an expression. */
export const BRAKED = 'EXISTS (SELECT 1 FROM brakes b WHERE b.environment = e.environment AND b.application IN (0, e.application))';

export function isBraked({ db }: SqliteContext, environment: Environment, application: number): boolean {
  return db.get('SELECT 1 FROM brakes WHERE environment = ? AND application IN (0, ?)', environment, application) !== undefined;
}

export function brakesOf({ db }: SqliteContext, environment: Environment): Brake[] {
  return db.all<{ application: ApplicationId | null; since: number }>(
    `SELECT a.id AS application, b.since FROM brakes b LEFT JOIN applications a ON a.pk = b.application
     WHERE b.environment = ? AND (b.application = 0 OR a.deleted_at IS NULL) ORDER BY b.application <> 0, b.since, b.application`,
    environment,
  ) as Brake[];
}

/** Sets or lifts one brake, in a transaction of its own. Lanes of a deleted application are left alone: they are off for good. */
export function setBrake(
  context: SqliteContext,
  environment: Environment,
  { application, on }: { readonly application: ApplicationId | null; readonly on: boolean },
): void {
  const { db } = context;
  const held = db.transaction(() => {
    const tenant = application === null ? 0 : pkOf(context, application);
    if (tenant === null) return [];
    if (on) db.run('INSERT OR IGNORE INTO brakes (environment, application, since) VALUES (?, ?, ?)', environment, tenant, context.now());
    else db.run('DELETE FROM brakes WHERE environment = ? AND application = ?', environment, tenant);
    const endpoints = `SELECT e.pk FROM endpoints e
      WHERE e.environment = ?1 AND (?2 = 0 OR e.application = ?2) AND e.deleted_at IS NULL AND e.status = 'enabled'`;
    db.run(
      `UPDATE lanes SET enabled = ${on ? 0 : 1} WHERE endpoint IN (${endpoints}${on ? '' : ` AND NOT ${BRAKED}`})`,
      environment,
      tenant,
    );
    return db.all<{ pk: number }>(`SELECT pk FROM lanes WHERE holder IS NOT NULL AND endpoint IN (${endpoints})`, environment, tenant);
  });
  for (const { pk } of held) context.hint({ kind: 'endpoint', lane: pk });
  context.hint({ kind: 'work' });
}

function pkOf({ db }: SqliteContext, id: ApplicationId): number | null {
  return db.get<{ pk: number }>('SELECT pk FROM applications WHERE id = ? AND deleted_at IS NULL', id)?.pk ?? null;
}
