/** The audit log. An entry is written within the transaction of the change that it tells of: neither is there without the other. */
import { type ApplicationId, type AuditEntryId, newId } from '@posthorn/core';
import { type Change, isNoChange } from '../audit.ts';
import { Conditions, pageOf, readCursor } from '../page.ts';
import type { Actor, AuditEntry, AuditStore, Environment, FieldChanges } from '../store.ts';
import type { SharedContext } from './context.ts';
import { all, now, type Recipe, run } from './recipe.ts';

interface AuditRow {
  readonly seq: number;
  readonly id: AuditEntryId;
  readonly at: number;
  readonly environment: Environment | null;
  readonly actor_kind: Actor['kind'];
  readonly actor_id: string | null;
  readonly actor_name: string;
  readonly action: string;
  readonly target_kind: string;
  readonly target_id: string;
  readonly changes: string;
}

/** Within the change's transaction. Nothing where the change is made in nobody's name. */
export function* recordChange({ actor, randomBytes }: Pick<SharedContext, 'actor' | 'randomBytes'>, change: Change): Recipe<void> {
  if (actor === null || isNoChange(change)) return;
  const at = yield* now();
  yield* run(
    `INSERT INTO audit_log (id, at, application, environment, actor_kind, actor_id, actor_name, action, target_kind, target_id, changes)
     VALUES (?, ?, (SELECT pk FROM applications WHERE id = ?), ?, ?, ?, ?, ?, ?, ?, ?)`,
    newId('aud_', at, randomBytes(10)),
    at,
    change.application,
    change.environment,
    actor.kind,
    actor.id,
    actor.name,
    change.action,
    change.target.kind,
    change.target.id,
    JSON.stringify(change.changes ?? {}),
  );
}

export function auditStore({ read }: SharedContext): AuditStore {
  return {
    async list(environment, { application, limit, cursor }: { application: ApplicationId | null; limit: number; cursor: string | null }) {
      const after = readCursor(cursor, 1);
      const where = new Conditions().add('(environment IS NULL OR environment = ?)', environment);
      if (application !== null) where.add('application = (SELECT pk FROM applications WHERE id = ?)', application);
      if (after !== null) where.add('seq < ?', ...after);
      const rows = await read(() =>
        all<AuditRow>(`SELECT * FROM audit_log WHERE ${where.sql} ORDER BY seq DESC LIMIT ?`, ...where.parameters, limit + 1),
      );
      return pageOf(rows, { limit, read: entry, cursor: (row) => [row.seq] });
    },
  };
}

function entry(row: AuditRow): AuditEntry {
  return {
    id: row.id,
    at: row.at,
    actor: { kind: row.actor_kind, id: row.actor_id, name: row.actor_name },
    action: row.action,
    target: { kind: row.target_kind, id: row.target_id },
    changes: JSON.parse(row.changes) as FieldChanges,
    environment: row.environment,
  };
}
