/** Records what attempts came to, lane by lane, each by the fence of its lease. */
import { healthFloor } from '@posthorn/core';
import { NEWEST_JOB } from '../shared/jobs.ts';
import { BESIDE } from '../shared/wishes.ts';
import type { LaneResult, LaneSettlement, SettledAttempt } from '../store.ts';
import type { SqliteContext } from './context.ts';
import { keepNotices } from './notices.ts';
import { countAttempt, Tally } from './stats.ts';
import { writeState } from './write-state.ts';

/** What a batch leaves to do once its lanes are settled. */
interface Aftermath {
  readonly disabled: number[];
  /** There is something to tell people. */
  notices: boolean;
  readonly tally: Tally;
}

/** One transaction: many lanes share its sync. @returns one result for each of `batch` */
export async function settle(context: SqliteContext, batch: readonly LaneSettlement[]): Promise<LaneResult[]> {
  const aftermath: Aftermath = { disabled: [], notices: false, tally: new Tally() };
  const results = await context.db.transactionSyncedAside(() => {
    const settled = batch.map((settlement) => settleLane(context, settlement, aftermath));
    aftermath.tally.write(context);
    return settled;
  });
  for (const lane of aftermath.disabled) context.hint({ kind: 'endpoint', lane });
  if (aftermath.notices) context.hint({ kind: 'notice' });
  return results;
}

function settleLane(context: SqliteContext, settlement: LaneSettlement, aftermath: Aftermath): LaneResult {
  const { db } = context;
  const { lane, holder, fence } = settlement.lease;
  const row = db.get<{ cadence_group: string; health_epoch: number }>(
    'SELECT cadence_group, health_epoch FROM lanes WHERE pk = ? AND holder = ? AND fence = ?',
    lane,
    holder,
    fence,
  );
  if (row === undefined) {
    for (const attempt of settlement.attempts) appendAttempt(context, attempt, { stale: true });
    return 'stale';
  }
  const counted = aftermath.tally.lane(lane);
  let lastFirst = 0;
  let result: LaneResult = 'settled';
  for (const attempt of settlement.attempts) {
    // Appended already: this settle is a repeat of one whose answer was lost.
    if (!appendAttempt(context, attempt, { stale: false })) {
      if (attempt.end.status === 'failed' && isPending(context, attempt)) result = 'look_anew';
      continue;
    }
    if (attempt.first) lastFirst = Math.max(lastFirst, attempt.startedAt);
    const became = endAttempt(context, attempt, row.health_epoch);
    if (became === 'otherwise') result = 'look_anew';
    countAttempt(counted, attempt);
    const tells = { ...settlement, counts: became === 'as_told', former: attempt.epoch !== row.health_epoch };
    if (attempt.notices.length > 0 && keepNotices(context, attempt, tells)) aftermath.notices = true;
  }
  writeState(context, settlement.state, { lane, notBefore: healthFloor(settlement.state) });
  if (lastFirst > 0) {
    db.run(
      'UPDATE environments SET last_dispatch_at = ? WHERE name = ? AND coalesce(last_dispatch_at, 0) < ?',
      lastFirst,
      row.cadence_group.slice(0, row.cadence_group.indexOf(':')),
      lastFirst,
    );
  }
  if (settlement.disable !== null && settlement.state.epoch === row.health_epoch) {
    db.run(
      `UPDATE endpoints SET status = 'disabled', disabled_reason = ?, updated_at = ?
       WHERE pk = (SELECT endpoint FROM lanes WHERE pk = ?) AND deleted_at IS NULL`,
      settlement.disable,
      context.now(),
      lane,
    );
    db.run('UPDATE lanes SET enabled = 0 WHERE pk = ?', lane);
    aftermath.disabled.push(lane);
  }
  return result;
}

/** @returns false if it is there already */
function appendAttempt(context: SqliteContext, attempt: SettledAttempt, { stale }: { readonly stale: boolean }): boolean {
  const { timings } = attempt;
  const changes = context.db.run(
    `INSERT OR IGNORE INTO attempts
       (delivery, id, number, started_at, duration_ms, error, detail, response_status, response_headers, response_body, response_truncated, timings, stale)
     VALUES (?, ?, (SELECT attempt_count + 1 FROM deliveries WHERE seq = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    attempt.seq,
    attempt.attemptId,
    attempt.seq,
    attempt.startedAt,
    Math.round(attempt.durationMs),
    attempt.error,
    attempt.detail,
    attempt.responseStatus,
    attempt.responseHeaders === null ? null : JSON.stringify(attempt.responseHeaders),
    attempt.responseBody,
    attempt.responseTruncated ? 1 : 0,
    `[${timings.dns},${timings.connect},${timings.tls},${timings.first_byte},${timings.body}]`,
    stale ? 1 : 0,
  );
  return changes === 1;
}

/**
 * @returns what became of the delivery: as the attempt said; `ended`, since it was canceled, say, while the request was out, and the attempt only counts;
 *   `otherwise`, since it was re-sent, or asked for by hand, and waits for that
 */
function endAttempt(
  { db }: SqliteContext,
  { seq, end, wish, revivedAt, startedAt, epoch }: SettledAttempt,
  healthEpoch: number,
): 'as_told' | 'ended' | 'otherwise' {
  const said =
    end.status === 'succeeded'
      ? db.run(SUCCEED, seq)
      : end.status === 'pending'
        ? db.run(RETRY, seq, revivedAt, wish, end.failures, end.dueAt)
        : // That an endpoint is gone is not true any more where it is another by now.
          end.reason === 'endpoint_gone' && epoch !== healthEpoch
          ? 0
          : db.run(FAIL, seq, revivedAt, wish, end.reason);
  if (said > 0) return 'as_told';
  if (end.status === 'failed' && db.run(STAY, seq, revivedAt, wish, startedAt) > 0) return 'otherwise';
  const row = db.get<{ status: string }>('UPDATE deliveries SET attempt_count = attempt_count + 1 WHERE seq = ? RETURNING status', seq);
  return row?.status === 'pending' ? 'otherwise' : 'ended';
}

function isPending({ db }: SqliteContext, { seq }: SettledAttempt): boolean {
  return db.get("SELECT 1 FROM deliveries WHERE seq = ? AND status = 'pending'", seq) !== undefined;
}

// ?1 the delivery, ?2 when it was re-sent as far as the attempt knew, ?3 the wish that the attempt went by; what follows is the statement's own.
const SAME_SERIES = `seq = ?1 AND status = 'pending' AND revived_at IS ?2`;
/** A wish that came while the request was out stands; it is one beside the automatic attempts by now. */
const WISH_LEFT = `CASE WHEN ?3 = 0 THEN by_hand WHEN by_hand = ?3 THEN 0 ELSE min(by_hand, ${BESIDE}) END`;

// Accepted is accepted, even if its time ran out, or it was re-sent, while the request was out.
const SUCCEED = `UPDATE deliveries SET status = 'succeeded', reason = NULL, attempt_count = attempt_count + 1, by_hand = 0
  WHERE seq = ? AND (status = 'pending' OR reason = 'expired')`;
const RETRY = `UPDATE deliveries SET attempt_count = attempt_count + 1, by_hand = ${WISH_LEFT}, failures = ?4, due_at = ?5 WHERE ${SAME_SERIES}`;
const FAIL = `UPDATE deliveries SET status = 'failed', reason = ?4, attempt_count = attempt_count + 1, by_hand = 0, ended_after_job = ${NEWEST_JOB}
  WHERE ${SAME_SERIES} AND by_hand IN (0, ?3)`;
/** It has failed, but for the wish that stands. Its first attempt is made: it must not wait for its gate again. */
const STAY = `UPDATE deliveries
  SET attempt_count = attempt_count + 1, by_hand = ${WISH_LEFT}, failures = failures + 1, due_at = coalesce(due_at, ?4)
  WHERE ${SAME_SERIES}`;
