/** What must hold of the keeper's work: jobs send again what they should, once; what waits for 7 days expires, and not before. */
import { matchesEventTypes } from '@posthorn/core';
import type { Job } from 'posthorn/src/store/store.ts';
import type { Ledger } from './ledger.ts';
import type { DeliveryModel, EndpointModel, EventModel } from './model.ts';
import { newDelivery } from './model.ts';

const EXPIRY_MS = 7 * 24 * 3_600_000;

/** A job, and what it has to do. */
export interface JobModel {
  readonly endpoint: EndpointModel;
  readonly job: Job;
  /** Deliveries to send again that it has not seen to yet, each with how often it had ended when the job was made. */
  readonly toRecover: Map<DeliveryModel, number>;
  readonly toMake: Set<EventModel>;
  done: number;
}

/** A delivery as the store has it. */
export interface StoredRow {
  readonly endpoint: string;
  readonly event: string;
  readonly status: string;
  readonly reason: string | null;
}

/** Somebody asked for a job, and got it. */
export function jobMade(ledger: Ledger, endpoint: EndpointModel, job: Job): void {
  const { task, since, until } = job;
  const isWithin = ({ publishedInstant }: { readonly publishedInstant: number }): boolean =>
    publishedInstant >= since && publishedInstant < until;
  const toRecover = task.kind === 'recover' ? endpoint.deliveries.filter((each) => each.status === task.status && isWithin(each)) : [];
  const toMake =
    task.kind === 'recover'
      ? []
      : ledger.events.filter(
          (event) =>
            event.application === endpoint.application &&
            event.environment === endpoint.environment &&
            isWithin(event) &&
            matchesEventTypes(endpoint.settings.eventTypes, event.type) &&
            ledger.delivery(endpoint, event.id) === undefined,
        );
  ledger.jobs.set(job.id, {
    endpoint,
    job,
    toRecover: new Map(toRecover.map((each) => [each, each.endings])),
    toMake: new Set(toMake),
    done: 0,
  });
  ledger.scene.count(task.kind === 'recover' ? 'job: recover' : 'job: replay-missing');
  ledger.scene.note(() => `${job.id} is made: ${task.kind} for e${endpoint.number}, ${toRecover.length + toMake.length} to do`);
}

/** A step of a job was carried out. Null: it had ended already, or another did it. */
export function jobStepped(ledger: Ledger, stepped: Job | null): void {
  const model = stepped === null ? undefined : ledger.jobs.get(stepped.id);
  if (stepped === null || model === undefined) return;
  const rows = ledger.scene.rows().filter(({ endpoint }) => endpoint === model.endpoint.id);
  let acted = 0;
  for (const row of rows) {
    const delivery = ledger.delivery(model.endpoint, row.event);
    if (delivery === undefined) acted += make(ledger, model, row.event);
    else if (row.status === 'pending' && delivery.status !== 'pending') acted += revive(ledger, model, delivery);
  }
  model.done += acted;
  if (acted > 0) ledger.scene.note(() => `${stepped.id} sends ${acted} again`);
  if (stepped.done !== model.done) ledger.scene.fail('job', `${stepped.id} says that it has done ${stepped.done}; it did ${model.done}`);
  if (stepped.state === 'done') checkDone(ledger, model);
}

function revive(ledger: Ledger, { toRecover, job }: JobModel, delivery: DeliveryModel): number {
  if (!toRecover.delete(delivery))
    ledger.scene.fail('job', `${job.id} sends ${ledger.name(delivery)} again, which is not its to send, or was already`);
  delivery.status = 'pending';
  delivery.reason = null;
  delivery.failures = 0;
  delivery.dueInstant = ledger.instant;
  delivery.byHand = 'no';
  delivery.wish = 0;
  delivery.late = true;
  delivery.lateAt = ledger.now;
  delivery.lateInstant = ledger.instant;
  delivery.settledAt = ledger.now;
  delivery.resolvedAt = null;
  delivery.endpoint.changedAt = ledger.now;
  ledger.scene.count('recovered by a job');
  return 1;
}

function make(ledger: Ledger, { toMake, job, endpoint }: JobModel, eventId: string): number {
  const event = [...toMake].find(({ id }) => id === eventId);
  if (event === undefined) {
    ledger.scene.fail('job', `${job.id} makes a delivery of ${eventId} that is not missing`);
    return 0;
  }
  toMake.delete(event);
  const delivery = newDelivery(endpoint, event, { order: ledger.nextOrder(), now: ledger.now });
  delivery.dueInstant = ledger.instant;
  delivery.late = true;
  delivery.lateAt = ledger.now;
  delivery.lateInstant = ledger.instant;
  delivery.settledAt = ledger.now;
  endpoint.deliveries.push(delivery);
  endpoint.changedAt = ledger.now;
  ledger.deliveries.set(`${endpoint.id} ${eventId}`, delivery);
  ledger.scene.count('missing one made by a job');
  return 1;
}

function checkDone(ledger: Ledger, { toRecover, toMake, job }: JobModel): void {
  const { task } = job;
  for (const [delivery, endings] of toRecover) {
    if (task.kind === 'recover' && delivery.status === task.status && delivery.endings === endings) {
      ledger.scene.fail('job', `${job.id} is done and has left ${ledger.name(delivery)} out`);
    }
  }
  for (const event of toMake) {
    if (ledger.delivery(ledger.jobs.get(job.id)?.endpoint as EndpointModel, event.id) === undefined) {
      ledger.scene.fail('job', `${job.id} is done and has left ${event.id} out`);
    }
  }
  ledger.scene.count('job done');
}

/** Deliveries were said to have expired. */
export function expired(ledger: Ledger, times: number): void {
  let found = 0;
  for (const row of ledger.scene.rows()) {
    if (row.reason !== 'expired') continue;
    const delivery = ledger.deliveries.get(`${row.endpoint} ${row.event}`);
    if (delivery === undefined || delivery.status !== 'pending') continue;
    found += 1;
    const age = ledger.latestInstant - (delivery.late ? delivery.lateInstant : delivery.publishedInstant);
    if (age < EXPIRY_MS) ledger.scene.fail('expiry', `${ledger.name(delivery)} expires after ${Math.round(age / 3_600_000)} hours`);
    ledger.scene.note(() => `${ledger.name(delivery)} expires`);
    delivery.status = 'failed';
    delivery.reason = 'expired';
    delivery.byHand = 'no';
    delivery.wish = 0;
    delivery.endings += 1;
    delivery.resolvedAt ??= ledger.now;
    delivery.firstResolvedAt ??= ledger.now;
    delivery.endpoint.changedAt = ledger.now;
    ledger.scene.count('failed: expired');
  }
  if (found !== times) ledger.scene.fail('expiry', `${times} deliveries are said to have expired; ${found} have`);
}

/** In the end nothing has waited for much longer than 7 days, where a keeper was there to see. */
export function checkForever(ledger: Ledger, delivery: DeliveryModel): void {
  const age = ledger.instant - (delivery.late ? delivery.lateInstant : delivery.publishedInstant);
  const { limits } = ledger.scene;
  if (limits.keeps && age > EXPIRY_MS + limits.keeperLooksMs + 24 * 3_600_000 && ledger.now > ledger.troubleUntil) {
    ledger.scene.fail('forever', `${ledger.name(delivery)} waits for ${Math.round(age / 3_600_000)} hours`);
  }
}
