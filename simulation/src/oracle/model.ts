/**
 * What the oracle knows of a history: what was published and asked for, what went out and what came of it. It is built from what is
 * seen at the edges (calls of the store, requests, answers), never read from the engine's tables.
 *
 * Instants called `…At` are by the timeline; those called `…Instant` by the store's clock, epoch milliseconds.
 */
import type { DeliveryReason, DeliveryStatus, Outcome } from '@posthorn/core';
import type { EndpointSettings, EndpointStatus, Environment, LaneTarget } from 'posthorn/src/store/store.ts';
import type { Machine } from '../machine.ts';
import type { HealthModel } from './health.ts';

/** A cadence that was in force for an endpoint, from one instant to the next. */
export interface CadencePeriod {
  readonly cadence: string;
  readonly fromAt: number;
  /** The latest reading of the store's clock while it was in force; null: it still is. */
  latestInstant: number | null;
}

export interface EndpointModel {
  readonly id: string;
  readonly number: number;
  readonly application: string;
  readonly environment: Environment;
  settings: EndpointSettings;
  status: EndpointStatus;
  deleted: boolean;
  /** The operator's brake holds it. */
  braked: boolean;
  /** Its ordering was changed in the middle. */
  orderingChanged: boolean;
  /** Known once it was leased. */
  lane: number | null;
  readonly urls: { readonly url: string; readonly fromAt: number }[];
  readonly cadences: CadencePeriod[];
  /** Dispatch-now of the endpoint or its environment: the latest publish that may go whatever the cadence says, and when that was asked for. */
  readonly openings: { readonly at: number; readonly instant: number }[];
  /** Everything published to it, in publish order. */
  readonly deliveries: DeliveryModel[];
  /** As the settles that were carried out left it. */
  health: HealthModel;
  inFlight: Set<AttemptModel>;
  /** When the next request may leave, by the timeline; set to 0 where tokens may have been lost with a dispatcher. */
  rateAt: number;
  /** A slot was taken until then, so what waited could not go before. */
  slotAt: number;
  /** Successes since the last failure; the window of a lane grows with them. */
  successes: number;
  failedBefore: boolean;
  /** Settings, status or wishes changed. */
  changedAt: number;
  /** Since when nothing may leave for it; null: something may. */
  stoppedAt: number | null;
  /** What happened makes this lane late until then, at most. */
  troubleUntil: number;
}

export interface EventModel {
  readonly id: string;
  readonly application: string;
  readonly environment: Environment;
  readonly type: string;
  readonly orderingKey: string | null;
  readonly publishedInstant: number;
}

export interface DeliveryModel {
  readonly endpoint: EndpointModel;
  readonly eventId: string;
  readonly orderingKey: string | null;
  /** Position in publish order among all deliveries. */
  readonly order: number;
  readonly publishedAt: number;
  readonly publishedInstant: number;
  /** The store's own number, once seen. */
  seq: number | null;
  status: DeliveryStatus;
  reason: DeliveryReason | null;
  /** Automatic attempts that failed and were settled. */
  failures: number;
  dueInstant: number | null;
  /** Asked for by hand: beside its automatic attempts, or after its end, as the first of a new series. */
  byHand: 'no' | 'beside' | 'anew';
  byHandAt: number;
  /** Numbers what was asked for, as the store does: odd beside the automatic ones, even anew; the next of its kind each time. 0: nothing. */
  wish: number;
  late: boolean;
  /** Re-sent at, by the timeline. */
  lateAt: number;
  lateInstant: number;
  /** How often it has ended. */
  endings: number;
  settledAttempts: number;
  readonly attempts: AttemptModel[];
  /** Since when it holds up nobody: it was accepted, or ended. */
  resolvedAt: number | null;
  /** The same, before it was re-sent for the first time. */
  firstResolvedAt: number | null;
  /** When its last failure was settled. */
  settledAt: number;
  /** How it stood when a dispatcher last asked for its body: what it is re-sent as meanwhile, the request on its way knows nothing of. */
  readonly asked: Map<Machine, AskedModel>;
  /** When the endpoint first took it in. */
  firstAcceptedAt: number | null;
  /** That one said to be late. */
  firstAcceptedLate: boolean;
}

interface AskedModel {
  readonly pending: boolean;
  readonly late: boolean;
  readonly failures: number;
  readonly dueInstant: number | null;
  readonly revivedInstant: number | null;
}

export interface AttemptModel {
  readonly delivery: DeliveryModel;
  readonly machine: Machine;
  readonly fence: number;
  readonly startedAt: number;
  /** As its own header says. */
  readonly late: boolean;
  /** What the delivery was when it started. */
  readonly wish: DeliveryModel['byHand'];
  /** It used up that wish. Known for sure only once it is settled. */
  byHand: boolean;
  /** Its lane's breaker was open when it took its slot. */
  readonly probe: boolean;
  /** The health that its endpoint had when it started, as far as its dispatcher knew; and whether that was started anew before it heard. */
  readonly epoch: number;
  former: boolean;
  /** When its delivery was re-sent last, as it was asked for its body; null: never. */
  readonly revivedInstant: number | null;
  /** It is the one failure too many, or a 410. */
  disables: 'gone' | 'failing' | null;
  readonly failuresBefore: number;
  readonly dueBefore: number | null;
  /** Null: still out, or nobody heard. */
  outcome: Outcome | null;
  endedAt: number;
  /** The dispatcher's idea of the store's clock when it heard. */
  heardInstant: number;
  /** The schedule that the dispatcher knew when it started. */
  readonly schedule: readonly number[];
  /** The id under which it was settled. */
  id: string | null;
  settled: 'no' | 'settled' | 'stale';
}

/** Who holds a lane, by the calls that were carried out. */
export interface LeaseModel {
  readonly lane: number;
  readonly machine: Machine;
  readonly holder: string;
  readonly fence: number;
  untilInstant: number;
}

/** What a dispatcher was told of a lane that it holds. */
export interface LaneKnowledge {
  readonly lane: number;
  readonly endpoint: EndpointModel;
  readonly fence: number;
  target: LaneTarget;
  /** Until when, by the store's clock. */
  untilInstant: number;
  /** The same by its own monotonic clock, counted from when it asked. */
  goodUntil: number;
  /** It was told that the lane is lost, or gave it back. */
  lost: boolean;
  /** As it was leased, or told anew. */
  base: HealthModel;
  /** What was heard since. */
  heard: AttemptModel[];
  /** When it last heard of a failure, by the timeline. */
  failureHeardAt: number;
  health: HealthModel;
}

export function newDelivery(
  endpoint: EndpointModel,
  event: EventModel,
  { order, now }: { readonly order: number; readonly now: number },
): DeliveryModel {
  return {
    endpoint,
    eventId: event.id,
    orderingKey: event.orderingKey,
    order,
    publishedAt: now,
    publishedInstant: event.publishedInstant,
    seq: null,
    status: 'pending',
    reason: null,
    failures: 0,
    dueInstant: null,
    byHand: 'no',
    byHandAt: 0,
    wish: 0,
    late: false,
    lateAt: 0,
    lateInstant: 0,
    endings: 0,
    settledAttempts: 0,
    attempts: [],
    resolvedAt: null,
    firstResolvedAt: null,
    settledAt: 0,
    asked: new Map(),
    firstAcceptedAt: null,
    firstAcceptedLate: false,
  };
}

/** When it was re-sent last, or made late; null: neither. */
export function revivedInstantOf({ late, lateInstant }: DeliveryModel): number | null {
  return late ? lateInstant : null;
}

/** Why nothing may leave for it; null: something may. */
export function stopOf({ deleted, status, braked }: EndpointModel): string | null {
  if (deleted) return 'deleted';
  if (status !== 'enabled') return status;
  return braked ? 'held by the brake' : null;
}

/** The queue in which a delivery stands at its endpoint, null when it waits for no other. The late ones of a key have a queue of their own. */
export function queueOf(delivery: DeliveryModel, ordering = delivery.endpoint.settings.ordering): string | null {
  if (ordering === 'none' || (ordering === 'key' && delivery.orderingKey === null)) return null;
  return `${delivery.late ? 'late' : 'in order'}:${ordering === 'strict' ? '' : delivery.orderingKey}`;
}
