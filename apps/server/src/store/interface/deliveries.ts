/** Events and deliveries, as people read them, and what they do to a delivery by hand. */
import type {
  ApplicationId,
  AttemptErrorCode,
  AttemptId,
  DeliveryId,
  DeliveryReason,
  DeliveryStatus,
  EndpointId,
  Timings,
} from '@posthorn/core';
import type { Environment, Page, PageRequest } from './basics.ts';
import type { EnvironmentState } from './settings.ts';
import type { Endpoint } from './tenants.ts';

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

/** What is kept of one request. */
export interface AttemptRecord {
  readonly startedAt: number;
  readonly durationMs: number;
  readonly error: AttemptErrorCode | null;
  /** The system's words on a transport error. */
  readonly detail: string | null;
  readonly responseStatus: number | null;
  readonly responseHeaders: Readonly<Record<string, string>> | null;
  readonly responseBody: Uint8Array | null;
  readonly responseTruncated: boolean;
  readonly timings: Timings;
}

export interface Attempt extends AttemptRecord {
  readonly id: AttemptId;
  readonly number: number;
  readonly status: 'succeeded' | 'failed';
  /** It was settled by a dispatcher that had lost its lease: it changed nothing. */
  readonly stale: boolean;
}

/** A delivery may be retried by hand without end, each attempt with up to 16 KiB of answer: so many are read, the last ones. */
export const SHOWN_ATTEMPTS = 100;

/** Why a delivery waits is a pure function (core's whyNotYet) of these. */
export interface DeliveryDetail {
  readonly delivery: Delivery;
  /** The last `SHOWN_ATTEMPTS`, in their order. */
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
