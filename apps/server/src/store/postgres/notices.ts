/** What people are to be told, kept in the transaction that gives the reason. */
import { idTime } from '@posthorn/core';
import type { LaneSettlement, NoticeKind, SettledAttempt } from '../store.ts';
import { int4s, int8s, texts } from './arrays.ts';
import type { Statement } from './connection.ts';
import { leaseArrays } from './lease.ts';

/**
 * After the attempts' ends are written. Of an endpoint only what is news is kept: what was out when it was disabled fails too, and would tell it again. Of a delivery
 * only what this attempt ended: not what was canceled or had expired while it was out.
 *
 * Nor of an endpoint by an attempt that went to it as it was before its health was started anew.
 *
 * $1 to $3 the lease of each notice, in the order of what they tell of; $10 now. An id that is there already was kept by an earlier try of the same settle.
 * @param timed whether the deliveries' times ($8) are known, as they are in whatever this program made
 * @returns the statement; it gives a row for each notice that was kept
 */
const KEEP_NOTICES = (timed: boolean): string => `WITH told AS (
    SELECT n.*, l.endpoint, l.application, split_part(n.kind, '.', 2) AS news,
      lag(split_part(n.kind, '.', 2), 1, l.told) OVER (PARTITION BY n.lane, n.delivery IS NULL ORDER BY n.place) AS before
    FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::text[], $11::integer[])
      WITH ORDINALITY AS n (lane, holder, fence, id, kind, detail, delivery, time, reason, epoch, place)
    JOIN posthorn.lanes l ON l.pk = n.lane AND l.holder = n.holder AND l.fence = n.fence
      AND (n.delivery IS NOT NULL OR l.health_epoch = n.epoch)
  ), remembered AS (
    UPDATE posthorn.lanes l SET told = last.news
    FROM (SELECT DISTINCT ON (lane) lane, news FROM told WHERE delivery IS NULL ORDER BY lane, place DESC) last
    WHERE l.pk = last.lane AND l.told IS DISTINCT FROM last.news
  )
  INSERT INTO posthorn.notices (id, kind, environment, application, endpoint, delivery, published_at, at, detail)
  SELECT t.id, t.kind, e.environment, e.application, e.pk, t.delivery, d.published_at, $10, t.detail
  FROM told t JOIN posthorn.endpoints e ON e.pk = t.endpoint
  LEFT JOIN posthorn.deliveries d
    ON d.endpoint = t.endpoint AND d.seq = t.delivery AND d.problem = 'failed' AND d.reason = t.reason ${timed ? 'AND d.published_at = t.time' : ''}
  WHERE CASE WHEN t.delivery IS NULL THEN t.news IS DISTINCT FROM t.before ELSE d.seq IS NOT NULL END
  ORDER BY t.place
  ON CONFLICT (id, application) DO NOTHING
  RETURNING id AS notice`;

/** @returns null where there is nothing to tell */
export function noticesStatement(batch: readonly LaneSettlement[], now: number): Statement | null {
  const notices = batch.flatMap((settlement) =>
    settlement.attempts.flatMap((attempt) =>
      attempt.notices.map((kind) => ({ settlement, attempt, kind, ofDelivery: kind === 'delivery.failed' })),
    ),
  );
  if (notices.length === 0) return null;
  const times = notices.map(({ attempt, ofDelivery }) => (ofDelivery ? (idTime(attempt.attemptId) ?? 0) : null));
  return {
    sql: KEEP_NOTICES(!times.includes(0)),
    values: [
      ...leaseArrays(notices.map(({ settlement }) => settlement.lease)),
      texts(notices.map(({ attempt, kind }) => noticeId(attempt, kind))),
      texts(notices.map(({ kind }) => kind)),
      texts(
        notices.map(({ settlement, attempt, ofDelivery }) =>
          JSON.stringify(ofDelivery ? endOf(settlement, attempt) : healthOf(settlement)),
        ),
      ),
      int8s(notices.map(({ attempt, ofDelivery }) => (ofDelivery ? attempt.seq : null))),
      int8s(times),
      texts(notices.map(({ attempt: { end } }) => (end.status === 'failed' ? end.reason : null))),
      now,
      int4s(notices.map(({ attempt }) => attempt.epoch)),
    ],
  };
}

/** Made of the attempt's id, so that whoever publishes it twice publishes the same. */
function noticeId({ attemptId }: SettledAttempt, kind: NoticeKind): string {
  return `ntc_${attemptId.slice('att_'.length)}_${kind.replace('.', '_')}`;
}

function endOf({ state }: LaneSettlement, { end }: SettledAttempt): object {
  return { reason: end.status === 'failed' ? end.reason : null, lastFailure: state.lastFailure };
}

function healthOf({ state }: LaneSettlement): object {
  return { failingSince: state.failingSince, failures: state.failures, lastFailure: state.lastFailure };
}

/** What shared/notices.ts reads. */
export const SELECT_NOTICES = `SELECT n.id, n.kind, n.environment, a.id AS application_id, a.uid, a.name, e.id AS endpoint_id, e.url, e.description,
    d.id AS delivery_id, v.id AS event_id, v.type AS event_type, v.ordering_key,
    (SELECT count(*) FROM posthorn.attempts t WHERE t.delivery = d.seq AND t.published_at = d.published_at AND NOT t.stale) AS attempt_count,
    d.published_at, n.at, n.detail, n.mail_to, n.mail_tries
  FROM posthorn.notices n
  JOIN posthorn.applications a ON a.pk = n.application
  JOIN posthorn.endpoints e ON e.pk = n.endpoint
  LEFT JOIN posthorn.deliveries d
    ON d.application = n.application AND d.environment = n.environment::posthorn.environment AND d.published_at = n.published_at AND d.seq = n.delivery
  LEFT JOIN posthorn.events v
    ON v.application = d.application AND v.environment = d.environment AND v.published_at = d.published_at AND v.seq = d.event`;
