/**
 * Leasing, and what a holder does about its leases.
 *
 * A lane's row is `idle` (no holder; `first_at`, `due_at` and `wish_at` say when it is wanted) or `leased`. Leasing clears the marks; what is published or
 * asked for meanwhile sets them again, and release lowers them by what the holder leaves behind. A lease that ends without a release counts as due.
 *
 * Clearing `first_at` declares that whoever looks from now on will find everything that was published so far. It is true only while nobody is in the middle of
 * publishing into the lane, and everyone who is holds its row FOR KEY SHARE until the commit. So it is cleared under FOR UPDATE, which excludes
 * them, and without waiting: a lane with publishers in it is leased all the same, its mark stays, and the holder tries again with its next look.
 * (docs/decisions/0015-postgres-lanes.md has the proof, and what was measured.)
 */
import { STANDINGS } from '@posthorn/core';
import { chooseLanes, type LeaseCandidate } from '../lease-choice.ts';
import { secretsAt } from '../secrets.ts';
import { BRAKED } from '../shared/brakes.ts';
import { ENDPOINT_COLUMNS, type EndpointRow, endpointFromRow, secretState } from '../shared/endpoints.ts';
import { heldLane, LANE_STATE, type LaneRow } from '../shared/lane-state.ts';
import type { LaneStore, LaneTarget, Lease, LeasedLane, LeaseLimits, RenewedLane } from '../store.ts';
import { int4s, int8s, texts } from './arrays.ts';
import type { PostgresContext } from './context.ts';
import { gateArrays } from './outlook.ts';

const IDLE = 'l.holder IS NULL AND l.enabled = 1';

/**
 * Lanes with something to send, of each standing as many as may be leased of it; $1 now, $2 and $3 groups and their gates, $4 to $6 the limits.
 * Each part reads the beginning of its index and stops. Nothing is locked yet: what others take meanwhile is passed over when it is.
 */
const CANDIDATES = `WITH gates (name, gate) AS (SELECT * FROM unnest($2::text[], $3::double precision[])),
    limits (standing, most) AS (VALUES (0::smallint, $4::integer), (1::smallint, $5::integer), (2::smallint, $6::integer))
  (SELECT l.pk, l.standing, l.wish_at AS at, true AS wished FROM posthorn.lanes l WHERE ${IDLE} AND l.wish_at IS NOT NULL ORDER BY l.wish_at LIMIT $4)
  UNION ALL
  (SELECT l.pk, l.standing, l.lease_until, false FROM posthorn.lanes l
   WHERE l.holder IS NOT NULL AND l.enabled = 1 AND l.lease_until <= $1 ORDER BY l.lease_until LIMIT $4)
  UNION ALL
  SELECT d.pk, d.standing, d.at, false FROM limits m CROSS JOIN LATERAL (
    SELECT l.pk, l.standing, l.due_at AS at FROM posthorn.lanes l
    WHERE ${IDLE} AND l.standing = m.standing AND l.due_at IS NOT NULL AND l.due_at <= $1 AND l.not_before <= $1
    ORDER BY l.standing, l.due_at LIMIT m.most
  ) d WHERE m.most > 0
  UNION ALL
  SELECT f.pk, f.standing, f.at, false FROM limits m CROSS JOIN gates g CROSS JOIN LATERAL (
    SELECT l.pk, l.standing, l.first_at AS at FROM posthorn.lanes l
    WHERE ${IDLE} AND l.cadence_group = g.name AND l.standing = m.standing AND l.first_at IS NOT NULL AND l.first_at <= g.gate AND l.not_before <= $1
    ORDER BY l.cadence_group, l.standing, l.first_at LIMIT m.most
  ) f WHERE m.most > 0`;

/**
 * SKIP LOCKED waits after all where a row was updated a moment ago and is locked again (PostgreSQL locks the row's newer version by another path): while this
 * holds other lanes, whose publishers may wait for them in turn. Nothing here is worth such a wait: it is given up, and tried again.
 */
export const IMPATIENT = { sql: `SELECT set_config('lock_timeout', '20ms', true)` };

/**
 * Takes the lanes $1 for $2 until $3; $4 now. `free` are those that nobody publishes into at this moment. Those that somebody else is about to take are passed
 * over: SKIP LOCKED, on lanes only.
 */
const LEASE = `WITH chosen AS MATERIALIZED (SELECT unnest($1::integer[]) AS pk),
  free AS MATERIALIZED (
    SELECT l.pk, l.holder FROM posthorn.lanes l JOIN chosen c ON c.pk = l.pk
    WHERE l.enabled = 1 AND (l.holder IS NULL OR l.lease_until <= $4) FOR UPDATE OF l SKIP LOCKED
  ),
  busy AS MATERIALIZED (
    SELECT l.pk, l.holder FROM posthorn.lanes l JOIN chosen c ON c.pk = l.pk
    WHERE l.enabled = 1 AND (l.holder IS NULL OR l.lease_until <= $4) AND NOT EXISTS (SELECT FROM free WHERE free.pk = l.pk)
    FOR NO KEY UPDATE OF l SKIP LOCKED
  )
  UPDATE posthorn.lanes l
  SET holder = $2, lease_until = $3, fence = l.fence + 1, first_at = CASE WHEN t.free THEN NULL ELSE l.first_at END, due_at = NULL, wish_at = NULL
  FROM (SELECT pk, holder, true AS free FROM free UNION ALL SELECT pk, holder, false FROM busy) t
  WHERE l.pk = t.pk
  RETURNING l.pk, t.holder IS NOT NULL AS taken_over`;

/** What a dispatcher needs to know of a lane that it has just taken. */
const TARGETS = `SELECT l.pk AS lane, l.fence, l.cadence_group, l.opened_at, ${BRAKED} AS braked, ${LANE_STATE}, ${ENDPOINT_COLUMNS}
  FROM posthorn.lanes l JOIN posthorn.endpoints e ON e.pk = l.endpoint JOIN posthorn.applications a ON a.pk = e.application`;

interface TargetRow extends EndpointRow, LaneRow {
  readonly lane: number;
  readonly braked: boolean;
}

export async function lease(
  context: PostgresContext,
  request: { readonly holder: string; readonly leaseMs: number; readonly limits: LeaseLimits; readonly gates: ReadonlyMap<string, number> },
): Promise<LeasedLane[]> {
  const { hot, clock } = context;
  const now = await clock.now();
  const { groups, gates } = gateArrays(request.gates);
  const most = STANDINGS.map((name) => Math.max(0, request.limits[name]));
  const found = await hot.all<LeaseCandidate>(CANDIDATES, now, groups, gates, ...most);
  const chosen = chooseLanes(found, request.limits);
  if (chosen.length === 0) return [];
  const leaseUntil = now + request.leaseMs;
  const lanes = int4s(chosen);
  const [, taken = [], rows = []] = await hot.batch([
    IMPATIENT,
    { sql: LEASE, values: [lanes, request.holder, leaseUntil, now] },
    { sql: `${TARGETS} WHERE l.pk = ANY ($1) AND l.holder = $2 AND e.deleted_at IS NULL`, values: [lanes, request.holder] },
  ]);
  const takenOver = new Map((taken as { pk: number; taken_over: boolean }[]).map(({ pk, taken_over }) => [pk, taken_over]));
  const byLane = new Map((rows as unknown as TargetRow[]).map((row) => [row.lane, row]));
  return chosen.flatMap((lane): LeasedLane[] => {
    const row = byLane.get(lane);
    const over = takenOver.get(lane);
    if (row === undefined || over === undefined) return [];
    return [
      {
        ...heldLane(row, targetFromRow(context, row, now)),
        lease: { lane, holder: request.holder, fence: row.fence },
        leaseUntil,
        takenOver: over,
      },
    ];
  });
}

export async function target(context: PostgresContext, held: Lease): ReturnType<LaneStore['target']> {
  const row = await context.hot.get<TargetRow>(
    `${TARGETS} WHERE l.pk = $1 AND l.holder = $2 AND l.fence = $3 AND e.deleted_at IS NULL`,
    held.lane,
    held.holder,
    held.fence,
  );
  if (row === undefined) return null;
  const now = await context.clock.now();
  return heldLane(row, targetFromRow(context, row, now));
}

function targetFromRow(context: PostgresContext, row: TargetRow, now: number): LaneTarget {
  return { endpoint: endpointFromRow(context, row), braked: row.braked, secrets: secretsAt(secretState(context, row), now) };
}

/** Leases as arrays, and the statement that locks their lanes in the order of their keys. What it does not return is somebody else's. */
export function leaseArrays(leases: readonly Lease[]): readonly [Buffer, Buffer, Buffer] {
  return [int4s(leases.map(({ lane }) => lane)), texts(leases.map(({ holder }) => holder)), int8s(leases.map(({ fence }) => fence))];
}

export const LOCK_LEASED = `SELECT l.pk FROM posthorn.lanes l JOIN unnest($1::integer[], $2::text[], $3::bigint[]) AS h (lane, holder, fence)
    ON l.pk = h.lane AND l.holder = h.holder AND l.fence = h.fence
  ORDER BY l.pk FOR NO KEY UPDATE OF l`;

/** `rescan`: its mark is cleared, and it was set. The old value is that of a row that is locked already. */
const RENEW = `UPDATE posthorn.lanes l SET lease_until = $4, due_at = NULL
  FROM unnest($1::integer[], $2::text[], $3::bigint[]) AS h (lane, holder, fence) JOIN posthorn.lanes o ON o.pk = h.lane
  WHERE l.pk = h.lane AND l.holder = h.holder AND l.fence = h.fence
  RETURNING l.pk, o.due_at IS NOT NULL AS rescan`;

export async function renew(
  { hot, clock }: PostgresContext,
  { leases, leaseMs }: { readonly leases: readonly Lease[]; readonly leaseMs: number },
): Promise<RenewedLane[]> {
  const leaseUntil = (await clock.now()) + leaseMs;
  const arrays = leaseArrays(leases);
  const [, renewed = []] = await hot.batch([
    { sql: LOCK_LEASED, values: arrays },
    { sql: RENEW, values: [...arrays, leaseUntil] },
  ]);
  const rescans = new Map(renewed.map((row) => [row['pk'] as number, row['rescan'] as boolean]));
  return leases.flatMap((held): RenewedLane[] => {
    const rescan = rescans.get(held.lane);
    return rescan === undefined ? [] : [{ lease: held, leaseUntil, rescan }];
  });
}

/**
 * Held lanes in which something became due: $1 holder, $2 now, $3 and $4 groups and their gates, $5 the lanes that are passed over. `first_at` is cleared only where nobody publishes at this
 * moment; elsewhere it stays, so that the holder looks again.
 */
const STIRRED = `WITH due AS MATERIALIZED (
    SELECT l.pk, l.due_at IS NOT NULL AS rescan FROM posthorn.lanes l
    LEFT JOIN unnest($3::text[], $4::double precision[]) AS g (name, gate) ON g.name = l.cadence_group
    WHERE l.holder = $1 AND l.holder IS NOT NULL AND l.pk <> ALL ($5::integer[]) AND (l.first_at IS NOT NULL OR l.due_at IS NOT NULL) AND (l.due_at <= $2 OR l.first_at <= g.gate)
  ),
  free AS MATERIALIZED (
    SELECT l.pk, l.due_at IS NOT NULL AS rescan FROM posthorn.lanes l JOIN due ON due.pk = l.pk WHERE l.holder = $1 FOR UPDATE OF l SKIP LOCKED
  ),
  busy AS MATERIALIZED (
    SELECT l.pk, l.due_at IS NOT NULL AS rescan FROM posthorn.lanes l JOIN due ON due.pk = l.pk
    WHERE l.holder = $1 AND l.due_at IS NOT NULL AND NOT EXISTS (SELECT FROM free WHERE free.pk = l.pk)
    FOR NO KEY UPDATE OF l SKIP LOCKED
  ),
  cleared AS (
    UPDATE posthorn.lanes l SET first_at = CASE WHEN t.free THEN NULL ELSE l.first_at END, due_at = NULL, wish_at = NULL
    FROM (SELECT pk, true AS free FROM free UNION ALL SELECT pk, false FROM busy) t WHERE l.pk = t.pk
  )
  SELECT due.pk AS lane, coalesce(free.rescan, busy.rescan, false) AS rescan
  FROM due LEFT JOIN free ON free.pk = due.pk LEFT JOIN busy ON busy.pk = due.pk`;

export async function stirred(
  { hot, clock }: PostgresContext,
  request: Parameters<LaneStore['stirred']>[0],
): ReturnType<LaneStore['stirred']> {
  const { groups, gates } = gateArrays(request.gates);
  const values = [request.holder, await clock.now(), groups, gates, int4s(request.except)];
  const [, found = []] = await hot.batch([IMPATIENT, { sql: STIRRED, values }]);
  return found as { lane: number; rescan: boolean }[];
}

/** Gives back what a process that ends still holds: nobody has to wait for its leases to end. What was to be done by hand is looked for as well. */
export const VOID_LEASES = `UPDATE posthorn.lanes SET holder = NULL, lease_until = NULL, due_at = $2, wish_at = $2
  WHERE pk IN (SELECT pk FROM posthorn.lanes WHERE holder = ANY ($1) ORDER BY pk FOR NO KEY UPDATE)`;
