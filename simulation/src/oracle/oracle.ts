/**
 * The oracle: watches a history at its edges, keeps its own books, and says so when a promise is broken. It shares no
 * code with the engine but the parser of cadences.
 */
import type { Outcome } from '@posthorn/core';
import type {
  Environment,
  Job,
  LaneRelease,
  LaneTarget,
  PublishedEvent,
  PublishRequest,
  PublishResult,
  StoreHint,
} from 'posthorn/src/store/store.ts';
import type { Machine } from '../machine.ts';
import { DEADLINE_MS } from '../network.ts';
import type { KeeperCall, LaneCall, LaneRequest, Watcher } from '../store-link.ts';
import { askedPause, disables, type HealthModel, healthAfter } from './health.ts';
import { expired, jobStepped } from './keeping.ts';
import { lanesLeased, lanesReleased, leasesHeard, leasesRenewed, renewalsHeard, targetHeard } from './leases.ts';
import { type Ledger, RENEW_MS } from './ledger.ts';
import { type AttemptModel, type EndpointModel, revivedInstantOf } from './model.ts';
import { slotsOf } from './punctuality.ts';
import { healthWritten, isCurrent, settleAsked, settleExecuted } from './settling.ts';
import { attemptStarted, type Departure } from './starts.ts';

export class Oracle implements Watcher {
  readonly ledger: Ledger;
  /** Told of what the keeper publishes. */
  onPublished: (event: PublishedEvent & { readonly orderingKey: string | null }) => void = () => {};
  /** Lanes that a stale call is about to name, as they were before it. */
  #before = new Map<number, string>();

  constructor(ledger: Ledger) {
    this.ledger = ledger;
  }

  // ------------------------------------------------------------------------------------------------------ calls of the store

  asked(machine: Machine, request: LaneRequest): void {
    const { ledger } = this;
    const books = ledger.books(machine);
    switch (request.name) {
      case 'bodies':
        for (const seq of request.request) {
          const known = books.lanes.get(ledger.laneOfSeq.get(seq) ?? Number.NaN);
          if (!books.taken.has(seq)) books.taken.set(seq, known?.health.breaker !== null);
        }
        break;
      case 'settle':
        settleAsked(ledger, machine, request.request);
        break;
      case 'release': {
        const healths = request.request.flatMap(({ lease }): [number, HealthModel][] => {
          const known = books.lanes.get(lease.lane);
          return known?.fence === lease.fence ? [[lease.lane, known.health]] : [];
        });
        ledger.asked.set(request.request, new Map(healths));
        break;
      }
      default:
    }
  }

  executing(_machine: Machine, request: LaneRequest): void {
    this.#before.clear();
    if (request.name !== 'settle' && request.name !== 'release') return;
    const named = request.request.map(({ lease }) => lease);
    for (const lease of named) {
      // A dispatcher may have leased anew what it lost, and name the lane twice: by its old lease and by the one in force.
      const isNamedByHolder = named.some((other) => other.lane === lease.lane && isCurrent(this.ledger, other));
      if (!isNamedByHolder) this.#before.set(lease.lane, this.ledger.scene.snapshot(lease.lane));
    }
  }

  executed(machine: Machine, call: LaneCall): void {
    const { ledger } = this;
    switch (call.name) {
      case 'lease':
        lanesLeased(ledger, machine, call.result);
        break;
      case 'renew':
        leasesRenewed(ledger, machine, call.result);
        break;
      case 'scan':
      case 'scanDue':
        for (const { seq } of call.result.deliveries) ledger.laneOfSeq.set(seq, call.request.lane);
        break;
      case 'scanKey':
        for (const { seq } of call.result) ledger.laneOfSeq.set(seq, call.request.lane);
        break;
      case 'bodies':
        this.#bodiesAsked(machine, call.result);
        break;
      case 'settle': {
        const epochs = ledger.asked.get(call.request);
        for (const [index, settlement] of call.request.entries())
          settleExecuted(ledger, machine, { settlement, result: call.result[index], epoch: epochs?.get(settlement.lease.lane)?.epoch });
        healthWritten(ledger, call.request, (index) => call.result[index] !== 'stale');
        this.#nothingChanged(machine, call.name);
        break;
      }
      case 'target':
        if (call.result !== null) this.#tellHealth(call.result.target);
        break;
      case 'release':
        this.#nothingChanged(machine, call.name);
        healthWritten(ledger, call.request, (index) => isCurrent(ledger, (call.request[index] as LaneRelease).lease));
        lanesReleased(
          ledger,
          machine,
          call.request.map(({ lease }) => lease),
        );
        break;
      default:
    }
  }

  answered(machine: Machine, call: LaneCall): void {
    const { ledger } = this;
    const { askedAt } = call;
    switch (call.name) {
      case 'outlook':
        this.#hearClock(machine, call);
        break;
      case 'lease':
        leasesHeard(ledger, machine, { leased: call.result, askedAt });
        this.#weighCrowd(machine);
        break;
      case 'renew':
        renewalsHeard(ledger, machine, { asked: call.request.leases, renewed: call.result, askedAt });
        break;
      case 'target':
        targetHeard(ledger, machine, { lease: call.request, target: call.result?.target ?? null });
        break;
      default:
    }
  }

  #bodiesAsked(machine: Machine, bodies: readonly { readonly seq: number; readonly eventId: string }[]): void {
    const { ledger } = this;
    for (const { seq, eventId } of bodies) {
      const endpoint = ledger.byLane.get(ledger.laneOfSeq.get(seq) ?? Number.NaN);
      const delivery = endpoint === undefined ? undefined : ledger.delivery(endpoint, eventId);
      if (delivery === undefined) {
        ledger.scene.fail('published', `the store has a delivery ${seq} of ${eventId} that nobody published`);
        continue;
      }
      delivery.seq = seq;
      ledger.bySeq.set(seq, delivery);
      const { status, late, failures, dueInstant } = delivery;
      delivery.asked.set(machine, {
        pending: status === 'pending',
        late,
        failures,
        dueInstant,
        revivedInstant: revivedInstantOf(delivery),
      });
    }
  }

  /** As the dispatcher does: what it knew before, as far as that can be true. */
  #hearClock(machine: Machine, { result, askedWall }: Extract<LaneCall, { name: 'outlook' }>): void {
    const books = this.ledger.books(machine);
    books.offset = Math.min(Math.max(books.offset, result.now - machine.wall.now()), result.now - askedWall);
  }

  #tellHealth(target: LaneTarget): void {
    const endpoint = this.ledger.endpoints.get(target.endpoint.id);
    if (endpoint !== undefined) this.ledger.toldHealth.set(target, endpoint.health);
  }

  #nothingChanged(machine: Machine, method: string): void {
    for (const [lane, before] of this.#before) {
      const after = this.ledger.scene.snapshot(lane);
      if (after !== before)
        this.ledger.scene.fail('fence', `a stale ${method} of ${machine.name} changed lane ${lane}: ${difference(before, after)}`);
    }
  }

  #weighCrowd(machine: Machine): void {
    const { ledger } = this;
    const held = [...ledger.books(machine).lanes.values()].filter(({ lost }) => !lost).length;
    if (held >= ledger.scene.limits.concurrency) ledger.books(machine).crowdedAt = ledger.now + 2000;
  }

  // ---------------------------------------------------------------------------------------------------------------- network

  /** A request leaves. Null: it makes no sense, and the history has failed. */
  started(machine: Machine, departure: Departure): AttemptModel | null {
    return attemptStarted(this.ledger, machine, departure);
  }

  /** An endpoint took an event in. */
  tookIn(attempt: AttemptModel): void {
    const { delivery } = attempt;
    this.ledger.scene.note(() => `e${delivery.endpoint.number} takes ${delivery.eventId} in, from ${attempt.machine.name}`);
    if (delivery.firstAcceptedAt === null) {
      delivery.firstAcceptedAt = this.ledger.now;
      delivery.firstAcceptedLate = attempt.late;
    } else this.ledger.scene.count('an endpoint saw an event again');
  }

  /** The network is done with a request, whoever hears of it. */
  ended({ delivery, machine }: AttemptModel): void {
    this.#freeSlot(delivery.endpoint);
    const books = this.ledger.books(machine);
    const { concurrency } = this.ledger.scene.limits;
    if (books.inFlight.size >= concurrency - 1) books.fullAt = this.ledger.now;
    if (books.inFlight.size >= concurrency / 2) books.halfFullAt = this.ledger.now;
  }

  #freeSlot(endpoint: EndpointModel): void {
    if (endpoint.inFlight.size >= slotsOf(this.ledger, endpoint)) endpoint.slotAt = this.ledger.now;
  }

  /** The dispatcher is about to hear what came of a request. */
  heard(attempt: AttemptModel, outcome: Outcome): void {
    const { ledger } = this;
    const { delivery, machine } = attempt;
    const { endpoint } = delivery;
    this.ended(attempt);
    endpoint.inFlight.delete(attempt);
    ledger.books(machine).inFlight.delete(attempt);
    attempt.outcome = outcome;
    attempt.endedAt = ledger.now;
    attempt.heardInstant = ledger.instantOf(machine);
    const known = endpoint.lane === null ? undefined : ledger.books(machine).lanes.get(endpoint.lane);
    const accepted = outcome.kind === 'accepted';
    ledger.scene.note(() => `${machine.name} hears of ${ledger.name(delivery)}: ${JSON.stringify(outcome)}`);
    endpoint.successes = accepted ? endpoint.successes + 1 : 0;
    if (!accepted) endpoint.failedBefore = true;
    attempt.byHand = attempt.wish !== 'no';
    attempt.former = known?.fence === attempt.fence && known.health.epoch !== attempt.epoch;
    if (attempt.former) ledger.scene.count('heard of an endpoint that is another by then');
    else if (known?.fence === attempt.fence) {
      known.heard.push(attempt);
      if (!accepted) known.failureHeardAt = ledger.now;
      const before = known.health;
      known.health = healthAfter(before, attempt);
      attempt.disables = disables(known.health, attempt, ledger.scene.limits.disableAfterMs);
      this.#countBreaker(before, known.health, attempt);
    }
    if (accepted) {
      delivery.resolvedAt ??= ledger.now;
      delivery.firstResolvedAt ??= ledger.now;
    }
    if (askedPause(attempt) !== null) {
      const retryAfter = outcome.kind === 'refused' ? outcome.retryAfter : null;
      ledger.scene.count(/^\d+$/.test(retryAfter ?? '') ? 'Retry-After in seconds' : 'Retry-After as a date');
    }
  }

  #countBreaker(before: HealthModel, after: HealthModel, attempt: AttemptModel): void {
    if (before.breaker === null && after.breaker !== null) this.ledger.scene.count('breaker opened');
    if (before.breaker !== null && after.breaker === null) this.ledger.scene.count('breaker closed');
    if (attempt.probe && attempt.outcome?.kind !== 'accepted') this.ledger.scene.count('probe failed');
  }

  // --------------------------------------------------------------------------------------------------- machines and their world

  /** A keeper's call was carried out. */
  kept(call: KeeperCall): void {
    if (call.name === 'jobs.step') jobStepped(this.ledger, call.result as Job | null);
    else if (call.name === 'upkeep.expire') {
      const { expired: times } = call.result as { readonly expired: number };
      if (times > 0) expired(this.ledger, times);
    } else if (call.name === 'publish') this.#publishedByKeeper(call.args[0] as PublishRequest, call.result as PublishResult);
  }

  #publishedByKeeper({ events }: PublishRequest, result: PublishResult): void {
    if (result.kind !== 'published') return;
    for (const [index, event] of result.events.entries()) {
      if (this.ledger.events.some(({ id, application }) => id === event.id && application === event.application)) continue;
      this.ledger.scene.count('operational event published');
      this.onPublished({ ...event, orderingKey: events[index]?.orderingKey ?? null });
    }
  }

  /** A dispatcher's process begins. Until then nothing could go. */
  machineStarted(machine: Machine): void {
    const { ledger } = this;
    ledger.scene.note(() => `${machine.name} starts`);
    for (const endpoint of ledger.endpoints.values()) {
      // It voids all leases at its start: nothing waits for their end.
      if (ledger.scene.limits.isLocal) endpoint.troubleUntil = 0;
      this.#trouble(endpoint, ledger.now);
    }
    // Lanes of those that are gone wait for the end of their lease.
    for (const lease of ledger.leases.values()) if (!lease.machine.running) this.#laneWithoutHolder(lease.lane, ledger.now);
  }

  /** A dispatcher's process is gone, or stands still. */
  machineFell(machine: Machine): void {
    for (const lease of this.ledger.leases.values()) if (lease.machine === machine) this.#laneWithoutHolder(lease.lane, this.ledger.now);
    // What it alone knew to be due is found by the others' next look.
    for (const endpoint of this.ledger.endpoints.values())
      this.#trouble(endpoint, this.ledger.now + this.ledger.scene.limits.longestSleepMs);
    if (!machine.alive) this.#forgetRequests(machine);
  }

  machineResumed(machine: Machine): void {
    const { ledger } = this;
    ledger.scene.note(() => `${machine.name} goes on`);
    ledger.books(machine).resumedAt = ledger.now;
    for (const endpoint of ledger.endpoints.values()) this.#trouble(endpoint, ledger.now + RENEW_MS + ledger.scene.limits.longestSleepMs);
  }

  /** A dispatcher was asked to end: from now on it starts nothing. */
  drains(machine: Machine): void {
    this.ledger.books(machine).draining = true;
    this.ledger.scene.count('drain begun');
    for (const { lane, machine: holder } of this.ledger.leases.values()) {
      const endpoint = this.ledger.byLane.get(lane);
      if (holder === machine && endpoint !== undefined)
        this.#trouble(endpoint, this.ledger.now + DEADLINE_MS + this.ledger.scene.limits.longestSleepMs);
    }
  }

  /** It says that it has ended. */
  drained(machine: Machine): void {
    const { ledger } = this;
    ledger.scene.count('drain finished');
    ledger.scene.note(() => `${machine.name} is drained`);
    for (const lease of ledger.leases.values()) {
      // Of a lease whose answer got lost it knows nothing: that one ends by itself.
      // And of the lane of a deleted endpoint it needs to know no more.
      const isKnown = ledger.books(machine).lanes.get(lease.lane)?.fence === lease.fence && ledger.byLane.get(lease.lane)?.deleted !== true;
      if (lease.machine === machine && isKnown) ledger.scene.fail('drain', `${machine.name} ends and still holds lane ${lease.lane}`);
    }
    for (const delivery of ledger.deliveries.values()) {
      for (const attempt of delivery.attempts) {
        if (attempt.machine === machine && attempt.settled === 'no')
          ledger.scene.fail('drain', `${machine.name} ends without having settled ${ledger.name(delivery)}`);
      }
    }
    for (const endpoint of ledger.endpoints.values()) this.#trouble(endpoint, ledger.now + ledger.scene.limits.longestSleepMs);
  }

  leasesVoided(): void {
    for (const lease of this.ledger.leases.values()) {
      const endpoint = this.ledger.byLane.get(lease.lane);
      if (endpoint !== undefined) endpoint.rateAt = 0;
    }
    this.ledger.leases.clear();
  }

  /** A clock is set; by what it shows now somebody may act until about `until`. */
  clockSet(until: number): void {
    this.ledger.clocksUntil = Math.max(this.ledger.clocksUntil, until);
    this.trouble(until);
  }

  /** The whole store, or some clock, misbehaves until about `until`. */
  trouble(until: number): void {
    const { ledger } = this;
    ledger.troubleUntil = Math.max(ledger.troubleUntil, until);
    for (const endpoint of ledger.endpoints.values()) endpoint.rateAt = 0;
  }

  hintLost(hint: StoreHint): void {
    const { ledger } = this;
    ledger.scene.count('hint lost');
    const until = ledger.now + ledger.scene.limits.longestSleepMs + RENEW_MS;
    for (const endpoint of ledger.endpoints.values()) {
      if (hint.kind !== 'endpoint' || endpoint.lane === hint.lane || endpoint.lane === null) this.#trouble(endpoint, until);
    }
  }

  #laneWithoutHolder(lane: number, since: number): void {
    const { ledger } = this;
    const endpoint = ledger.byLane.get(lane);
    const lease = ledger.leases.get(lane);
    if (endpoint === undefined || lease === undefined) return;
    endpoint.rateAt = 0;
    this.#trouble(endpoint, Math.max(since, ledger.scene.wall.timelineOf(lease.untilInstant)) + ledger.scene.limits.longestSleepMs);
  }

  #trouble(endpoint: EndpointModel, until: number): void {
    endpoint.troubleUntil = Math.max(endpoint.troubleUntil, until + this.ledger.slackMs);
  }

  /** Nobody hears any more what came of them. */
  #forgetRequests(machine: Machine): void {
    const books = this.ledger.books(machine);
    for (const attempt of books.inFlight) {
      attempt.delivery.endpoint.inFlight.delete(attempt);
      this.ledger.scene.count('crash with a request out');
    }
    books.inFlight.clear();
  }

  /** The store's group of cadences changed for `environment`, or for one endpoint. */
  cadenceChanged(environment: Environment, only: EndpointModel | null): void {
    const { ledger } = this;
    for (const endpoint of only === null ? ledger.endpoints.values() : [only]) {
      if (endpoint.environment !== environment) continue;
      const cadence = endpoint.settings.cadence ?? ledger.cadences.get(environment) ?? 'immediate';
      const latest = endpoint.cadences.at(-1);
      if (latest?.cadence === cadence) continue;
      if (latest !== undefined) latest.latestInstant = ledger.latestInstant;
      endpoint.cadences.push({ cadence, fromAt: ledger.now, latestInstant: null });
      endpoint.changedAt = ledger.now;
    }
  }
}

/** Where two texts begin to differ, with a little around it. */
function difference(before: string, after: string): string {
  let at = 0;
  while (before[at] === after[at]) at += 1;
  const around = (text: string): string => text.slice(Math.max(0, at - 60), at + 60);
  return `…${around(before)}… became …${around(after)}…`;
}
