/** What people are to be told, kept in the transaction that gives the reason: an outbox, from which it is published and mailed later. */
import type { LaneSettlement, SettledAttempt } from '../store.ts';
import type { SqliteContext } from './context.ts';

export function keepNotices({ db, now }: SqliteContext, attempt: SettledAttempt, { lease, state }: LaneSettlement): void {
  for (const kind of attempt.notices) {
    const detail =
      kind === 'delivery.failed'
        ? { reason: attempt.end.status === 'failed' ? attempt.end.reason : null, last_failure: state.lastFailure }
        : { failing_since: state.failingSince, failures: state.failures, last_failure: state.lastFailure };
    db.run(
      `INSERT INTO notices (id, kind, environment, application, endpoint, delivery, at, detail)
       SELECT ?, ?, e.environment, e.application, e.pk, ?, ?, ? FROM lanes l JOIN endpoints e ON e.pk = l.endpoint WHERE l.pk = ?`,
      // Made of the attempt's id, so that whoever publishes it twice publishes the same.
      `ntc_${attempt.attemptId.slice('att_'.length)}_${kind.replace('.', '_')}`,
      kind,
      kind === 'delivery.failed' ? attempt.seq : null,
      now(),
      JSON.stringify(detail),
      lease.lane,
    );
  }
}
