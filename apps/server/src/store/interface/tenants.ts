/** Applications and their endpoints. */
import type { ApplicationId, EndpointId, LaneHealth, Ordering } from '@posthorn/core';
import type { Environment, Page, PageRequest } from './basics.ts';

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
  /** Null: no such application. `limit`: it has `most` of them in this environment, if that is given. */
  create(input: {
    readonly application: ApplicationId;
    readonly environment: Environment;
    readonly settings: EndpointSettings;
    readonly secret: string;
    readonly most?: number;
  }): Promise<Endpoint | 'limit' | null>;
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
