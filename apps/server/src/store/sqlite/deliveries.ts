/** Deliveries as people see them, and what they do to them by hand. */
import {
  type ApplicationId,
  type AttemptErrorCode,
  type AttemptId,
  type DeliveryId,
  type DeliveryReason,
  type DeliveryStatus,
  type EndpointId,
  type Ordering,
  queueName,
} from '@posthorn/core';
import { tickAfter } from '../cadences.ts';
import { Conditions, type Horizon, pageOf, readCursor, SEARCHED_ROWS } from '../page.ts';
import { recordChange } from '../shared/audit.ts';
import { isBraked } from '../shared/brakes.ts';
import { type EndpointRow, endpointFromRow, SELECT_ENDPOINTS } from '../shared/endpoints.ts';
import { environmentState } from '../shared/environments.ts';
import { NEWEST_JOB } from '../shared/jobs.ts';
import { ASKED_AGAIN, isResent, RESENT } from '../shared/wishes.ts';
import { type Attempt, type Delivery, type DeliveryFilter, type DeliveryStore, type Environment, SHOWN_ATTEMPTS } from '../store.ts';
import type { SqliteContext } from './context.ts';
import { runRecipe } from './recipes.ts';

interface DeliveryRow {
  readonly seq: number;
  readonly event: number;
  readonly id: DeliveryId;
  readonly event_id: string;
  readonly event_type: string;
  readonly endpoint_id: EndpointId;
  readonly endpoint_deleted: number;
  readonly application_deleted: number;
  readonly application: number;
  readonly application_id: ApplicationId;
  readonly environment: Environment;
  readonly status: DeliveryStatus;
  readonly reason: DeliveryReason | null;
  readonly ordering_key: string | null;
  readonly attempt_count: number;
  readonly published_at: number;
  readonly due_at: number | null;
  readonly by_hand: number;
  readonly late: number;
  readonly lane: number;
  readonly cadence: string;
  readonly opened_at: number;
  readonly not_before: number;
  readonly rate_at: number;
}

interface AttemptRow {
  readonly id: AttemptId;
  readonly started_at: number;
  readonly duration_ms: number;
  readonly error: AttemptErrorCode | null;
  readonly detail: string | null;
  readonly response_status: number | null;
  readonly response_headers: string | null;
  readonly response_body: Uint8Array | null;
  readonly response_truncated: number;
  readonly timings: string;
  readonly stale: number;
}

const OF_DELIVERIES = 'deliveries d JOIN events v ON v.seq = d.event';

const select = (from = OF_DELIVERIES): string => `SELECT d.seq, d.event, d.id, v.id AS event_id, v.type AS event_type, e.id AS endpoint_id,
    e.deleted_at IS NOT NULL AS endpoint_deleted, a.deleted_at IS NOT NULL AS application_deleted, d.application, a.id AS application_id, d.environment,
    d.status, d.reason, d.ordering_key, d.attempt_count, d.published_at, d.due_at, d.by_hand, d.late, d.lane,
    coalesce(e.cadence, n.cadence) AS cadence, max(l.opened_at, n.opened_at) AS opened_at, l.not_before, l.rate_at
  FROM ${from}
  JOIN endpoints e ON e.pk = d.endpoint
  JOIN applications a ON a.pk = d.application
  JOIN lanes l ON l.pk = d.lane
  JOIN environments n ON n.name = d.environment`;

export function sqliteDeliveries(context: SqliteContext): DeliveryStore {
  const { db } = context;

  const find = (environment: Environment, id: string): DeliveryRow | undefined =>
    db.get<DeliveryRow>(`${select()} WHERE d.id = ? AND d.environment = ?`, id, environment);

  function record(action: 'delivery.retry' | 'delivery.cancel', row: DeliveryRow): void {
    const target = { kind: 'delivery', id: row.id };
    const change = { action, application: row.application_id, environment: row.environment, target };
    runRecipe(context, recordChange(context, change));
  }

  /** The lane has to be looked at again, whatever floor it has: something in it may go now, and may have been asked for by hand. */
  function wake(lane: number, now: number): void {
    db.run('UPDATE lanes SET due_at = min(coalesce(due_at, ?1), ?1), wish_at = ?1 WHERE pk = ?2', now, lane);
  }

  function hint(lane: number): void {
    context.hint({ kind: 'endpoint', lane });
    context.hint({ kind: 'work' });
  }

  /** The ids first: bodies of attempts that are not shown are not read. */
  function lastAttempts(delivery: number): Attempt[] {
    const rows = db.all<AttemptRow>(
      `SELECT * FROM attempts WHERE delivery = ? AND id IN (
         SELECT id FROM attempts WHERE delivery = ? ORDER BY started_at DESC, number DESC, id DESC LIMIT ${SHOWN_ATTEMPTS})
       ORDER BY started_at, number, id`,
      delivery,
      delivery,
    );
    const all = db.get<{ count: number }>('SELECT count(*) AS count FROM attempts WHERE delivery = ?', delivery)?.count ?? 0;
    return rows.map((row, index) => attempt(row, all - rows.length + index + 1));
  }

  return {
    async list(environment, filter) {
      const horizon = searchHorizon(context, environment, filter);
      const { sql, parameters, cursor } = listQuery(environment, filter, horizon);
      return pageOf(db.all<DeliveryRow>(sql, ...parameters), { limit: filter.limit, read: delivery, cursor, horizon });
    },
    async get(environment, id) {
      const row = find(environment, id);
      if (row === undefined) return null;
      const endpointRow = db.get<EndpointRow>(`${SELECT_ENDPOINTS} WHERE l.pk = ? AND e.deleted_at IS NULL`, row.lane);
      const endpoint = endpointRow === undefined ? null : endpointFromRow(context, endpointRow);
      return {
        delivery: delivery(row),
        attempts: lastAttempts(row.seq),
        endpoint,
        behind: endpoint === null ? null : behind(context, row, endpoint.ordering),
        dueAt: row.due_at,
        byHand: row.by_hand > 0,
        lane: { openedAt: row.opened_at, rateAt: row.rate_at },
        braked: runRecipe(context, isBraked(environment, row.application)),
        environment: runRecipe(context, environmentState(environment)),
      };
    },
    async retry(environment, id) {
      const result = db.transaction(() => {
        const row = find(environment, id);
        if (row === undefined) return null;
        if (row.endpoint_deleted === 1) return 'endpoint_deleted' as const;
        const now = context.now();
        if (row.status === 'pending') db.run(`UPDATE deliveries SET by_hand = ${ASKED_AGAIN} WHERE seq = ?`, row.seq);
        else {
          db.run(
            `UPDATE deliveries SET status = 'pending', reason = NULL, failures = 0, due_at = ?1, by_hand = ${RESENT}, late = 1, revived_at = ?1
             WHERE seq = ?2`,
            now,
            row.seq,
          );
        }
        wake(row.lane, now);
        record('delivery.retry', row);
        return { lane: row.lane, delivery: delivery(find(environment, id) as DeliveryRow) };
      });
      if (result === null || result === 'endpoint_deleted') return result;
      hint(result.lane);
      return result.delivery;
    },
    async cancel(environment, id) {
      const result = db.transaction(() => {
        const row = find(environment, id);
        if (row === undefined) return null;
        if (row.status !== 'pending' || row.endpoint_deleted === 1) return 'not_pending' as const;
        db.run(
          `UPDATE deliveries SET status = 'canceled', reason = 'canceled_by_hand', by_hand = 0, ended_after_job = ${NEWEST_JOB} WHERE seq = ?`,
          row.seq,
        );
        // Those behind it on its key may go now.
        wake(row.lane, context.now());
        record('delivery.cancel', row);
        return { lane: row.lane, delivery: delivery(find(environment, id) as DeliveryRow) };
      });
      if (result === null || result === 'not_pending') return result;
      hint(result.lane);
      return result.delivery;
    },
  };
}

/**
 * The statement of a list, and what its cursor is made of. The index is named wherever SQLite's own choice is a walk: it takes the index that
 * has the order already, however few of its rows fit, and changes its mind with a cursor. For one event, or the few that failed among a
 * million deliveries, that cost 170 to 310 ms instead of less than one (measured).
 */
function listQuery(environment: Environment, filter: DeliveryFilter, horizon: Horizon | null) {
  const byKey = filter.orderingKey !== null && filter.event === null;
  // A key's events are read in their own order, so that 500,000 of one key need no sorting (600 ms, measured).
  const order = byKey ? ['v.published_at', 'v.seq', 'd.seq'] : ['d.published_at', 'd.seq'];
  const after = readCursor(filter.cursor, order.length);
  // A plus keeps SQLite from looking for this condition in an index.
  const plus = byKey || filter.event !== null ? '+' : '';
  const where = new Conditions().add(`${plus}d.environment = ?`, environment);
  if (filter.endpoint !== null) where.add(`${plus}d.endpoint = (SELECT pk FROM endpoints WHERE id = ?)`, filter.endpoint);
  if (filter.application !== null) where.add(`${plus}d.application = (SELECT pk FROM applications WHERE id = ?)`, filter.application);
  if (filter.event !== null) where.add('d.event IN (SELECT seq FROM events WHERE id = ? AND environment = ?)', filter.event, environment);
  if (byKey) where.add('v.environment = ?', environment);
  if (filter.orderingKey !== null) where.add('v.ordering_key = ?', filter.orderingKey);
  // Spelled out, not a parameter: a partial index is used only where the statement itself says what it covers.
  if (filter.status !== null) where.add(`d.status = '${filter.status}'`);
  // What the steps of a deletion have not reached yet reads as canceled. (It is listed as such once they have.)
  if (filter.status === 'pending') where.add('e.deleted_at IS NULL');
  if (filter.since !== null) where.add(`${order[0]} >= ?`, filter.since);
  if (filter.until !== null) where.add(`${order[0]} < ?`, filter.until);
  if (after !== null) where.add(`(${order.join(', ')}) < (${order.map(() => '?').join(', ')})`, ...after);
  if (horizon !== null) where.add('(d.published_at, d.seq) >= (?, ?)', ...horizon);
  return {
    sql: `${select(listSource(filter))} WHERE ${where.sql} ORDER BY ${order.map((column) => `${column} DESC`).join(', ')} LIMIT ?`,
    parameters: [...where.parameters, filter.limit + 1],
    cursor: (row: DeliveryRow) => (byKey ? [row.published_at, row.event, row.seq] : [row.published_at, row.seq]),
  };
}

/** Where a page has to stop looking for a status that no index has; null: it need not, or less is left than it may look at. */
function searchHorizon({ db }: SqliteContext, environment: Environment, filter: DeliveryFilter): Horizon | null {
  const { endpoint, application, status } = filter;
  if ((status !== 'pending' && status !== 'succeeded') || filter.event !== null || filter.orderingKey !== null) return null;
  const after = readCursor(filter.cursor, 2);
  const where = new Conditions();
  if (endpoint !== null) where.add('d.endpoint = (SELECT pk FROM endpoints WHERE id = ?)', endpoint);
  else {
    if (application !== null) where.add('d.application = (SELECT pk FROM applications WHERE id = ?)', application);
    where.add('d.environment = ?', environment);
  }
  if (filter.since !== null) where.add('d.published_at >= ?', filter.since);
  if (filter.until !== null) where.add('d.published_at < ?', filter.until);
  if (after !== null) where.add('(d.published_at, d.seq) < (?, ?)', ...after);
  const index =
    endpoint !== null ? 'deliveries_of_endpoint' : application !== null ? 'deliveries_of_application' : 'deliveries_of_environment';
  const row = db.get<{ published_at: number; seq: number }>(
    `SELECT d.published_at, d.seq FROM deliveries d INDEXED BY ${index} WHERE ${where.sql}
     ORDER BY d.published_at DESC, d.seq DESC LIMIT 1 OFFSET ${SEARCHED_ROWS - 1}`,
    ...where.parameters,
  );
  return row === undefined ? null : [row.published_at, row.seq];
}

/** Where a list begins to read. */
function listSource({ event, orderingKey, status, endpoint, application }: DeliveryFilter): string {
  const indexed = (index: string): string => `deliveries d INDEXED BY ${index} JOIN events v ON v.seq = d.event`;
  if (event !== null) return indexed('deliveries_of_event');
  if (orderingKey !== null)
    return 'events v INDEXED BY events_of_key CROSS JOIN deliveries d INDEXED BY deliveries_of_event ON d.event = v.seq';
  if (status === 'failed' && endpoint !== null) return indexed('deliveries_failed');
  if (status === 'canceled' && endpoint !== null) return indexed('deliveries_canceled');
  if (status === 'failed' || status === 'canceled')
    return indexed(`deliveries_${status}_of_${application === null ? 'environment' : 'application'}`);
  return OF_DELIVERIES;
}

/** The earliest pending delivery in the same queue that comes before `row`. */
function behind({ db }: SqliteContext, row: DeliveryRow, ordering: Ordering): DeliveryId | null {
  if (row.status !== 'pending' || queueName(ordering, { orderingKey: row.ordering_key, late: row.late === 1 }) === null) return null;
  const first =
    ordering === 'strict'
      ? db.get<{ id: DeliveryId }>(
          `SELECT id FROM deliveries WHERE lane = ? AND status = 'pending' AND late = ? AND seq < ? ORDER BY seq LIMIT 1`,
          row.lane,
          row.late,
          row.seq,
        )
      : db.get<{ id: DeliveryId }>(
          `SELECT id FROM deliveries WHERE lane = ? AND ordering_key = ? AND status = 'pending' AND late = ${row.late} AND seq < ? ORDER BY seq LIMIT 1`,
          row.lane,
          row.ordering_key,
          row.seq,
        );
  return first?.id ?? null;
}

function delivery(row: DeliveryRow): Delivery {
  // A deleted endpoint's deliveries are canceled in steps: those the steps have not reached yet are canceled all the same.
  const dropped = row.status === 'pending' && row.endpoint_deleted === 1;
  const status = dropped ? 'canceled' : row.status;
  return {
    id: row.id,
    event: row.event_id,
    eventType: row.event_type,
    endpoint: row.endpoint_id,
    application: row.application_id,
    environment: row.environment,
    status,
    reason: dropped ? (row.application_deleted === 1 ? 'application_deleted' : 'endpoint_deleted') : row.reason,
    orderingKey: row.ordering_key,
    attemptCount: row.attempt_count,
    nextAttemptAt: status === 'pending' ? nextAttemptAt(row) : null,
    late: row.late === 1,
    createdAt: row.published_at,
  };
}

function nextAttemptAt(row: DeliveryRow): number {
  // By hand it goes at once, beside its schedule and whatever floor its lane has.
  if (row.by_hand > 0) return isResent(row.by_hand) && row.due_at !== null ? row.due_at : row.published_at;
  if (row.due_at !== null) return Math.max(row.due_at, row.not_before);
  const tick = row.published_at <= row.opened_at ? row.published_at : tickAfter(row.cadence, row.published_at);
  return Math.max(tick, row.not_before);
}

/** They are numbered as they started: those of a lost lease have the number of another in their row, since they do not count. */
function attempt(row: AttemptRow, number: number): Attempt {
  const [dns = null, connect = null, tls = null, firstByte = null, body = null] = JSON.parse(row.timings) as (number | null)[];
  return {
    id: row.id,
    number,
    startedAt: row.started_at,
    durationMs: row.duration_ms,
    status: row.error === null ? 'succeeded' : 'failed',
    error: row.error,
    detail: row.detail,
    responseStatus: row.response_status,
    responseHeaders: row.response_headers === null ? null : (JSON.parse(row.response_headers) as Record<string, string>),
    responseBody: row.response_body,
    responseTruncated: row.response_truncated === 1,
    timings: { dns, connect, tls, first_byte: firstByte, body },
    stale: row.stale === 1,
  };
}
