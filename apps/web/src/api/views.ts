/** What the server's routes for people, jobs and statistics answer. */
import type { RoleName } from '@posthorn/contract';

export type Environment = 'production' | 'sandbox';
export type Role = RoleName;

export interface Page<T> {
  readonly data: readonly T[];
  readonly next_cursor: string | null;
}

export interface Inbox {
  readonly id: string;
  readonly token: string;
  readonly url: string;
  readonly created_at: string;
}

export type SignatureVerdict = string;

export interface InboxRequest {
  readonly id: string;
  readonly received_at: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly body_truncated: boolean;
  readonly event_id: string | null;
  readonly event_type: string | null;
  readonly signature: { readonly x_signature: SignatureVerdict; readonly standard: SignatureVerdict };
}

export interface StatsPoint {
  readonly at: string;
  readonly accepted: number;
  readonly failed: number;
  readonly p50_ms: number | null;
  readonly p95_ms: number | null;
  readonly p99_ms: number | null;
}

export interface Stats {
  readonly since: string;
  readonly until: string;
  readonly step: number | string;
  readonly data: readonly StatsPoint[];
}

export interface Job {
  readonly id: string;
  readonly kind: string;
  readonly state: 'queued' | 'running' | 'done' | 'canceled' | 'failed';
  readonly done: number;
  readonly total: number | null;
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
