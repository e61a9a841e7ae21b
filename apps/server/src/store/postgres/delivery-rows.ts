/** How a delivery is put together for people to read, and the statements of its lists. */
import type { ApplicationId, AttemptErrorCode, AttemptId, DeliveryId, DeliveryReason, EndpointId } from '@posthorn/core';
import { tickAfter } from '../cadences.ts';
import { readCursor } from '../page.ts';
import { isResent } from '../shared/wishes.ts';
import type { Attempt, Delivery, DeliveryFilter, Environment } from '../store.ts';
import { Conditions } from './conditions.ts';
import { eventsWithId } from './events.ts';

export interface DeliveryRow {
  readonly seq: number;
  readonly event: number;
  readonly id: DeliveryId;
  readonly event_id: string;
  readonly event_type: string;
  readonly endpoint_id: EndpointId;
  readonly endpoint_deleted: boolean;
  readonly application: number;
  readonly application_deleted: boolean;
  readonly application_id: ApplicationId;
  readonly environment: Environment;
  readonly problem: 'failed' | 'canceled' | null;
  readonly reason: DeliveryReason | null;
  readonly ordering_key: string | null;
  readonly attempt_count: number;
  readonly published_at: number;
  readonly waiting: boolean;
  readonly due_at: number | null;
  readonly by_hand: number;
  readonly late: boolean;
  readonly lane: number;
  readonly cadence: string;
  readonly opened_at: number;
  readonly not_before: number;
  readonly rate_at: number;
}

export interface AttemptRow {
  readonly id: AttemptId;
  readonly started_at: number;
  readonly duration_ms: number;
  readonly error: AttemptErrorCode | null;
  readonly detail: string | null;
  readonly response_status: number | null;
  readonly response_headers: string | null;
  readonly response_body: Uint8Array | null;
  readonly response_truncated: boolean;
  readonly timings: string;
  readonly stale: boolean;
}

/** The deliveries that `source` (a query of posthorn.deliveries) gives, with all that belongs to them. */
export function selectDeliveries(source: string): string {
  return `SELECT d.seq, d.event, d.id, v.id AS event_id, v.type AS event_type, e.id AS endpoint_id, e.deleted_at IS NOT NULL AS endpoint_deleted,
      d.application, a.deleted_at IS NOT NULL AS application_deleted, a.id AS application_id, d.environment, d.problem, d.reason, v.ordering_key,
      (SELECT count(*) FROM posthorn.attempts t WHERE t.delivery = d.seq AND t.published_at = d.published_at AND NOT t.stale) AS attempt_count,
      d.published_at, p.seq IS NOT NULL AS waiting, p.due_at, coalesce(p.by_hand, 0) AS by_hand, d.late, d.lane,
      coalesce(e.cadence, n.cadence) AS cadence, greatest(l.opened_at, n.opened_at) AS opened_at, l.not_before, l.rate_at
    FROM (${source}) d
    -- LIMIT keeps the planner from anything but one look-up for each row.
    CROSS JOIN LATERAL (
      SELECT * FROM posthorn.events v
      WHERE v.application = d.application AND v.environment = d.environment AND v.published_at = d.published_at AND v.seq = d.event LIMIT 1
    ) v
    JOIN posthorn.endpoints e ON e.pk = d.endpoint
    JOIN posthorn.applications a ON a.pk = d.application
    JOIN posthorn.lanes l ON l.pk = d.lane
    JOIN posthorn.environments n ON n.name = d.environment::text
    LEFT JOIN LATERAL (SELECT * FROM posthorn.pending p WHERE p.lane = d.lane AND p.seq = d.seq LIMIT 1) p ON true`;
}

interface DeliveryList {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  readonly cursor: (row: DeliveryRow) => readonly number[];
}

/**
 * The page is chosen first, from what has its order, and put together afterwards. Instants are compared by themselves too, where a cursor's row is
 * compared: by the first the partitions are chosen, by the second the row.
 */
export function listQuery(environment: Environment, filter: DeliveryFilter): DeliveryList {
  if (filter.orderingKey !== null && filter.event === null) return listByKey(environment, filter);
  if (filter.status === 'pending' && filter.event === null) return listOfPending(environment, filter);
  const after = readCursor(filter.cursor, 2);
  const where = new Conditions();
  const from =
    filter.event === null ? 'posthorn.deliveries d' : fromEvent(where, { environment, id: filter.event, orderingKey: filter.orderingKey });
  where.add('d.environment = ?', environment);
  narrow(where, filter);
  if (after !== null) where.add('d.published_at <= ? AND (d.published_at, d.seq) < (?, ?)', after[0], ...after);
  const order = (row: string): string => `ORDER BY ${row}.published_at DESC, ${row}.seq DESC`;
  const source = `SELECT d.* FROM ${from} WHERE ${where.sql} ${order('d')} LIMIT ${filter.limit + 1}`;
  return {
    sql: `${selectDeliveries(source)} ${order('d')}`,
    parameters: where.parameters,
    cursor: (row) => [row.published_at, row.seq],
  };
}

/** What of the filter holds for each delivery `d`, whatever it is looked for by. */
function narrow(where: Conditions, { endpoint, application, status, since, until }: DeliveryFilter): void {
  if (endpoint !== null) where.add('d.endpoint = (SELECT pk FROM posthorn.endpoints WHERE id = ?)', endpoint);
  if (application !== null) where.add('d.application = (SELECT pk FROM posthorn.applications WHERE id = ?)', application);
  if (since !== null) where.add('d.published_at >= ?', since);
  if (until !== null) where.add('d.published_at < ?', until);
  const waits = 'EXISTS (SELECT FROM posthorn.pending p WHERE p.lane = d.lane AND p.seq = d.seq)';
  // Spelled out, not a parameter: a partial index is used only where the statement itself says what it covers.
  if (status === 'failed' || status === 'canceled') where.add(`d.problem = '${status}'`);
  if (status === 'succeeded') where.add(`d.problem IS NULL AND NOT ${waits}`);
  // What the steps of a deletion have not reached yet reads as canceled. (It is listed as such once they have.)
  if (status === 'pending') where.add(`${waits} AND (SELECT l.deleted FROM posthorn.lanes l WHERE l.pk = d.lane) = 0`);
}

/** One event's deliveries: those of its instant, which are few. */
function fromEvent(
  where: Conditions,
  { environment, id, orderingKey }: { readonly environment: Environment; readonly id: string; readonly orderingKey: string | null },
): string {
  const found = eventsWithId(where, environment, id);
  const ofKey =
    orderingKey === null
      ? ''
      : where.bind(
          `JOIN posthorn.events v ON v.application = f.application AND v.environment = f.environment AND v.published_at = f.published_at
             AND v.seq = f.seq AND v.ordering_key = ?`,
          orderingKey,
        );
  return `(${found}) f ${ofKey} JOIN posthorn.deliveries d
    ON d.application = f.application AND d.environment = f.environment AND d.published_at = f.published_at AND d.event = f.seq`;
}

/** A key's events are read in their own order, and each one's deliveries with it, so that 500,000 of one key need no sorting. */
function listByKey(environment: Environment, filter: DeliveryFilter): DeliveryList {
  const after = readCursor(filter.cursor, 3);
  const where = new Conditions().add('v.environment = ? AND v.ordering_key = ?', environment, filter.orderingKey);
  narrow(where, filter);
  if (filter.since !== null) where.add('v.published_at >= ?', filter.since);
  if (filter.until !== null) where.add('v.published_at < ?', filter.until);
  if (after !== null) where.add('v.published_at <= ? AND (v.published_at, v.seq, d.seq) < (?, ?, ?)', after[0], ...after);
  const source = `SELECT d.* FROM posthorn.events v
    CROSS JOIN LATERAL (
      SELECT d.* FROM posthorn.deliveries d
      WHERE d.application = v.application AND d.environment = v.environment AND d.published_at = v.published_at AND d.event = v.seq
    ) d
    WHERE ${where.sql} ORDER BY v.published_at DESC, v.seq DESC, d.seq DESC LIMIT ${filter.limit + 1}`;
  return {
    sql: `${selectDeliveries(source)} ORDER BY v.published_at DESC, v.seq DESC, d.seq DESC`,
    parameters: where.parameters,
    cursor: (row) => [row.published_at, row.event, row.seq],
  };
}

/** What waits, from the queues themselves: few among all deliveries there ever were. In publish order backwards. */
function listOfPending(environment: Environment, filter: DeliveryFilter): DeliveryList {
  const after = readCursor(filter.cursor, 2);
  const where = new Conditions().add('w.environment = ?', environment);
  const { endpoint, application, since, until } = filter;
  if (endpoint !== null) {
    const lane = '(SELECT pk FROM posthorn.endpoints WHERE id = ?)';
    where.add(`w.lane >= ${lane} AND w.lane <= ${lane}`, endpoint, endpoint);
  }
  if (application !== null) where.add('w.application = (SELECT pk FROM posthorn.applications WHERE id = ?)', application);
  if (since !== null) where.add('w.published_at >= ?', since);
  if (until !== null) where.add('w.published_at < ?', until);
  if (after !== null) where.add('w.seq < ?', after[1]);
  where.add('(SELECT l.deleted FROM posthorn.lanes l WHERE l.pk = w.lane) = 0');
  const chosen = `SELECT w.application, w.environment, w.published_at, w.seq FROM posthorn.pending w
    WHERE ${where.sql} ORDER BY ${endpoint === null ? '' : 'w.lane DESC, '}w.seq DESC LIMIT ${filter.limit + 1}`;
  const source = `SELECT d.* FROM (${chosen}) w CROSS JOIN LATERAL (
      SELECT * FROM posthorn.deliveries d
      WHERE d.application = w.application AND d.environment = w.environment AND d.published_at = w.published_at AND d.seq = w.seq LIMIT 1
    ) d`;
  return {
    sql: `${selectDeliveries(source)} ORDER BY d.seq DESC`,
    parameters: where.parameters,
    cursor: (row) => [row.published_at, row.seq],
  };
}

export function deliveryFromRow(row: DeliveryRow): Delivery {
  // A deleted endpoint's deliveries are canceled in steps: those the steps have not reached yet are canceled all the same.
  const dropped = row.waiting && row.endpoint_deleted;
  const status = dropped ? 'canceled' : row.waiting ? 'pending' : (row.problem ?? 'succeeded');
  return {
    id: row.id,
    event: row.event_id,
    eventType: row.event_type,
    endpoint: row.endpoint_id,
    application: row.application_id,
    environment: row.environment,
    status,
    reason: dropped ? (row.application_deleted ? 'application_deleted' : 'endpoint_deleted') : row.reason,
    orderingKey: row.ordering_key,
    attemptCount: row.attempt_count,
    nextAttemptAt: status === 'pending' ? nextAttemptAt(row) : null,
    late: row.late,
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
export function attemptFromRow(row: AttemptRow, number: number): Attempt {
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
    responseTruncated: row.response_truncated,
    timings: { dns, connect, tls, first_byte: firstByte, body },
    stale: row.stale,
  };
}
