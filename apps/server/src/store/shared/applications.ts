/** Applications: the tenants. */
import { type ApplicationId, newId } from '@posthorn/core';
import { applicationChanges } from '../audit.ts';
import { Conditions, pageOf, readCursor } from '../page.ts';
import type { Application, ApplicationStore } from '../store.ts';
import { recordChange } from './audit.ts';
import type { SharedContext } from './context.ts';
import { all, exists, get, now, type Recipe, run } from './recipe.ts';

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
export function* insertApplication(
  context: SharedContext,
  input: { readonly name: string; readonly uid: string | null },
): Recipe<Application> {
  const at = yield* now();
  const row = yield* get<ApplicationRow>(
    `INSERT INTO applications (id, uid, name, created_at, updated_at) VALUES (?, ?, ?, ?, ?) RETURNING ${COLUMNS}`,
    newId('app_', at, context.randomBytes(10)),
    input.uid,
    input.name,
    at,
    at,
  );
  return applicationFromRow(row as ApplicationRow);
}

export function applicationStore(context: SharedContext): ApplicationStore {
  const withId = (id: string): Recipe<ApplicationRow | undefined> =>
    get<ApplicationRow>(`SELECT ${COLUMNS} FROM applications WHERE id = ? AND deleted_at IS NULL`, id);
  const withUid = (uid: string): Recipe<ApplicationRow | undefined> =>
    get<ApplicationRow>(`SELECT ${COLUMNS} FROM applications WHERE uid = ? AND deleted_at IS NULL`, uid);

  function* uidTaken(uid: string | null, except = ''): Recipe<boolean> {
    return uid !== null && (yield* exists('SELECT 1 AS one FROM applications WHERE uid = ? AND id <> ?', uid, except));
  }

  function* insert(input: { readonly name: string; readonly uid: string | null }): Recipe<Application> {
    const made = yield* insertApplication(context, input);
    yield* record('application.create', null, made);
    return made;
  }

  function* change(
    before: ApplicationRow | undefined,
    to: { readonly name?: string; readonly uid?: string | null },
  ): Recipe<Application | null> {
    if (before === undefined) return null;
    if (to.name === undefined && to.uid === undefined) return applicationFromRow(before);
    const after = yield* get<ApplicationRow>(
      `UPDATE applications SET name = ?, uid = ?, updated_at = ? WHERE pk = ? RETURNING ${COLUMNS}`,
      to.name ?? before.name,
      to.uid === undefined ? before.uid : to.uid,
      yield* now(),
      before.pk,
    );
    const changed = applicationFromRow(after as ApplicationRow);
    yield* record('application.update', applicationFromRow(before), changed);
    return changed;
  }

  function* record(
    action: `application.${'create' | 'update' | 'delete'}`,
    before: Application | null,
    after: Application | null,
  ): Recipe<void> {
    const id = (after ?? before)?.id;
    if (id === undefined) return;
    const changes = applicationChanges(before, after);
    yield* recordChange(context, { action, application: id, environment: null, target: { kind: 'application', id }, changes });
  }

  return {
    create(input) {
      return context.transaction(function* () {
        return (yield* uidTaken(input.uid)) ? ('conflict' as const) : yield* insert(input);
      });
    },
    upsert({ uid, name }) {
      return context.transaction(function* () {
        const changed = yield* change(yield* withUid(uid), { name });
        if (changed !== null) return { application: changed, created: false };
        return { application: yield* insert({ uid, name }), created: true };
      });
    },
    get(idOrUid) {
      return context.read(function* () {
        const row = (yield* withId(idOrUid)) ?? (yield* withUid(idOrUid));
        return row === undefined ? null : applicationFromRow(row);
      });
    },
    async list({ limit, cursor }) {
      const after = readCursor(cursor, 1);
      const where = new Conditions().add('deleted_at IS NULL');
      if (after !== null) where.add('pk < ?', ...after);
      const rows = await context.read(() =>
        all<ApplicationRow>(
          `SELECT ${COLUMNS} FROM applications WHERE ${where.sql} ORDER BY pk DESC LIMIT ?`,
          ...where.parameters,
          limit + 1,
        ),
      );
      return pageOf(rows, { limit, read: applicationFromRow, cursor: (row) => [row.pk] });
    },
    update(id, to) {
      return context.transaction(function* () {
        if (to.uid !== undefined && (yield* uidTaken(to.uid, id))) return 'conflict' as const;
        return yield* change(yield* withId(id), to);
      });
    },
    async delete(id) {
      const lanes = await context.transaction(function* () {
        const row = yield* withId(id);
        if (row === undefined) return null;
        const at = yield* now();
        // Its uid is free again for a new application.
        yield* run('UPDATE applications SET deleted_at = ?, uid = NULL WHERE pk = ?', at, row.pk);
        yield* record('application.delete', applicationFromRow(row), null);
        yield* run('DELETE FROM members WHERE application = ?', row.pk);
        yield* run('UPDATE invitations SET ended_at = ? WHERE application = ? AND ended_at IS NULL', at, row.pk);
        yield* run('DELETE FROM portal_links WHERE application = ?', row.pk);
        yield* run('DELETE FROM portal_sessions WHERE application = ?', row.pk);
        yield* run('DELETE FROM inboxes WHERE application = ?', row.pk);
        yield* run('UPDATE keys SET revoked_at = ? WHERE application = ? AND revoked_at IS NULL', at, row.pk);
        yield* context.lanes.close({ application: row.pk });
        const nothing = new Uint8Array();
        return yield* all<{ pk: number }>(
          'UPDATE endpoints SET deleted_at = ?, secrets = ?, headers = ? WHERE application = ? AND deleted_at IS NULL RETURNING pk',
          at,
          nothing,
          nothing,
          row.pk,
        );
      });
      if (lanes === null) return false;
      context.hint(...lanes.map(({ pk }) => ({ kind: 'endpoint' as const, lane: pk })));
      await context.deletions.cancel(
        lanes.map(({ pk }) => pk),
        'application_deleted',
      );
      return true;
    },
  };
}

export function applicationFromRow(row: ApplicationRow): Application {
  return { id: row.id, uid: row.uid, name: row.name, createdAt: row.created_at, updatedAt: row.updated_at };
}
