/** A lane's memory of its endpoint, as columns of its row. */
import { HEALTHY, type LaneHealth } from '@posthorn/core';
import type { LaneState, LaneTarget, LeasedLane } from '../store.ts';
import { type Recipe, run } from './recipe.ts';

export interface HealthRow {
  readonly succeeded_at: number | null;
  readonly failing_since: number | null;
  readonly failures: number;
  readonly failed: string | null;
  readonly last_failure: string | null;
  readonly retry_after: number;
  readonly probe_at: number | null;
  readonly probes: number;
  readonly warned_at: number | null;
}

export interface StateRow extends HealthRow {
  readonly rate_at: number;
  readonly health_epoch: number;
}

export interface LaneRow extends StateRow {
  readonly fence: number;
  readonly cadence_group: string;
  readonly opened_at: number;
}

const HEALTH_COLUMNS = 'succeeded_at, failing_since, failures, failed, last_failure, retry_after, probe_at, probes, warned_at';
export const STATE_COLUMNS = `${HEALTH_COLUMNS}, rate_at, health_epoch`;
/** The same of a lane called `l`. */
export const LANE_HEALTH = ofLane(HEALTH_COLUMNS);
export const LANE_STATE = ofLane(STATE_COLUMNS);

function ofLane(columns: string): string {
  return columns
    .split(', ')
    .map((column) => `l.${column}`)
    .join(', ');
}

export function healthFromRow(row: HealthRow): LaneHealth {
  return {
    succeededAt: row.succeeded_at,
    failingSince: row.failing_since,
    failures: row.failures,
    failed: row.failed === null ? HEALTHY.failed : (JSON.parse(row.failed) as number[]),
    lastFailure: row.last_failure,
    retryAfter: row.retry_after,
    breaker: row.probe_at === null ? null : { probeAt: row.probe_at, probes: row.probes },
    warnedAt: row.warned_at,
  };
}

function stateFromRow(row: StateRow): LaneState {
  return { ...healthFromRow(row), rateAt: row.rate_at, epoch: row.health_epoch };
}

/** What whoever holds the lane goes by. */
export function heldLane(row: Omit<LaneRow, 'fence'>, target: LaneTarget): Pick<LeasedLane, 'target' | 'state' | 'openedAt' | 'group'> {
  return { target, state: stateFromRow(row), openedAt: row.opened_at, group: row.cadence_group };
}

/**
 * Forgets the endpoint's failures: somebody mended it, or says so. That people were told stays, so that they hear of the recovery too; what they were
 * told last does not, so that they hear of new failures as well.
 */
export function* startHealthAnew(lane: number): Recipe<void> {
  yield* run(
    `UPDATE lanes SET health_epoch = health_epoch + 1, failing_since = NULL, failures = 0, failed = NULL, last_failure = NULL, retry_after = 0,
       probe_at = NULL, probes = 0, not_before = 0, told = NULL
     WHERE pk = ?`,
    lane,
  );
}
