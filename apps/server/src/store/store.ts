/**
 * What the rest of the program asks of a database. The two engines (sqlite/, postgres/) implement exactly this, and one
 * conformance suite runs on both. Instants are epoch milliseconds by the store's own clock (`now`), unless said otherwise.
 *
 * Nothing here throws for what a caller may expect (an unknown id, a conflict): those are values. What is thrown is
 * a database that does not work, as StoreUnavailable.
 */
import type { BreakerState } from '@posthorn/core';
import type { BetterAuthOptions } from 'better-auth';
import type { Actor, AuditStore } from './interface/audit.ts';
import type { Environment } from './interface/basics.ts';
import type { DeliveryStore, EventStore } from './interface/deliveries.ts';
import type { LaneStore } from './interface/lanes.ts';
import type { InboxStore, InvitationStore, OperatorStore, PeopleStore, PortalStore } from './interface/people.ts';
import type { OutboxStore, PublishRequest, PublishResult } from './interface/publish.ts';
import type { BrakeStore, EnvironmentStore, EventTypeStore, KeyStore } from './interface/settings.ts';
import type { ApplicationStore, EndpointStore } from './interface/tenants.ts';
import type { JobStore, NoticeStore, StatsStore, UpkeepStore } from './interface/upkeep.ts';

export * from './interface/audit.ts';
export * from './interface/basics.ts';
export * from './interface/deliveries.ts';
export * from './interface/lanes.ts';
export * from './interface/people.ts';
export * from './interface/publish.ts';
export * from './interface/settings.ts';
export * from './interface/tenants.ts';
export * from './interface/upkeep.ts';

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
