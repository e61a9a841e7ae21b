/** One history: the real store and dispatchers, the machines they run on, the endpoints, and the oracle that watches. */
import { DatabaseSync } from 'node:sqlite';
import type { AttemptResult } from '@posthorn/core';
import { createDispatcher, type Dispatcher } from 'posthorn/src/dispatcher/dispatcher.ts';
import { createKeeper, type Keeper } from 'posthorn/src/keeper/keeper.ts';
import type { DeliverRequest, Sender } from 'posthorn/src/sender/sender.ts';
import { createCipher } from 'posthorn/src/store/cipher.ts';
import { openSqliteStore } from 'posthorn/src/store/sqlite/index.ts';
import type { Store } from 'posthorn/src/store/store.ts';
import type { Dice } from './dice.ts';
import { Machine, WallClock } from './machine.ts';
import type { SimulatedEndpoint } from './network.ts';
import type { StoredRow } from './oracle/keeping.ts';
import { Ledger, type Limits, type Scene } from './oracle/ledger.ts';
import { Oracle } from './oracle/oracle.ts';
import { Wishes } from './oracle/wishes.ts';
import type { Plan } from './plan.ts';
import { type KeeperCall, linkStore, type Wire } from './store-link.ts';
import { Timeline } from './timeline.ts';

/** What a history found wrong. */
export interface Fault {
  readonly rule: string;
  readonly message: string;
  /** By the timeline. */
  readonly at: number;
}

/** A dispatcher's process, and what it is worth to the history. */
export interface Process {
  readonly machine: Machine;
  readonly dispatcher: Dispatcher;
  /** Null: this history has none. */
  readonly keeper: Keeper | null;
}

/** Histories in one process of the simulator must not see each other's memory. */
let databases = 0;

const CIPHER = createCipher(new Uint8Array(32));

export class World implements Scene {
  readonly timeline = new Timeline();
  readonly dice: Dice;
  readonly plan: Plan;
  readonly limits: Limits;
  /** The store's clock; with a local store the dispatcher's too. */
  readonly wall: WallClock;
  readonly machines: Machine[] = [];
  readonly processes: Process[] = [];
  /** By number. */
  readonly endpoints = new Map<string, SimulatedEndpoint>();
  readonly oracle: Oracle;
  readonly wishes: Wishes;
  readonly counts = new Map<string, number>();
  readonly notes: string[] | null;
  fault: Fault | null = null;
  /** Sums up all that was observed: equal for equal histories. */
  digest = 0;
  /** The way to the store; the world's troubles change it. */
  wire: Wire;
  readonly #path: string;
  /** Keeps the database in memory while nobody else has it open; the oracle looks at rows through it. */
  readonly #keeper: DatabaseSync;
  #store: Store | null = null;
  #started = 0;

  constructor(plan: Plan, { dice, wire, notes }: { readonly dice: Dice; readonly wire: (world: World) => Wire; readonly notes: boolean }) {
    this.plan = plan;
    this.dice = dice;
    this.wall = new WallClock(this.timeline, dice.between(0, 24 * 3_600_000));
    this.notes = notes ? [] : null;
    this.limits = {
      leaseMs: 40_000,
      longestSleepMs: plan.longestSleepMs,
      concurrency: plan.concurrency,
      hostConcurrency: Math.max(1, plan.concurrency >> 1),
      disableAfterMs: plan.disableAfterMs,
      callMs: 2 * plan.delayMs,
      hintsGetLost: plan.hintLoss > 0,
      isLocal: plan.topology === 'local',
      keeps: plan.keeperLooksMs !== null,
      keeperLooksMs: plan.keeperLooksMs ?? 0,
    };
    this.oracle = new Oracle(new Ledger(this));
    this.wishes = new Wishes(this.oracle);
    this.oracle.onPublished = (event) => this.wishes.published(event);
    this.wire = wire(this);
    databases += 1;
    this.#path = `file:simulation-${databases}?mode=memory&cache=shared`;
    this.#keeper = new DatabaseSync(this.#path);
  }

  // ------------------------------------------------------------------------------------------------------------------ scene

  count(what: string, times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times);
  }

  note(line: () => string): void {
    // Every note is hashed, so that two runs of a seed can be compared without keeping them.
    const text = line();
    for (let index = 0; index < text.length; index += 1) this.digest = Math.imul(this.digest ^ text.charCodeAt(index), 0x01000193);
    this.digest = Math.imul(this.digest ^ Math.floor(this.timeline.now * 1000), 0x01000193);
    this.notes?.push(`${clockText(this.timeline.now)}  ${text}`);
  }

  fail(rule: string, message: string): void {
    this.fault ??= { rule, message, at: this.timeline.now };
    this.timeline.stopped = true;
  }

  snapshot(lane: number): string {
    const rows = [
      this.#keeper.prepare('SELECT * FROM lanes WHERE pk = ?').get(lane),
      this.#keeper.prepare('SELECT * FROM deliveries WHERE lane = ? ORDER BY seq').all(lane),
      this.#keeper.prepare('SELECT status, disabled_reason FROM endpoints WHERE pk = ?').get(lane),
    ];
    return JSON.stringify(rows);
  }

  rows(): StoredRow[] {
    return this.#keeper
      .prepare(
        `SELECT p.id AS endpoint, e.id AS event, d.status, d.reason
         FROM deliveries d JOIN events e ON e.seq = d.event JOIN endpoints p ON p.pk = d.endpoint ORDER BY d.seq`,
      )
      .all() as unknown as StoredRow[];
  }

  // ------------------------------------------------------------------------------------------------------------------ store

  /** The store, if there is one just now. */
  get store(): Store | null {
    return this.#store;
  }

  /** @param machine whose loop runs the store's deferred steps; null: its own */
  async openStore(machine: Machine | null): Promise<Store> {
    const dice = this.dice.for(`store ${this.#started}`);
    const store = await openSqliteStore({
      path: this.#path,
      cipher: CIPHER,
      now: this.wall.now,
      random: dice.next,
      randomBytes: dice.bytes,
      soon: (callback) => {
        const ms = dice.between(0, 1);
        if (machine === null) this.timeline.after(ms, callback);
        else machine.hand(ms, callback);
      },
    });
    this.#store = store;
    return store;
  }

  async closeStore(): Promise<void> {
    await this.#store?.close();
    this.#store = null;
  }

  async end(): Promise<void> {
    await this.closeStore();
    this.#keeper.close();
  }

  // -------------------------------------------------------------------------------------------------------------- processes

  /** Starts a dispatcher on `machine`, against the store as it is. */
  startProcess(machine: Machine): Process {
    const { plan } = this;
    if (this.#store === null) throw new Error('no store to start a dispatcher on');
    const dice = this.dice.for(`process ${machine.name}`);
    const store = linkStore(this.#store, machine, { timeline: this.timeline, wire: this.wire, watcher: this.oracle });
    const dispatcher = createDispatcher({
      store,
      sender: this.#sender(machine),
      clock: machine.clock,
      random: dice.next,
      randomBytes: dice.bytes,
      holder: machine.name,
      concurrency: plan.concurrency,
      userAgent: 'Posthorn/simulation',
      longestSleepMs: plan.longestSleepMs,
      disableAfterMs: plan.disableAfterMs,
    });
    const process = { machine, dispatcher, keeper: this.#makeKeeper(machine, this.#store) };
    this.processes.push(process);
    this.oracle.machineStarted(machine);
    dispatcher.start();
    process.keeper?.start();
    return process;
  }

  /** A keeper that looks no more often than the plan says: in days of simulated time, every five seconds are many. */
  #makeKeeper(machine: Machine, store: Store): Keeper | null {
    const { keeperLooksMs } = this.plan;
    if (keeperLooksMs === null) return null;
    // It asks for the outlook as a dispatcher does; what it hears is not what the dispatcher knows.
    const watcher = { asked() {}, executing() {}, executed() {}, answered() {}, kept: (call: KeeperCall) => this.oracle.kept(call) };
    return createKeeper({
      store: linkStore(store, machine, { timeline: this.timeline, wire: this.wire, watcher }),
      clock: { ...machine.clock, after: (ms, callback) => machine.clock.after(ms < 1000 ? ms : Math.max(ms, keeperLooksMs), callback) },
      retentionMs: 90 * 24 * 3_600_000,
      mailer: null,
      ownersOf: async () => [],
      serviceName: 'Posthorn',
      baseUrl: () => '',
    });
  }

  newMachine(): Machine {
    this.#started += 1;
    const name = `d${this.#started}`;
    const wall = this.plan.topology === 'local' ? this.wall : new WallClock(this.timeline, this.wall.offset + this.dice.between(-300, 300));
    const machine = new Machine(name, { timeline: this.timeline, wall, dice: this.dice.for(`machine ${name}`) });
    this.machines.push(machine);
    return machine;
  }

  #sender(machine: Machine): Sender {
    return {
      async send() {
        throw new Error('the dispatcher sends by deliver()');
      },
      deliver: (request: DeliverRequest) => this.#deliver(machine, request),
      async close() {},
    };
  }

  #deliver(machine: Machine, { url, eventId, late }: DeliverRequest): Promise<AttemptResult> {
    const attempt = this.oracle.started(machine, { url, eventId, late });
    if (attempt === null) return new Promise(() => {});
    const startedAt = machine.wall.now();
    const exchange = (this.endpoints.get(attempt.delivery.endpoint.id) as SimulatedEndpoint).answer({
      eventId,
      now: this.timeline.now,
      wall: this.wall.now(),
    });
    if (exchange.accepted) this.timeline.after(exchange.arrivesMs, () => this.oracle.tookIn(attempt));
    return new Promise((resolve) => {
      machine.hand(exchange.endsMs, () => {
        this.oracle.heard(attempt, exchange.outcome);
        const timings = { dns: null, connect: null, tls: null, first_byte: null, body: null };
        resolve({ startedAt, durationMs: exchange.endsMs, outcome: exchange.outcome, response: exchange.response, timings });
      });
    });
  }
}

/** Days, hours, minutes and seconds of the history. */
function clockText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const days = Math.floor(seconds / 86_400);
  return `${days > 0 ? `${days}d ` : ''}${two(Math.floor(seconds / 3600) % 24)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}.${String(Math.floor(ms % 1000)).padStart(3, '0')}`;
}
