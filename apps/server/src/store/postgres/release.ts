/** Giving lanes back: marks are lowered to what the holder leaves behind, never raised over what came meanwhile. */
import type { LaneRelease } from '../store.ts';
import { int8s } from './arrays.ts';
import type { PostgresContext } from './context.ts';
import { LOCK_LEASED, leaseArrays } from './lease.ts';
import { REMEMBER, stateArrays } from './settle.ts';

/** least() passes over nulls: the earlier of the two, or the only one. */
const RELEASE = `UPDATE posthorn.lanes l
  SET holder = NULL, lease_until = NULL, first_at = least(l.first_at, r.first_at), due_at = least(l.due_at, r.due_at)
  FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) AS r (lane, holder, fence, first_at, due_at)
  WHERE l.pk = r.lane AND l.holder = r.holder AND l.fence = r.fence`;

/** A lease that is lost already is passed over. */
export async function release({ hot }: PostgresContext, batch: readonly LaneRelease[]): Promise<void> {
  if (batch.length === 0) return;
  const leases = leaseArrays(batch.map(({ lease }) => lease));
  await hot.batch([
    { sql: LOCK_LEASED, values: leases },
    { sql: REMEMBER(true), values: [...leases, ...stateArrays(batch)] },
    { sql: RELEASE, values: [...leases, int8s(batch.map(({ firstAt }) => firstAt)), int8s(batch.map(({ dueAt }) => dueAt))] },
  ]);
}
