/** What people are to be told, kept in the transaction that gives the reason: an outbox, from which it is published and mailed later. */
import type { LaneSettlement } from '../store.ts';
import { int8s, texts } from './arrays.ts';
import type { Statement } from './connection.ts';
import { leaseArrays } from './lease.ts';

/** $1 to $3 the lease of each, $8 now. An id that is there already was kept by an earlier try of the same settle. */
const KEEP_NOTICES = `INSERT INTO posthorn.notices (id, kind, environment, application, endpoint, delivery, at, detail)
  SELECT n.id, n.kind, e.environment, e.application, e.pk, n.delivery, $8, n.detail
  FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[]) AS n (lane, holder, fence, id, kind, delivery, detail)
  JOIN posthorn.lanes l ON l.pk = n.lane AND l.holder = n.holder AND l.fence = n.fence
  JOIN posthorn.endpoints e ON e.pk = l.endpoint
  ON CONFLICT (id, application) DO NOTHING`;

/** @returns null where there is nothing to tell */
export function noticesStatement(batch: readonly LaneSettlement[], now: number): Statement | null {
  const notices = batch.flatMap((settlement) =>
    settlement.attempts.flatMap((attempt) => attempt.notices.map((kind) => ({ settlement, attempt, kind }))),
  );
  if (notices.length === 0) return null;
  return {
    sql: KEEP_NOTICES,
    values: [
      ...leaseArrays(notices.map(({ settlement }) => settlement.lease)),
      // Made of the attempt's id, so that whoever publishes it twice publishes the same.
      texts(notices.map(({ attempt, kind }) => `ntc_${attempt.attemptId.slice('att_'.length)}_${kind.replace('.', '_')}`)),
      texts(notices.map(({ kind }) => kind)),
      int8s(notices.map(({ attempt, kind }) => (kind === 'delivery.failed' ? attempt.seq : null))),
      texts(
        notices.map(({ settlement: { state }, attempt: { end }, kind }) =>
          JSON.stringify(
            kind === 'delivery.failed'
              ? { reason: end.status === 'failed' ? end.reason : null, last_failure: state.lastFailure }
              : { failing_since: state.failingSince, failures: state.failures, last_failure: state.lastFailure },
          ),
        ),
      ),
      now,
    ],
  };
}
