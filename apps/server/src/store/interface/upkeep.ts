/** Jobs, statistics, and what the keeper does: notices, expiry, retention. */
import type { ApplicationId, DeliveryId, EndpointId, JobId, JobState, RecoverableStatus, Rollup } from '@posthorn/core';
import type { Environment, Page, PageRequest } from './basics.ts';
import type { NoticeKind } from './lanes.ts';

export interface JobRequest {
  readonly endpoint: EndpointId;
  /** Of the event's publish. Inclusive. */
  readonly since: number;
  /** Exclusive. */
  readonly until: number;
  /**
   * `recover`: deliveries of that status become pending again, late. `replay_missing`: events that the endpoint wants and has no delivery for get
   * one, late. Both are due at once, in publish order, as ordinary attempts: breaker and rate hold them.
   */
  readonly task: { readonly kind: 'recover'; readonly status: RecoverableStatus } | { readonly kind: 'replay_missing' };
}

export interface Job extends JobRequest {
  readonly id: JobId;
  readonly environment: Environment;
  readonly application: ApplicationId;
  readonly state: JobState;
  /** Deliveries sent again, or made. */
  readonly done: number;
  /** How many there are to do, as far as counted; once the job is done, how many there were. */
  readonly total: number;
  readonly createdAt: number;
  readonly endedAt: number | null;
}

/** Its work goes in steps, each a transaction of its own, so a crash costs nothing but the step that was under way. */
export interface JobStore {
  /**
   * A small job is counted before the answer. `too_many`: the endpoint has MOST_JOBS that have not ended. Null: no such endpoint.
   *
   * No delivery is sent twice by one job, and no job sends again what failed only after the job was made: jobs that overlap, or one asked for
   * twice, do nothing twice.
   */
  create(environment: Environment, request: JobRequest): Promise<Job | 'too_many' | null>;
  get(environment: Environment, id: string): Promise<Job | null>;
  list(
    environment: Environment,
    filter: { readonly application: ApplicationId | null; readonly endpoint: EndpointId | null } & PageRequest,
  ): Promise<Page<Job>>;
  /** What it has done stays done. `ended`: it had ended already. */
  cancel(environment: Environment, id: JobId): Promise<Job | 'ended' | null>;
  /** Those that have not ended, of both environments, oldest first. */
  unfinished(): Promise<Job[]>;
  /**
   * The next step: looks at no more than `limit` deliveries or events. A job whose endpoint is gone is canceled.
   * @returns the job afterwards; null where it has ended, or another process is at it
   */
  step(id: JobId, limit: number): Promise<Job | null>;
}

/** Per endpoint. */
export const MOST_JOBS = 20;

/**
 * Every settle counts its attempts (those that were not stale) by endpoint, application and environment, at its own instant, in buckets of each
 * width of core's ROLLUPS.
 */
export interface StatsStore {
  /** Buckets of one width in [since, until) that have counted anything, oldest first: of an endpoint, else of an application, else of the environment. */
  rollups(
    environment: Environment,
    of: {
      readonly application: ApplicationId | null;
      readonly endpoint: EndpointId | null;
      readonly widthMs: number;
      readonly since: number;
      readonly until: number;
    },
  ): Promise<Rollup[]>;
  /**
   * The start of the newest bucket in which the application had an attempt: to the minute, to the hour after three days, to the day after 90. Null: none that is
   * still counted. What was settled in the last moments may be missing.
   */
  lastAttemptAt(environment: Environment, application: ApplicationId): Promise<number | null>;
  /**
   * The endpoints that took longest to answer, the slowest first: by the 95th percentile (milliseconds) of what the hours since `since` have counted, whole
   * hours. What was settled in the last moments may be missing.
   */
  slowest(
    environment: Environment,
    options: { readonly since: number; readonly limit: number },
  ): Promise<{ readonly endpoint: EndpointId; readonly url: string; readonly application: ApplicationId; readonly p95: number }[]>;
}

/** What people are to be told, with what its reader needs of what it is about. */
export interface Notice {
  readonly id: string;
  readonly kind: NoticeKind;
  readonly environment: Environment;
  readonly application: { readonly id: ApplicationId; readonly uid: string | null; readonly name: string };
  readonly endpoint: { readonly id: EndpointId; readonly url: string; readonly description: string };
  /** Only of `delivery.failed`. */
  readonly delivery: {
    readonly id: DeliveryId;
    readonly event: string;
    readonly eventType: string;
    readonly orderingKey: string | null;
    readonly attemptCount: number;
    readonly publishedAt: number;
  } | null;
  readonly at: number;
  /** Of the endpoint then, or of the delivery's end. */
  readonly detail: {
    readonly failingSince: number | null;
    readonly failures: number | null;
    readonly lastFailure: string | null;
    readonly reason: string | null;
  };
}

/** An outbox: settle and expiry write it, in the transaction that gives the reason. */
export interface NoticeStore {
  /** Those that were not handled, oldest first. */
  waiting(limit: number): Promise<Notice[]>;
  /** Each of these is handled; those with a `mailAt` are to be mailed, from then on. */
  handled(notices: readonly { readonly id: string; readonly mailAt: number | null }[]): Promise<void>;
  /**
   * Those whose mail is due, oldest first, each to nobody else from now on: a mail is never sent twice, not even after a crash. `to`: who is left
   * of an earlier try; null: nobody was asked for yet.
   */
  takeMails(limit: number): Promise<{ readonly notice: Notice; readonly to: readonly string[] | null; readonly tries: number }[]>;
  /** Gives one back that could not be sent to these. */
  mailLater(id: string, again: { readonly to: readonly string[] | null; readonly at: number; readonly tries: number }): Promise<void>;
  /** When the next mail is due; null: none waits. */
  nextMailAt(): Promise<number | null>;
}

/** What is done now and then in steps, each a transaction of its own and small by its `limit`. Several processes may do it at once. */
export interface UpkeepStore {
  /**
   * Ends what has waited for too long (`expired`), and wakes its lanes. An attempt that was out meanwhile and is accepted makes the delivery succeed
   * all the same. Each of those that failed has its notice.
   * @param request.horizons by group: what was published up to then has expired
   * @param request.revived of what was sent again by hand: when that was, at the latest
   * @param request.cursor of the step before; null begins with the first lane
   * @returns `cursor` null when all lanes were seen; `oldest`: since when the oldest waits that is left in the lanes of this step
   */
  expire(request: {
    readonly horizons: ReadonlyMap<string, number>;
    readonly revived: number;
    readonly cursor: string | null;
    readonly limit: number;
  }): Promise<{ readonly expired: number; readonly cursor: string | null; readonly oldest: number | null }>;
  /**
   * Removes what is older than `before`: events with their deliveries and attempts (not an event of which a delivery is pending), jobs that have
   * ended, notices that were handled, idempotency keys; and rollups of each width that are older than theirs.
   * @param request.rollups by width in milliseconds
   * @returns `cursor` null when nothing is left
   */
  prune(request: {
    readonly before: number;
    readonly rollups: ReadonlyMap<number, number>;
    readonly cursor: string | null;
    readonly limit: number;
  }): Promise<{ readonly removed: number; readonly cursor: string | null }>;
  /**
   * Moves what settles have counted since into the buckets. Reading `rollups` needs it not.
   * @param limit of rows of buckets: about as many are written
   * @returns whether there may be more
   */
  foldStats(limit: number): Promise<boolean>;
}
