/** What a group of publishes comes to: a result for each request, and the rows to write. No database here. */
import { type DeliveryId, matchesEventTypes, newId, renderBody } from '@posthorn/core';
import { tickAfter } from '../cadences.ts';
import type { Environment, EventToPublish, PublishedEvent, PublishRequest, PublishResult } from '../store.ts';
import { type EarlierEvent, earlierName, type Known, keyName, type Tenant } from './publish-lookup.ts';

export interface NewEvent {
  readonly published: PublishedEvent;
  readonly application: number;
  readonly orderingKey: string | null;
  readonly body: Uint8Array;
  /** Where `data` begins in the body, in bytes. */
  readonly dataStart: number;
  /** The publisher brought its id. */
  readonly brought: boolean;
}

export interface NewDelivery {
  readonly id: DeliveryId;
  /** Its event's place in `events`. */
  readonly event: number;
  readonly lane: number;
  readonly endpoint: number;
}

export interface NewKey {
  readonly scope: string;
  readonly key: string;
  readonly fingerprint: string;
  readonly events: readonly PublishedEvent[];
}

/** Thrown through a request that is refused: what it had added already is taken back. */
class Refused extends Error {
  readonly result: PublishResult;
  constructor(result: PublishResult) {
    super(result.kind);
    this.result = result;
  }
}

export class PublishPlan {
  readonly now: number;
  readonly events: NewEvent[] = [];
  readonly deliveries: NewDelivery[] = [];
  readonly keys: NewKey[] = [];
  readonly #known: Known;
  readonly #randomBytes: (size: number) => Uint8Array;
  /** Those of this group, beside those that were there before. */
  readonly #earlier = new Map<string, EarlierEvent>();
  readonly #kept = new Map<string, NewKey>();

  constructor(known: Known, context: { readonly now: number; readonly randomBytes: (size: number) => Uint8Array }) {
    this.#known = known;
    this.now = context.now;
    this.#randomBytes = context.randomBytes;
  }

  /** The first instant at which anything of the group may leave; null: nothing of it goes anywhere. */
  get earliestTick(): number | null {
    const ticks = this.events.flatMap(({ published: { dispatchAt } }) => (dispatchAt === null ? [] : [dispatchAt]));
    return ticks.length === 0 ? null : Math.min(...ticks);
  }

  add(request: PublishRequest): PublishResult {
    const before = { events: this.events.length, deliveries: this.deliveries.length };
    const names: string[] = [];
    try {
      return this.#add(request, names);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.events.length = before.events;
      this.deliveries.length = before.deliveries;
      for (const name of names) this.#earlier.delete(name);
      return error.result;
    }
  }

  /** @param names gathers what the request adds to `#earlier` */
  #add({ environment, events, idempotency }: PublishRequest, names: string[]): PublishResult {
    if (idempotency !== null) {
      const name = keyName(idempotency);
      const kept = this.#kept.get(name) ?? this.#known.kept.get(name);
      if (kept !== undefined) {
        if (kept.fingerprint !== idempotency.fingerprint) return { kind: 'idempotency_conflict' };
        return { kind: 'published', events: [...kept.events], repeated: true };
      }
    }
    let repeated = events.length > 0;
    const published = events.map((event, index): PublishedEvent => {
      const tenant = this.#known.tenants.get(event.application);
      if (tenant === undefined) throw new Refused({ kind: 'unknown_application', index });
      const name = event.id === null ? null : earlierName(environment, tenant.pk, event.id);
      const earlier = name === null ? undefined : (this.#earlier.get(name) ?? this.#known.earlier.get(name));
      if (earlier !== undefined) {
        if (!isSameEvent(earlier, event)) throw new Refused({ kind: 'id_conflict', index });
        return earlier.published;
      }
      repeated = false;
      const made = this.#insert(environment, tenant, event);
      if (name !== null) {
        this.#earlier.set(name, { published: made, orderingKey: event.orderingKey, data: event.data });
        names.push(name);
      }
      return made;
    });
    if (idempotency !== null) {
      const key = { ...idempotency, events: published };
      this.#kept.set(keyName(idempotency), key);
      this.keys.push(key);
    }
    return { kind: 'published', events: published, repeated };
  }

  #insert(environment: Environment, tenant: Tenant, event: EventToPublish): PublishedEvent {
    const { now } = this;
    const id = event.id ?? newId('evt_', now, this.#randomBytes(10));
    const body = Buffer.from(renderBody({ id, type: event.type, timestamp: now, environment, data: event.data }), 'utf8');
    const targets = tenant.targets.filter(
      (target) => target.environment === environment && matchesEventTypes(target.eventTypes, event.type),
    );
    const ticks = targets.map(({ cadence }) => tickAfter(cadence ?? this.#known.cadences.get(environment) ?? 'immediate', now));
    const published: PublishedEvent = {
      id,
      application: tenant.id,
      environment,
      type: event.type,
      timestamp: now,
      deliveries: targets.length,
      dispatchAt: ticks.length === 0 ? null : Math.min(...ticks),
    };
    for (const { lane, endpoint } of targets) {
      this.deliveries.push({ id: newId('dlv_', now, this.#randomBytes(10)), event: this.events.length, lane, endpoint });
    }
    this.events.push({
      published,
      application: tenant.pk,
      orderingKey: event.orderingKey,
      body,
      dataStart: body.length - 1 - Buffer.byteLength(event.data),
      brought: event.id !== null,
    });
    return published;
  }
}

function isSameEvent(earlier: EarlierEvent, event: EventToPublish): boolean {
  return earlier.published.type === event.type && earlier.orderingKey === event.orderingKey && earlier.data === event.data;
}
