/**
 * Fills the dispatcher's slots: they go round the lanes that have something ready, and what took one leaves once its body is read.
 *
 *   ready in its lane ──▶ took a slot ──▶ (body read, may still leave) ──▶ out ──▶ answered: the slot is free
 *                              └─▶ not any more what was scanned, or its lane lost: the slot is free
 */
import type { Clock, Standing } from '@posthorn/core';
import type { DeliveryBody, ScannedDelivery, Store } from '../store/store.ts';
import type { Gates } from './gates.ts';
import type { LaneRun } from './lane-run.ts';
import { Slots } from './slots.ts';

/** A delivery that took a slot. */
export interface Departure {
  readonly run: LaneRun;
  readonly delivery: ScannedDelivery;
  /** Its lane's when it took the slot. */
  readonly standing: Standing;
  /** The destination whose share of the slots it takes part of. */
  readonly host: string;
  /** Its lane's breaker was open then. */
  readonly probe: boolean;
}

interface DeparturesOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly gates: Gates;
  readonly concurrency: number;
  /** Of those, to one destination. */
  readonly hostConcurrency: number;
  readonly longestSleepMs: number;
  readonly troublePauseMs: number;
  /** The store does not take what was sent: nothing more should be. */
  readonly isTroubled: () => boolean;
  readonly leave: (departure: Departure, body: DeliveryBody) => void;
  readonly tend: (run: LaneRun) => void;
  /** Told after each turn: lanes may be done with. */
  readonly onTurn: () => void;
  readonly onTrouble: (error: unknown) => void;
}

/**
 * So many answers within one turn of the loop, and their slots are filled before the rest of them is read: after a settle hundreds may be there, and the
 * sending thread has nothing to do meanwhile.
 */
const ANSWERS_AT_ONCE = 32;

export class Departures {
  readonly #options: DeparturesOptions;
  readonly #slots: Slots;
  /** Of each destination to which something is out. */
  readonly #slotsOf = new Map<string, Slots>();
  /** Lanes that may have something to start, in the order of their turns. */
  readonly #turns = new Set<LaneRun>();
  #isScheduled = false;
  /** Since the slots were filled last. */
  #answers = 0;
  #callOffLater: (() => void) | null = null;

  constructor(options: DeparturesOptions) {
    this.#options = options;
    this.#slots = new Slots(options.concurrency);
  }

  get inFlight(): number {
    return this.#slots.used;
  }

  /** The lane has something ready. */
  line(run: LaneRun): void {
    this.#turns.add(run);
    this.schedule();
  }

  forget(run: LaneRun): void {
    this.#turns.delete(run);
  }

  /** Once per turn of the loop: everything that came back in it shares one look for bodies. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.clock.after(0, () => {
      this.#isScheduled = false;
      this.#fill();
    });
  }

  answered(departure: Departure): void {
    this.#free(departure);
    this.#answers += 1;
    if (this.#answers === ANSWERS_AT_ONCE) queueMicrotask(() => this.#fill());
    else this.schedule();
  }

  stop(): void {
    this.#callOffLater?.();
  }

  #fill(): void {
    // Its batch calls back once it is recorded.
    if (this.#options.isTroubled()) return;
    this.#answers = 0;
    const now = this.#options.gates.now();
    const monotonic = this.#options.clock.monotonic();
    const departures: Departure[] = [];
    let nextStart = Number.POSITIVE_INFINITY;
    const skipped: LaneRun[] = [];
    while (this.#slots.used < this.#options.concurrency) {
      const [run] = this.#turns;
      if (run === undefined) break;
      this.#turns.delete(run);
      if (this.#hasItsShare(run)) {
        skipped.push(run);
        continue;
      }
      if (monotonic >= run.goodUntil) continue;
      if (!run.canStart(now)) {
        if (run.isHeldBack(now)) run.stopping = true;
        else if (run.hasReady && !run.stopping && run.startsAt(now) > now) {
          nextStart = Math.min(nextStart, run.startsAt(now));
          skipped.push(run);
        }
        continue;
      }
      departures.push(this.#take(run, now));
      if (run.hasReady) this.#turns.add(run);
    }
    for (const run of skipped) this.#turns.add(run);
    if (nextStart !== Number.POSITIVE_INFINITY) this.#fillIn(nextStart - now);
    if (departures.length > 0) this.#launch(departures);
    for (const run of new Set(departures.map((departure) => departure.run))) this.#options.tend(run);
    this.#options.onTurn();
  }

  /** Of this dispatcher's slots, or of those of its destination. */
  #hasItsShare(run: LaneRun): boolean {
    // What somebody waits for goes now, even if all who fail have their share.
    const beyond = run.hasWishes ? Math.max(1, this.#options.concurrency >> 4) : 0;
    return this.#slots.isFull(run.standing, beyond) || this.#slotsOf.get(run.host)?.isFull(run.standing, beyond) === true;
  }

  #take(run: LaneRun, now: number): Departure {
    const { standing, host } = run;
    const probe = run.state.breaker !== null;
    const delivery = run.take(now);
    const atHost = this.#slotsOf.get(host) ?? new Slots(this.#options.hostConcurrency);
    this.#slotsOf.set(host, atHost);
    for (const slots of [this.#slots, atHost]) slots.take(standing);
    return { run, delivery, standing, host, probe };
  }

  #free({ standing, host }: Departure): void {
    this.#slots.free(standing);
    const atHost = this.#slotsOf.get(host);
    atHost?.free(standing);
    if (atHost?.used === 0) this.#slotsOf.delete(host);
  }

  #fillIn(ms: number): void {
    this.#callOffLater?.();
    this.#callOffLater = this.#options.clock.after(Math.max(1, Math.min(ms, this.#options.longestSleepMs)), () => {
      this.#callOffLater = null;
      this.schedule();
    });
  }

  #launch(departures: readonly Departure[]): void {
    const { store, clock, gates, leave, tend, onTrouble, troublePauseMs } = this.#options;
    store.lanes.bodies(departures.map(({ delivery }) => delivery.seq)).then(
      (bodies) => {
        const found = new Map(bodies.map((body) => [body.seq, body]));
        const instants = { now: gates.now(), monotonic: clock.monotonic() };
        for (const departure of departures) {
          const { run, delivery } = departure;
          const body = found.get(delivery.seq);
          // It may have been canceled and re-sent since it was scanned: then it is another matter, with a wish and a place of its own.
          const isAsScanned = body?.late === delivery.late;
          if (body !== undefined && isAsScanned && run.mayLeave(delivery, instants)) {
            leave(departure, body);
            continue;
          }
          this.#free(departure);
          if (body === undefined) run.vanished(delivery, gates.context(run));
          else if (isAsScanned) run.putBack(delivery);
          else run.scanAgain(delivery);
          tend(run);
        }
      },
      (error: unknown) => {
        onTrouble(error);
        clock.after(troublePauseMs, () => this.#launch(departures));
      },
    );
  }
}
