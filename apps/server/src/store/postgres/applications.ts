/** Applications: the tenants. */
import { type ApplicationId, newId } from '@posthorn/core';
import { DatabaseError } from 'pg';
import { pageOf, readCursor } from '../page.ts';
import type { Application, ApplicationStore } from '../store.ts';
import { Conditions } from './conditions.ts';
import type { PostgresContext } from './context.ts';
import type { Transaction } from './database.ts';
import { cancelDeleted } from './deletions.ts';

interface ApplicationRow {
  readonly pk: number;
  readonly id: ApplicationId;
  readonly uid: string | null;
  readonly name: string;
  readonly created_at: number;
  readonly updated_at: number;
}

const COLUMNS = 'pk, id, uid, name, created_at, updated_at';
const UNIQUE_VIOLATION = '23505';

export function postgresApplications(context: PostgresContext): ApplicationStore {
  const { db, clock } = context;

  const insert = async (tx: Transaction, input: { readonly name: string; readonly uid: string | null }): Promise<Application> => {
    const now = await clock.now();
    const row = await tx.get<ApplicationRow>(
      `INSERT INTO posthorn.applications (id, uid, name, created_at, updated_at) VALUES ($1, $2, $3, $4, $4) RETURNING ${COLUMNS}`,
      newId('app_', now, context.randomBytes(10)),
      input.uid,
      input.name,
      now,
    );
    return application(row as ApplicationRow);
  };

  return {
    async create(input) {
      return orConflict(() => db.transaction((tx) => insert(tx, input)));
    },
    async upsert({ uid, name }) {
      const now = await clock.now();
      // One statement, since two callers may mean the same new application. xmax is 0 on a row that this statement inserted.
      const row = await db.get<ApplicationRow & { created: boolean }>(
        `INSERT INTO posthorn.applications (id, uid, name, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)
         ON CONFLICT (uid) DO UPDATE SET name = $3, updated_at = $4 RETURNING ${COLUMNS}, xmax = 0 AS created`,
        newId('app_', now, context.randomBytes(10)),
        uid,
        name,
        now,
      );
      if (row === undefined) throw new TypeError('an upsert gave no row');
      return { application: application(row), created: row.created };
    },
    async get(idOrUid) {
      const row = await db.get<ApplicationRow>(
        `SELECT ${COLUMNS} FROM posthorn.applications WHERE (id = $1 OR uid = $1) AND deleted_at IS NULL ORDER BY id <> $1 LIMIT 1`,
        idOrUid,
      );
      return row === undefined ? null : application(row);
    },
    async list({ limit, cursor }) {
      const after = readCursor(cursor, 1);
      const where = new Conditions().add('deleted_at IS NULL');
      if (after !== null) where.add('pk < ?', ...after);
      const rows = await db.all<ApplicationRow>(
        `SELECT ${COLUMNS} FROM posthorn.applications WHERE ${where.sql} ORDER BY pk DESC LIMIT ${limit + 1}`,
        ...where.parameters,
      );
      return pageOf(rows, { limit, read: application, cursor: (row) => [row.pk] });
    },
    async update(id, to) {
      const now = await clock.now();
      return orConflict(async () => {
        const row = await db.get<ApplicationRow>(
          `UPDATE posthorn.applications SET name = coalesce($2, name), uid = CASE WHEN $3 THEN $4 ELSE uid END, updated_at = $5
           WHERE id = $1 AND deleted_at IS NULL RETURNING ${COLUMNS}`,
          id,
          to.name ?? null,
          to.uid !== undefined,
          to.uid ?? null,
          now,
        );
        return row === undefined ? null : application(row);
      });
    },
    async delete(id) {
      const now = await clock.now();
      const lanes = await db.transaction(async (tx) => {
        // Its uid is free again for a new application.
        const row = await tx.get<{ pk: number }>(
          `UPDATE posthorn.applications SET deleted_at = $2, uid = NULL, targets_epoch = targets_epoch + 1
           WHERE id = $1 AND deleted_at IS NULL RETURNING pk`,
          id,
          now,
        );
        if (row === undefined) return null;
        await tx.run('UPDATE posthorn.keys SET revoked_at = $2 WHERE application = $1 AND revoked_at IS NULL', row.pk, now);
        // FOR UPDATE waits for whoever publishes into them: afterwards everything that was published is seen, and nothing more comes.
        await tx.run('SELECT FROM posthorn.lanes WHERE application = $1 ORDER BY pk FOR UPDATE', row.pk);
        await tx.run('UPDATE posthorn.lanes SET enabled = false, deleted = true WHERE application = $1', row.pk);
        const gone = await tx.all<{ pk: number }>(
          `UPDATE posthorn.endpoints SET deleted_at = $2, secrets = '', headers = '' WHERE application = $1 AND deleted_at IS NULL RETURNING pk`,
          row.pk,
          now,
        );
        return gone.map(({ pk }) => pk);
      });
      if (lanes === null) return false;
      context.hint(...lanes.map((lane) => ({ kind: 'endpoint' as const, lane })));
      for (const lane of lanes) await cancelDeleted(context, lane, 'application_deleted');
      return true;
    },
  };
}

/** The uid belongs to another. */
async function orConflict<T>(work: () => Promise<T>): Promise<T | 'conflict'> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DatabaseError && error.code === UNIQUE_VIOLATION) return 'conflict';
    throw error;
  }
}

function application(row: ApplicationRow): Application {
  return { id: row.id, uid: row.uid, name: row.name, createdAt: row.created_at, updatedAt: row.updated_at };
}
