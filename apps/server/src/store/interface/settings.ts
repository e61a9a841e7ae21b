/** What belongs to an environment: its keys, cadence and brake; and the catalogue of event types. */
import type { ApplicationId, BreakerState, KeyId } from '@posthorn/core';
import type { Environment, Page, PageRequest } from './basics.ts';
import type { EndpointStatus } from './tenants.ts';

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
  /** How many endpoints name this type itself among their event types: not those that take all, or a pattern. */
  subscribers(name: string): Promise<Readonly<Record<Environment, number>>>;
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
  /** The cadence in force, canonical text. */
  readonly cadence: string;
  /** What the latest start was given by its settings, and the next one will set again; null: nothing. */
  readonly cadenceAtStart: string | null;
  /** When the cadence in force was set by `setCadence`; null: it is that of a start. */
  readonly cadenceChangedAt: number | null;
  /** First attempts published up to here may go, whatever the cadence says. */
  readonly openedAt: number;
  /** When a dispatch last sent a first attempt; null: never. */
  readonly lastDispatchAt: number | null;
}

/** What a process knows of an environment's cadence when it starts. Canonical texts. */
export interface CadenceAtStart {
  /** By its settings; null: they do not say. */
  readonly given: string | null;
  /** In force where the settings do not say, and nobody has set another. */
  readonly byDefault: string;
  /** No other process is at work: an earlier start's cadence is not kept. */
  readonly alone: boolean;
}

export interface EnvironmentStore {
  get(environment: Environment): Promise<EnvironmentState>;
  /** Puts a cadence in force, at once, on what waits too. Starts that are given none leave it. @param cadence canonical text */
  setCadence(environment: Environment, cadence: string): Promise<EnvironmentState>;
  /** What each start does (docs/decisions/0002-cadence-of-one-process.md). */
  startCadence(environment: Environment, start: CadenceAtStart): Promise<void>;
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
