/** Takes lanes, keeps them and gives them back; and takes the marks that held lanes gathered meanwhile. */
import { STANDINGS } from '@posthorn/core';
import { chooseLanes, type LeaseCandidate } from '../lease-choice.ts';
import { heldLane, type LaneRow, STATE_COLUMNS } from '../shared/lane-state.ts';
import type { LaneRelease, LaneStore, Lease, LeasedLane, LeaseLimits, RenewedLane } from '../store.ts';
import type { SqliteContext } from './context.ts';
import { IDLE, STIRRED } from './outlook.ts';
import { laneTarget } from './target.ts';
import { writeState } from './write-state.ts';

// A bare `LIMIT ?` makes SQLite prepare the statement anew whenever it is bound, since its planner looks at the value: 9 to 20 µs instead of 0.4
// (measured). An expression, `LIMIT +?`, does not.

/**
 * After a start no other dispatcher exists: every lease is void, and its lane is due at once. What its holder was to do by hand is not known any
 * more, so that is looked for as well. @returns how many there were
 */
export function voidLeases(context: SqliteContext): number {
  const now = context.now();
  return context.db.run('UPDATE lanes SET holder = NULL, lease_until = NULL, due_at = ?, wish_at = ? WHERE holder IS NOT NULL', now, now);
}

export function lease(
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
        ...heldLane(row, target),
        lease: { lane, holder: request.holder, fence: row.fence },
        leaseUntil,
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

export function renew(context: SqliteContext, leases: readonly Lease[], leaseMs: number): RenewedLane[] {
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

export function stirred(
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

/** A look at a lane that is held; null: it is somebody else's, or its endpoint is gone. */
export function heldTarget(context: SqliteContext, held: Lease): Awaited<ReturnType<LaneStore['target']>> {
  const row = context.db.get<Omit<LaneRow, 'fence'>>(
    `SELECT opened_at, cadence_group, ${STATE_COLUMNS} FROM lanes WHERE pk = ? AND holder = ? AND fence = ?`,
    held.lane,
    held.holder,
    held.fence,
  );
  const target = row === undefined ? null : laneTarget(context, held.lane);
  return row === undefined || target === null ? null : heldLane(row, target);
}

export function release(context: SqliteContext, { lease: held, firstAt, dueAt, notBefore, state }: LaneRelease): void {
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
