/** What people asked for, as the store granted it: endpoints, events, and what was done by hand. */
import { matchesEventTypes } from '@posthorn/core';
import type { Delivery, Endpoint, EndpointSettings, EndpointStatus, Environment } from 'posthorn/src/store/store.ts';
import { DEADLINE_MS } from '../network.ts';
import { FRESH, startedAnew } from './health.ts';
import { type DeliveryModel, type EndpointModel, type EventModel, newDelivery, stopOf } from './model.ts';
import type { Oracle } from './oracle.ts';

export class Wishes {
  readonly #oracle: Oracle;
  #endpoints = 0;

  constructor(oracle: Oracle) {
    this.#oracle = oracle;
  }

  endpointCreated(endpoint: Endpoint): EndpointModel {
    const { ledger } = this.#oracle;
    this.#endpoints += 1;
    const model: EndpointModel = {
      id: endpoint.id,
      number: this.#endpoints,
      application: endpoint.application,
      environment: endpoint.environment,
      settings: endpoint,
      status: 'enabled',
      deleted: false,
      braked: false,
      orderingChanged: false,
      lane: null,
      urls: [{ url: endpoint.url, fromAt: ledger.now }],
      cadences: [],
      openings: [],
      deliveries: [],
      health: FRESH,
      inFlight: new Set(),
      rateAt: 0,
      slotAt: 0,
      successes: 0,
      failedBefore: false,
      changedAt: ledger.now,
      stoppedAt: null,
      troubleUntil: 0,
    };
    ledger.endpoints.set(endpoint.id, model);
    ledger.byUrl.set(endpoint.url, model);
    this.#oracle.cadenceChanged(endpoint.environment, model);
    this.#weighBrakes(model);
    return model;
  }

  endpointChanged(model: EndpointModel, change: Partial<EndpointSettings> & { readonly status?: EndpointStatus }): void {
    const { ledger } = this.#oracle;
    const { status = model.status, ...settings } = change;
    ledger.scene.note(() => `e${model.number} is changed: ${JSON.stringify(change)}`);
    model.settings = { ...model.settings, ...settings };
    model.changedAt = ledger.now;
    if (change.rateLimit !== undefined) model.rateAt = 0;
    if (change.ordering !== undefined) {
      model.orderingChanged = true;
      // What is out still goes by the old one, and is awaited first.
      if (model.inFlight.size > 0) model.troubleUntil = Math.max(model.troubleUntil, ledger.now + DEADLINE_MS + ledger.slackMs);
    }
    if (change.url !== undefined || (status === 'enabled' && model.status !== 'enabled')) model.health = startedAnew(model.health);
    if (change.url !== undefined) {
      model.urls.push({ url: change.url, fromAt: ledger.now });
      ledger.byUrl.set(change.url, model);
    }
    if (status !== model.status) {
      model.status = status;
      this.#weighStop(model);
    }
    this.#oracle.cadenceChanged(model.environment, model);
  }

  endpointDeleted(model: EndpointModel): void {
    const { ledger } = this.#oracle;
    ledger.scene.note(() => `e${model.number} is deleted`);
    model.deleted = true;
    this.#weighStop(model);
    for (const delivery of model.deliveries) if (delivery.status === 'pending') this.#cancel(delivery, 'endpoint_deleted');
  }

  /** @param application null: all of the environment */
  braked(environment: Environment, application: string | null, isOn: boolean): void {
    const { ledger } = this.#oracle;
    ledger.scene.note(
      () => `the brake of ${environment}${application === null ? '' : `, ${application},`} is ${isOn ? 'pulled' : 'let go'}`,
    );
    const name = `${environment} ${application ?? ''}`;
    if (isOn) ledger.brakes.add(name);
    else ledger.brakes.delete(name);
    for (const model of ledger.endpoints.values()) if (model.environment === environment) this.#weighBrakes(model);
  }

  #weighBrakes(model: EndpointModel): void {
    const { brakes, now } = this.#oracle.ledger;
    const braked = brakes.has(`${model.environment} `) || brakes.has(`${model.environment} ${model.application}`);
    if (braked === model.braked) return;
    model.braked = braked;
    model.changedAt = now;
    this.#weighStop(model);
  }

  #weighStop(model: EndpointModel): void {
    if (stopOf(model) === null) model.stoppedAt = null;
    else model.stoppedAt ??= this.#oracle.ledger.now;
  }

  endpointOpened(model: EndpointModel, instant: number): void {
    const { ledger } = this.#oracle;
    ledger.scene.note(() => `e${model.number} is dispatched now`);
    model.openings.push({ at: ledger.now, instant });
    model.changedAt = ledger.now;
  }

  environmentOpened(environment: Environment, instant: number): void {
    const { ledger } = this.#oracle;
    ledger.scene.note(() => `${environment} is dispatched now`);
    for (const model of ledger.endpoints.values()) {
      if (model.environment !== environment) continue;
      model.openings.push({ at: ledger.now, instant });
      model.changedAt = ledger.now;
    }
  }

  cadenceSet(environment: Environment, cadence: string): void {
    const { ledger } = this.#oracle;
    ledger.scene.note(() => `the cadence of ${environment} becomes ${cadence}`);
    ledger.cadences.set(environment, cadence);
    this.#oracle.cadenceChanged(environment, null);
  }

  /** @param timestamp when the store published it, by its own clock */
  published(event: {
    readonly id: string;
    readonly application: string;
    readonly environment: Environment;
    readonly type: string;
    readonly orderingKey: string | null;
    readonly timestamp: number;
    readonly deliveries: number;
  }): void {
    const { ledger } = this.#oracle;
    const targets = [...ledger.endpoints.values()].filter(
      (model) =>
        !model.deleted &&
        model.application === event.application &&
        model.environment === event.environment &&
        matchesEventTypes(model.settings.eventTypes, event.type),
    );
    if (targets.length !== event.deliveries) {
      ledger.scene.fail('published', `${event.id} made ${event.deliveries} deliveries; ${targets.length} endpoints want it`);
    }
    ledger.scene.note(
      () =>
        `${event.id} is published${event.orderingKey === null ? '' : ` with key ${event.orderingKey}`} for ${targets.map(({ number }) => `e${number}`).join(', ')}`,
    );
    const { id, application, environment, type, orderingKey, timestamp } = event;
    const known: EventModel = { id, application, environment, type, orderingKey, publishedInstant: timestamp };
    ledger.events.push(known);
    for (const endpoint of targets) {
      const delivery = newDelivery(endpoint, known, { order: ledger.nextOrder(), now: ledger.now });
      endpoint.deliveries.push(delivery);
      ledger.deliveries.set(`${endpoint.id} ${id}`, delivery);
    }
  }

  /** @param instant the store's clock as it was asked for by hand */
  retried({ event, endpoint }: Delivery, instant: number): void {
    const { ledger } = this.#oracle;
    const delivery = ledger.deliveries.get(`${endpoint} ${event}`);
    if (delivery === undefined) return;
    ledger.scene.note(() => `${ledger.name(delivery)}, ${delivery.status}, is retried by hand`);
    delivery.endpoint.changedAt = ledger.now;
    if (delivery.status === 'pending') {
      ledger.scene.count('retry by hand of one that is pending');
      if (delivery.byHand === 'no') delivery.byHand = 'beside';
      delivery.wish = delivery.wish === 0 ? 1 : delivery.wish + 2;
      delivery.byHandAt = ledger.now;
      return;
    }
    ledger.scene.count('late re-send by hand');
    delivery.status = 'pending';
    delivery.reason = null;
    delivery.failures = 0;
    delivery.dueInstant = instant;
    delivery.byHand = 'anew';
    delivery.wish = 2;
    delivery.byHandAt = ledger.now;
    delivery.late = true;
    delivery.resolvedAt = null;
    delivery.lateAt = ledger.now;
    delivery.lateInstant = instant;
    delivery.settledAt = ledger.now;
  }

  canceled({ event, endpoint }: Delivery): void {
    const delivery = this.#oracle.ledger.deliveries.get(`${endpoint} ${event}`);
    if (delivery === undefined) return;
    this.#oracle.ledger.scene.note(() => `${this.#oracle.ledger.name(delivery)} is canceled by hand`);
    delivery.endpoint.changedAt = this.#oracle.ledger.now;
    this.#cancel(delivery, 'canceled_by_hand');
  }

  #cancel(delivery: DeliveryModel, reason: 'canceled_by_hand' | 'endpoint_deleted'): void {
    delivery.status = 'canceled';
    delivery.reason = reason;
    delivery.byHand = 'no';
    delivery.wish = 0;
    delivery.endings += 1;
    delivery.resolvedAt ??= this.#oracle.ledger.now;
    delivery.firstResolvedAt ??= this.#oracle.ledger.now;
  }
}
