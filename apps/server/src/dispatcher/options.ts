/** What a dispatcher is made of, and what it tells of its work. */
import type { AttemptErrorCode, Clock } from '@posthorn/core';
import type { Sender } from '../sender/sender.ts';
import type { Environment, Store } from '../store/store.ts';

export interface DispatcherOptions {
  readonly store: Store;
  readonly sender: Sender;
  readonly clock: Clock;
  /** Dice: [0, 1). */
  readonly random: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
  /** Names this dispatcher in the lanes it holds; no two may share it, not even one before and after a restart. */
  readonly holder: string;
  /** Requests in flight at once. */
  readonly concurrency: number;
  /** Of those, to one destination (host and port). Default: half. */
  readonly hostConcurrency?: number;
  readonly userAgent: string;
  readonly leaseMs?: number;
  /** It looks this often even when nothing is due and nothing hints. */
  readonly longestSleepMs?: number;
  /** How long an endpoint may fail without one success before it is disabled. Default: 5 days. */
  readonly disableAfterMs?: number;
  readonly log?: DispatcherLog;
  readonly observer?: DispatcherObserver;
}

/** Counts what happens, for metrics. Called on the hot path: it must not throw, and do little. */
export interface DispatcherObserver {
  /** @param ms how long the attempt took */
  attempt(attempt: { readonly environment: Environment; readonly outcome: AttemptErrorCode | 'accepted'; readonly ms: number }): void;
  /** A first attempt started this long after its gate. */
  gateLag(environment: Environment, ms: number): void;
  /** A lane was taken over from a holder whose lease had ended. */
  takenOver(): void;
  /** A settle came to nothing: its lease was somebody else's by then. */
  settleRefused(): void;
}

/** One line for each attempt, and for what a person should know. */
export interface DispatcherLog {
  attempt(line: Readonly<Record<string, unknown>>): void;
  warn(line: Readonly<Record<string, unknown>>, message: string): void;
}

export const SILENT: DispatcherLog = { attempt() {}, warn() {} };
export const UNOBSERVED: DispatcherObserver = { attempt() {}, gateLag() {}, takenOver() {}, settleRefused() {} };
