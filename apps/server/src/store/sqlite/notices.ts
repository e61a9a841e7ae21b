/** What people are to be told, kept in the transaction that gives the reason. */
import type { LaneSettlement, NoticeKind, SettledAttempt } from '../store.ts';
import type { SqliteContext } from './context.ts';

/**
 * @param settlement.counts whether the attempt decided anything about its delivery
 * @param settlement.former whether it went to the endpoint as it was before its health was started anew
 * @returns whether there is anything to tell
 */
export function keepNotices(
  context: SqliteContext,
  attempt: SettledAttempt,
  { lease, state, counts, former }: LaneSettlement & { readonly counts: boolean; readonly former: boolean },
): boolean {
  let kept = false;
  for (const kind of attempt.notices) {
    // What was out when the endpoint was disabled fails too, and would tell it again.
    if (kind === 'delivery.failed' ? !counts : former || !tellsNews(context, lease.lane, kind)) continue;
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

/** What shared/notices.ts reads. */
export const SELECT_NOTICES = `SELECT n.id, n.kind, n.environment, a.id AS application_id, a.uid, a.name, e.id AS endpoint_id, e.url, e.description,
    d.id AS delivery_id, v.id AS event_id, v.type AS event_type, d.ordering_key, d.attempt_count, d.published_at, n.at, n.detail, n.mail_to, n.mail_tries
  FROM notices n
  JOIN applications a ON a.pk = n.application
  JOIN endpoints e ON e.pk = n.endpoint
  LEFT JOIN deliveries d ON d.seq = n.delivery
  LEFT JOIN events v ON v.seq = d.event`;
