/** Applications: the tenants. */
import { type ApplicationId, newId } from '@posthorn/core';
import { applicationChanges } from '../audit.ts';
import type { Application, ApplicationStore } from '../store.ts';
import { recordChange } from './audit.ts';
import type { SqliteContext } from './context.ts';
import { cancelDeleted } from './deletions.ts';
import { Conditions, pageOf, readCursor } from './page.ts';

export interface ApplicationRow {
  readonly pk: number;
  readonly id: ApplicationId;
  readonly uid: string | null;
  readonly name: string;
  readonly created_at: number;
  readonly updated_at: number;
}

const COLUMNS = 'pk, id, uid, name, created_at, updated_at';

/** Within a transaction; the uid is free. */
export function insertApplication(context: SqliteContext, input: { readonly name: string; readonly uid: string | null }): Application {
  const now = context.now();
  const row = context.db.get<ApplicationRow>(
    `INSERT INTO applications (id, uid, name, created_at, updated_at) VALUES (?, ?, ?, ?, ?) RETURNING ${COLUMNS}`,
    newId('app_', now, context.randomBytes(10)),
    input.uid,
    input.name,
    now,
    now,
  );
  return applicationFromRow(row as ApplicationRow);
}

export function sqliteApplications(context: SqliteContext): ApplicationStore {
  const { db } = context;

  const find = (idOrUid: string): ApplicationRow | undefined =>
    db.get<ApplicationRow>(`SELECT ${COLUMNS} FROM applications WHERE id = ? AND deleted_at IS NULL`, idOrUid) ??
    db.get<ApplicationRow>(`SELECT ${COLUMNS} FROM applications WHERE uid = ? AND deleted_at IS NULL`, idOrUid);
  const uidTaken = (uid: string | null, except = ''): boolean =>
    uid !== null && db.get('SELECT 1 FROM applications WHERE uid = ? AND id <> ?', uid, except) !== undefined;

  function insert(input: { readonly name: string; readonly uid: string | null }): Application {
    const made = insertApplication(context, input);
    record('application.create', null, made);
    return made;
  }

  function change(id: ApplicationId, to: { readonly name?: string; readonly uid?: string | null }): Application | null {
    const before = find(id);
    if (before === undefined || before.id !== id) return null;
    const after = db.get<ApplicationRow>(
      `UPDATE applications SET name = ?, uid = ?, updated_at = ? WHERE pk = ? RETURNING ${COLUMNS}`,
      to.name ?? before.name,
      to.uid === undefined ? before.uid : to.uid,
      context.now(),
      before.pk,
    );
    const changed = applicationFromRow(after as ApplicationRow);
    record('application.update', applicationFromRow(before), changed);
    return changed;
  }

  function record(action: `application.${'create' | 'update' | 'delete'}`, before: Application | null, after: Application | null): void {
    const id = (after ?? before)?.id;
    if (id === undefined) return;
    const changes = applicationChanges(before, after);
    recordChange(context, { action, application: id, environment: null, target: { kind: 'application', id }, changes });
  }

  return {
    async create(input) {
      return db.transaction(() => (uidTaken(input.uid) ? 'conflict' : insert(input)));
    },
    async upsert({ uid, name }) {
      return db.transaction(() => {
        const before = db.get<ApplicationRow>(`SELECT ${COLUMNS} FROM applications WHERE uid = ? AND deleted_at IS NULL`, uid);
        const changed = before === undefined ? null : change(before.id, { name });
        return changed === null ? { application: insert({ uid, name }), created: true } : { application: changed, created: false };
      });
    },
    async get(idOrUid) {
      const row = find(idOrUid);
      return row === undefined ? null : applicationFromRow(row);
    },
    async list({ limit, cursor }) {
      const after = readCursor(cursor, 1);
      const where = new Conditions().add('deleted_at IS NULL');
      if (after !== null) where.add('pk < ?', ...after);
      const rows = db.all<ApplicationRow>(
        `SELECT ${COLUMNS} FROM applications WHERE ${where.sql} ORDER BY pk DESC LIMIT ?`,
        ...where.parameters,
        limit + 1,
      );
      return pageOf(rows, { limit, read: applicationFromRow, cursor: (row) => [row.pk] });
    },
    async update(id, to) {
      return db.transaction(() => (to.uid !== undefined && uidTaken(to.uid, id) ? 'conflict' : change(id, to)));
    },
    async delete(id) {
      const lanes = db.transaction(() => {
        const row = find(id);
        if (row === undefined || row.id !== id) return null;
        const now = context.now();
        // Its uid is free again for a new application.
        db.run('UPDATE applications SET deleted_at = ?, uid = NULL WHERE pk = ?', now, row.pk);
        record('application.delete', applicationFromRow(row), null);
        db.run('DELETE FROM members WHERE application = ?', row.pk);
        db.run('UPDATE invitations SET ended_at = ? WHERE application = ? AND ended_at IS NULL', now, row.pk);
        db.run('DELETE FROM portal_links WHERE application = ?', row.pk);
        db.run('DELETE FROM portal_sessions WHERE application = ?', row.pk);
        db.run('DELETE FROM inboxes WHERE application = ?', row.pk);
        db.run('UPDATE keys SET revoked_at = ? WHERE application = ? AND revoked_at IS NULL', now, row.pk);
        db.run('UPDATE lanes SET enabled = 0 WHERE endpoint IN (SELECT pk FROM endpoints WHERE application = ?)', row.pk);
        return db
          .all<{ pk: number }>(
            `UPDATE endpoints SET deleted_at = ?, secrets = x'', headers = x'' WHERE application = ? AND deleted_at IS NULL RETURNING pk`,
            now,
            row.pk,
          )
          .map(({ pk }) => pk);
      });
      if (lanes === null) return false;
      for (const lane of lanes) context.hint({ kind: 'endpoint', lane });
      for (const lane of lanes) await cancelDeleted(context, lane, 'application_deleted');
      return true;
    },
  };
}

export function applicationFromRow(row: ApplicationRow): Application {
  return { id: row.id, uid: row.uid, name: row.name, createdAt: row.created_at, updatedAt: row.updated_at };
}
