/**
 * Lanes: leasing, scanning, settling, releasing. The hot half of the store, by hand.
 *
 * A lane's row is `idle` (no holder; `first_at` and `due_at` say when it is wanted) or `leased`. Leasing clears both marks: from then on they
 * gather what is published or asked for meanwhile, and release lowers them by what the holder leaves behind. A lease that ends
 * without a release counts as due, so marks that died with their holder lose nothing.
 */
import type { Ordering } from '@posthorn/core';
import type {
  CadenceGroup,
  DeliveryBody,
  Environment,
  EnvironmentState,
  LaneRelease,
  LaneSettlement,
  LaneState,
  LaneStore,
  Lease,
  LeasedLane,
  RenewedLane,
  ScannedDelivery,
  ScanResult,
  SettledAttempt,
} from '../store.ts';
import type { SqliteContext } from './context.ts';
import { laneTarget } from './target.ts';

interface LaneRow {
  readonly fence: number;
  readonly cadence_group: string;
  readonly opened_at: number;
  readonly not_before: number;
  readonly failing_since: number | null;
  readonly rate_at: number;
}

interface ScanRow {
  readonly seq: number;
  readonly ordering_key: string | null;
  readonly published_at: number;
  readonly due_at: number | null;
  readonly failures: number;
  readonly attempt_count: number;
  readonly by_hand: number;
  readonly late: number;
}

const SCAN_COLUMNS = 'seq, ordering_key, published_at, due_at, failures, attempt_count, by_hand, late';
const BY_HAND_LIMIT = 256;
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
    async scanKey({ lane, orderingKey, after, limit }) {
      const rows = db.all<ScanRow>(
        `SELECT ${SCAN_COLUMNS} FROM deliveries
         WHERE lane = ? AND ordering_key = ? AND seq > ? AND status = 'pending' AND late = 0 ORDER BY seq LIMIT ?`,
        lane,
        orderingKey,
        after,
        limit,
      );
      return rows.map(scanned);
    },
    async bodies(seqs) {
      return db.all<{ seq: number; id: string; eventId: string; eventType: string; body: Uint8Array }>(
        `SELECT d.seq, d.id, e.id AS eventId, e.type AS eventType, e.body
         FROM json_each(?) j JOIN deliveries d ON d.seq = j.value JOIN events e ON e.seq = d.event
         WHERE d.status = 'pending'`,
        JSON.stringify(seqs),
      ) as DeliveryBody[];
    },
    async target(held) {
      const row = db.get<{ opened_at: number; cadence_group: string }>(
        'SELECT opened_at, cadence_group FROM lanes WHERE pk = ? AND holder = ? AND fence = ?',
        held.lane,
        held.holder,
        held.fence,
      );
      const target = row === undefined ? null : laneTarget(context, held.lane);
      return row === undefined || target === null ? null : { target, openedAt: row.opened_at, group: row.cadence_group };
    },
    async settle(batch) {
      const disabled: number[] = [];
      const results = db.transaction(() => batch.map((settlement) => settleLane(context, settlement, disabled)));
      for (const lane of disabled) context.hint({ kind: 'endpoint', lane });
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

/** After a start no other dispatcher exists: every lease is void, and its lane is due at once. @returns how many there were */
export function voidLeases(context: SqliteContext): number {
  return context.db.run('UPDATE lanes SET holder = NULL, lease_until = NULL, due_at = ? WHERE holder IS NOT NULL', context.now());
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
  request: { readonly holder: string; readonly leaseMs: number; readonly limit: number; readonly gates: ReadonlyMap<string, number> },
): LeasedLane[] {
  const { db } = context;
  const now = context.now();
  const ended = new Set(
    db
      .all<{ pk: number }>(
        'UPDATE lanes SET holder = NULL, lease_until = NULL, due_at = ? WHERE holder IS NOT NULL AND lease_until <= ? RETURNING pk',
        now,
        now,
      )
      .map(({ pk }) => pk),
  );
  const candidates = db.all<{ pk: number; at: number }>(
    `SELECT pk, due_at AS at FROM lanes WHERE ${IDLE} AND due_at IS NOT NULL AND due_at <= ? AND not_before <= ? ORDER BY due_at LIMIT ?`,
    now,
    now,
    request.limit,
  );
  for (const [group, gate] of request.gates) {
    candidates.push(
      ...db.all<{ pk: number; at: number }>(
        `SELECT pk, first_at AS at FROM lanes
         WHERE ${IDLE} AND cadence_group = ? AND first_at IS NOT NULL AND first_at <= ? AND not_before <= ? ORDER BY first_at LIMIT ?`,
        group,
        gate,
        now,
        request.limit,
      ),
    );
  }
  candidates.sort((a, b) => a.at - b.at);
  const chosen = [...new Set(candidates.map(({ pk }) => pk))].slice(0, request.limit);
  const leaseUntil = now + request.leaseMs;
  return chosen.flatMap((lane): LeasedLane[] => {
    const target = laneTarget(context, lane);
    if (target === null) {
      // Its endpoint was deleted between two steps of the deletion: nothing to send, nothing to look for.
      db.run('UPDATE lanes SET first_at = NULL, due_at = NULL, enabled = 0 WHERE pk = ?', lane);
      return [];
    }
    const row = db.get<LaneRow>(
      `UPDATE lanes SET holder = ?, lease_until = ?, fence = fence + 1, first_at = NULL, due_at = NULL WHERE pk = ?
       RETURNING fence, cadence_group, opened_at, not_before, failing_since, rate_at`,
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
        state: { notBefore: row.not_before, failingSince: row.failing_since, rateAt: row.rate_at },
        target,
        takenOver: ended.has(lane),
      },
    ];
  });
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
  { holder, gates }: { readonly holder: string; readonly gates: ReadonlyMap<string, number> },
): { lane: number; rescan: boolean }[] {
  const now = clock();
  const rows = db.all<{ pk: number; cadence_group: string; first_at: number | null; due_at: number | null }>(
    `SELECT pk, cadence_group, first_at, due_at FROM lanes WHERE holder = ? AND ${STIRRED}`,
    holder,
  );
  const due = rows.filter(
    (row) =>
      (row.due_at !== null && row.due_at <= now) ||
      (row.first_at !== null && row.first_at <= (gates.get(row.cadence_group) ?? Number.NEGATIVE_INFINITY)),
  );
  if (due.length === 0) return [];
  return db.transaction(() =>
    due.map((row) => {
      db.run('UPDATE lanes SET first_at = NULL, due_at = NULL WHERE pk = ?', row.pk);
      return { lane: row.pk, rescan: row.due_at !== null };
    }),
  );
}

function scan(
  context: SqliteContext,
  request: { readonly lane: number; readonly ordering: Ordering; readonly after: number; readonly limit: number; readonly gate: number },
): ScanResult {
  const rows = context.db.all<ScanRow>(
    `SELECT ${SCAN_COLUMNS} FROM deliveries WHERE lane = ? AND status = 'pending' AND seq > ? ORDER BY seq LIMIT ?`,
    request.lane,
    request.after,
    request.limit,
  );
  const gated = rows.findIndex((row) => row.due_at === null && row.by_hand === 0 && row.published_at > request.gate);
  if (gated === -1) {
    const cursor = rows.at(-1)?.seq ?? request.after;
    return { deliveries: rows.map(scanned), cursor, moreByHand: false, end: rows.length < request.limit, gatedFrom: null };
  }
  // Behind the gate everything waits, so the scan ends here instead of walking what may be millions.
  const first = rows[gated] as ScanRow;
  const byHand = byHandBeyond(context, request, first.seq);
  return {
    deliveries: [...rows.slice(0, gated), ...byHand].map(scanned),
    cursor: rows[gated - 1]?.seq ?? request.after,
    moreByHand: byHand.length === BY_HAND_LIMIT,
    end: true,
    gatedFrom: first.published_at,
  };
}

/** What was asked for by hand among the gated: unless late, it goes only as the head of its key. */
function byHandBeyond(context: SqliteContext, request: { readonly lane: number; readonly ordering: Ordering }, after: number): ScanRow[] {
  const mayGo = {
    none: '1',
    // The gated delivery that ended the scan is pending and earlier.
    strict: 'd.late = 1',
    key: `(d.late = 1 OR d.ordering_key IS NULL OR NOT EXISTS (
            SELECT 1 FROM deliveries p
            WHERE p.lane = d.lane AND p.ordering_key = d.ordering_key AND p.seq < d.seq AND p.status = 'pending' AND p.late = 0))`,
  }[request.ordering];
  return context.db.all<ScanRow>(
    `SELECT ${SCAN_COLUMNS} FROM deliveries d INDEXED BY deliveries_by_hand
     WHERE d.lane = ? AND d.seq > ? AND d.status = 'pending' AND d.by_hand + d.late > 0 AND ${mayGo} ORDER BY d.seq LIMIT ${BY_HAND_LIMIT}`,
    request.lane,
    after,
  );
}

function scanned(row: ScanRow): ScannedDelivery {
  return {
    seq: row.seq,
    orderingKey: row.ordering_key,
    publishedAt: row.published_at,
    dueAt: row.due_at,
    failures: row.failures,
    attemptCount: row.attempt_count,
    byHand: row.by_hand === 1,
    late: row.late === 1,
  };
}

function settleLane(context: SqliteContext, settlement: LaneSettlement, disabled: number[]): 'settled' | 'stale' {
  const { db } = context;
  const { lane, holder, fence } = settlement.lease;
  const row = db.get<{ cadence_group: string }>(
    'SELECT cadence_group FROM lanes WHERE pk = ? AND holder = ? AND fence = ?',
    lane,
    holder,
    fence,
  );
  if (row === undefined) {
    for (const attempt of settlement.attempts) appendAttempt(context, attempt, { stale: true });
    return 'stale';
  }
  let lastFirst = 0;
  for (const attempt of settlement.attempts) {
    // Appended already: this settle is a repeat of one whose answer was lost.
    if (!appendAttempt(context, attempt, { stale: false })) continue;
    if (attempt.first) lastFirst = Math.max(lastFirst, attempt.startedAt);
    endAttempt(context, attempt);
  }
  writeState(context, settlement.state, lane);
  if (lastFirst > 0) {
    db.run(
      'UPDATE environments SET last_dispatch_at = ? WHERE name = ? AND coalesce(last_dispatch_at, 0) < ?',
      lastFirst,
      row.cadence_group.slice(0, row.cadence_group.indexOf(':')),
      lastFirst,
    );
  }
  if (settlement.disable !== null) {
    db.run(
      `UPDATE endpoints SET status = 'disabled', disabled_reason = ?, updated_at = ?
       WHERE pk = (SELECT endpoint FROM lanes WHERE pk = ?) AND deleted_at IS NULL`,
      settlement.disable,
      context.now(),
      lane,
    );
    db.run('UPDATE lanes SET enabled = 0 WHERE pk = ?', lane);
    disabled.push(lane);
  }
  return 'settled';
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

function endAttempt({ db }: SqliteContext, { seq, end, byHand }: SettledAttempt): void {
  const reason = end.status === 'failed' ? end.reason : null;
  const changes =
    end.status === 'pending'
      ? db.run(
          // An attempt by hand used up the wish; another wish may have come while an automatic one was out.
          `UPDATE deliveries SET attempt_count = attempt_count + 1, failures = ?, due_at = ?, by_hand = by_hand * ?
           WHERE seq = ? AND status = 'pending'`,
          end.failures,
          end.dueAt,
          byHand ? 0 : 1,
          seq,
        )
      : db.run(
          `UPDATE deliveries SET status = ?, reason = ?, attempt_count = attempt_count + 1, by_hand = 0
           WHERE seq = ? AND status = 'pending'`,
          end.status,
          reason,
          seq,
        );
  // Canceled while the request was out: that stands, the attempt counts.
  if (changes === 0) db.run('UPDATE deliveries SET attempt_count = attempt_count + 1 WHERE seq = ?', seq);
}

function writeState({ db }: SqliteContext, state: LaneState, lane: number): void {
  db.run(
    'UPDATE lanes SET not_before = ?, failing_since = ?, rate_at = ? WHERE pk = ?',
    state.notBefore,
    state.failingSince,
    state.rateAt,
    lane,
  );
}

function releaseLane(context: SqliteContext, { lease: held, firstAt, dueAt, state }: LaneRelease): void {
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
  if (released === 1) writeState(context, state, held.lane);
}

function upcoming(context: SqliteContext): { now: number; firsts: Map<string, number>; dueAt: number | null } {
  const { db } = context;
  const now = context.now();
  const firsts = new Map<string, number>();
  for (const group of groupNames(context)) {
    const row = db.get<{ at: number }>(
      `SELECT first_at AS at FROM lanes
       WHERE ${IDLE} AND cadence_group = ? AND first_at IS NOT NULL AND not_before <= ? ORDER BY first_at LIMIT 1`,
      group,
      now,
    );
    if (row !== undefined) firsts.set(group, row.at);
  }
  // What was published into lanes that are held: their holder has to look again at that tick.
  const held = db.all<{ cadence_group: string; at: number }>(
    `SELECT cadence_group, min(first_at) AS at FROM lanes WHERE ${STIRRED} AND first_at IS NOT NULL GROUP BY cadence_group`,
  );
  for (const { cadence_group, at } of held) firsts.set(cadence_group, Math.min(at, firsts.get(cadence_group) ?? at));
  const instants = [
    db.get<{ at: number }>(
      `SELECT due_at AS at FROM lanes WHERE ${IDLE} AND due_at IS NOT NULL AND not_before <= ? ORDER BY due_at LIMIT 1`,
      now,
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
