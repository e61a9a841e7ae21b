/**
 * Since when a delivery could have gone, by everything that the oracle knows of: its gate or its retry, its queue, the slots and the rate of
 * its lane, the slots of the dispatchers, and whatever happened to those. What goes much later than that was forgotten somewhere.
 */
import type { Machine } from '../machine.ts';
import { gateOpenSince } from './gate.ts';
import { floorEndOf, type HealthModel } from './health.ts';
import type { Ledger } from './ledger.ts';
import type { DeliveryModel, EndpointModel } from './model.ts';
import { queueOf, stopOf } from './model.ts';

/** Promise 3. */
const PROMPT_MS = 1000;

/** How late a delivery may be after `readySince`, milliseconds. */
export function patience(ledger: Ledger): number {
  return PROMPT_MS + ledger.slackMs;
}

/** Why a delivery waits, in words; null: it could go, since `at` by the timeline. */
export type Readiness = { readonly waitsFor: string } | { readonly at: number; readonly because: string };

/** Since when a pending delivery could have gone. */
export function readiness(ledger: Ledger, delivery: DeliveryModel): Readiness {
  const { endpoint } = delivery;
  const { wall } = ledger.scene;
  const stop = stopOf(endpoint);
  if (stop !== null) return { waitsFor: `endpoint ${stop}` };
  if (isOut(ledger, delivery)) return { waitsFor: 'its answer' };
  const since = new Latest();
  since.weigh('published', delivery.publishedAt);
  since.weigh('its own request before', delivery.attempts.at(-1)?.endedAt ?? 0);
  const wait = ripeness(ledger, delivery, since);
  if (wait !== null) return { waitsFor: wait };
  const behind = queueWait(ledger, delivery, since);
  if (behind !== null) return { waitsFor: behind };
  if (delivery.byHand === 'no') {
    const health = healthOf(ledger, endpoint);
    const floor = floorEndOf(health);
    const what = health.breaker === null ? 'the pause that the endpoint asked for' : 'a probe of its open breaker';
    if (floor > ledger.instant) return { waitsFor: what };
    if (floor > 0) since.weigh(what, wall.timelineOf(floor));
  }
  since.weigh('a change of its endpoint', endpoint.changedAt);
  since.weigh('a slot of its lane', lanesSlot(ledger, endpoint));
  if (endpoint.settings.rateLimit !== null) since.weigh('its rate limit', endpoint.rateAt);
  since.weigh('trouble of its lane', endpoint.troubleUntil);
  since.weigh('trouble', ledger.troubleUntil);
  for (const machine of ledger.scene.machines) {
    const books = ledger.books(machine);
    const all = ledger.scene.limits.concurrency;
    since.weigh(`the slots of ${machine.name}`, books.inFlight.size >= all - 1 ? ledger.now : books.fullAt);
    if (endpoint.successes < FULL_WINDOW) {
      since.weigh(`the slots for failing lanes of ${machine.name}`, books.inFlight.size >= all / 2 ? ledger.now : books.halfFullAt);
    }
    since.weigh(`room for lanes of ${machine.name}`, books.crowdedAt);
  }
  return { at: since.at, because: since.because };
}

/** Its request is out, and somebody waits for the answer. */
function isOut(ledger: Ledger, delivery: DeliveryModel): boolean {
  return delivery.attempts.some((attempt) => ledger.books(attempt.machine).inFlight.has(attempt));
}

/** At the start of a request: it should not come long after it could have. */
export function checkPunctual(ledger: Ledger, machine: Machine, delivery: DeliveryModel): void {
  if (ledger.books(machine).draining) return;
  const ready = readiness(ledger, delivery);
  if ('waitsFor' in ready) return;
  const late = ledger.now - ready.at;
  if (late > patience(ledger)) {
    ledger.scene.fail(
      'prompt',
      `${machine.name} sends ${ledger.name(delivery)} ${Math.round(late)} ms after it could have gone (${ready.because})`,
    );
  }
}

/** Successes after which a lane that failed surely has all its slots again. */
const FULL_WINDOW = 6;

/** As its holder knows it, or as it was left. */
function healthOf(ledger: Ledger, endpoint: EndpointModel): HealthModel {
  const lease = endpoint.lane === null ? undefined : ledger.leases.get(endpoint.lane);
  const known = lease === undefined ? undefined : ledger.books(lease.machine).lanes.get(lease.lane);
  return known !== undefined && known.fence === lease?.fence && known.health.epoch === endpoint.health.epoch
    ? known.health
    : endpoint.health;
}

/** Slots that the endpoint's lane surely has: after a failure one, until enough was accepted again. */
export function slotsOf(ledger: Ledger, endpoint: EndpointModel): number {
  if (endpoint.failedBefore && endpoint.successes < FULL_WINDOW) return 1;
  const { hostConcurrency } = ledger.scene.limits;
  // Nor do those without any success get all of their destination's slots: here each has a destination of its own.
  const share = endpoint.successes === 0 ? hostConcurrency - (hostConcurrency >> 2) : hostConcurrency;
  return Math.min(endpoint.settings.maxInFlight, share);
}

function lanesSlot(ledger: Ledger, endpoint: EndpointModel): number {
  return endpoint.inFlight.size >= slotsOf(ledger, endpoint) ? ledger.now : endpoint.slotAt;
}

/** It is pending, and nobody knows better: an acceptance that was lost with its lease has to come again. */
function holdsItsQueue({ status, attempts }: DeliveryModel): boolean {
  return (
    status === 'pending' &&
    !attempts.some(({ outcome, settled, machine }) => outcome?.kind === 'accepted' && settled === 'no' && machine.alive)
  );
}

/** Its queue: nobody before it may still come. Null: nobody does, and that is weighed. */
function queueWait(ledger: Ledger, delivery: DeliveryModel, since: Latest): string | null {
  const queue = queueOf(delivery);
  if (queue === null) return null;
  for (const earlier of delivery.endpoint.deliveries) {
    if (earlier === delivery) continue;
    if (earlier.order < delivery.order && queueOf(earlier) === queue) {
      if (holdsItsQueue(earlier)) return `key, behind ${earlier.eventId}`;
      since.weigh(`its key, behind ${earlier.eventId}`, Math.max(earlier.resolvedAt ?? 0, earlier.settledAt));
    }
    // One of a queue is out at a time, even a later one. It may have been canceled, and re-sent, while its request was out: that is awaited all the same.
    if (queueOf({ ...earlier, late: delivery.late }) !== queue) continue;
    if (isOut(ledger, earlier)) return `key, behind the request of ${earlier.eventId}`;
    since.weigh(`its key, behind the request of ${earlier.eventId}`, earlier.attempts.at(-1)?.endedAt ?? 0);
  }
  return null;
}

/** Its own instant: the gate, the retry, or a wish by hand. Null: it is past, and weighed. */
function ripeness(ledger: Ledger, delivery: DeliveryModel, since: Latest): string | null {
  if (delivery.byHand !== 'no') {
    since.weigh('asked for by hand', delivery.byHandAt);
    return null;
  }
  if (delivery.dueInstant !== null) {
    if (delivery.dueInstant > ledger.instant) return 'its retry';
    since.weigh('its retry', Math.max(ledger.scene.wall.timelineOf(delivery.dueInstant), delivery.settledAt));
    return null;
  }
  const openedAt = gateOpenSince(ledger, delivery);
  if (openedAt === null) return 'its gate';
  since.weigh('its gate', openedAt);
  return gateBefore(ledger, delivery, since);
}

/**
 * A scan ends at the first that waits for its gate, and looks through no backlog behind it. Only where the clock was set back after its publish is the gate
 * of anything behind it open already: that waits as well.
 */
function gateBefore(ledger: Ledger, delivery: DeliveryModel, since: Latest): string | null {
  for (const earlier of delivery.endpoint.deliveries) {
    if (earlier.order >= delivery.order) break;
    if (earlier.publishedInstant <= delivery.publishedInstant || earlier.dueInstant !== null) continue;
    const openedAt = gateOpenSince(ledger, earlier);
    if (earlier.status === 'pending' && openedAt === null) return `the gate of ${earlier.eventId}`;
    since.weigh(`the gate of ${earlier.eventId}`, openedAt ?? earlier.resolvedAt ?? 0);
  }
  return null;
}

class Latest {
  at = 0;
  because = '';

  weigh(because: string, at: number): void {
    if (at <= this.at) return;
    this.at = at;
    this.because = because;
  }
}
