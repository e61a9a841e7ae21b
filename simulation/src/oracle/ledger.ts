/** The oracle's books: endpoints, deliveries, leases, and what each dispatcher knows. */
import type { Environment } from 'posthorn/src/store/store.ts';
import type { Machine, WallClock } from '../machine.ts';
import type { Timeline } from '../timeline.ts';
import type { HealthModel } from './health.ts';
import type { JobModel, StoredRow } from './keeping.ts';
import type { AttemptModel, DeliveryModel, EndpointModel, EventModel, LaneKnowledge, LeaseModel } from './model.ts';

/** The history that the oracle watches. */
export interface Scene {
  readonly timeline: Timeline;
  /** The store's clock. */
  readonly wall: WallClock;
  readonly machines: readonly Machine[];
  readonly limits: Limits;
  /** Something rare happened. */
  count(what: string, times?: number): void;
  /** A line of the history; made only when somebody wants to read it. */
  note(line: () => string): void;
  /** Ends the history. */
  fail(rule: string, message: string): void;
  /** A lane's row and its deliveries, as text: equal texts, equal state. */
  snapshot(lane: number): string;
  /** All deliveries as the store has them: what a step of the keeper did shows only there. */
  rows(): readonly StoredRow[];
}

/** How fast things can be in this history. Milliseconds. */
export interface Limits {
  readonly leaseMs: number;
  readonly longestSleepMs: number;
  readonly concurrency: number;
  readonly hostConcurrency: number;
  readonly disableAfterMs: number;
  /** The longest that one call of the store takes, there and back. */
  readonly callMs: number;
  readonly hintsGetLost: boolean;
  /** The store is in the dispatcher's own process. */
  readonly isLocal: boolean;
  /** Jobs and expiry are seen to, at least this often. */
  readonly keeps: boolean;
  readonly keeperLooksMs: number;
}

/** The dispatcher prolongs its leases, and looks at their endpoints again, this often. */
export const RENEW_MS = 10_000;

export interface MachineBooks {
  /** The store's clock minus its own, as it was told last. */
  offset: number;
  readonly lanes: Map<number, LaneKnowledge>;
  readonly inFlight: Set<AttemptModel>;
  /** Deliveries that took a slot and wait for their bodies: whether the breaker of their lane was open then. */
  readonly taken: Map<number, boolean>;
  /** All its slots, or all that failing lanes may have, were taken until then. */
  fullAt: number;
  halfFullAt: number;
  /** It held as many lanes as it can. */
  crowdedAt: number;
  resumedAt: number;
  draining: boolean;
}

export class Ledger {
  readonly scene: Scene;
  readonly endpoints = new Map<string, EndpointModel>();
  readonly byUrl = new Map<string, EndpointModel>();
  readonly byLane = new Map<number, EndpointModel>();
  readonly deliveries = new Map<string, DeliveryModel>();
  /** In publish order. */
  readonly events: EventModel[] = [];
  readonly jobs = new Map<string, JobModel>();
  readonly bySeq = new Map<number, DeliveryModel>();
  readonly laneOfSeq = new Map<number, number>();
  readonly leases = new Map<number, LeaseModel>();
  readonly lastFence = new Map<number, number>();
  /** An endpoint's health when the store gave an answer that tells of it. */
  readonly toldHealth = new WeakMap<object, HealthModel>();
  /** The health of lanes as their holder knew it when it asked for a settle or a release. */
  readonly asked = new WeakMap<object, ReadonlyMap<number, HealthModel>>();
  readonly cadences = new Map<Environment, string>();
  readonly environmentOpenings: { readonly environment: Environment; readonly at: number; readonly instant: number }[] = [];
  /** Brakes that are on: `environment application`, the latter empty for all of it. */
  readonly brakes = new Set<string>();
  /** Clocks were set: until then dispatchers may act by what they showed. */
  clocksUntil = 0;
  /** Whatever is late until then may be: clocks were set, the store was in trouble. */
  troubleUntil = 0;
  readonly #machines = new Map<Machine, MachineBooks>();
  #latestBeforeStep = 0;
  #order = 0;

  constructor(scene: Scene) {
    this.scene = scene;
  }

  get now(): number {
    return this.scene.timeline.now;
  }

  /** The next position in publish order. */
  nextOrder(): number {
    this.#order += 1;
    return this.#order;
  }

  /** The store's clock. */
  get instant(): number {
    return this.scene.wall.now();
  }

  /** The latest that the store's clock ever showed. */
  get latestInstant(): number {
    return Math.max(this.#latestBeforeStep, this.instant);
  }

  /** To be called before the store's clock is set. */
  clockIsSet(): void {
    this.#latestBeforeStep = this.latestInstant;
  }

  books(machine: Machine): MachineBooks {
    let books = this.#machines.get(machine);
    if (books === undefined) {
      books = {
        offset: 0,
        lanes: new Map(),
        inFlight: new Set(),
        taken: new Map(),
        fullAt: 0,
        halfFullAt: 0,
        crowdedAt: 0,
        resumedAt: 0,
        draining: false,
      };
      this.#machines.set(machine, books);
    }
    return books;
  }

  /** What a dispatcher takes the store's clock to be. */
  instantOf(machine: Machine): number {
    return machine.wall.now() + this.books(machine).offset;
  }

  /** The later of what any clock that matters to `machine` has shown. */
  latestFor(machine: Machine): number {
    return Math.max(this.latestInstant, this.instantOf(machine));
  }

  delivery(endpoint: EndpointModel, eventId: string): DeliveryModel | undefined {
    return this.deliveries.get(`${endpoint.id} ${eventId}`);
  }

  /** Until when a dispatcher may still act by what was so before `changedAt`. */
  heardBy(machine: Machine, changedAt: number): number {
    const since = Math.max(changedAt, this.books(machine).resumedAt, this.troubleUntil);
    return since + this.slackMs + (this.scene.limits.hintsGetLost ? RENEW_MS : 0);
  }

  /** What a few calls of the store, one after the other, take at most. */
  get slackMs(): number {
    return 100 + 12 * this.scene.limits.callMs;
  }

  name(delivery: DeliveryModel): string {
    return `${delivery.eventId} for e${delivery.endpoint.number}${delivery.orderingKey === null ? '' : ` (key ${delivery.orderingKey})`}`;
  }
}
