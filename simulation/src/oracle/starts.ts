/** What must hold whenever a request leaves for an endpoint. */
import { DEFAULT_RETRY_SCHEDULE } from '@posthorn/core';
import type { Machine } from '../machine.ts';
import { gateWasOpen } from './gate.ts';
import { floorOf } from './health.ts';
import type { Ledger } from './ledger.ts';
import type { AttemptModel, DeliveryModel, EndpointModel, LaneKnowledge } from './model.ts';
import { queueOf, revivedInstantOf, stopOf } from './model.ts';
import { checkPunctual, patience } from './punctuality.ts';

export interface Departure {
  readonly url: string;
  readonly eventId: string;
  readonly late: boolean;
}

/** Books a request that leaves now. Null: it makes no sense at all, and the history has failed. */
export function attemptStarted(ledger: Ledger, machine: Machine, departure: Departure): AttemptModel | null {
  const { scene } = ledger;
  const endpoint = ledger.byUrl.get(departure.url);
  const delivery = endpoint === undefined ? undefined : ledger.delivery(endpoint, departure.eventId);
  if (endpoint === undefined || delivery === undefined) {
    scene.fail('published', `${machine.name} sends ${departure.eventId} to ${departure.url}, and nobody published that to it`);
    return null;
  }
  const known = endpoint.lane === null ? undefined : ledger.books(machine).lanes.get(endpoint.lane);
  if (known === undefined) {
    scene.fail('lease', `${machine.name} sends ${ledger.name(delivery)} without ever having leased its lane`);
    return null;
  }
  scene.note(() => `${machine.name} sends ${ledger.name(delivery)}${departure.late ? ', late' : ''} under fence ${known.fence}`);
  checkLease(ledger, machine, { delivery, known });
  checkTarget(ledger, machine, { endpoint, delivery, url: departure.url });
  checkPending(ledger, machine, { delivery, known, late: departure.late });
  checkWhen(ledger, machine, { delivery, known });
  checkOrder(ledger, machine, { delivery, known });
  checkSlots(ledger, machine, { endpoint, delivery, known });
  checkRate(ledger, machine, { endpoint, delivery, known });
  checkPunctual(ledger, machine, delivery);
  const books = ledger.books(machine);
  const probe = books.taken.get(delivery.seq ?? Number.NaN) ?? false;
  books.taken.delete(delivery.seq ?? Number.NaN);
  const asked = delivery.asked.get(machine) ?? { ...delivery, revivedInstant: revivedInstantOf(delivery) };
  const attempt: AttemptModel = {
    delivery,
    machine,
    fence: known.fence,
    startedAt: ledger.now,
    late: departure.late,
    wish: delivery.byHand,
    byHand: false,
    probe,
    epoch: known.health.epoch,
    former: false,
    revivedInstant: asked.revivedInstant,
    disables: null,
    failuresBefore: asked.failures,
    dueBefore: asked.dueInstant,
    outcome: null,
    endedAt: 0,
    heardInstant: 0,
    schedule: known.target.endpoint.retrySchedule ?? DEFAULT_RETRY_SCHEDULE,
    id: null,
    settled: 'no',
  };
  delivery.attempts.push(attempt);
  endpoint.inFlight.add(attempt);
  books.inFlight.add(attempt);
  return attempt;
}

interface Start {
  readonly delivery: DeliveryModel;
  readonly known: LaneKnowledge;
}

function checkLease(ledger: Ledger, machine: Machine, { delivery, known }: Start): void {
  const late = machine.monotonic() - known.goodUntil;
  const lateByWall = ledger.instantOf(machine) - known.untilInstant;
  if (known.lost) {
    ledger.scene.fail('lease', `${machine.name} sends ${ledger.name(delivery)} after it was told that the lane is lost, or gave it back`);
  } else if (late >= 0) {
    ledger.scene.fail(
      'lease',
      `${machine.name} sends ${ledger.name(delivery)} ${late.toFixed(3)} ms after its lease ended by its monotonic clock`,
    );
  } else if (lateByWall >= 0) {
    ledger.scene.fail(
      'lease',
      `${machine.name} sends ${ledger.name(delivery)} ${lateByWall} ms after its lease ended by the store's clock`,
    );
  }
}

function checkTarget(
  ledger: Ledger,
  machine: Machine,
  { endpoint, delivery, url }: { readonly endpoint: EndpointModel; readonly delivery: DeliveryModel; readonly url: string },
): void {
  const next = endpoint.urls[endpoint.urls.findIndex((version) => version.url === url) + 1];
  if (next !== undefined && ledger.now > ledger.heardBy(machine, next.fromAt)) {
    ledger.scene.fail(
      'url',
      `${machine.name} sends ${ledger.name(delivery)} to ${url}, which was changed ${Math.round(ledger.now - next.fromAt)} ms ago`,
    );
  }
  const { stoppedAt } = endpoint;
  if (stoppedAt !== null && ledger.now > ledger.heardBy(machine, stoppedAt)) {
    ledger.scene.fail(
      'stopped',
      `${machine.name} sends ${ledger.name(delivery)}; its endpoint is ${stopOf(endpoint)} since ${Math.round(ledger.now - stoppedAt)} ms`,
    );
  }
}

function checkPending(ledger: Ledger, machine: Machine, { delivery, known, late }: Start & { readonly late: boolean }): void {
  const { scene } = ledger;
  const asked = delivery.asked.get(machine);
  if (asked === undefined || !asked.pending) {
    scene.fail('ended', `${machine.name} sends ${ledger.name(delivery)}, which had ended as ${delivery.status} when it asked for its body`);
  } else if (late !== asked.late) {
    scene.fail(
      'late',
      `${machine.name} sends ${ledger.name(delivery)} ${late ? 'with' : 'without'} Posthorn-Late; it was ${asked.late ? '' : 'not '}re-sent after its end`,
    );
  }
  for (const earlier of delivery.attempts) {
    if (earlier.machine !== machine || earlier.fence !== known.fence || earlier.settled === 'settled') continue;
    if (earlier.outcome === null) scene.fail('twice', `${machine.name} sends ${ledger.name(delivery)} while its own request of it is out`);
    else if (earlier.settled === 'no')
      scene.fail('twice', `${machine.name} sends ${ledger.name(delivery)} again before it settled what came of it`);
  }
}

function checkWhen(ledger: Ledger, machine: Machine, { delivery, known }: Start): void {
  const { scene } = ledger;
  const instant = ledger.latestFor(machine);
  if (delivery.byHand !== 'no') return;
  if (delivery.dueInstant === null && !gateWasOpen(ledger, delivery)) {
    scene.fail(
      'gate',
      `${machine.name} sends ${ledger.name(delivery)} before its gate: published ${Math.round(ledger.now - delivery.publishedAt)} ms ago`,
    );
  }
  if (ledger.now < ledger.clocksUntil) return;
  if (delivery.dueInstant !== null && delivery.dueInstant > instant) {
    scene.fail('retry', `${machine.name} sends ${ledger.name(delivery)} ${delivery.dueInstant - instant} ms before its retry is due`);
  }
  const floor = floorOf(known.health);
  if (floor > instant) {
    scene.fail(
      'floor',
      `${machine.name} sends ${ledger.name(delivery)} ${floor - instant} ms before ${known.health.breaker === null ? 'the pause that the endpoint asked for is over' : 'the next probe of its open breaker'}`,
    );
  }
}

/** Nobody passes an earlier one of its queue that may still come. */
function checkOrder(ledger: Ledger, machine: Machine, { delivery, known }: Start): void {
  const queue = queueOf(delivery, known.target.endpoint.ordering);
  if (queue === null) return;
  for (const earlier of delivery.endpoint.deliveries) {
    if (earlier.order >= delivery.order) break;
    if (earlier.resolvedAt !== null || queueOf(earlier, known.target.endpoint.ordering) !== queue) continue;
    // Re-sent since the lane was looked through: its place is known with the next look.
    if (earlier.late && ledger.now - earlier.lateAt <= patience(ledger)) continue;
    // Re-sent while its request was out: it takes its place among the late ones once that is settled.
    if (earlier.late && earlier.attempts.some(({ startedAt, settled }) => settled === 'no' && startedAt < earlier.lateAt)) continue;
    ledger.scene.fail(
      'order',
      `${machine.name} sends ${ledger.name(delivery)} before ${ledger.name(earlier)}, which is ${earlier.status} after ${earlier.attempts.length} attempts`,
    );
  }
}

function checkSlots(ledger: Ledger, machine: Machine, { endpoint, delivery, known }: Start & { readonly endpoint: EndpointModel }): void {
  const { scene } = ledger;
  const out = [...endpoint.inFlight].filter((attempt) => attempt.machine === machine && attempt.fence === known.fence).length;
  const { maxInFlight } = known.target.endpoint;
  if (out >= maxInFlight) {
    scene.fail(
      'slots',
      `${machine.name} sends ${ledger.name(delivery)} as the ${out + 1}th at once; the endpoint's max_in_flight is ${maxInFlight}`,
    );
  } else if (delivery.byHand === 'no' && out >= 1 && isFailingFor(ledger, known)) {
    scene.fail(
      'slots',
      `${machine.name} sends ${ledger.name(delivery)} beside ${out} others, though nothing was accepted since the last failure`,
    );
  }
  const all = ledger.books(machine).inFlight.size;
  if (all >= scene.limits.concurrency) {
    scene.fail(
      'slots',
      `${machine.name} sends ${ledger.name(delivery)} as the ${all + 1}th request at once; its concurrency is ${scene.limits.concurrency}`,
    );
  }
}

/** Nothing was accepted since the last failure, and whoever leaves now took its slot after that. */
function isFailingFor(ledger: Ledger, { health, failureHeardAt }: LaneKnowledge): boolean {
  if (ledger.now < ledger.troubleUntil) return false;
  return health.failingSince !== null && ledger.now > failureHeardAt + ledger.scene.limits.callMs + 1;
}

/** The generic cell rate algorithm, with the spread that the look for bodies puts between taking a slot and leaving. */
function checkRate(ledger: Ledger, machine: Machine, { endpoint, delivery, known }: Start & { readonly endpoint: EndpointModel }): void {
  const { rateLimit } = known.target.endpoint;
  // Where clocks are set or bodies wait for the store, requests leave otherwise than they took their slots.
  if (rateLimit === null || ledger.now < ledger.troubleUntil) return;
  const spacing = 1000 / rateLimit;
  // What had taken its slot when the process stood still leaves when that goes on, and the next one in its own time.
  if (ledger.now < ledger.books(machine).resumedAt + spacing) return;
  const burst = Math.max(1, Math.floor(rateLimit / 10));
  const early = endpoint.rateAt - (burst - 1) * spacing - ledger.now;
  if (early > 3 + 2 * ledger.scene.limits.callMs) {
    ledger.scene.fail(
      'rate',
      `${machine.name} sends ${ledger.name(delivery)} ${early.toFixed(1)} ms too early for ${rateLimit} requests per second`,
    );
  }
  if (early > -spacing) ledger.scene.count('rate limit reached');
  endpoint.rateAt = Math.max(endpoint.rateAt, ledger.now) + spacing;
}
