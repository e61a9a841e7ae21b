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
import { BESIDE } from '../shared/wishes.ts';
import type { LaneResult, LaneSettlement, LaneState, SettledAttempt } from '../store.ts';
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

/** The attempt is of the series that the delivery is in: it was not re-sent meanwhile. */
const SAME_SERIES = 'p.revived_at IS NOT DISTINCT FROM i.revived_at';

/**
 * Whether what ended so has ended. Accepted is accepted. What failed stays where it was re-sent meanwhile, or asked for by hand by a wish that this attempt did not
 * use up; and that the endpoint is gone is not true any more where it is another by now.
 */
const HAS_ENDED = `(i.reason IS NULL OR ${SAME_SERIES} AND p.by_hand IN (0, i.wish)
      AND (i.reason <> 'endpoint_gone' OR i.epoch = (SELECT l.health_epoch FROM posthorn.lanes l WHERE l.pk = i.lane)))`;

/**
 * $13 to $15 the leases, $16 the reasons of those that failed, $17 when their deliveries were re-sent as far as they knew, $18 the wishes that they went by, $19
 * their lanes' epochs, $20 now. @returns the numbers of those that ended
 */
const END = (failures: boolean): string => `WITH ended AS (
    DELETE FROM posthorn.pending p
    USING ${INPUT('$16::text[], $17::bigint[], $18::smallint[], $19::integer[]', 'reason, revived_at, wish, epoch')}
    WHERE i.lane = ANY (ARRAY(${held(13)})) AND p.lane = i.lane AND p.seq = i.seq AND ${NEW_ATTEMPT}${failures ? ` AND ${HAS_ENDED}` : ''}
    RETURNING p.seq AS delivery, p.published_at, p.application, p.environment, p.attempt_count + 1 AS number, false AS stale, ${GIVEN_COLUMNS}, i.lane,
      i.reason
  ), written AS (
    INSERT INTO posthorn.attempts (${ATTEMPT_COLUMNS}) SELECT ${ATTEMPT_COLUMNS} FROM ended
  ), ${COUNT('ended', 20)}${
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
 * What stays. A wish that came while the request was out stands; it is one beside the automatic attempts by now. What was re-sent meanwhile only counts the attempt.
 * And those stay that failed and could not end (HAS_ENDED): by the wish that stands, at once, and not by their gate.
 *
 * $13 to $15 the leases, $16 when their deliveries were re-sent as far as they knew, $17 the wishes that they went by, $18 failures, null for those that failed; $19
 * the next instants, $20 now. @returns the numbers of those that stay, and whether each is what its attempt was to make of it
 */
const KEEP = `WITH kept AS (
    UPDATE posthorn.pending p
    SET attempt_count = p.attempt_count + 1,
      failures = CASE WHEN ${SAME_SERIES} THEN coalesce(i.failures, p.failures + 1) ELSE p.failures END,
      due_at = CASE WHEN NOT ${SAME_SERIES} THEN p.due_at WHEN i.failures IS NULL THEN coalesce(p.due_at, i.started_at) ELSE i.due_at END,
      by_hand = CASE WHEN i.wish = 0 OR NOT ${SAME_SERIES} THEN p.by_hand WHEN p.by_hand = i.wish THEN 0 ELSE least(p.by_hand, ${BESIDE}) END
    FROM ${INPUT('$16::bigint[], $17::smallint[], $18::integer[], $19::bigint[]', 'revived_at, wish, failures, due_at')}
    WHERE i.lane = ANY (ARRAY(${held(13)})) AND p.lane = i.lane AND p.seq = i.seq AND ${NEW_ATTEMPT}
    RETURNING p.seq AS delivery, p.published_at, p.application, p.attempt_count AS number, false AS stale, ${GIVEN_COLUMNS}, i.lane,
      i.failures IS NOT NULL AND ${SAME_SERIES} AS as_told
  ), written AS (
    INSERT INTO posthorn.attempts (${ATTEMPT_COLUMNS}) SELECT ${ATTEMPT_COLUMNS} FROM kept
  ), ${COUNT('kept', 20)}
  SELECT delivery, lane, as_told FROM kept`;

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

/** Of those that an earlier try of the same call settled as failed, what waits all the same. */
const WAITING = `SELECT p.lane FROM unnest($1::integer[], $2::bigint[]) AS i (lane, seq) JOIN posthorn.pending p ON p.lane = i.lane AND p.seq = i.seq`;

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

/** $4 reasons, where there are any, $5 the epochs of which they are: nothing disables an endpoint whose health was started anew meanwhile. $6 now. */
const DISABLE: readonly string[] = [
  `UPDATE posthorn.endpoints e SET status = 'disabled', disabled_reason = d.reason, updated_at = $6
   FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::text[], $5::integer[]) AS d (lane, holder, fence, reason, epoch)
   JOIN posthorn.lanes l ON l.pk = d.lane AND l.holder = d.holder AND l.fence = d.fence AND l.health_epoch = d.epoch
   WHERE d.reason IS NOT NULL AND e.pk = l.endpoint AND e.deleted_at IS NULL`,
  `UPDATE posthorn.lanes l SET enabled = 0
   FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::text[], $5::integer[]) AS d (lane, holder, fence, reason, epoch)
   WHERE d.reason IS NOT NULL AND l.pk = d.lane AND l.holder = d.holder AND l.fence = d.fence AND l.health_epoch = d.epoch`,
];

export async function settle(context: PostgresContext, batch: readonly LaneSettlement[]): Promise<LaneResult[]> {
  const results: LaneResult[] = [];
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

async function settleLanes(context: PostgresContext, batch: readonly LaneSettlement[]): Promise<LaneResult[]> {
  const { hot, clock, hint } = context;
  const now = await clock.now();
  const entries = batch.flatMap((settlement) => settlement.attempts.map((attempt): Entry => ({ settlement, attempt })));
  const [locked = [], ...recorded] = await hot.batch(settleStatements(batch, entries, now));
  const ours = new Set(locked.map(({ pk }) => pk as number));
  const rows = recorded.flat();
  const done = new Set(rows.map((row) => row['delivery'] as number | undefined));
  const left = entries.filter(({ attempt }) => !done.has(attempt.seq));
  const [, waiting = []] = left.length > 0 ? await hot.batch(appendStatements(left, now)) : [];
  const disabled = batch.filter(({ lease, disable }) => disable !== null && ours.has(lease.lane));
  if (disabled.length > 0) hint(...disabled.map(({ lease }) => ({ kind: 'endpoint' as const, lane: lease.lane })));
  if (rows.some((row) => 'notice' in row)) hint({ kind: 'notice' });
  const otherwise = [...waiting, ...rows.filter((row) => row['as_told'] === false)];
  const anew = new Set(otherwise.map((row) => row['lane'] as number));
  return batch.map(({ lease: { lane } }) => (!ours.has(lane) ? 'stale' : anew.has(lane) ? 'look_anew' : 'settled'));
}

function settleStatements(batch: readonly LaneSettlement[], entries: readonly Entry[], now: number): Statement[] {
  const leases = leaseArrays(batch.map(({ lease }) => lease));
  const statements: Statement[] = [{ sql: LOCK_LEASED, values: leases }];
  const ending = entries.filter(({ attempt }) => attempt.end.status !== 'pending');
  // Those that failed as well: of what is still pending then, something else came meanwhile.
  const staying = entries.filter(({ attempt }) => attempt.end.status !== 'succeeded');
  if (ending.length > 0) {
    const reasons = ending.map(({ attempt: { end } }) => (end.status === 'failed' ? end.reason : null));
    const failures = reasons.some((reason) => reason !== null);
    const epochs = int4s(ending.map(({ attempt }) => attempt.epoch));
    statements.push({ sql: END(failures), values: [...attemptArrays(ending), ...leases, texts(reasons), ...seen(ending), epochs, now] });
  }
  if (staying.length > 0) {
    const ends = staying.map(({ attempt: { end } }) => (end.status === 'pending' ? end : { failures: null, dueAt: null }));
    const own = [int4s(ends.map(({ failures }) => failures)), int8s(ends.map(({ dueAt }) => dueAt))];
    statements.push({ sql: KEEP, values: [...attemptArrays(staying), ...leases, ...seen(staying), ...own, now] });
  }
  const states = batch.map(({ state }) => ({ state, notBefore: healthFloor(state) }));
  statements.push({ sql: REMEMBER(false), values: [...leases, ...stateArrays(states)] });
  const notices = noticesStatement(batch, now);
  if (notices !== null) statements.push(notices);
  if (batch.some(({ disable }) => disable !== null)) {
    const disabling = [texts(batch.map(({ disable }) => disable)), int4s(batch.map(({ state }) => state.epoch))];
    const [endpoints = '', lanes = ''] = DISABLE;
    statements.push({ sql: endpoints, values: [...leases, ...disabling, now] }, { sql: lanes, values: [...leases, ...disabling] });
  }
  const firsts = batch.map(({ attempts }) => latest(attempts));
  if (firsts.some((at) => at !== null)) statements.push({ sql: LAST_DISPATCH, values: [...leases, int8s(firsts)] });
  return statements;
}

/** What the attempts knew of their deliveries: when those were re-sent, and by which wish they went. */
function seen(entries: readonly Entry[]): readonly Buffer[] {
  return [int8s(entries.map(({ attempt }) => attempt.revivedAt)), int2s(entries.map(({ attempt }) => attempt.wish))];
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
  const failed = left.filter(({ attempt }) => attempt.end.status === 'failed');
  const lanes = int4s(failed.map(({ settlement }) => settlement.lease.lane));
  return [
    { sql: LOCK_LEASED, values: leases },
    { sql: WAITING, values: [lanes, int8s(failed.map(({ attempt }) => attempt.seq))] },
    ...append(timed, true),
    ...append(untimed, false),
  ];
}

function time({ attempt }: Entry): number {
  return idTime(attempt.attemptId) ?? 0;
}
