/**
 * What people are to be told, kept in the transaction that gives the reason: an outbox, from which it is published and mailed later.
 *
 *   waiting ──published──▶ handled ──its mail is due──▶ taken ──could not be sent──▶ due again
 */
import type { ApplicationId, DeliveryId, EndpointId } from '@posthorn/core';
import type { Environment, LaneSettlement, Notice, NoticeKind, NoticeStore, SettledAttempt } from '../store.ts';
import type { SqliteContext } from './context.ts';

/**
 * @param settlement.counts whether the attempt decided anything about its delivery
 * @returns whether there is anything to tell
 */
export function keepNotices(
  context: SqliteContext,
  attempt: SettledAttempt,
  { lease, state, counts }: LaneSettlement & { readonly counts: boolean },
): boolean {
  let kept = false;
  for (const kind of attempt.notices) {
    // What was out when the endpoint was disabled fails too, and would tell it again.
    if (kind === 'delivery.failed' ? !counts : !tellsNews(context, lease.lane, kind)) continue;
    const detail =
      kind === 'delivery.failed'
        ? { reason: attempt.end.status === 'failed' ? attempt.end.reason : null, lastFailure: state.lastFailure }
        : { failingSince: state.failingSince, failures: state.failures, lastFailure: state.lastFailure };
    context.db.run(
      `INSERT INTO notices (id, kind, environment, application, endpoint, delivery, at, detail)
       SELECT ?, ?, e.environment, e.application, e.pk, ?, ?, ? FROM lanes l JOIN endpoints e ON e.pk = l.endpoint WHERE l.pk = ?`,
      // Made of the attempt's id, so that whoever publishes it twice publishes the same.
      `ntc_${attempt.attemptId.slice('att_'.length)}_${kind.replace('.', '_')}`,
      kind,
      kind === 'delivery.failed' ? attempt.seq : null,
      context.now(),
      JSON.stringify(detail),
      lease.lane,
    );
    kept = true;
  }
  return kept;
}

/** Whether people were not told just this of the endpoint last. */
function tellsNews({ db }: SqliteContext, lane: number, kind: NoticeKind): boolean {
  return db.run('UPDATE lanes SET told = ?1 WHERE pk = ?2 AND told IS NOT ?1', kind.slice('endpoint.'.length), lane) === 1;
}

interface NoticeRow {
  readonly id: string;
  readonly kind: NoticeKind;
  readonly environment: Environment;
  readonly application_id: ApplicationId;
  readonly uid: string | null;
  readonly name: string;
  readonly endpoint_id: EndpointId;
  readonly url: string;
  readonly description: string;
  readonly delivery_id: DeliveryId | null;
  readonly event_id: string | null;
  readonly event_type: string | null;
  readonly ordering_key: string | null;
  readonly attempt_count: number | null;
  readonly published_at: number | null;
  readonly at: number;
  readonly detail: string;
  readonly mail_to: string | null;
  readonly mail_tries: number;
}

const SELECT = `SELECT n.id, n.kind, n.environment, a.id AS application_id, a.uid, a.name, e.id AS endpoint_id, e.url, e.description,
    d.id AS delivery_id, v.id AS event_id, v.type AS event_type, d.ordering_key, d.attempt_count, d.published_at, n.at, n.detail, n.mail_to, n.mail_tries
  FROM notices n
  JOIN applications a ON a.pk = n.application
  JOIN endpoints e ON e.pk = n.endpoint
  LEFT JOIN deliveries d ON d.seq = n.delivery
  LEFT JOIN events v ON v.seq = d.event`;

export function sqliteNotices(context: SqliteContext): NoticeStore {
  const { db } = context;
  return {
    async waiting(limit) {
      return db.all<NoticeRow>(`${SELECT} WHERE n.handled_at IS NULL ORDER BY n.pk LIMIT ?`, limit).map(notice);
    },
    async handled(notices) {
      const now = context.now();
      db.transaction(() => {
        for (const { id, mailAt } of notices) {
          // Whoever handles it second takes no mail back that the first has sent.
          db.run('UPDATE notices SET handled_at = ?, mail_at = ? WHERE id = ? AND handled_at IS NULL', now, mailAt, id);
        }
      });
    },
    async takeMails(limit) {
      return db.transaction(() => {
        const rows = db.all<NoticeRow>(
          `${SELECT} WHERE n.mail_at IS NOT NULL AND n.mail_at <= ? ORDER BY n.mail_at, n.pk LIMIT ?`,
          context.now(),
          limit,
        );
        for (const { id } of rows) db.run('UPDATE notices SET mail_at = NULL WHERE id = ?', id);
        return rows.map((row) => ({
          notice: notice(row),
          to: row.mail_to === null ? null : (JSON.parse(row.mail_to) as string[]),
          tries: row.mail_tries,
        }));
      });
    },
    async mailLater(id, { to, at, tries }) {
      const left = to === null ? null : JSON.stringify(to);
      db.run('UPDATE notices SET mail_at = ?, mail_to = ?, mail_tries = ? WHERE id = ?', at, left, tries, id);
    },
    async nextMailAt() {
      return db.get<{ at: number }>('SELECT mail_at AS at FROM notices WHERE mail_at IS NOT NULL ORDER BY mail_at LIMIT 1')?.at ?? null;
    },
  };
}

function notice(row: NoticeRow): Notice {
  const detail = JSON.parse(row.detail) as Partial<Notice['detail']>;
  return {
    id: row.id,
    kind: row.kind,
    environment: row.environment,
    application: { id: row.application_id, uid: row.uid, name: row.name },
    endpoint: { id: row.endpoint_id, url: row.url, description: row.description },
    delivery:
      row.delivery_id === null
        ? null
        : {
            id: row.delivery_id,
            event: row.event_id ?? '',
            eventType: row.event_type ?? '',
            orderingKey: row.ordering_key,
            attemptCount: row.attempt_count ?? 0,
            publishedAt: row.published_at ?? 0,
          },
    at: row.at,
    detail: {
      failingSince: detail.failingSince ?? null,
      failures: detail.failures ?? null,
      lastFailure: detail.lastFailure ?? null,
      reason: detail.reason ?? null,
    },
  };
}
