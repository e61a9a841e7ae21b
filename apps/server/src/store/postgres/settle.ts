/**
 * Settling: what attempts came to, many lanes in one transaction and one round trip.
 *
 *   lock the lanes, in the order of their keys, where holder and fence are still ours
 *   what ended: out of the queue, its attempt written, its problem if it failed         one statement for all lanes
 *   what stays: its retry, its attempt                                                  one, where there is any
 *   the lanes' memory, the environments' last dispatch                                  one each
 *
 * Each statement checks holder and fence by itself. It is a plain read there, and sound all the same: the lanes are locked by then, and in READ COMMITTED
 * each statement sees what was committed before it began. So a stale settle changes nothing. Its attempts, and those of deliveries that were canceled
 * meanwhile, are written afterwards in a transaction of their own; repeating a settle that broke off in between is harmless.
 *
 * A success takes a row out of `pending` and puts one into `attempts`, no more.
 */
import { healthFloor, idTime } from '@posthorn/core';
import { NEWEST_JOB } from '../shared/jobs.ts';
import type { LaneSettlement, LaneState, SettledAttempt } from '../store.ts';
import { bools, byteas, float8s, int2s, int4s, int8s, texts } from './arrays.ts';
import type { Statement } from './connection.ts';
import type { PostgresContext } from './context.ts';
import { LOCK_LEASED, leaseArrays } from './lease.ts';
import { noticesStatement } from './notices.ts';

interface Entry {
  readonly settlement: LaneSettlement;
  readonly attempt: SettledAttempt;
}

/** Those lanes of the batch's leases that are still ours. @param first the number of the first of the three parameters that hold them */
const held = (first: number): string => `SELECT l.pk FROM posthorn.lanes l
      JOIN unnest($${first}::integer[], $${first + 1}::text[], $${first + 2}::bigint[]) AS h (lane, holder, fence)
        ON l.pk = h.lane AND l.holder = h.holder AND l.fence = h.fence`;

/** $1 to $12: attempts, the same for all statements. What follows is the statement's own. */
const INPUT = (more: string, names: string): string =>
  `unnest($1::integer[], $2::bigint[], $3::text[], $4::bigint[], $5::integer[], $6::text[], $7::text[], $8::smallint[], $9::text[], $10::bytea[],
      $11::boolean[], $12::text[], ${more})
      AS i (lane, seq, id, started_at, duration_ms, error, detail, response_status, response_headers, response_body, response_truncated, timings, ${names})`;

function attemptArrays(entries: readonly Entry[]): unknown[] {
  const column = <T>(read: (attempt: SettledAttempt) => T): T[] => entries.map(({ attempt }) => read(attempt));
  return [
    int4s(entries.map(({ settlement }) => settlement.lease.lane)),
    int8s(column(({ seq }) => seq)),
    texts(column(({ attemptId }) => attemptId)),
    int8s(column(({ startedAt }) => startedAt)),
    int4s(column(({ durationMs }) => Math.round(durationMs))),
    texts(column(({ error }) => error)),
    // What a stranger's server says may hold anything; a NUL is the one character that text cannot.
    texts(column(({ detail }) => detail?.replaceAll('\0', '\uFFFD') ?? null)),
    int2s(column(({ responseStatus }) => responseStatus)),
    texts(column(({ responseHeaders }) => (responseHeaders === null ? null : JSON.stringify(responseHeaders)))),
    byteas(column(({ responseBody }) => responseBody)),
    bools(column(({ responseTruncated }) => responseTruncated)),
    texts(column(({ timings: t }) => `[${t.dns},${t.connect},${t.tls},${t.first_byte},${t.body}]`)),
  ];
}

const ATTEMPT_COLUMNS = `delivery, published_at, application, number, stale, id, started_at, duration_ms, error, detail, response_status, response_headers,
    response_body, response_truncated, timings`;
const GIVEN_COLUMNS = `i.id, i.started_at, i.duration_ms, i.error, i.detail, i.response_status, i.response_headers, i.response_body, i.response_truncated,
    i.timings`;

/** An attempt that is there already was settled by an earlier try of the same call. Only what was attempted before can have one. */
const NEW_ATTEMPT = `(p.attempt_count = 0 OR NOT EXISTS (
      SELECT FROM posthorn.attempts t WHERE t.delivery = p.seq AND t.published_at = p.published_at AND t.id = i.id))`;

/** One row with what a statement counted, however many lanes and attempts. @param rows a query that has them @param now the number of a parameter */
const COUNT = (rows: string, now: number): string => `counted AS (
    INSERT INTO posthorn.rollup_deltas (at, lanes, durations, failed)
    SELECT $${now}::bigint, array_agg(c.lane), array_agg(c.duration_ms), array_agg(c.error IS NOT NULL) FROM ${rows} c HAVING count(*) > 0
  )`;

/** $13 to $15 the leases, $16 the reasons of those that failed, $17 now. @returns the numbers of those that ended */
const END = (failures: boolean): string => `WITH ended AS (
    DELETE FROM posthorn.pending p USING ${INPUT('$16::text[]', 'reason')}
    WHERE i.lane = ANY (ARRAY(${held(13)})) AND p.lane = i.lane AND p.seq = i.seq AND ${NEW_ATTEMPT}
    RETURNING p.seq AS delivery, p.published_at, p.application, p.environment, p.attempt_count + 1 AS number, false AS stale, ${GIVEN_COLUMNS}, i.lane,
      i.reason
  ), written AS (
    INSERT INTO posthorn.attempts (${ATTEMPT_COLUMNS}) SELECT ${ATTEMPT_COLUMNS} FROM ended
  ), ${COUNT('ended', 17)}${
    failures
      ? `, failed AS (
    UPDATE posthorn.deliveries d SET problem = 'failed', reason = e.reason, ended_after_job = ${NEWEST_JOB} FROM ended e
    WHERE e.reason IS NOT NULL AND d.application = e.application AND d.environment = e.environment AND d.published_at = e.published_at
      AND d.seq = e.delivery
  )`
      : ''
  }
  SELECT delivery FROM ended`;

/**
 * $13 to $15 the leases, $16 failures, $17 the next instants, $18 whether the attempt was by hand: then it used up the wish, but another may have come while
 * an automatic one was out; $19 now. @returns the numbers of those that stay
 */
const KEEP = `WITH kept AS (
    UPDATE posthorn.pending p
    SET attempt_count = p.attempt_count + 1, failures = i.failures, due_at = i.due_at, by_hand = CASE WHEN i.by_hand THEN 0::smallint ELSE p.by_hand END
    FROM ${INPUT('$16::integer[], $17::bigint[], $18::boolean[]', 'failures, due_at, by_hand')}
    WHERE i.lane = ANY (ARRAY(${held(13)})) AND p.lane = i.lane AND p.seq = i.seq AND ${NEW_ATTEMPT}
    RETURNING p.seq AS delivery, p.published_at, p.application, p.attempt_count AS number, false AS stale, ${GIVEN_COLUMNS}, i.lane
  ), written AS (
    INSERT INTO posthorn.attempts (${ATTEMPT_COLUMNS}) SELECT ${ATTEMPT_COLUMNS} FROM kept
  ), ${COUNT('kept', 19)}
  SELECT delivery FROM kept`;

/**
 * What is left: attempts whose lane is somebody else's by now, and those of deliveries that ended while they were out. They are written down, and change nothing, but
 * for one: accepted is accepted, even if its time ran out meanwhile.
 *
 * $13 to $15 the leases, $16 the event's time, which the attempt's id carries, $17 now. One that carries none, since it was made elsewhere, is looked for among all
 * deliveries of its endpoint.
 */
const APPEND = (timed: boolean): string => `WITH found AS (
    SELECT d.seq AS delivery, d.published_at, d.application, d.environment, d.reason, i.lane,
      (SELECT count(*) + 1 FROM posthorn.attempts t WHERE t.delivery = d.seq AND t.published_at = d.published_at AND NOT t.stale) AS number,
      i.lane <> ALL (ARRAY(${held(13)})) AS stale, ${GIVEN_COLUMNS}
    FROM ${INPUT('$16::bigint[]', 'time')}
    JOIN posthorn.lanes l ON l.pk = i.lane
    JOIN posthorn.deliveries d ON d.endpoint = l.endpoint AND d.seq = i.seq ${timed ? 'AND d.published_at = i.time' : ''}
    WHERE NOT EXISTS (SELECT FROM posthorn.attempts t WHERE t.delivery = d.seq AND t.published_at = d.published_at AND t.id = i.id)
  ), accepted AS (
    UPDATE posthorn.deliveries d SET problem = NULL, reason = NULL FROM found f
    WHERE f.error IS NULL AND NOT f.stale AND f.reason = 'expired' AND d.application = f.application AND d.environment = f.environment
      AND d.published_at = f.published_at AND d.seq = f.delivery
  ), ${COUNT('(SELECT * FROM found WHERE NOT stale)', 17)}
  INSERT INTO posthorn.attempts (${ATTEMPT_COLUMNS}) SELECT ${ATTEMPT_COLUMNS} FROM found`;

/**
 * The lanes' memory: $1 to $3 the leases, then a column each. Nothing is written over a health that was started anew meanwhile, nor where there is nothing new:
 * that a lane succeeded again counts as new once a second, and with its release.
 */
export const REMEMBER = (always: boolean): string => `UPDATE posthorn.lanes l
  SET not_before = s.not_before, succeeded_at = s.succeeded_at, failing_since = s.failing_since, failures = s.failures, failed = s.failed,
    last_failure = s.last_failure, retry_after = s.retry_after, probe_at = s.probe_at, probes = s.probes, warned_at = s.warned_at, rate_at = s.rate_at
  FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::integer[], $8::text[], $9::text[], $10::bigint[],
      $11::bigint[], $12::integer[], $13::bigint[], $14::double precision[], $15::integer[])
    AS s (lane, holder, fence, not_before, succeeded_at, failing_since, failures, failed, last_failure, retry_after, probe_at, probes, warned_at,
      rate_at, epoch)
  WHERE l.pk = s.lane AND l.holder = s.holder AND l.fence = s.fence AND l.health_epoch = s.epoch${
    always
      ? ''
      : ` AND (
    (l.not_before, l.failing_since, l.failures, l.failed, l.last_failure, l.retry_after, l.probe_at, l.probes, l.warned_at, l.rate_at) IS DISTINCT FROM
      (s.not_before, s.failing_since, s.failures, s.failed, s.last_failure, s.retry_after, s.probe_at, s.probes, s.warned_at, s.rate_at)
    OR s.succeeded_at IS NOT NULL AND coalesce(s.succeeded_at - l.succeeded_at >= 1000, true))`
  }`;

export function stateArrays(batch: readonly { readonly state: LaneState; readonly notBefore: number }[]): unknown[] {
  const column = <T>(read: (state: LaneState) => T): T[] => batch.map(({ state }) => read(state));
  return [
    int8s(batch.map(({ notBefore }) => Math.ceil(notBefore))),
    int8s(column(({ succeededAt }) => succeededAt)),
    int8s(column(({ failingSince }) => failingSince)),
    int4s(column(({ failures }) => failures)),
    texts(column(({ failed }) => (failed.length === 0 ? null : JSON.stringify(failed)))),
    texts(column(({ lastFailure }) => lastFailure)),
    int8s(column(({ retryAfter }) => retryAfter)),
    int8s(column(({ breaker }) => breaker?.probeAt ?? null)),
    int4s(column(({ breaker }) => breaker?.probes ?? 0)),
    int8s(column(({ warnedAt }) => warnedAt)),
    float8s(column(({ rateAt }) => rateAt)),
    int4s(column(({ epoch }) => epoch)),
  ];
}

/**
 * When an environment last sent a first attempt: $4 per lane. For people, so to the second, and never waiting for another dispatcher that writes the same: all of
 * them would queue for these two rows.
 */
const LAST_DISPATCH = `WITH firsts AS (
    SELECT split_part(l.cadence_group, ':', 1) AS name, max(f.at) AS at
    FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::bigint[]) AS f (lane, holder, fence, at)
    JOIN posthorn.lanes l ON l.pk = f.lane AND l.holder = f.holder AND l.fence = f.fence
    WHERE f.at IS NOT NULL GROUP BY 1
  ), free AS (
    SELECT n.name, firsts.at FROM posthorn.environments n JOIN firsts ON firsts.name = n.name
    WHERE n.last_dispatch_at IS NULL OR n.last_dispatch_at <= firsts.at - 1000 ORDER BY n.name FOR NO KEY UPDATE OF n SKIP LOCKED
  )
  UPDATE posthorn.environments n SET last_dispatch_at = free.at FROM free WHERE n.name = free.name`;

/** $4 reasons, where there are any; $5 now. */
const DISABLE: readonly string[] = [
  `UPDATE posthorn.endpoints e SET status = 'disabled', disabled_reason = d.reason, updated_at = $5
   FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::text[]) AS d (lane, holder, fence, reason)
   JOIN posthorn.lanes l ON l.pk = d.lane AND l.holder = d.holder AND l.fence = d.fence
   WHERE d.reason IS NOT NULL AND e.pk = l.endpoint AND e.deleted_at IS NULL`,
  `UPDATE posthorn.lanes l SET enabled = 0
   FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::text[]) AS d (lane, holder, fence, reason)
   WHERE d.reason IS NOT NULL AND l.pk = d.lane AND l.holder = d.holder AND l.fence = d.fence`,
];

/** @returns for each lane whether it was settled, or stale */
export async function settle(context: PostgresContext, batch: readonly LaneSettlement[]): Promise<('settled' | 'stale')[]> {
  const results: ('settled' | 'stale')[] = [];
  for (const distinct of withDistinctLanes(batch)) results.push(...(await settleLanes(context, distinct)));
  return results;
}

/** Who lost a lane and leased it anew settles it twice, under two fences: one after the other, since the statements tell attempts apart by their lane. */
function withDistinctLanes(batch: readonly LaneSettlement[]): LaneSettlement[][] {
  const batches: LaneSettlement[][] = [];
  let lanes = new Set<number>();
  for (const settlement of batch) {
    const { lane } = settlement.lease;
    if (batches.length === 0 || lanes.has(lane)) {
      lanes = new Set();
      batches.push([]);
    }
    lanes.add(lane);
    batches.at(-1)?.push(settlement);
  }
  return batches;
}

async function settleLanes(context: PostgresContext, batch: readonly LaneSettlement[]): Promise<('settled' | 'stale')[]> {
  const { hot, clock, hint } = context;
  const now = await clock.now();
  const entries = batch.flatMap((settlement) => settlement.attempts.map((attempt): Entry => ({ settlement, attempt })));
  const [locked = [], ...recorded] = await hot.batch(settleStatements(batch, entries, now));
  const ours = new Set(locked.map(({ pk }) => pk as number));
  const rows = recorded.flat();
  const done = new Set(rows.map((row) => row['delivery'] as number | undefined));
  const left = entries.filter(({ attempt }) => !done.has(attempt.seq));
  if (left.length > 0) await hot.batch(appendStatements(left, now));
  const disabled = batch.filter(({ lease, disable }) => disable !== null && ours.has(lease.lane));
  if (disabled.length > 0) hint(...disabled.map(({ lease }) => ({ kind: 'endpoint' as const, lane: lease.lane })));
  if (rows.some((row) => 'notice' in row)) hint({ kind: 'notice' });
  return batch.map(({ lease }) => (ours.has(lease.lane) ? 'settled' : 'stale'));
}

function settleStatements(batch: readonly LaneSettlement[], entries: readonly Entry[], now: number): Statement[] {
  const leases = leaseArrays(batch.map(({ lease }) => lease));
  const statements: Statement[] = [{ sql: LOCK_LEASED, values: leases }];
  const ending = entries.filter(({ attempt }) => attempt.end.status !== 'pending');
  const staying = entries.filter(({ attempt }) => attempt.end.status === 'pending');
  if (ending.length > 0) {
    const reasons = ending.map(({ attempt: { end } }) => (end.status === 'failed' ? end.reason : null));
    const failures = reasons.some((reason) => reason !== null);
    statements.push({ sql: END(failures), values: [...attemptArrays(ending), ...leases, texts(reasons), now] });
  }
  if (staying.length > 0) {
    const ends = staying.map(({ attempt: { end } }) => (end.status === 'pending' ? end : { failures: 0, dueAt: null }));
    const byHand = bools(staying.map(({ attempt }) => attempt.byHand));
    const own = [int4s(ends.map(({ failures }) => failures)), int8s(ends.map(({ dueAt }) => dueAt)), byHand];
    statements.push({ sql: KEEP, values: [...attemptArrays(staying), ...leases, ...own, now] });
  }
  const states = batch.map(({ state }) => ({ state, notBefore: healthFloor(state) }));
  statements.push({ sql: REMEMBER(false), values: [...leases, ...stateArrays(states)] });
  const notices = noticesStatement(batch, now);
  if (notices !== null) statements.push(notices);
  if (batch.some(({ disable }) => disable !== null)) {
    const reasons = texts(batch.map(({ disable }) => disable));
    const [endpoints = '', lanes = ''] = DISABLE;
    statements.push({ sql: endpoints, values: [...leases, reasons, now] }, { sql: lanes, values: [...leases, reasons] });
  }
  const firsts = batch.map(({ attempts }) => latest(attempts));
  if (firsts.some((at) => at !== null)) statements.push({ sql: LAST_DISPATCH, values: [...leases, int8s(firsts)] });
  return statements;
}

function latest(attempts: readonly SettledAttempt[]): number | null {
  const firsts = attempts.filter(({ first }) => first).map(({ startedAt }) => startedAt);
  return firsts.length === 0 ? null : Math.max(...firsts);
}

function appendStatements(left: readonly Entry[], now: number): Statement[] {
  const leases = leaseArrays([...new Map(left.map(({ settlement: { lease } }) => [lease.lane, lease])).values()]);
  const append = (entries: readonly Entry[], timed: boolean): Statement[] => {
    if (entries.length === 0) return [];
    return [{ sql: APPEND(timed), values: [...attemptArrays(entries), ...leases, int8s(entries.map(time)), now] }];
  };
  const timed = left.filter((entry) => time(entry) > 0);
  const untimed = left.filter((entry) => time(entry) === 0);
  return [{ sql: LOCK_LEASED, values: leases }, ...append(timed, true), ...append(untimed, false)];
}

function time({ attempt }: Entry): number {
  return idTime(attempt.attemptId) ?? 0;
}
