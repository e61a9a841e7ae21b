/**
 * What the rest of the program asks of a database. The two engines (sqlite/, postgres/) implement exactly this, and one
 * conformance suite runs on both. Instants are epoch milliseconds by the store's own clock (`now`), unless said otherwise.
 *
 * Nothing here throws for what a caller may expect (an unknown id, a conflict): those are values. What is thrown is
 * a database that does not work, as StoreUnavailable.
 */
import type {
  ApplicationId,
  AttemptErrorCode,
  AttemptId,
  AuditEntryId,
  BreakerState,
  DeliveryEnd,
  DeliveryId,
  DeliveryReason,
  DeliveryStatus,
  EndpointId,
  HealthNotice,
  InboxId,
  InboxRequestId,
  InvitationId,
  JobId,
  JobState,
  KeyId,
  LaneHealth,
  Ordering,
  PersonId,
  PortalSessionId,
  RecoverableStatus,
  Rollup,
  Standing,
  Timings,
} from '@posthorn/core';
import type { BetterAuthOptions } from 'better-auth';

export const ENVIRONMENTS = ['production', 'sandbox'] as const;
export type Environment = (typeof ENVIRONMENTS)[number];

/** The database did not do what it was asked to: nothing of the call took effect, or it is in doubt. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** A page of a list, newest first. `nextCursor` is opaque; null on the last page. */
export interface Page<T> {
  readonly data: T[];
  readonly nextCursor: string | null;
}

/** `cursor` is a `nextCursor` of the same list. A cursor that is not one gives `InvalidCursor`. */
export interface PageRequest {
  readonly limit: number;
  readonly cursor: string | null;
}

export class InvalidCursor extends Error {
  override readonly name = 'InvalidCursor';
}

// ---------------------------------------------------------------------------------------------------------------- tenants

export interface Application {
  readonly id: ApplicationId;
  /** The provider's own id. */
  readonly uid: string | null;
  readonly name: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface ApplicationStore {
  /** `conflict`: another application has this uid. */
  create(input: { readonly name: string; readonly uid: string | null }): Promise<Application | 'conflict'>;
  /** Creates the application with this uid, or renames it. */
  upsert(input: { readonly uid: string; readonly name: string }): Promise<{ readonly application: Application; readonly created: boolean }>;
  /** By id or by uid. */
  get(idOrUid: string): Promise<Application | null>;
  list(page: PageRequest): Promise<Page<Application>>;
  update(id: ApplicationId, change: { readonly name?: string; readonly uid?: string | null }): Promise<Application | 'conflict' | null>;
  /** Deletes it with its endpoints and keys; what waits is canceled, after the answer where it is much. False: there is none. */
  delete(id: ApplicationId): Promise<boolean>;
}

// --------------------------------------------------------------------------------------------------------------- endpoints

export type EndpointStatus = 'enabled' | 'paused' | 'disabled';

/** Why an endpoint was disabled by the system: `gone` (it answered 410) or `failing`. */
export type DisabledReason = 'gone' | 'failing';

/** What an owner or the provider sets. */
export interface EndpointSettings {
  readonly url: string;
  readonly description: string;
  /** Empty: all. */
  readonly eventTypes: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  /** Canonical text (core's formatCadence); null: the environment's. */
  readonly cadence: string | null;
  readonly ordering: Ordering;
  /** Requests per second; null: unlimited. */
  readonly rateLimit: number | null;
  readonly maxInFlight: number;
  /** Seconds; null: the default schedule. */
  readonly retrySchedule: readonly number[] | null;
}

export interface Endpoint extends EndpointSettings {
  readonly id: EndpointId;
  readonly application: ApplicationId;
  readonly environment: Environment;
  readonly status: EndpointStatus;
  readonly disabledReason: DisabledReason | null;
  readonly health: LaneHealth;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** The secrets in force at an instant: rotation is a matter of reading the clock, not of a timer. */
export interface EndpointSecrets {
  readonly current: string;
  readonly next: { readonly secret: string; readonly promotesAt: number } | null;
  readonly previous: { readonly secret: string; readonly validUntil: number } | null;
}

export interface EndpointStore {
  /** Null: no such application. */
  create(input: {
    readonly application: ApplicationId;
    readonly environment: Environment;
    readonly settings: EndpointSettings;
    readonly secret: string;
  }): Promise<Endpoint | null>;
  get(environment: Environment, id: string): Promise<Endpoint | null>;
  list(environment: Environment, filter: { readonly application: ApplicationId | null } & PageRequest): Promise<Page<Endpoint>>;
  /**
   * Setting `status` to `enabled` clears `disabledReason`; pausing a disabled endpoint keeps nothing of it either. A new URL, and enabling what
   * was not enabled, start its health anew: breaker closed, no failures.
   */
  update(
    environment: Environment,
    id: EndpointId,
    change: Partial<EndpointSettings> & { readonly status?: 'enabled' | 'paused' },
  ): Promise<Endpoint | null>;
  /** Deletes it; what waits is canceled (`endpoint_deleted`), after the answer where it is much. False: there is none. */
  delete(environment: Environment, id: EndpointId): Promise<boolean>;
  secrets(environment: Environment, id: EndpointId): Promise<EndpointSecrets | null>;
  /** `conflict`: a rotation is under way. `overlapMs` 0 switches at once. */
  rotateSecret(
    environment: Environment,
    id: EndpointId,
    input: { readonly secret: string; readonly overlapMs: number },
  ): Promise<EndpointSecrets | 'conflict' | null>;
  /** `conflict`: there is no next secret to promote. */
  promoteSecret(environment: Environment, id: EndpointId): Promise<EndpointSecrets | 'conflict' | null>;
  /** Lets the endpoint's waiting deliveries go now: their gate is opened up to now. Null: no such endpoint. */
  open(environment: Environment, id: EndpointId): Promise<{ readonly pending: number; readonly openedAt: number } | null>;
}

// -------------------------------------------------------------------------------------------------- event types, keys, environments

export interface EventType {
  readonly name: string;
  readonly description: string;
  /** JSON Schema as JSON text, verbatim. */
  readonly schema: string | null;
  /** JSON text, verbatim. */
  readonly example: string | null;
  readonly strict: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface EventTypeStore {
  put(input: Omit<EventType, 'createdAt' | 'updatedAt'>): Promise<{ readonly eventType: EventType; readonly created: boolean }>;
  get(name: string): Promise<EventType | null>;
  /** Those of `names` that are in the catalogue. */
  getMany(names: readonly string[]): Promise<EventType[]>;
  list(page: PageRequest): Promise<Page<EventType>>;
  delete(name: string): Promise<boolean>;
}

export interface Key {
  readonly id: KeyId;
  readonly environment: Environment;
  /** Null: a service key. */
  readonly application: ApplicationId | null;
  readonly name: string;
  /** The first characters of the token, to tell keys apart. */
  readonly hint: string;
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
}

export interface KeyStore {
  /** `tokenHash`: SHA-256 of the token. Null: no such application. An equal hash gives the key that has it already. */
  create(input: {
    readonly environment: Environment;
    readonly application: ApplicationId | null;
    readonly name: string;
    readonly tokenHash: Uint8Array;
    readonly hint: string;
  }): Promise<Key | null>;
  /** The key with this token, if it is not revoked. Notes its use (to the minute, in the background). */
  authenticate(tokenHash: Uint8Array): Promise<Key | null>;
  /** `application` null: all of the environment; else that application's only. */
  list(environment: Environment, filter: { readonly application: ApplicationId | null } & PageRequest): Promise<Page<Key>>;
  get(environment: Environment, id: string): Promise<Key | null>;
  revoke(environment: Environment, id: string): Promise<boolean>;
  /** Whether any service key of this environment exists. */
  anyServiceKey(environment: Environment): Promise<boolean>;
}

export interface EnvironmentState {
  readonly environment: Environment;
  /** Canonical text. */
  readonly cadence: string;
  /** First attempts published up to here may go, whatever the cadence says. */
  readonly openedAt: number;
  /** When a dispatch last sent a first attempt; null: never. */
  readonly lastDispatchAt: number | null;
}

export interface EnvironmentStore {
  get(environment: Environment): Promise<EnvironmentState>;
  /** @param options.unlessSet leaves the cadence that is in force, where there is one */
  setCadence(environment: Environment, cadence: string, options?: { readonly unlessSet: boolean }): Promise<void>;
  /** Dispatch now: opens the gate of the whole environment up to now. */
  open(environment: Environment): Promise<EnvironmentState>;
  /** What waits in this environment, or in one application of it. */
  backlog(
    environment: Environment,
    application: ApplicationId | null,
  ): Promise<{ readonly pending: number; readonly oldestPendingAt: number | null }>;
  census(environment: Environment): Promise<Census>;
}

/** How many there are of what, for the operator. */
export interface Census {
  /** Of both environments. */
  readonly applications: number;
  /** By status. `failing`: those of the enabled ones whose breaker is open, or whose owner was warned. */
  readonly endpoints: Readonly<Record<EndpointStatus | 'failing', number>>;
  readonly breakers: Readonly<Record<BreakerState, number>>;
}

/** What the operator holds back in an environment. */
export interface Brakes {
  /** Since when the whole environment; null: not. */
  readonly pausedAt: number | null;
  /** Single applications, the latest first. */
  readonly applications: readonly { readonly application: ApplicationId; readonly pausedAt: number }[];
}

/** The brake: nothing new leaves, what waits stays, whatever each endpoint's own status. `application` null: the whole environment. */
export interface BrakeStore {
  /** False: there is no such application. Pausing what is paused keeps the first instant. */
  pause(environment: Environment, application: ApplicationId | null): Promise<boolean>;
  resume(environment: Environment, application: ApplicationId | null): Promise<boolean>;
  get(environment: Environment): Promise<Brakes>;
}

// ----------------------------------------------------------------------------------------------------------------- publish

export interface EventToPublish {
  /** Id or uid. */
  readonly application: string;
  readonly type: string;
  /** JSON text, verbatim. */
  readonly data: string;
  readonly orderingKey: string | null;
  /** The publisher's own id; null: one is made. */
  readonly id: string | null;
}

export interface PublishRequest {
  readonly environment: Environment;
  /** All or nothing. */
  readonly events: readonly EventToPublish[];
  /** `scope` keeps the keys of different principals apart; `fingerprint` is a hash of the request. */
  readonly idempotency: { readonly scope: string; readonly key: string; readonly fingerprint: string } | null;
}

export interface PublishedEvent {
  readonly id: string;
  readonly application: ApplicationId;
  readonly environment: Environment;
  readonly type: string;
  readonly timestamp: number;
  /** How many deliveries it made. */
  readonly deliveries: number;
  /** The earliest tick at which one of them may leave; null where there are none. */
  readonly dispatchAt: number | null;
}

export type PublishResult =
  /** On disk. `repeated`: this was published before, and these are the first results. */
  | { readonly kind: 'published'; readonly events: PublishedEvent[]; readonly repeated: boolean }
  | { readonly kind: 'unknown_application'; readonly index: number }
  /** The id belongs to an event with other content. */
  | { readonly kind: 'id_conflict'; readonly index: number }
  /** The Idempotency-Key belongs to a request with another body. */
  | { readonly kind: 'idempotency_conflict' };

// ------------------------------------------------------------------------------------------------------------------- outbox

/** A row that a provider wrote in a transaction of its own. Nothing of it has been checked but that `data` is JSON. */
export interface OutboxRow {
  readonly application: string;
  readonly environment: string;
  readonly type: string;
  /** JSON text, verbatim; null: it is far too large to be looked at. */
  readonly data: string | null;
  /** Of `data`. */
  readonly bytes: number;
  readonly orderingKey: string | null;
}

/** What a row comes to: an event, or a reason in words why not. */
export type OutboxVerdict =
  | { readonly ok: true; readonly environment: Environment; readonly event: EventToPublish }
  | { readonly ok: false; readonly reason: string };

export interface RefusedRow extends OutboxRow {
  readonly id: string;
  readonly reason: string;
  readonly createdAt: number;
  readonly refusedAt: number;
}

/** Publish in your own transaction, where the database is PostgreSQL. With SQLite nobody else can write, and there is never anything. */
export interface OutboxStore {
  /**
   * Takes the next rows, in the order of their numbers, publishes those that do and sets aside those that do not; all in one transaction. One process at a time:
   * null while it is another's turn.
   * @returns how many events it published in each environment, how many rows it set aside, and whether there may be more
   */
  take(judge: (rows: readonly OutboxRow[]) => Promise<OutboxVerdict[]>): Promise<OutboxTaking | null>;
  /** Rows that were set aside: of this environment, or of none. */
  refused(environment: Environment, page: PageRequest): Promise<Page<RefusedRow>>;
  /** Puts a row back in, at the end. False: there is none with this id. */
  retry(environment: Environment, id: string): Promise<boolean>;
  discard(environment: Environment, id: string): Promise<boolean>;
}

export interface OutboxTaking {
  readonly published: Readonly<Record<Environment, number>>;
  readonly refused: number;
  readonly more: boolean;
}

// -------------------------------------------------------------------------------------------------------- events, deliveries: reading

export interface StoredEvent {
  readonly id: string;
  readonly application: ApplicationId;
  readonly environment: Environment;
  readonly type: string;
  readonly timestamp: number;
  readonly orderingKey: string | null;
  /** The exact bytes that are sent. */
  readonly body: Uint8Array;
  readonly deliveries: number;
}

export interface EventFilter extends PageRequest {
  readonly application: ApplicationId | null;
  readonly type: string | null;
  readonly orderingKey: string | null;
  /** Inclusive. */
  readonly since: number | null;
  /** Exclusive. */
  readonly until: number | null;
}

export interface EventStore {
  list(environment: Environment, filter: EventFilter): Promise<Page<StoredEvent>>;
  /** An event's id is unique per application: without `application`, a service key's look finds the newest with that id. */
  get(environment: Environment, id: string, application: ApplicationId | null): Promise<StoredEvent | null>;
}

export interface Delivery {
  readonly id: DeliveryId;
  readonly event: string;
  readonly eventType: string;
  readonly endpoint: EndpointId;
  readonly application: ApplicationId;
  readonly environment: Environment;
  readonly status: DeliveryStatus;
  readonly reason: DeliveryReason | null;
  readonly orderingKey: string | null;
  readonly attemptCount: number;
  /** Of a pending one: when its next attempt may go at the earliest (the tick, or the retry's instant). */
  readonly nextAttemptAt: number | null;
  readonly late: boolean;
  /** The event's publish. */
  readonly createdAt: number;
}

export interface Attempt {
  readonly id: AttemptId;
  readonly number: number;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly status: 'succeeded' | 'failed';
  readonly error: AttemptErrorCode | null;
  /** The system's words on a transport error. */
  readonly detail: string | null;
  readonly responseStatus: number | null;
  readonly responseHeaders: Readonly<Record<string, string>> | null;
  readonly responseBody: Uint8Array | null;
  readonly responseTruncated: boolean;
  readonly timings: Timings;
  /** It was settled by a dispatcher that had lost its lease: it changed nothing. */
  readonly stale: boolean;
}

/** Why a delivery waits is a pure function (core's whyNotYet) of these. */
export interface DeliveryDetail {
  readonly delivery: Delivery;
  readonly attempts: Attempt[];
  readonly endpoint: Endpoint | null;
  /** The earlier pending delivery of the same ordering key. */
  readonly behind: DeliveryId | null;
  readonly dueAt: number | null;
  readonly byHand: boolean;
  readonly lane: { readonly openedAt: number; readonly rateAt: number };
  /** The operator's brake holds it. */
  readonly braked: boolean;
  readonly environment: EnvironmentState;
}

export interface DeliveryFilter extends PageRequest {
  readonly application: ApplicationId | null;
  readonly endpoint: EndpointId | null;
  readonly event: string | null;
  readonly status: DeliveryStatus | null;
  readonly orderingKey: string | null;
  readonly since: number | null;
  readonly until: number | null;
}

export interface DeliveryStore {
  list(environment: Environment, filter: DeliveryFilter): Promise<Page<Delivery>>;
  get(environment: Environment, id: string): Promise<DeliveryDetail | null>;
  /**
   * Retries by hand: a pending delivery is due now, its automatic attempts stay as they are; one that has ended is
   * sent again, late. `endpoint_deleted`: it has nowhere to go.
   */
  retry(environment: Environment, id: DeliveryId): Promise<Delivery | 'endpoint_deleted' | null>;
  /** `not_pending`: it has ended already. An attempt in flight is not called back, but changes nothing any more. */
  cancel(environment: Environment, id: DeliveryId): Promise<Delivery | 'not_pending' | null>;
}

// ---------------------------------------------------------------------------------------------------------------- dispatch

/** The lanes of one environment that have one cadence. Their gate is computed outside and passed in. */
export interface CadenceGroup {
  readonly environment: Environment;
  /** Canonical text of the cadence in force. */
  readonly cadence: string;
  /** The store's own name of the group. */
  readonly group: string;
  /** The environment's dispatch-now. */
  readonly openedAt: number;
}

/** One look at the clock and at what there is to ask for. */
export interface Outlook {
  readonly now: number;
  readonly groups: readonly CadenceGroup[];
}

/** The right to work a lane until an instant. */
export interface Lease {
  readonly lane: number;
  readonly holder: string;
  readonly fence: number;
}

/** What a lane's row remembers across leases. */
export interface LaneState extends LaneHealth {
  /** When the rate limit allows the next request (GCRA's theoretical arrival time); 0: at once. */
  readonly rateAt: number;
  /** Counts what starts the health anew (another URL, enabled again). A state of an older epoch is not written. */
  readonly epoch: number;
}

/** Everything about an endpoint that sending to it takes. */
export interface LaneTarget {
  readonly endpoint: Endpoint;
  /** The operator's brake holds it: nothing may leave. */
  readonly braked: boolean;
  readonly secrets: EndpointSecrets;
}

export interface LeasedLane {
  readonly lease: Lease;
  readonly leaseUntil: number;
  readonly group: string;
  /** The lane's dispatch-now. */
  readonly openedAt: number;
  readonly state: LaneState;
  readonly target: LaneTarget;
  /** Whether it was taken over from a holder whose lease had ended. */
  readonly takenOver: boolean;
}

/** A pending delivery as a scan of its lane sees it. */
export interface ScannedDelivery {
  /** Publish order within the store. */
  readonly seq: number;
  readonly orderingKey: string | null;
  readonly publishedAt: number;
  readonly dueAt: number | null;
  readonly failures: number;
  readonly attemptCount: number;
  /** Asked for by hand: it goes now, whatever gate and floor say. */
  readonly byHand: boolean;
  /** By hand after its end: the attempt is the first of a new series of automatic ones. */
  readonly resent: boolean;
  /** Numbers what was asked for by hand: asked once more meanwhile, it has another. 0: nothing was. */
  readonly wish: number;
  readonly late: boolean;
  /** When it was re-sent after its end, or made late; null: neither. Re-sent once more meanwhile, it has another. */
  readonly revivedAt: number | null;
}

export interface DeliveryBody {
  readonly seq: number;
  readonly id: DeliveryId;
  readonly eventId: string;
  readonly eventType: string;
  /** May be a view of a buffer that all bodies of one look share: keep it no longer than it takes to send it. */
  /** As it is now: it may have been canceled and re-sent since it was scanned. */
  readonly late: boolean;
  readonly body: Uint8Array;
}

/** One attempt to record, with what it means for its delivery. */
export interface SettledAttempt {
  readonly seq: number;
  readonly attemptId: AttemptId;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly error: AttemptErrorCode | null;
  readonly detail: string | null;
  readonly responseStatus: number | null;
  readonly responseHeaders: Readonly<Record<string, string>> | null;
  readonly responseBody: Uint8Array | null;
  readonly responseTruncated: boolean;
  readonly timings: Timings;
  /** By hand: the wish that it uses up. 0: automatic. A wish that came later stands, and keeps the delivery pending. */
  readonly wish: number;
  /** As the delivery was when it was scanned. Re-sent meanwhile, that is another series: the attempt only counts, unless it was accepted. */
  readonly revivedAt: number | null;
  /** Its lane's when it started. What came to an endpoint of an older epoch tells nothing of it: it disables nothing, and nobody is told. */
  readonly epoch: number;
  /** The delivery's gated first attempt (and not one by hand): it is a dispatch of its environment. */
  readonly first: boolean;
  readonly end: DeliveryEnd;
  /** What people are to be told because of it; kept with it, in the same transaction. */
  readonly notices: readonly NoticeKind[];
}

export type NoticeKind = HealthNotice | 'delivery.failed';

export interface LaneSettlement {
  readonly lease: Lease;
  readonly attempts: readonly SettledAttempt[];
  readonly state: LaneState;
  /** By its attempts of the state's epoch. An older epoch than the lane's disables nothing. */
  readonly disable: DisabledReason | null;
}

/**
 * What became of a lane's settlement. `look_anew`: it was settled, but a delivery is not what its attempt was to make of it, and waits: it was re-sent,
 * or asked for by hand, while that was out. `stale`: the lane is somebody else's by now, and nothing changed.
 */
export type LaneResult = 'settled' | 'look_anew' | 'stale';

export interface LaneRelease {
  readonly lease: Lease;
  /** The earliest first attempt left that heads its key and waits for its gate; null: none. */
  readonly firstAt: number | null;
  /** The earliest retry left that heads its key; null: none. `now` or earlier asks for another lease at once. */
  readonly dueAt: number | null;
  /** A floor under both: health and rate let no attempt start earlier. */
  readonly notBefore: number;
  readonly state: LaneState;
}

/** `wished`: so many more, beyond those of `failing` and `untried`, in which something was asked for by hand. */
export type LeaseLimits = Readonly<Record<Standing, number>> & { readonly wished?: number };

export interface LaneStore {
  outlook(): Promise<Outlook>;
  /**
   * Leases lanes that have something to send now: a first attempt no later than its group's gate, a retry that is due, or a
   * holder whose lease has ended; never of an endpoint that is not enabled, never below its floor unless something was asked for by hand.
   * Oldest first.
   * @param request.limits how many lanes at the most: `proven` of all together, `untried` of those and the failing ones, `failing` of those alone
   * @param request.gates the gate per group of the outlook, the environment's `openedAt` already weighed in
   */
  lease(request: {
    readonly holder: string;
    readonly leaseMs: number;
    readonly limits: LeaseLimits;
    readonly gates: ReadonlyMap<string, number>;
  }): Promise<LeasedLane[]>;
  /** Prolongs leases. Those not in the answer are lost. `rescan`: something changed behind the holder's cursor. */
  renew(request: { readonly leases: readonly Lease[]; readonly leaseMs: number }): Promise<RenewedLane[]>;
  /**
   * Of the lanes that `holder` holds, those in which something became due since their lease: a first attempt no later than its group's gate, or
   * something that is not gated. Their marks are cleared. `rescan`: it may lie behind the holder's cursor; else a scan onwards finds it.
   * `except`: lanes that are being given back, which keep their marks.
   */
  stirred(request: {
    readonly holder: string;
    readonly except: readonly number[];
    readonly gates: ReadonlyMap<string, number>;
  }): Promise<{ readonly lane: number; readonly rescan: boolean }[]>;
  /**
   * The lane's pending deliveries after `after`, in publish order, up to the first that waits for a gate later than `gate`; beyond that one
   * only what does not wait for it (retries that are due, and what was asked for by hand) and heads its queue. A scan from the start (`after` 0)
   * begins with what was asked for by hand and heads its queue, wherever it stands.
   */
  scan(request: {
    readonly lane: number;
    readonly ordering: Ordering;
    readonly after: number;
    readonly limit: number;
    readonly gate: number;
  }): Promise<ScanResult>;
  /**
   * What goes by an instant or a wish of its own, wherever in the lane it stands: first what was asked for by hand, then what is due, each only where it heads
   * its queue. `dueBeyond`: the earliest later instant.
   */
  scanDue(request: { readonly lane: number; readonly ordering: Ordering }): Promise<DueResult>;
  /** Pending deliveries of one ordering key after `after`, in publish order: the late ones, or the others. */
  scanKey(request: {
    readonly lane: number;
    readonly orderingKey: string;
    readonly late: boolean;
    readonly after: number;
    readonly limit: number;
  }): Promise<ScannedDelivery[]>;
  /** What is to be sent, for those of `seqs` that are still pending. */
  bodies(seqs: readonly number[]): Promise<DeliveryBody[]>;
  /** The endpoint as it is now; null once it is deleted or the lane has another holder. */
  target(
    lease: Lease,
  ): Promise<{ readonly target: LaneTarget; readonly state: LaneState; readonly openedAt: number; readonly group: string } | null>;
  /**
   * Records attempts and what they mean, all lanes in one transaction. Holder and fence are checked under the lane's lock, lane by
   * lane. Repeating a call is harmless.
   * @returns for each lane whether it was `settled`, or `stale`: attempts appended, state unchanged
   */
  settle(batch: readonly LaneSettlement[]): Promise<LaneResult[]>;
  /** Gives lanes back. A lease that is lost already is passed over. */
  release(batch: readonly LaneRelease[]): Promise<void>;
  /**
   * What the dispatcher sleeps by: per group the earliest first attempt, and the earliest instant of anything that is not gated
   * (retries, floors, leases of others that end).
   */
  upcoming(): Promise<{ readonly now: number; readonly firsts: ReadonlyMap<string, number>; readonly dueAt: number | null }>;
}

export interface RenewedLane {
  readonly lease: Lease;
  readonly leaseUntil: number;
  readonly rescan: boolean;
}

export interface ScanResult {
  readonly deliveries: ScannedDelivery[];
  /** Of a scan from the start: what was asked for by hand and stands behind an earlier one of its queue, up to 256. */
  readonly wishedBehind: readonly ScannedDelivery[];
  /** Everything up to this seq has been seen: the next scan goes on after it. */
  readonly cursor: number;
  /** There is more beyond the gate, or asked for by hand, than one scan gives. */
  readonly moreBeyond: boolean;
  /** The earliest later instant of anything beyond the gate; null: none, or the gate was not reached. */
  readonly dueBeyond: number | null;
  /** Nothing is left after these: the lane's end, or its gate, is reached. */
  readonly end: boolean;
  /** The publish of the first delivery that waits for the gate; null: none does. */
  readonly gatedFrom: number | null;
}

export type DueResult = Pick<ScanResult, 'deliveries' | 'wishedBehind' | 'moreBeyond' | 'dueBeyond'>;

// -------------------------------------------------------------------------------------------------------------------- jobs

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

// ------------------------------------------------------------------------------------------------------------------- stats

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

// ------------------------------------------------------------------------------------------------------------------ upkeep

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

// ------------------------------------------------------------------------------------------------------------------ people

/** What a member may do: a viewer looks, a developer changes, an owner also decides who is a member. */
export const ROLES = ['owner', 'developer', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

/** Somebody with an account. The account itself (password, sessions) is better-auth's. */
export interface Person {
  readonly id: PersonId;
  /** Lower case. */
  readonly email: string;
  readonly name: string;
}

export interface Member extends Person {
  readonly role: Role;
  readonly createdAt: number;
}

export interface Membership {
  readonly application: Application;
  readonly role: Role;
}

export interface PeopleStore {
  /** What a person may do, everywhere. Oldest membership first. */
  standing(person: PersonId): Promise<{ readonly operator: boolean; readonly memberships: Membership[] }>;
  /** Makes an application with this person as its owner. `member`: they are a member of one already. */
  found(person: PersonId, input: { readonly name: string }): Promise<Application | 'member'>;
  members(application: ApplicationId, page: PageRequest): Promise<Page<Member>>;
  /** `last_owner`: an application always has one. Null: no such member. */
  setRole(application: ApplicationId, person: string, role: Role): Promise<Member | 'last_owner' | null>;
  remove(application: ApplicationId, person: string): Promise<'removed' | 'last_owner' | null>;
  /** Enters in the audit log that a link for a new password was made: the link itself is better-auth’s. */
  noteResetLink(person: Person): Promise<void>;
  /** To whom to write about an endpoint. Empty for one that is deleted. */
  ownersOf(endpoint: EndpointId): Promise<Person[]>;
}

export interface Invitation {
  readonly id: InvitationId;
  readonly application: { readonly id: ApplicationId; readonly name: string };
  /** Lower case. */
  readonly email: string;
  readonly role: Role;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** When it was accepted, withdrawn or replaced; null: it is open, if it has not expired. */
  readonly endedAt: number | null;
}

/** Tokens come hashed (SHA-256), here and below. */
export interface InvitationStore {
  /** Replaces an open one of the same address. `member`: the address is a member's. Null: no such application. */
  create(input: {
    readonly application: ApplicationId;
    readonly email: string;
    readonly role: Role;
    readonly tokenHash: Uint8Array;
    readonly expiresAt: number;
  }): Promise<Invitation | 'member' | null>;
  /** Those that have not ended. */
  list(application: ApplicationId, page: PageRequest): Promise<Page<Invitation>>;
  byToken(tokenHash: Uint8Array): Promise<Invitation | null>;
  /** False: there is no such open one. */
  withdraw(application: ApplicationId, id: string): Promise<boolean>;
  /**
   * Makes the person a member, once. One who is a member already keeps the role. `over`: unknown, ended or expired;
   * `for_another`: it is for another address.
   */
  accept(tokenHash: Uint8Array, person: Person): Promise<'accepted' | 'over' | 'for_another'>;
}

/** The operator runs the installation and acts across applications. */
export interface OperatorStore {
  any(): Promise<boolean>;
  /** A link that makes its visitor the operator, while there is none. */
  addLink(tokenHash: Uint8Array): Promise<void>;
  /** Whether `claim` would do. */
  isLink(tokenHash: Uint8Array): Promise<boolean>;
  /** Makes the person the operator, and every link void. False: the link is worth nothing. */
  claim(tokenHash: Uint8Array, person: PersonId): Promise<boolean>;
}

/** A visitor whom the provider vouches for, without an account. */
export interface PortalSession extends Membership {
  readonly id: PortalSessionId;
  /** Where alone it may act; null: in both. */
  readonly environment: Environment | null;
  readonly name: string;
  readonly expiresAt: number;
}

export interface PortalStore {
  /** False: no such application. */
  addLink(input: {
    readonly application: ApplicationId;
    readonly environment: Environment | null;
    readonly role: Role;
    /** Who it is for: the name in the audit log. */
    readonly name: string;
    readonly tokenHash: Uint8Array;
    readonly expiresAt: number;
  }): Promise<boolean>;
  /** Turns a link into a session, once. Null: used, expired or unknown. */
  open(link: Uint8Array, session: { readonly tokenHash: Uint8Array; readonly expiresAt: number }): Promise<PortalSession | null>;
  session(tokenHash: Uint8Array): Promise<PortalSession | null>;
  end(tokenHash: Uint8Array): Promise<void>;
}

// ------------------------------------------------------------------------------------------------------------------- inbox

/** A receiver built in, of the sandbox. */
export interface Inbox {
  readonly id: InboxId;
  readonly application: ApplicationId;
  /** The last part of its URL. */
  readonly token: string;
  readonly createdAt: number;
}

/** A request that came in. */
export interface InboxRequest {
  readonly id: InboxRequestId;
  readonly receivedAt: number;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Its beginning, where it is long. */
  readonly body: Uint8Array;
  readonly bodyTruncated: boolean;
  /** Of the event in the body; null: there is none. */
  readonly eventId: string | null;
  readonly eventType: string | null;
  /** What came of checking each signature: `valid`, or what was wrong. */
  readonly xSignature: string;
  readonly standard: string;
}

export interface InboxStore {
  /** `limit`: the application has as many as it may. Null: no such application. */
  create(input: { readonly application: ApplicationId; readonly token: string; readonly most: number }): Promise<Inbox | 'limit' | null>;
  get(id: string): Promise<Inbox | null>;
  list(filter: { readonly application: ApplicationId | null } & PageRequest): Promise<Page<Inbox>>;
  /** With what it has received. False: there is none. */
  delete(id: InboxId): Promise<boolean>;
  /** With the secrets of the sandbox endpoints of its application whose URL holds the token. */
  byToken(token: string): Promise<{ readonly inbox: Inbox; readonly secrets: EndpointSecrets[] } | null>;
  /** Keeps the request, and of the inbox's only the last `most`. False: the inbox is gone. */
  keep(inbox: InboxId, request: Omit<InboxRequest, 'id'>, most: number): Promise<boolean>;
  requests(inbox: InboxId, page: PageRequest): Promise<Page<InboxRequest>>;
}

// --------------------------------------------------------------------------------------------------------------- audit log

/** Whoever makes a change. `name` is what people know it by. */
export interface Actor {
  readonly kind: 'person' | 'key' | 'system';
  readonly id: string | null;
  readonly name: string;
}

/** By field, as the API names it. Never a secret: of those, only that they changed. */
export type FieldChanges = Readonly<Record<string, { readonly from: unknown; readonly to: unknown }>>;

export interface AuditEntry {
  readonly id: AuditEntryId;
  readonly at: number;
  readonly actor: Actor;
  /** `endpoint.update` and the like: see audit.ts. */
  readonly action: string;
  readonly target: { readonly kind: string; readonly id: string };
  readonly changes: FieldChanges;
  /** Null: the change was to both. */
  readonly environment: Environment | null;
}

export interface AuditStore {
  /** What changed in one application (null: anywhere), in this environment or in both at once. */
  list(environment: Environment, filter: { readonly application: ApplicationId | null } & PageRequest): Promise<Page<AuditEntry>>;
}

/** The parts whose changes the audit log tells of. What `as` gives writes the entry in the transaction of the change. */
export type Audited = Pick<
  Store,
  | 'applications'
  | 'endpoints'
  | 'eventTypes'
  | 'keys'
  | 'environments'
  | 'brakes'
  | 'deliveries'
  | 'outbox'
  | 'jobs'
  | 'people'
  | 'invitations'
  | 'operators'
  | 'portal'
  | 'inboxes'
>;

/** A connection of better-auth's own, as it takes one. */
export type AccountsDatabase = Extract<NonNullable<BetterAuthOptions['database']>, { readonly dialect: unknown }>;

/** A hint that something changed; losing one costs time only, never a delivery. */
export type StoreHint =
  /** A lane may have become due: look again. */
  | { readonly kind: 'work' }
  /** This endpoint's settings, status, secrets or waiting deliveries changed: whoever holds its lane should look again. */
  | { readonly kind: 'endpoint'; readonly lane: number }
  /** A job was made. */
  | { readonly kind: 'job' }
  /** There is something to tell people. */
  | { readonly kind: 'notice' };

/** Of the whole database, whichever process is asked. */
export interface Figures {
  readonly now: number;
  readonly environments: readonly { readonly environment: Environment; readonly oldestPendingAt: number | null }[];
  /** Endpoints by the state of their breaker. */
  readonly breakers: Readonly<Record<BreakerState, number>>;
  /** Lanes that some dispatcher holds. */
  readonly lanesLeased: number;
  readonly noticesWaiting: number;
  /** Rows of the outbox: not taken yet, and set aside. */
  readonly outbox: { readonly waiting: number; readonly refused: number };
  readonly jobsUnfinished: number;
}

export interface Store {
  readonly applications: ApplicationStore;
  readonly endpoints: EndpointStore;
  readonly eventTypes: EventTypeStore;
  readonly keys: KeyStore;
  readonly environments: EnvironmentStore;
  readonly brakes: BrakeStore;
  readonly events: EventStore;
  readonly deliveries: DeliveryStore;
  readonly outbox: OutboxStore;
  readonly lanes: LaneStore;
  readonly jobs: JobStore;
  readonly stats: StatsStore;
  readonly notices: NoticeStore;
  readonly upkeep: UpkeepStore;
  readonly people: PeopleStore;
  readonly invitations: InvitationStore;
  readonly operators: OperatorStore;
  readonly portal: PortalStore;
  readonly inboxes: InboxStore;
  readonly audit: AuditStore;
  /** The same store in somebody's name: changes are entered in the audit log. Without it, none are. */
  as(actor: Actor): Audited;
  /** Opened by the first call; closed with the store. */
  accounts(): Promise<AccountsDatabase>;
  /** The store's clock. */
  now(): Promise<number>;
  /** Concurrent calls share a transaction. Resolves only once it is on disk. */
  publish(request: PublishRequest): Promise<PublishResult>;
  figures(): Promise<Figures>;
  /** Resolves when the database answers. */
  check(): Promise<void>;
  /** @returns a function that ends the subscription */
  subscribe(listener: (hint: StoreHint) => void): () => void;
  close(): Promise<void>;
}
