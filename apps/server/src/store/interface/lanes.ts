/** Lanes: what a dispatcher leases, scans, settles and releases. */
import type { AttemptId, DeliveryEnd, DeliveryId, HealthNotice, LaneHealth, Ordering, Standing } from '@posthorn/core';
import type { Environment } from './basics.ts';
import type { AttemptRecord } from './deliveries.ts';
import type { DisabledReason, Endpoint, EndpointSecrets } from './tenants.ts';

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
export interface SettledAttempt extends AttemptRecord {
  readonly seq: number;
  readonly attemptId: AttemptId;
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
