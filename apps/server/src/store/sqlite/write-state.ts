/** Writing down what a lane remembers of its endpoint. */
import type { LaneState } from '../store.ts';
import type { SqliteContext } from './context.ts';

/** Nothing is written over a health that was started anew since `state` was read. @param notBefore the lane's floor */
export function writeState(
  { db }: SqliteContext,
  state: LaneState,
  { lane, notBefore }: { readonly lane: number; readonly notBefore: number },
): void {
  db.run(
    `UPDATE lanes SET not_before = ?, succeeded_at = ?, failing_since = ?, failures = ?, failed = ?, last_failure = ?, retry_after = ?, probe_at = ?,
       probes = ?, warned_at = ?, rate_at = ?
     WHERE pk = ? AND health_epoch = ?`,
    Math.ceil(notBefore),
    state.succeededAt,
    state.failingSince,
    state.failures,
    state.failed.length === 0 ? null : JSON.stringify(state.failed),
    state.lastFailure,
    state.retryAfter,
    state.breaker?.probeAt ?? null,
    state.breaker?.probes ?? 0,
    state.warnedAt,
    state.rateAt,
    lane,
    state.epoch,
  );
}
