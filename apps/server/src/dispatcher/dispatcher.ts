/**
 * The dispatcher: leases lanes whose gate is open, sends what they hold, settles, gives them back.
 *
 *   look ──▶ lease ──▶ scan ──▶ pick (slots go round the lanes) ──▶ send ──▶ settle (batched) ──▶ release
 *     ▲                                                                                             │
 *     └──────────── sleeps until the next due instant, or until the store hints ◀───────────────────┘
 *
 * Clock, dice, sender and store are arguments, so that a simulation can drive all of it.
 */
import {
  type AttemptErrorCode,
  type Clock,
  DEFAULT_DISABLE_AFTER_MS,
  DEFAULT_RETRY_SCHEDULE,
  type DeliveryEnd,
  gate,
  newId,
  nextTick,
  outcomeErrorCode,
  STANDINGS,
  type Standing,
  settle,
} from '@posthorn/core';
import type { DeliverRequest, Sender } from '../sender/sender.ts';
import { storedCadence } from '../store/cadences.ts';
import type {
  DeliveryBody,
  EndpointSecrets,
  Environment,
  LeaseLimits,
  NoticeKind,
  Outlook,
  ScannedDelivery,
  Store,
  StoreHint,
} from '../store/store.ts';
import { LaneRun } from './lane-run.ts';
import { Settlements } from './settlements.ts';
import { Slots } from './slots.ts';

export interface DispatcherOptions {
  readonly store: Store;
  readonly sender: Sender;
  readonly clock: Clock;
  /** Dice: [0, 1). */
  readonly random: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
  /** Names this dispatcher in the lanes it holds; no two may share it, not even one before and after a restart. */
  readonly holder: string;
  /** Requests in flight at once. */
  readonly concurrency: number;
  /** Of those, to one destination (host and port). Default: half. */
  readonly hostConcurrency?: number;
  readonly userAgent: string;
  readonly leaseMs?: number;
  /** It looks this often even when nothing is due and nothing hints. */
  readonly longestSleepMs?: number;
  /** How long an endpoint may fail without one success before it is disabled. Default: 5 days. */
  readonly disableAfterMs?: number;
  readonly log?: DispatcherLog;
  readonly observer?: DispatcherObserver;
}

/** Counts what happens, for metrics. Called on the hot path: it must not throw, and do little. */
export interface DispatcherObserver {
  /** @param ms how long the attempt took */
  attempt(attempt: { readonly environment: Environment; readonly outcome: AttemptErrorCode | 'accepted'; readonly ms: number }): void;
  /** A first attempt started this long after its gate. */
  gateLag(environment: Environment, ms: number): void;
  /** A lane was taken over from a holder whose lease had ended. */
  takenOver(): void;
  /** A settle came to nothing: its lease was somebody else's by then. */
  settleRefused(): void;
}

/** One line for each attempt, and for what a person should know. */
export interface DispatcherLog {
  attempt(line: Readonly<Record<string, unknown>>): void;
  warn(line: Readonly<Record<string, unknown>>, message: string): void;
}

export interface Dispatcher {
  start(): void;
  /** Starts no further attempt, awaits and settles what is out, gives the lanes back. */
  drain(): Promise<void>;
  figures(): { readonly inFlight: number; readonly lanesHeld: number };
}

/** Longer than an attempt may take, so that a healthy holder always renews in time. */
const LEASE_MS = 40_000;
const RENEWALS_PER_LEASE = 4;
/** Lanes held at once, as a multiple of the slots: enough that no slot waits for a lane. */
const LANES_PER_SLOT = 2;
const LANES_PER_LEASE = 128;
const SCAN_LIMIT = 256;
/** Deliveries after which a lane gives way while others wait for a lease. */
const QUANTUM = 512;
/** How soon to look again while more lanes wait than can be held. */
const CROWDED_LOOK_MS = 250;
/** Even without a hint the dispatcher looks this often: a hint may be lost, and the wall clock may be set forward under a long timer. */
const LONGEST_SLEEP_MS = 5_000;
const TROUBLE_PAUSE_MS = 500;
/**
 * So many answers within one turn of the loop, and their slots are filled before the rest of them is read: after a settle hundreds may be there, and the
 * sending thread has nothing to do meanwhile.
 */
const ANSWERS_AT_ONCE = 32;

const SILENT: DispatcherLog = { attempt() {}, warn() {} };
const UNOBSERVED: DispatcherObserver = { attempt() {}, gateLag() {}, takenOver() {}, settleRefused() {} };

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  return new LaneDispatcher(options);
}

/** A delivery that took a slot. */
interface Pick {
  readonly run: LaneRun;
  readonly delivery: ScannedDelivery;
  /** Its lane's when it took the slot. */
  readonly standing: Standing;
  /** The destination whose share of the slots it takes part of. */
  readonly host: string;
  /** Its lane's breaker was open then. */
  readonly probe: boolean;
}

class LaneDispatcher implements Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: DispatcherLog;
  readonly #observer: DispatcherObserver;
  readonly #leaseMs: number;
  readonly #longestSleepMs: number;
  readonly #hostConcurrency: number;
  readonly #disableAfterMs: number;
  readonly #settlements: Settlements;
  readonly #runs = new Map<number, LaneRun>();
  /** Lanes that may have something to start, in the order of their turns. */
  readonly #turns = new Set<LaneRun>();
  #gates = new Map<string, number>();
  #cadences = new Map<string, string>();
  /** The store's clock minus ours. */
  #offset = 0;
  readonly #slots: Slots;
  /** Of each destination to which something is out. */
  readonly #slotsOf = new Map<string, Slots>();
  #looking = false;
  #lookAgain = false;
  #pumpScheduled = false;
  /** Since the slots were filled last. */
  #answers = 0;
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
  #callOffRate: (() => void) | null = null;
  #unsubscribe: (() => void) | null = null;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#log = options.log ?? SILENT;
    this.#observer = options.observer ?? UNOBSERVED;
    this.#slots = new Slots(options.concurrency);
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
    this.#longestSleepMs = options.longestSleepMs ?? LONGEST_SLEEP_MS;
    this.#hostConcurrency = options.hostConcurrency ?? Math.max(1, options.concurrency >> 1);
    this.#disableAfterMs = options.disableAfterMs ?? DEFAULT_DISABLE_AFTER_MS;
    this.#settlements = new Settlements({
      store: options.store,
      clock: options.clock,
      onBatch: ({ lost }) => {
        for (const run of lost) {
          this.#observer.settleRefused();
          this.#lose(run);
        }
        this.#schedulePump();
      },
      onTrouble: (error) => this.#log.warn({ err: error }, 'what was sent could not be recorded yet; trying again'),
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
        this.#callOffRate?.();
        this.#unsubscribe?.();
        resolve();
      };
      this.#schedulePump();
    });
  }

  figures(): { inFlight: number; lanesHeld: number } {
    return { inFlight: this.#slots.used, lanesHeld: this.#runs.size };
  }

  #now(): number {
    return this.#clock.now() + this.#offset;
  }

  #gateOf(run: LaneRun): number {
    return Math.max(this.#gates.get(run.group) ?? Number.NEGATIVE_INFINITY, run.openedAt);
  }

  #context(run: LaneRun): { now: number; gate: number } {
    return { now: this.#now(), gate: this.#gateOf(run) };
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
        this.#schedulePump();
      },
    );
  }

  #slept(): void {
    this.#looking = false;
    if (this.#draining) this.#schedulePump();
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
      // The store read its clock somewhere between question and answer, which may be far apart: after an answer that was long under way, or waited for
      // a process that stood still, what was known before is believed as far as it can be true.
      this.#offset = Math.min(Math.max(this.#offset, outlook.now - this.#clock.now()), outlook.now - askedAt);
      this.#gates = gatesOf(outlook);
      this.#cadences = new Map(outlook.groups.map(({ group, cadence }) => [group, cadence]));
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

  /** How many more lanes may be held, by the same shares as the slots. A lane that only awaits its last answers takes no room from others. */
  #room(): LeaseLimits {
    const most = this.#options.concurrency * LANES_PER_SLOT;
    const held: Record<Standing, number> = { proven: 0, untried: 0, failing: 0 };
    for (const run of this.#runs.values()) if (!run.stopping) held[run.standing] += 1;
    const proven = most - held.proven - held.untried - held.failing;
    const untried = Math.min(proven, most - (most >> 2) - held.untried - held.failing);
    const failing = (most >> 1) - held.failing;
    // What somebody waits for is leased now, even if all lanes that fail have their share.
    const wished = Math.max(1, most >> 5) + Math.min(0, failing);
    return { proven, untried, failing: Math.min(untried, failing), wished };
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
      gates: this.#gates,
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
      this.#schedulePump();
    }
  }

  /** New work in lanes that are held already, and gates that opened over what they hold back. */
  async #lookAtHeld(): Promise<void> {
    if (this.#runs.size === 0) return;
    const asked = { holder: this.#options.holder, except: [...this.#leaving.keys()], gates: this.#gates };
    const stirred = await this.#takeMarks(this.#store.lanes.stirred(asked));
    for (const { lane, rescan } of stirred) {
      const run = this.#runs.get(lane);
      if (run === undefined) continue;
      if (rescan) run.changed();
      else run.resume();
      this.#tend(run);
    }
    for (const run of this.#runs.values()) {
      const opened = this.#gateOf(run);
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
    for (const run of this.#runs.values()) instants.push(this.#wantedAt(run));
    const next = Math.min(...instants, now + this.#longestSleepMs);
    // The clock may tick a shade early: never sleep less than a millisecond, or a due instant just ahead would spin.
    this.#sleep(Math.max(1, next - now));
  }

  /** When what a held lane set aside falls due, its gate's tick included. */
  #wantedAt(run: LaneRun): number {
    const cadence = run.gatedFrom === null ? undefined : this.#cadences.get(run.group);
    const tick =
      run.gatedFrom === null || cadence === undefined ? Number.POSITIVE_INFINITY : nextTick(storedCadence(cadence), run.gatedFrom);
    return Math.min(tick, run.nextDueAt ?? Number.POSITIVE_INFINITY);
  }

  /** Wakes earlier than planned where a lane set something aside since. */
  #sleepNoLongerThan(run: LaneRun): void {
    if (this.#callOffSleep === null) return;
    const ms = Math.max(1, this.#wantedAt(run) - this.#now());
    if (this.#clock.monotonic() + ms < this.#wakesAt) this.#sleep(ms);
  }

  #sleep(ms: number): void {
    if (this.#draining) return;
    this.#callOffSleep?.();
    this.#wakesAt = this.#clock.monotonic() + ms;
    this.#callOffSleep = this.#clock.after(ms, () => {
      this.#callOffSleep = null;
      const now = this.#now();
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
    const now = this.#now();
    const monotonic = this.#clock.monotonic();
    for (const run of this.#runs.values()) {
      if (!full.has(run.standing)) continue;
      if (run.givesWay({ now, quantum: QUANTUM, heldMs: monotonic - run.heldSince })) {
        run.stopping = true;
        this.#schedulePump();
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
    this.#turns.delete(run);
    this.#log.warn({ lane: run.lane, endpoint: run.target.endpoint.id }, 'lost the lease of a lane');
  }

  // ------------------------------------------------------------------------------------------------------------- one lane

  /** Does for a lane what it needs next: a look at its target, a scan, slots, or its release. */
  #tend(run: LaneRun): void {
    if (run.busy || run.lost) return;
    if (run.targetStale && !run.stopping) this.#busily(run, () => this.#refresh(run));
    else if (run.keyToFetch !== null && !run.stopping) this.#busily(run, () => this.#fetchKey(run));
    else if (run.wantsDue) this.#busily(run, () => this.#scanDue(run));
    else if (run.wantsScan) this.#busily(run, () => this.#scan(run));
    this.#sleepNoLongerThan(run);
    if (run.hasReady) {
      this.#turns.add(run);
      this.#schedulePump();
    } else if (run.finished) {
      this.#schedulePump();
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

  async #scan(run: LaneRun): Promise<void> {
    const { gate: opened } = this.#context(run);
    const { generation } = run;
    const result = await this.#store.lanes.scan({
      lane: run.lane,
      ordering: run.target.endpoint.ordering,
      after: run.cursor,
      limit: SCAN_LIMIT,
      gate: opened,
    });
    if (run.generation === generation) run.absorb(result, { now: this.#now(), gate: opened });
  }

  async #scanDue(run: LaneRun): Promise<void> {
    const { generation } = run;
    const result = await this.#store.lanes.scanDue({ lane: run.lane, ordering: run.target.endpoint.ordering });
    if (run.generation === generation) run.absorbDue(result, this.#context(run));
  }

  async #fetchKey(run: LaneRun): Promise<void> {
    const wanted = run.keyToFetch;
    if (wanted === null) return;
    const { generation } = run;
    const limit = 64;
    const { orderingKey, late, after } = wanted;
    const deliveries = await this.#store.lanes.scanKey({ lane: run.lane, orderingKey, late, after, limit });
    if (run.generation === generation) run.absorbKey(wanted.queue, deliveries, { ...this.#context(run), limit });
  }

  async #refresh(run: LaneRun): Promise<void> {
    run.targetStale = false;
    const looked = await this.#store.lanes.target(run.leased.lease);
    if (looked === null) {
      this.#lose(run);
      return;
    }
    const orderingChanged = looked.target.endpoint.ordering !== run.target.endpoint.ordering;
    run.target = looked.target;
    // Its health was started anew: what this lease knows of it does not count any more.
    if (looked.state.epoch !== run.state.epoch) run.state = { ...looked.state, rateAt: run.state.rateAt };
    run.openedAt = looked.openedAt;
    run.group = looked.group;
    if (looked.target.braked || looked.target.endpoint.status !== 'enabled' || orderingChanged) run.bar();
    else run.rescan();
  }

  // --------------------------------------------------------------------------------------------------------------- slots

  #schedulePump(): void {
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    // Once per turn of the loop: everything that came back in it shares one look for bodies.
    this.#clock.after(0, () => {
      this.#pumpScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    // Its batch calls back once it is recorded.
    if (this.#settlements.troubled) return;
    const now = this.#now();
    const monotonic = this.#clock.monotonic();
    this.#answers = 0;
    const picks: Pick[] = [];
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
      const pick = this.#take(run, now);
      picks.push(pick);
      if (run.hasReady) this.#turns.add(run);
    }
    for (const run of skipped) this.#turns.add(run);
    if (nextStart !== Number.POSITIVE_INFINITY) this.#pumpAt(nextStart - now);
    if (picks.length > 0) this.#launch(picks);
    for (const run of new Set(picks.map((pick) => pick.run))) this.#tend(run);
    this.#releaseFinished();
  }

  /** Of this dispatcher's slots, or of those of its destination. */
  #hasItsShare(run: LaneRun): boolean {
    // What somebody waits for goes now, even if all who fail have their share.
    const beyond = run.hasWishes ? Math.max(1, this.#options.concurrency >> 4) : 0;
    return this.#slots.isFull(run.standing, beyond) || this.#slotsOf.get(run.host)?.isFull(run.standing, beyond) === true;
  }

  #take(run: LaneRun, now: number): Pick {
    const { standing, host } = run;
    const probe = run.state.breaker !== null;
    const delivery = run.take(now);
    const atHost = this.#slotsOf.get(host) ?? new Slots(this.#hostConcurrency);
    this.#slotsOf.set(host, atHost);
    for (const slots of [this.#slots, atHost]) slots.take(standing);
    return { run, delivery, standing, host, probe };
  }

  #pumpAt(ms: number): void {
    this.#callOffRate?.();
    this.#callOffRate = this.#clock.after(Math.max(1, Math.min(ms, this.#longestSleepMs)), () => {
      this.#callOffRate = null;
      this.#schedulePump();
    });
  }

  #launch(picks: readonly Pick[]): void {
    this.#store.lanes.bodies(picks.map(({ delivery }) => delivery.seq)).then(
      (bodies) => {
        const found = new Map(bodies.map((body) => [body.seq, body]));
        const instants = { now: this.#now(), monotonic: this.#clock.monotonic() };
        for (const pick of picks) {
          const { run, delivery } = pick;
          const body = found.get(delivery.seq);
          // It may have been canceled and re-sent since it was scanned: then it is another matter, with a wish and a place of its own.
          const isAsScanned = body?.late === delivery.late;
          if (body !== undefined && isAsScanned && run.mayLeave(delivery, instants)) {
            this.#attempt(pick, body);
            continue;
          }
          this.#freeSlot(pick);
          if (body === undefined) run.vanished(delivery, this.#context(run));
          else if (isAsScanned) run.putBack(delivery);
          else run.scanAgain(delivery);
          this.#tend(run);
        }
      },
      (error: unknown) => {
        this.#log.warn({ err: error }, 'the store does not answer; trying again');
        this.#clock.after(TROUBLE_PAUSE_MS, () => this.#launch(picks));
      },
    );
  }

  #freeSlot({ standing, host }: Pick): void {
    this.#slots.free(standing);
    const atHost = this.#slotsOf.get(host);
    atHost?.free(standing);
    if (atHost?.used === 0) this.#slotsOf.delete(host);
  }

  // ------------------------------------------------------------------------------------------------------------- an attempt

  #attempt(pick: Pick, { id, eventId, eventType, late, body }: DeliveryBody): void {
    const { run, delivery, probe } = pick;
    const { clock, random, randomBytes, sender, userAgent } = this.#options;
    const { endpoint, secrets } = run.target;
    const { epoch } = run.state;
    const attemptId = newId('att_', delivery.publishedAt, randomBytes(10));
    const first = delivery.dueAt === null && !delivery.byHand;
    if (first) this.#observer.gateLag(endpoint.environment, this.#lagOf(run, delivery));
    sender
      .deliver({
        url: endpoint.url,
        body,
        eventId,
        secrets: signingSecrets(secrets),
        customHeaders: endpoint.headers,
        late,
        userAgent,
      })
      .then((result) => {
        const now = clock.now() + this.#offset;
        const { outcome, response } = result;
        const { seq, failures, dueAt, byHand, resent } = delivery;
        const former = run.state.epoch !== epoch;
        const decision = settle({ seq, failures, dueAt, byHand, resent, probe, former, health: run.state }, outcome, {
          now,
          random: random(),
          schedule: endpoint.retrySchedule ?? DEFAULT_RETRY_SCHEDULE,
          disableAfterMs: this.#disableAfterMs,
        });
        run.state = { ...run.state, ...decision.lane.health };
        if (decision.lane.disable !== null) run.bar();
        this.#freeSlot(pick);
        if (outcome.kind === 'accepted') run.accepted(delivery, this.#context(run));
        else run.rejected();
        const error = outcomeErrorCode(outcome);
        this.#settlements.add(
          run,
          {
            seq: delivery.seq,
            attemptId,
            startedAt: result.startedAt,
            durationMs: result.durationMs,
            error,
            detail: outcome.kind === 'transport_error' ? outcome.detail : null,
            responseStatus: response?.status ?? null,
            responseHeaders: response?.headers ?? null,
            responseBody: response?.body ?? null,
            responseTruncated: response?.bodyTruncated ?? false,
            timings: result.timings,
            wish: delivery.wish,
            revivedAt: delivery.revivedAt,
            epoch,
            first,
            end: decision.delivery,
            notices: noticesOf(decision.delivery, decision.lane.notices),
          },
          {
            disable: decision.lane.disable,
            onSettled: ({ lookAnew }) => {
              const { delivery: end } = decision;
              run.settled(
                delivery,
                {
                  accepted: end.status === 'succeeded',
                  stillPending: end.status === 'pending',
                  dueAt: end.status === 'pending' ? end.dueAt : null,
                  lookAnew,
                },
                this.#context(run),
              );
              this.#tend(run);
            },
          },
        );
        this.#observer.attempt({ environment: endpoint.environment, outcome: error ?? 'accepted', ms: result.durationMs });
        this.#log.attempt({
          delivery: id,
          attempt: attemptId,
          event: eventId,
          type: eventType,
          endpoint: endpoint.id,
          application: endpoint.application,
          environment: endpoint.environment,
          number: delivery.attemptCount + 1,
          outcome: error ?? 'accepted',
          status: response?.status ?? null,
          ms: Math.round(result.durationMs),
          delivery_status: decision.delivery.status,
        });
        this.#tend(run);
        this.#answers += 1;
        if (this.#answers === ANSWERS_AT_ONCE) queueMicrotask(() => this.#pump());
        else this.#schedulePump();
      })
      .catch((error: unknown) => {
        // send() answers with a value whatever the network does; an exception here is a fault of this program.
        queueMicrotask(() => {
          throw error;
        });
      });
  }

  /** How long after its gate, or after its publish where that came later, a first attempt starts now. Milliseconds. */
  #lagOf(run: LaneRun, delivery: ScannedDelivery): number {
    const opened = this.#gateOf(run);
    const now = this.#now();
    // A gate that moves with the clock (immediate) opened for this delivery when it was published.
    return Math.max(
      0,
      now - (this.#cadences.get(run.group) === 'immediate' ? delivery.publishedAt : Math.max(opened, delivery.publishedAt)),
    );
  }

  // ------------------------------------------------------------------------------------------------------------- release

  #releaseFinished(): void {
    if (this.#takingMarks > 0) return;
    const finished = [...this.#runs.values()].filter((run) => run.finished && !run.lost);
    if (finished.length > 0) {
      for (const run of finished) {
        this.#runs.delete(run.lane);
        this.#turns.delete(run);
      }
      this.#release(finished);
      return;
    }
    if (
      this.#draining &&
      !this.#looking &&
      this.#slots.used === 0 &&
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
    const now = this.#now();
    this.#store.lanes.release(runs.map((run) => run.release(now))).then(
      () => {
        for (const { lane } of runs) {
          const more = (this.#leaving.get(lane) ?? 1) - 1;
          if (more === 0) this.#leaving.delete(lane);
          else this.#leaving.set(lane, more);
        }
        this.#wake();
        this.#schedulePump();
      },
      (error: unknown) => {
        this.#log.warn({ err: error }, 'lanes could not be released; trying again');
        this.#clock.after(TROUBLE_PAUSE_MS, () => this.#sendRelease(runs));
      },
    );
  }
}

function gatesOf({ now, groups }: Outlook): Map<string, number> {
  return new Map(groups.map(({ group, cadence, openedAt }) => [group, Math.max(gate(storedCadence(cadence), now), openedAt)]));
}

function noticesOf(end: DeliveryEnd, notices: readonly NoticeKind[]): readonly NoticeKind[] {
  return end.status === 'failed' ? ['delivery.failed', ...notices] : notices;
}

const signing = new WeakMap<EndpointSecrets, DeliverRequest['secrets']>();

/** One object for as long as the endpoint's secrets stay as they are: the sender knows the endpoint by it. */
function signingSecrets(secrets: EndpointSecrets): DeliverRequest['secrets'] {
  let known = signing.get(secrets);
  if (known === undefined) {
    const others = [secrets.next?.secret, secrets.previous?.secret].filter((secret) => secret !== undefined);
    known = { current: secrets.current, others };
    signing.set(secrets, known);
  }
  return known;
}
