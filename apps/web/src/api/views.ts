/** What the server's routes for people, jobs and statistics answer. */
import type { RoleName } from '@posthorn/contract';

export type Environment = 'production' | 'sandbox';
export type Role = RoleName;

export interface Page<T> {
  readonly data: readonly T[];
  readonly next_cursor: string | null;
}

export interface OperatorOverview {
  readonly applications: number;
  readonly endpoints: { readonly enabled: number; readonly paused: number; readonly disabled: number; readonly failing: number };
  readonly rate_per_second: number;
  readonly gate_lag_ms: number | null;
  readonly pending: number;
  readonly oldest_pending_at: string | null;
  readonly breakers: { readonly closed: number; readonly open: number; readonly half_open: number };
  readonly slowest_endpoints: readonly {
    readonly endpoint: string;
    readonly url: string;
    readonly application: string;
    readonly p95_ms: number;
  }[];
  readonly brakes: readonly { readonly application: string | null; readonly since: string | null }[];
}
