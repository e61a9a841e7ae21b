/**
 * The dispatcher: leases lanes whose gate is open, sends what they hold, settles, gives them back.
 *
 *   look ──▶ lease ──▶ scan ──▶ pick (slots go round the lanes) ──▶ send ──▶ settle (batched) ──▶ release
 *     ▲                                                                                             │
 *     └──────────── sleeps until the next due instant, or until the store hints ◀───────────────────┘
 *
 * Clock, dice, sender and store are arguments, so that a simulation can drive all of it.
 */
import { type Clock, DEFAULT_DISABLE_AFTER_MS, nextTick, STANDINGS, type Standing } from '@posthorn/core';
import { storedCadence } from '../store/cadences.ts';
import type { LeaseLimits, Outlook, Store, StoreHint } from '../store/store.ts';
import { Attempts } from './attempts.ts';
import { Departures } from './departures.ts';
import { Gates } from './gates.ts';
import { LaneReads } from './lane-reads.ts';
import { LaneRun } from './lane-run.ts';
import { type DispatcherLog, type DispatcherObserver, type DispatcherOptions, SILENT, UNOBSERVED } from './options.ts';
import { Settlements } from './settlements.ts';
import { leaseRoom } from './slots.ts';

/** Longer than an attempt may take, so that a healthy holder always renews in time. */
const LEASE_MS = 40_000;
const RENEWALS_PER_LEASE = 4;
/** Lanes held at once, as a multiple of the slots: enough that no slot waits for a lane. */
const LANES_PER_SLOT = 2;
const LANES_PER_LEASE = 128;
/** Deliveries after which a lane gives way while others wait for a lease. */
const QUANTUM = 512;
/** How soon to look again while more lanes wait than can be held. */
const CROWDED_LOOK_MS = 250;
/** Even without a hint the dispatcher looks this often: a hint may be lost, and the wall clock may be set forward under a long timer. */
const LONGEST_SLEEP_MS = 5_000;
const TROUBLE_PAUSE_MS = 500;

export interface Dispatcher {
  start(): void;
  /** Starts no further attempt, awaits and settles what is out, gives the lanes back. */
  drain(): Promise<void>;
  figures(): { readonly inFlight: number; readonly lanesHeld: number };
}

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  return new LaneDispatcher(options);
}

class LaneDispatcher implements Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: DispatcherLog;
  readonly #observer: DispatcherObserver;
  readonly #leaseMs: number;
  readonly #longestSleepMs: number;
  readonly #gates: Gates;
  readonly #reads: LaneReads;
  readonly #settlements: Settlements;
  readonly #departures: Departures;
  readonly #runs = new Map<number, LaneRun>();
  #looking = false;
  #lookAgain = false;
  #draining = false;
  /** Lanes of which a release is under way, and how many are. */
  readonly #leaving = new Map<number, number>();
  /** Calls under way that take the marks from the rows of held lanes. */
  #takingMarks = 0;
  #onDrained: (() => void) | null = null;
  #callOffSleep: (() => void) | null = null;
  /** By the monotonic clock. */
  #wakesAt = 0;
  #callOffRenew: (() => void) | null = null;
  #unsubscribe: (() => void) | null = null;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#log = options.log ?? SILENT;
    this.#observer = options.observer ?? UNOBSERVED;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
    this.#longestSleepMs = options.longestSleepMs ?? LONGEST_SLEEP_MS;
    this.#gates = new Gates(options.clock);
    this.#reads = new LaneReads({ lanes: options.store.lanes, gates: this.#gates, onLost: (run) => this.#lose(run) });
    this.#settlements = new Settlements({
      store: options.store,
      clock: options.clock,
      onBatch: ({ lost }) => {
        for (const run of lost) {
          this.#observer.settleRefused();
          this.#lose(run);
        }
        this.#departures.schedule();
      },
      onTrouble: (error) => this.#log.warn({ err: error }, 'what was sent could not be recorded yet; trying again'),
    });
    const attempts = new Attempts({
      ...options,
      disableAfterMs: options.disableAfterMs ?? DEFAULT_DISABLE_AFTER_MS,
      gates: this.#gates,
      settlements: this.#settlements,
      log: this.#log,
      observer: this.#observer,
      tend: (run) => this.#tend(run),
      onAnswer: (departure) => this.#departures.answered(departure),
    });
    this.#departures = new Departures({
      ...options,
      hostConcurrency: options.hostConcurrency ?? Math.max(1, options.concurrency >> 1),
      gates: this.#gates,
      longestSleepMs: this.#longestSleepMs,
      troublePauseMs: TROUBLE_PAUSE_MS,
      isTroubled: () => this.#settlements.troubled,
      leave: (departure, body) => attempts.start(departure, body),
      tend: (run) => this.#tend(run),
      onTurn: () => this.#releaseFinished(),
      onTrouble: (error) => this.#log.warn({ err: error }, 'the store does not answer; trying again'),
    });
  }

  start(): void {
    this.#unsubscribe = this.#store.subscribe((hint) => this.#heed(hint));
    this.#scheduleRenew();
    this.#wake();
  }

  drain(): Promise<void> {
    this.#draining = true;
    this.#callOffSleep?.();
    for (const run of this.#runs.values()) run.stopping = true;
    return new Promise((resolve) => {
      this.#onDrained = () => {
        this.#callOffRenew?.();
        this.#departures.stop();
        this.#unsubscribe?.();
        resolve();
      };
      this.#departures.schedule();
    });
  }

  figures(): { inFlight: number; lanesHeld: number } {
    return { inFlight: this.#departures.inFlight, lanesHeld: this.#runs.size };
  }

  #heed(hint: StoreHint): void {
    if (hint.kind === 'work') {
      this.#wake();
      return;
    }
    const run = hint.kind === 'endpoint' ? this.#runs.get(hint.lane) : undefined;
    if (run !== undefined) {
      run.targetStale = true;
      this.#tend(run);
    }
  }

  // ------------------------------------------------------------------------------------------------------------- looking

  #wake(): void {
    if (this.#draining) return;
    if (this.#looking) {
      this.#lookAgain = true;
      return;
    }
    this.#looking = true;
    this.#callOffSleep?.();
    this.#callOffSleep = null;
    this.#look().then(
      () => this.#slept(),
      (error: unknown) => {
        this.#log.warn({ err: error }, 'the store does not answer; trying again');
        this.#looking = false;
        this.#sleep(TROUBLE_PAUSE_MS);
        this.#departures.schedule();
      },
    );
  }

  #slept(): void {
    this.#looking = false;
    if (this.#draining) this.#departures.schedule();
    if (this.#lookAgain) {
      this.#lookAgain = false;
      this.#wake();
    }
  }

  async #look(): Promise<void> {
    let outlook: Outlook;
    for (;;) {
      const askedAt = this.#clock.now();
      outlook = await this.#store.lanes.outlook();
      this.#gates.hear(outlook, askedAt);
      await this.#lookAtHeld();
      if (!(await this.#lease(this.#room()))) break;
    }
    const full = this.#full();
    if (full.size > 0) {
      this.#giveWay(full);
      this.#sleep(CROWDED_LOOK_MS);
    } else {
      await this.#planSleep(outlook);
    }
  }

  #room(): LeaseLimits {
    return leaseRoom(this.#runs.values(), this.#options.concurrency * LANES_PER_SLOT);
  }

  /** Leases what it can. @returns whether there may be more, and room for it */
  async #lease(room: LeaseLimits): Promise<boolean> {
    if (room.proven <= 0) return false;
    const limits = { ...room, proven: Math.min(LANES_PER_LEASE, room.proven) };
    const askedAt = this.#clock.monotonic();
    const lanes = await this.#store.lanes.lease({
      holder: this.#options.holder,
      leaseMs: this.#leaseMs,
      limits,
      gates: this.#gates.byGroup,
    });
    for (const leased of lanes) {
      const run = new LaneRun(leased);
      run.goodUntil = askedAt + this.#leaseMs;
      run.heldSince = askedAt;
      if (leased.takenOver) this.#observer.takenOver();
      if (this.#draining) run.stopping = true;
      // It stood still for so long that it leases anew what it still believed to hold.
      const before = this.#runs.get(run.lane);
      if (before !== undefined) this.#lose(before);
      this.#runs.set(run.lane, run);
      this.#tend(run);
    }
    // Fewer than the smallest limit: none of them cut anything off.
    return lanes.length >= Math.min(...STANDINGS.map((standing) => limits[standing]).filter((limit) => limit > 0));
  }

  /** Standings of which no further lane can be held. */
  #full(): Set<Standing> {
    const room = this.#room();
    return new Set(STANDINGS.filter((standing) => room[standing] <= 0));
  }

  /**
   * What a mark says is known only with the answer. A lane given back meanwhile would lose it, so none is; and where the answer is lost, every lane
   * that is held is scanned anew.
   */
  async #takeMarks<T>(call: Promise<T>): Promise<T> {
    this.#takingMarks += 1;
    try {
      return await call;
    } catch (error) {
      for (const run of this.#runs.values()) {
        run.rescan();
        this.#tend(run);
      }
      throw error;
    } finally {
      this.#takingMarks -= 1;
      this.#departures.schedule();
    }
  }

  /** New work in lanes that are held already, and gates that opened over what they hold back. */
  async #lookAtHeld(): Promise<void> {
    if (this.#runs.size === 0) return;
    const asked = { holder: this.#options.holder, except: [...this.#leaving.keys()], gates: this.#gates.byGroup };
    const stirred = await this.#takeMarks(this.#store.lanes.stirred(asked));
    for (const { lane, rescan } of stirred) {
      const run = this.#runs.get(lane);
      if (run === undefined) continue;
      if (rescan) run.changed();
      else run.resume();
      this.#tend(run);
    }
    for (const run of this.#runs.values()) {
      const opened = this.#gates.of(run);
      if (run.gatedFrom !== null && run.gatedFrom <= opened) {
        run.gateOpened(opened);
        this.#tend(run);
      }
    }
  }

  async #planSleep({ groups }: Outlook): Promise<void> {
    const { now, firsts, dueAt } = await this.#store.lanes.upcoming();
    const instants = groups.flatMap(({ group, cadence }) => {
      const first = firsts.get(group);
      return first === undefined ? [] : [Math.max(first, nextTick(storedCadence(cadence), first))];
    });
    if (dueAt !== null) instants.push(dueAt);
    for (const run of this.#runs.values()) instants.push(this.#gates.wantedAt(run));
    const next = Math.min(...instants, now + this.#longestSleepMs);
    // The clock may tick a shade early: never sleep less than a millisecond, or a due instant just ahead would spin.
    this.#sleep(Math.max(1, next - now));
  }

  /** Wakes earlier than planned where a lane set something aside since. */
  #sleepNoLongerThan(run: LaneRun): void {
    if (this.#callOffSleep === null) return;
    const ms = Math.max(1, this.#gates.wantedAt(run) - this.#gates.now());
    if (this.#clock.monotonic() + ms < this.#wakesAt) this.#sleep(ms);
  }

  #sleep(ms: number): void {
    if (this.#draining) return;
    this.#callOffSleep?.();
    this.#wakesAt = this.#clock.monotonic() + ms;
    this.#callOffSleep = this.#clock.after(ms, () => {
      this.#callOffSleep = null;
      const now = this.#gates.now();
      for (const run of this.#runs.values()) {
        if (run.nextDueAt !== null && run.nextDueAt <= now) {
          run.fellDue();
          this.#tend(run);
        }
      }
      this.#wake();
    });
  }

  /** Others may wait for a lease: those that had their share make room for their like. */
  #giveWay(full: ReadonlySet<Standing>): void {
    const now = this.#gates.now();
    const monotonic = this.#clock.monotonic();
    for (const run of this.#runs.values()) {
      if (!full.has(run.standing)) continue;
      if (run.givesWay({ now, quantum: QUANTUM, heldMs: monotonic - run.heldSince })) {
        run.stopping = true;
        this.#departures.schedule();
      }
    }
  }

  #scheduleRenew(): void {
    this.#callOffRenew = this.#clock.after(this.#leaseMs / RENEWALS_PER_LEASE, () => {
      this.#renew().then(
        () => this.#scheduleRenew(),
        (error: unknown) => {
          this.#log.warn({ err: error }, 'leases could not be renewed; trying again');
          this.#scheduleRenew();
        },
      );
    });
  }

  async #renew(): Promise<void> {
    const runs = [...this.#runs.values()];
    if (runs.length === 0) return;
    const askedAt = this.#clock.monotonic();
    const leases = runs.map((run) => run.leased.lease);
    const renewed = await this.#takeMarks(this.#store.lanes.renew({ leases, leaseMs: this.#leaseMs }));
    const answers = new Map(renewed.map((answer) => [answer.lease.lane, answer]));
    for (const run of runs) {
      const answer = answers.get(run.lane);
      if (answer === undefined) {
        if (this.#runs.get(run.lane) === run) this.#lose(run);
      } else {
        run.leaseUntil = answer.leaseUntil;
        run.goodUntil = askedAt + this.#leaseMs;
        run.targetStale = true;
        if (answer.rescan) run.rescan();
        this.#tend(run);
      }
    }
  }

  /** Somebody else has the lane: nothing of it is touched any more. */
  #lose(run: LaneRun): void {
    run.lost = true;
    run.stopping = true;
    if (this.#runs.get(run.lane) === run) this.#runs.delete(run.lane);
    this.#departures.forget(run);
    this.#log.warn({ lane: run.lane, endpoint: run.target.endpoint.id }, 'lost the lease of a lane');
  }

  // ------------------------------------------------------------------------------------------------------------- one lane

  /** Does for a lane what it needs next: a look at its target, a scan, slots, or its release. */
  #tend(run: LaneRun): void {
    if (run.busy || run.lost) return;
    const read = this.#reads.next(run);
    if (read !== null) this.#busily(run, read);
    this.#sleepNoLongerThan(run);
    if (run.hasReady) {
      this.#departures.line(run);
    } else if (run.finished) {
      this.#departures.schedule();
    }
  }

  #busily(run: LaneRun, work: () => Promise<void>): void {
    run.busy = true;
    work().then(
      () => {
        run.busy = false;
        // A long scan (a poison key with its followers) lets everything else have its turn between two steps.
        if (run.wantsScan && !run.hasReady) this.#clock.after(0, () => this.#tend(run));
        else this.#tend(run);
      },
      (error: unknown) => {
        this.#log.warn({ err: error, lane: run.lane }, 'the store does not answer; trying again');
        this.#clock.after(TROUBLE_PAUSE_MS, () => {
          run.busy = false;
          this.#tend(run);
        });
      },
    );
  }

  // ------------------------------------------------------------------------------------------------------------- release

  #releaseFinished(): void {
    if (this.#takingMarks > 0) return;
    const finished = [...this.#runs.values()].filter((run) => run.finished && !run.lost);
    if (finished.length > 0) {
      for (const run of finished) {
        this.#runs.delete(run.lane);
        this.#departures.forget(run);
      }
      this.#release(finished);
      return;
    }
    if (
      this.#draining &&
      !this.#looking &&
      this.#departures.inFlight === 0 &&
      this.#settlements.waiting === 0 &&
      this.#runs.size === 0 &&
      this.#leaving.size === 0
    ) {
      this.#onDrained?.();
      this.#onDrained = null;
    }
  }

  /** Until it is answered nobody takes the marks of these lanes: that may be carried out before the release, which would then leave none. */
  #release(runs: readonly LaneRun[]): void {
    for (const { lane } of runs) this.#leaving.set(lane, (this.#leaving.get(lane) ?? 0) + 1);
    this.#sendRelease(runs);
  }

  #sendRelease(runs: readonly LaneRun[]): void {
    const now = this.#gates.now();
    this.#store.lanes.release(runs.map((run) => run.release(now))).then(
      () => {
        for (const { lane } of runs) {
          const more = (this.#leaving.get(lane) ?? 1) - 1;
          if (more === 0) this.#leaving.delete(lane);
          else this.#leaving.set(lane, more);
        }
        this.#wake();
        this.#departures.schedule();
      },
      (error: unknown) => {
        this.#log.warn({ err: error }, 'lanes could not be released; trying again');
        this.#clock.after(TROUBLE_PAUSE_MS, () => this.#sendRelease(runs));
      },
    );
  }
}
