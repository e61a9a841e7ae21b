/** Deliveries as people see them, and what they do to them by hand. */
import { type DeliveryId, idTime, type Ordering, queueName } from '@posthorn/core';
import { pageOf } from '../page.ts';
import { recordChange } from '../shared/audit.ts';
import { isBraked } from '../shared/brakes.ts';
import { type EndpointRow, endpointFromRow, SELECT_ENDPOINTS } from '../shared/endpoints.ts';
import { environmentState } from '../shared/environments.ts';
import { NEWEST_JOB } from '../shared/jobs.ts';
import { ASKED_AGAIN, RESENT } from '../shared/wishes.ts';
import { type Attempt, type DeliveryStore, type Environment, SHOWN_ATTEMPTS } from '../store.ts';
import type { PostgresContext } from './context.ts';
import type { Transaction } from './database.ts';
import { type AttemptRow, attemptFromRow, type DeliveryRow, deliveryFromRow, listQuery, selectDeliveries } from './delivery-rows.ts';
import { runRecipe } from './recipes.ts';

/** A delivery's id carries its time, at which there are few. */
const FIND = selectDeliveries('SELECT * FROM posthorn.deliveries WHERE environment = $1 AND published_at = $2 AND id = $3');

export function postgresDeliveries(context: PostgresContext): DeliveryStore {
  const { db, clock } = context;

  const find = (tx: Transaction, environment: Environment, id: string): Promise<DeliveryRow | undefined> =>
    tx.get<DeliveryRow>(FIND, environment, idTime(id) ?? 0, id);

  /** The delivery as it is once nobody else can change it: its lane's row is the lock. */
  async function lock(tx: Transaction, environment: Environment, id: string): Promise<DeliveryRow | undefined> {
    await tx.run(
      `SELECT FROM posthorn.lanes WHERE pk = (
         SELECT lane FROM posthorn.deliveries WHERE environment = $1 AND published_at = $2 AND id = $3) FOR NO KEY UPDATE`,
      environment,
      idTime(id) ?? 0,
      id,
    );
    return find(tx, environment, id);
  }

  /** The ids first: bodies of attempts that are not shown are not read. */
  async function lastAttempts(tx: Transaction, { seq, published_at: publishedAt }: DeliveryRow): Promise<Attempt[]> {
    const rows = await tx.all<AttemptRow>(
      `SELECT * FROM posthorn.attempts WHERE delivery = $1 AND published_at = $2 AND id IN (
         SELECT id FROM posthorn.attempts WHERE delivery = $1 AND published_at = $2 ORDER BY started_at DESC, number DESC, id DESC LIMIT ${SHOWN_ATTEMPTS})
       ORDER BY started_at, number, id`,
      seq,
      publishedAt,
    );
    const [counted] = await tx.all<{ count: number }>(
      'SELECT count(*) AS count FROM posthorn.attempts WHERE delivery = $1 AND published_at = $2',
      seq,
      publishedAt,
    );
    return rows.map((row, index) => attemptFromRow(row, (counted?.count ?? 0) - rows.length + index + 1));
  }

  function record(tx: Transaction, action: 'delivery.retry' | 'delivery.cancel', row: DeliveryRow): Promise<void> {
    const target = { kind: 'delivery', id: row.id };
    return runRecipe(context, tx, recordChange(context, { action, application: row.application_id, environment: row.environment, target }));
  }

  function hint(lane: number): void {
    context.hint({ kind: 'endpoint', lane }, { kind: 'work' });
  }

  return {
    async list(environment, filter) {
      const { sql, parameters, cursor } = listQuery(environment, filter);
      return pageOf(await db.all<DeliveryRow>(sql, ...parameters), { limit: filter.limit, read: deliveryFromRow, cursor });
    },
    async get(environment, id) {
      return db.transaction(async (tx) => {
        const row = await find(tx, environment, id);
        if (row === undefined) return null;
        const endpointRow = await tx.get<EndpointRow>(`${SELECT_ENDPOINTS} WHERE l.pk = $1 AND e.deleted_at IS NULL`, row.lane);
        const endpoint = endpointRow === undefined ? null : endpointFromRow(context, endpointRow);
        const attempts = await lastAttempts(tx, row);
        return {
          delivery: deliveryFromRow(row),
          attempts,
          endpoint,
          behind: endpoint === null ? null : await behind(tx, row, endpoint.ordering),
          dueAt: row.due_at,
          byHand: row.by_hand > 0,
          lane: { openedAt: row.opened_at, rateAt: row.rate_at },
          braked: await runRecipe(context, tx, isBraked(environment, row.application)),
          environment: await runRecipe(context, tx, environmentState(environment)),
        };
      });
    },
    async retry(environment, id) {
      const now = await clock.now();
      const result = await db.transaction(async (tx) => {
        const row = await lock(tx, environment, id);
        if (row === undefined) return null;
        if (row.endpoint_deleted) return 'endpoint_deleted' as const;
        if (row.waiting) {
          await tx.run(`UPDATE posthorn.pending SET by_hand = ${ASKED_AGAIN} WHERE lane = $1 AND seq = $2`, row.lane, row.seq);
        } else {
          const found = await tx.run(
            `UPDATE posthorn.deliveries SET problem = NULL, reason = NULL, late = true
             WHERE application = $1 AND environment = $2 AND published_at = $3 AND seq = $4`,
            row.application,
            environment,
            row.published_at,
            row.seq,
          );
          // Its time was up: it was removed meanwhile.
          if (found === 0) return null;
          await tx.run(
            `INSERT INTO posthorn.pending (seq, event, published_at, due_at, lane, application, environment, attempt_count, by_hand, late, revived_at, id, ordering_key)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, ${RESENT}, true, $4, $9, $10)`,
            row.seq,
            row.event,
            row.published_at,
            now,
            row.lane,
            row.application,
            environment,
            row.attempt_count,
            row.id,
            row.ordering_key,
          );
        }
        await wake(tx, row.lane, now);
        await record(tx, 'delivery.retry', row);
        return { lane: row.lane, delivery: deliveryFromRow((await find(tx, environment, id)) as DeliveryRow) };
      });
      if (result === null || result === 'endpoint_deleted') return result;
      hint(result.lane);
      return result.delivery;
    },
    async cancel(environment, id) {
      const now = await clock.now();
      const result = await db.transaction(async (tx) => {
        const row = await lock(tx, environment, id);
        if (row === undefined) return null;
        if (!row.waiting || row.endpoint_deleted) return 'not_pending' as const;
        await tx.run('DELETE FROM posthorn.pending WHERE lane = $1 AND seq = $2', row.lane, row.seq);
        await tx.run(
          `UPDATE posthorn.deliveries SET problem = 'canceled', reason = 'canceled_by_hand', ended_after_job = ${NEWEST_JOB}
           WHERE application = $1 AND environment = $2 AND published_at = $3 AND seq = $4`,
          row.application,
          environment,
          row.published_at,
          row.seq,
        );
        // Those behind it on its key may go now, and may have been asked for by hand.
        await wake(tx, row.lane, now);
        await record(tx, 'delivery.cancel', row);
        return { lane: row.lane, delivery: deliveryFromRow((await find(tx, environment, id)) as DeliveryRow) };
      });
      if (result === null || result === 'not_pending') return result;
      hint(result.lane);
      return result.delivery;
    },
  };
}

/** The lane has to be looked at again, whatever floor it has. */
function wake(tx: Transaction, lane: number, now: number): Promise<number> {
  return tx.run('UPDATE posthorn.lanes SET due_at = least(due_at, $2), wish_at = $2 WHERE pk = $1', lane, now);
}

/** The earliest pending delivery in the same queue that comes before `row`. */
async function behind(tx: Transaction, row: DeliveryRow, ordering: Ordering): Promise<DeliveryId | null> {
  if (!row.waiting || queueName(ordering, { orderingKey: row.ordering_key, late: row.late }) === null) return null;
  // A range of the lane, or of the key in it: see scan.ts.
  const first =
    ordering === 'strict'
      ? await tx.get<{ id: DeliveryId }>(
          `SELECT id FROM posthorn.pending WHERE lane >= $1 AND (lane, seq) < ($1, $2) AND ${row.late ? 'late' : 'NOT late'} ORDER BY lane, seq LIMIT 1`,
          row.lane,
          row.seq,
        )
      : await tx.get<{ id: DeliveryId }>(
          `SELECT id FROM posthorn.pending
           WHERE (lane, ordering_key) >= ($1, $2) AND (lane, ordering_key, seq) < ($1, $2, $3) AND ordering_key IS NOT NULL
             AND ${row.late ? 'late' : 'NOT late'}
           ORDER BY lane, ordering_key, seq LIMIT 1`,
          row.lane,
          row.ordering_key,
          row.seq,
        );
  return first?.id ?? null;
}
