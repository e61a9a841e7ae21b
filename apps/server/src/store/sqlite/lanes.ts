/**
 * Lanes: leasing, scanning, settling, releasing. The hot half of the store, by hand.
 *
 * A lane's row is `idle` (no holder; `first_at` and `due_at` say when it is wanted) or `leased`. Leasing clears both marks: from then on they
 * gather what is published or asked for meanwhile, and release lowers them by what the holder leaves behind. A lease that ends
 * without a release counts as due, so marks that died with their holder lose nothing.
 */
import { type DeliveryId, healthFloor, type Ordering, STANDINGS } from '@posthorn/core';
import { chooseLanes, type LeaseCandidate } from '../lease-choice.ts';
import { NEWEST_JOB } from '../shared/jobs.ts';
import { STATE_COLUMNS, type StateRow, stateFromRow } from '../shared/lane-state.ts';
import {
  BEYOND_LIMIT,
  type ByHandRows,
  type DueRows,
  dueResult,
  NOTHING_BY_HAND,
  type ScanRow,
  scanned,
  scanResult,
  splitAtGate,
} from '../shared/scans.ts';
import { BESIDE } from '../shared/wishes.ts';
import type {
  CadenceGroup,
  DeliveryBody,
  Environment,
  EnvironmentState,
  LaneRelease,
  LaneResult,
  LaneSettlement,
  LaneStore,
  Lease,
  LeasedLane,
  LeaseLimits,
  RenewedLane,
  ScanResult,
  SettledAttempt,
} from '../store.ts';
import type { SqliteContext } from './context.ts';
import { keepNotices } from './notices.ts';
import { countAttempt, Tally } from './stats.ts';
import { laneTarget } from './target.ts';
import { writeState } from './write-state.ts';

interface LaneRow extends StateRow {
  readonly fence: number;
  readonly cadence_group: string;
  readonly opened_at: number;
}

// A bare `LIMIT ?` makes SQLite prepare the statement anew whenever it is bound, since its planner looks at the value: 9 to 20 µs instead of 0.4
// (measured). An expression, `LIMIT +?`, does not.

const SCAN_COLUMNS = 'seq, ordering_key, published_at, due_at, failures, attempt_count, by_hand, late, revived_at';
const IDLE = 'holder IS NULL AND enabled = 1';

export function sqliteLanes(context: SqliteContext): LaneStore {
  const { db } = context;
  return {
    async outlook() {
      return { now: context.now(), groups: cadenceGroups(context) };
    },
    async lease(request) {
      return db.transaction(() => lease(context, request));
    },
    async renew({ leases, leaseMs }) {
      return db.transaction(() => renew(context, leases, leaseMs));
    },
    async stirred(request) {
      return stirred(context, request);
    },
    async scan(request) {
      return scan(context, request);
    },
    async scanDue(request) {
      return dueResult(byHand(context, request), dueBeyond(context, request, 0));
    },
    async scanKey({ lane, orderingKey, late, after, limit }) {
      const rows = db.all<ScanRow>(
        `SELECT ${SCAN_COLUMNS} FROM deliveries
         WHERE lane = ? AND ordering_key = ? AND seq > ? AND status = 'pending' AND late = ${late ? 1 : 0} ORDER BY seq LIMIT +?`,
        lane,
        orderingKey,
        after,
        limit,
      );
      return rows.map(scanned);
    },
    async bodies(seqs) {
      return bodies(context, seqs);
    },
    async target(held) {
      const row = db.get<Omit<LaneRow, 'fence'>>(
        `SELECT opened_at, cadence_group, ${STATE_COLUMNS} FROM lanes WHERE pk = ? AND holder = ? AND fence = ?`,
        held.lane,
        held.holder,
        held.fence,
      );
      const target = row === undefined ? null : laneTarget(context, held.lane);
      return row === undefined || target === null
        ? null
        : { target, state: stateFromRow(row), openedAt: row.opened_at, group: row.cadence_group };
    },
    async settle(batch) {
      const aftermath: Aftermath = { disabled: [], notices: false, tally: new Tally() };
      const results = db.transaction(() => {
        const settled = batch.map((settlement) => settleLane(context, settlement, aftermath));
        aftermath.tally.write(context);
        return settled;
      });
      for (const lane of aftermath.disabled) context.hint({ kind: 'endpoint', lane });
      if (aftermath.notices) context.hint({ kind: 'notice' });
      return results;
    },
    async release(batch) {
      db.transaction(() => {
        for (const released of batch) releaseLane(context, released);
      });
    },
    async upcoming() {
      return upcoming(context);
    },
  };
}

/**
 * After a start no other dispatcher exists: every lease is void, and its lane is due at once. What its holder was to do by hand is not known any
 * more, so that is looked for as well. @returns how many there were
 */
export function voidLeases(context: SqliteContext): number {
  const now = context.now();
  return context.db.run('UPDATE lanes SET holder = NULL, lease_until = NULL, due_at = ?, wish_at = ? WHERE holder IS NOT NULL', now, now);
}

/**
 * All in one row: a text of a line each, and the bodies end to end. As rows it took 1.6 µs a delivery and 0.4 more for the garbage collector's threads,
 * most of it for a buffer for each body; so 1.1 and 0.1 (measured, 32 at a time, bodies of 520 bytes).
 */
function bodies({ db }: SqliteContext, seqs: readonly number[]): DeliveryBody[] {
  const found = db.get<{ lines: string | null; bodies: Uint8Array<ArrayBuffer> | null }>(
    `SELECT group_concat(d.seq || ' ' || d.id || ' ' || e.id || ' ' || e.type || ' ' || d.late || ' ' || length(e.body), x'0a') AS lines,
       CAST(group_concat(e.body, '') AS BLOB) AS bodies
     FROM json_each(?) j JOIN deliveries d ON d.seq = j.value JOIN events e ON e.seq = d.event
     WHERE d.status = 'pending'`,
    JSON.stringify(seqs),
  );
  if (found === undefined || found.lines === null || found.bodies === null) return [];
  const { buffer } = found.bodies;
  let offset = found.bodies.byteOffset;
  return found.lines.split('\n').map((line): DeliveryBody => {
    // Neither ids nor types have a space in them.
    const [seq, id, eventId, eventType, late, length] = line.split(' ') as [string, DeliveryId, string, string, string, string];
    const body = Buffer.from(buffer, offset, Number(length));
    offset += body.length;
    return { seq: Number(seq), id, eventId, eventType, late: late === '1', body };
  });
}

function groupNames(context: SqliteContext): string[] {
  // A loose index scan: one seek per group, however many lanes there are.
  return context.db
    .all<{ name: string }>(
      `WITH RECURSIVE groups (name) AS (
         SELECT min(cadence_group) FROM lanes
         UNION ALL
         SELECT (SELECT min(cadence_group) FROM lanes WHERE cadence_group > name) FROM groups WHERE name IS NOT NULL
       ) SELECT name FROM groups WHERE name IS NOT NULL`,
    )
    .map(({ name }) => name);
}

function cadenceGroups(context: SqliteContext): CadenceGroup[] {
  const environments = new Map(
    context.db
      .all<{ name: Environment; cadence: string; opened_at: number }>('SELECT name, cadence, opened_at FROM environments')
      .map((row): [string, Pick<EnvironmentState, 'environment' | 'cadence' | 'openedAt'>] => [
        row.name,
        { environment: row.name, cadence: row.cadence, openedAt: row.opened_at },
      ]),
  );
  return groupNames(context).flatMap((group) => {
    const colon = group.indexOf(':');
    const environment = environments.get(group.slice(0, colon));
    if (environment === undefined) return [];
    return [{ ...environment, cadence: group.slice(colon + 1) || environment.cadence, group }];
  });
}

function lease(
  context: SqliteContext,
  request: { readonly holder: string; readonly leaseMs: number; readonly limits: LeaseLimits; readonly gates: ReadonlyMap<string, number> },
): LeasedLane[] {
  const { db } = context;
  const now = context.now();
  const ended = new Set(
    db
      .all<{ pk: number }>(
        `UPDATE lanes SET holder = NULL, lease_until = NULL, due_at = ?1, wish_at = ?1 WHERE holder IS NOT NULL AND lease_until <= ?1 RETURNING pk`,
        now,
      )
      .map(({ pk }) => pk),
  );
  const chosen = chooseLanes(candidates(context, request, now), request.limits);
  const leaseUntil = now + request.leaseMs;
  return chosen.flatMap((lane): LeasedLane[] => {
    const target = laneTarget(context, lane);
    if (target === null) {
      // Its endpoint was deleted between two steps of the deletion: nothing to send, nothing to look for.
      db.run('UPDATE lanes SET first_at = NULL, due_at = NULL, wish_at = NULL, enabled = 0 WHERE pk = ?', lane);
      return [];
    }
    const row = db.get<LaneRow>(
      `UPDATE lanes SET holder = ?, lease_until = ?, fence = fence + 1, first_at = NULL, due_at = NULL, wish_at = NULL WHERE pk = ?
       RETURNING fence, cadence_group, opened_at, ${STATE_COLUMNS}`,
      request.holder,
      leaseUntil,
      lane,
    ) as LaneRow;
    return [
      {
        lease: { lane, holder: request.holder, fence: row.fence },
        leaseUntil,
        group: row.cadence_group,
        openedAt: row.opened_at,
        state: stateFromRow(row),
        target,
        takenOver: ended.has(lane),
      },
    ];
  });
}

/** Idle lanes with something to send, of each standing as many as may be leased of it. */
function candidates(
  { db }: SqliteContext,
  { limits, gates }: { readonly limits: LeaseLimits; readonly gates: ReadonlyMap<string, number> },
  now: number,
): LeaseCandidate[] {
  const found = db.all<LeaseCandidate>(
    `SELECT pk, standing, wish_at AS at, 1 AS wished FROM lanes WHERE ${IDLE} AND wish_at IS NOT NULL ORDER BY wish_at LIMIT +?`,
    limits.proven,
  );
  for (const [standing, name] of STANDINGS.entries()) {
    const limit = limits[name];
    if (limit <= 0) continue;
    found.push(
      ...db.all<LeaseCandidate>(
        `SELECT pk, standing, due_at AS at FROM lanes
         WHERE ${IDLE} AND standing = ? AND due_at IS NOT NULL AND due_at <= ? AND not_before <= ? ORDER BY due_at LIMIT +?`,
        standing,
        now,
        now,
        limit,
      ),
    );
    for (const [group, gate] of gates) {
      found.push(
        ...db.all<LeaseCandidate>(
          `SELECT pk, standing, first_at AS at FROM lanes
           WHERE ${IDLE} AND cadence_group = ? AND standing = ? AND first_at IS NOT NULL AND first_at <= ? AND not_before <= ?
           ORDER BY first_at LIMIT +?`,
          group,
          standing,
          gate,
          now,
          limit,
        ),
      );
    }
  }
  return found;
}

function renew(context: SqliteContext, leases: readonly Lease[], leaseMs: number): RenewedLane[] {
  const { db } = context;
  const leaseUntil = context.now() + leaseMs;
  return leases.flatMap((held): RenewedLane[] => {
    const row = db.get<{ due_at: number | null }>(
      'SELECT due_at FROM lanes WHERE pk = ? AND holder = ? AND fence = ?',
      held.lane,
      held.holder,
      held.fence,
    );
    if (row === undefined) return [];
    db.run('UPDATE lanes SET lease_until = ?, due_at = NULL WHERE pk = ?', leaseUntil, held.lane);
    return [{ lease: held, leaseUntil, rescan: row.due_at !== null }];
  });
}

const STIRRED = 'holder IS NOT NULL AND (first_at IS NOT NULL OR due_at IS NOT NULL)';

function stirred(
  { db, now: clock }: SqliteContext,
  { holder, except, gates }: Parameters<LaneStore['stirred']>[0],
): { lane: number; rescan: boolean }[] {
  const now = clock();
  const rows = db.all<{ pk: number; cadence_group: string; first_at: number | null; due_at: number | null }>(
    `SELECT pk, cadence_group, first_at, due_at FROM lanes WHERE holder = ? AND ${STIRRED}`,
    holder,
  );
  const due = rows.filter(
    (row) =>
      !except.includes(row.pk) &&
      ((row.due_at !== null && row.due_at <= now) ||
        (row.first_at !== null && row.first_at <= (gates.get(row.cadence_group) ?? Number.NEGATIVE_INFINITY))),
  );
  if (due.length === 0) return [];
  return db.transaction(() =>
    due.map((row) => {
      db.run('UPDATE lanes SET first_at = NULL, due_at = NULL, wish_at = NULL WHERE pk = ?', row.pk);
      return { lane: row.pk, rescan: row.due_at !== null };
    }),
  );
}

interface ScanRequest {
  readonly lane: number;
  readonly ordering: Ordering;
  readonly after: number;
  readonly limit: number;
  readonly gate: number;
}

function scan(context: SqliteContext, request: ScanRequest): ScanResult {
  const rows = context.db.all<ScanRow>(
    `SELECT ${SCAN_COLUMNS} FROM deliveries WHERE lane = ? AND status = 'pending' AND seq > ? ORDER BY seq LIMIT +?`,
    request.lane,
    request.after,
    request.limit,
  );
  const { open, gated } = splitAtGate(rows, request.gate);
  return scanResult(request, {
    open,
    gated,
    byHand: request.after === 0 ? byHand(context, request) : NOTHING_BY_HAND,
    beyond: gated === null ? null : dueBeyond(context, request, gated.seq),
  });
}

/** That no earlier pending delivery `p` stands in the queue of `d`. */
const HEADS_ITS_QUEUE: Readonly<Record<Ordering, string>> = {
  none: '1',
  strict: `(NOT EXISTS (SELECT 1 FROM deliveries p WHERE p.lane = d.lane AND p.seq < d.seq AND p.status = 'pending' AND p.late = d.late))`,
  // One branch for each index: a partial index is used only where the statement itself says what it covers.
  key: `(d.ordering_key IS NULL OR CASE d.late
      WHEN 0 THEN NOT EXISTS (SELECT 1 FROM deliveries p
        WHERE p.lane = d.lane AND p.ordering_key = d.ordering_key AND p.seq < d.seq AND p.status = 'pending' AND p.late = 0)
      ELSE NOT EXISTS (SELECT 1 FROM deliveries p
        WHERE p.lane = d.lane AND p.ordering_key = d.ordering_key AND p.seq < d.seq AND p.status = 'pending' AND p.late = 1) END)`,
};

/** What was asked for by hand goes first, wherever in the lane it stands, unless it stands behind another of its queue. */
function byHand({ db }: SqliteContext, { lane, ordering }: Pick<ScanRequest, 'lane' | 'ordering'>): ByHandRows {
  const rows = (heads: boolean): ScanRow[] =>
    db.all<ScanRow>(
      `SELECT ${SCAN_COLUMNS} FROM deliveries d INDEXED BY deliveries_by_hand
       WHERE d.lane = ? AND d.status = 'pending' AND d.by_hand > 0 AND ${heads ? '' : 'NOT '}${HEADS_ITS_QUEUE[ordering]}
       ORDER BY d.seq LIMIT ${BEYOND_LIMIT}`,
      lane,
    );
  return { wished: rows(true), behind: rows(false) };
}

/** What has an instant of its own and stands after `after`. */
function dueBeyond({ db, now: clock }: SqliteContext, { lane, ordering }: Pick<ScanRequest, 'lane' | 'ordering'>, after: number): DueRows {
  const now = clock();
  const due = db.all<ScanRow>(
    `SELECT ${SCAN_COLUMNS} FROM deliveries d INDEXED BY deliveries_due
     WHERE d.lane = ? AND d.status = 'pending' AND d.due_at IS NOT NULL AND d.due_at <= ? AND d.seq > ? AND ${HEADS_ITS_QUEUE[ordering]}
     ORDER BY d.due_at, d.seq LIMIT ${BEYOND_LIMIT}`,
    lane,
    now,
    after,
  );
  const next = db.get<{ at: number }>(
    `SELECT due_at AS at FROM deliveries INDEXED BY deliveries_due
     WHERE lane = ? AND status = 'pending' AND due_at IS NOT NULL AND due_at > ? ORDER BY due_at LIMIT 1`,
    lane,
    now,
  );
  return { due, next: next?.at ?? null };
}

/** What a batch leaves to do once its lanes are settled. */
interface Aftermath {
  readonly disabled: number[];
  /** There is something to tell people. */
  notices: boolean;
  readonly tally: Tally;
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

function releaseLane(context: SqliteContext, { lease: held, firstAt, dueAt, notBefore, state }: LaneRelease): void {
  // min() of SQL is null where one side is: coalesce each with the other.
  const released = context.db.run(
    `UPDATE lanes SET holder = NULL, lease_until = NULL,
       first_at = min(coalesce(first_at, ?1), coalesce(?1, first_at)), due_at = min(coalesce(due_at, ?2), coalesce(?2, due_at))
     WHERE pk = ?3 AND holder = ?4 AND fence = ?5`,
    firstAt,
    dueAt,
    held.lane,
    held.holder,
    held.fence,
  );
  if (released === 1) writeState(context, state, { lane: held.lane, notBefore });
}

function upcoming(context: SqliteContext): { now: number; firsts: Map<string, number>; dueAt: number | null } {
  const { db } = context;
  const now = context.now();
  const firsts = new Map<string, number>();
  for (const group of groupNames(context)) {
    const instants = STANDINGS.flatMap((_, standing) => {
      const row = db.get<{ at: number }>(
        `SELECT first_at AS at FROM lanes
         WHERE ${IDLE} AND cadence_group = ? AND standing = ? AND first_at IS NOT NULL AND not_before <= ? ORDER BY first_at LIMIT 1`,
        group,
        standing,
        now,
      );
      return row === undefined ? [] : [row.at];
    });
    if (instants.length > 0) firsts.set(group, Math.min(...instants));
  }
  // What was published into lanes that are held: their holder has to look again at that tick.
  const held = db.all<{ cadence_group: string; at: number }>(
    `SELECT cadence_group, min(first_at) AS at FROM lanes WHERE ${STIRRED} AND first_at IS NOT NULL GROUP BY cadence_group`,
  );
  for (const { cadence_group, at } of held) firsts.set(cadence_group, Math.min(at, firsts.get(cadence_group) ?? at));
  const instants = [
    ...STANDINGS.map((_, standing) =>
      db.get<{ at: number }>(
        `SELECT due_at AS at FROM lanes WHERE ${IDLE} AND standing = ? AND due_at IS NOT NULL AND not_before <= ? ORDER BY due_at LIMIT 1`,
        standing,
        now,
      ),
    ),
    db.get<{ at: number }>(
      `SELECT not_before AS at FROM lanes
       WHERE ${IDLE} AND not_before > 0 AND not_before > ? AND (first_at IS NOT NULL OR due_at IS NOT NULL) ORDER BY not_before LIMIT 1`,
      now,
    ),
    db.get<{ at: number }>('SELECT lease_until AS at FROM lanes WHERE holder IS NOT NULL ORDER BY lease_until LIMIT 1'),
  ].flatMap((row) => (row === undefined ? [] : [row.at]));
  return { now, firsts, dueAt: instants.length === 0 ? null : Math.min(...instants) };
}
