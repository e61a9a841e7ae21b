/** The real dispatcher and store on a clock that the test moves, with a network made of functions. */
import { randomBytes } from 'node:crypto';
import type { AttemptResult, Clock, Outcome } from '@posthorn/core';
import { createDispatcher, type Dispatcher } from '../../src/dispatcher/dispatcher.ts';
import type { DispatcherOptions } from '../../src/dispatcher/options.ts';
import type { DeliverRequest, Sender } from '../../src/sender/sender.ts';
import { createCipher } from '../../src/store/cipher.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Store } from '../../src/store/store.ts';

export class ManualClock implements Clock {
  time: number;
  #timers: { readonly at: number; readonly order: number; readonly callback: () => void }[] = [];
  #count = 0;
  #frozen: { readonly at: number; readonly order: number; readonly callback: () => void }[] = [];

  constructor(start: number) {
    this.time = start;
  }

  now = (): number => this.time;
  monotonic = (): number => this.time;

  after(ms: number, callback: () => void): () => void {
    this.#count += 1;
    const timer = { at: this.time + Math.max(0, ms), order: this.#count, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Sets aside all timers that are set: whoever waits for them stands still, as a process does under SIGSTOP. */
  freezeTimers(): void {
    this.#frozen.push(...this.#timers);
    this.#timers = [];
  }

  thawTimers(): void {
    this.#timers.push(...this.#frozen);
    this.#frozen = [];
  }

  /** Moves on to `until`, running what falls due on the way in order, each with all that follows from it. */
  async advanceTo(until: number): Promise<void> {
    for (;;) {
      await quiet();
      const next = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.time = Math.max(this.time, next.at);
      next.callback();
    }
    this.time = until;
    await quiet();
  }
}

/** Where a stage has its store. */
export interface StageEngine {
  open(clock: ManualClock): Promise<Store>;
  /** Until promises that are under way have come to rest. */
  quiet(): Promise<void>;
  /** How often a dispatcher looks although nothing is due, unless a case says so: in days of simulated time, every five seconds are many. */
  readonly longestSleepMs?: number;
}

const sqlite: StageEngine = {
  open: (clock) => openSqliteStore({ path: ':memory:', cipher: createCipher(randomBytes(32)), now: clock.now, random: () => 0 }),
  // Nothing here waits for real time or the outside.
  async quiet() {
    for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  },
};
let engine = sqlite;

/** From now on stages have their store elsewhere: before it imports the cases, for a file that runs them once more. */
export function stageOn(other: StageEngine): void {
  engine = other;
}

function quiet(): Promise<void> {
  return engine.quiet();
}

export interface Arrival {
  readonly at: number;
  readonly url: string;
  readonly id: string;
  readonly late: boolean;
}

export interface Stage {
  readonly clock: ManualClock;
  readonly store: Store;
  readonly arrivals: Arrival[];
  /** What the endpoint at a URL answers; accepted unless set. */
  readonly answers: Map<string, (arrival: Arrival) => Outcome>;
  /** How long the endpoint at a URL takes to answer, in milliseconds; 7 unless set. */
  readonly delays: Map<string, number | ((arrival: Arrival) => number)>;
  dispatcher: Dispatcher;
  /** A second dispatcher on the same store. */
  another(): Dispatcher;
  close(): Promise<void>;
}

const TOOK_MS = 7;

export interface StageOptions extends Pick<DispatcherOptions, 'longestSleepMs' | 'disableAfterMs' | 'observer'> {
  readonly openStore?: (clock: ManualClock) => Promise<Store>;
}

/** The store of a stage that asks for no other. */
export const openStageStore = (clock: ManualClock): Promise<Store> => engine.open(clock);

/**
 * @param options.longestSleepMs how often a dispatcher looks although nothing is due: in days of simulated time, every five seconds are many
 * @param options.openStore opens another store than the engine's
 */
export async function openStage(start: number, { openStore = openStageStore, ...options }: StageOptions = {}): Promise<Stage> {
  const clock = new ManualClock(start);
  const store = await openStore(clock);
  await store.environments.setCadence('production', 'every 30m');
  await store.environments.setCadence('sandbox', 'every 5m');
  const arrivals: Arrival[] = [];
  const answers = new Map<string, (arrival: Arrival) => Outcome>();
  const delays = new Map<string, number | ((arrival: Arrival) => number)>();
  const sender: Sender = {
    async send() {
      throw new Error('the dispatcher sends by deliver()');
    },
    deliver(request: DeliverRequest): Promise<AttemptResult> {
      const arrival: Arrival = { at: clock.time, url: request.url, id: request.eventId, late: request.late };
      arrivals.push(arrival);
      const delay = delays.get(request.url) ?? TOOK_MS;
      return new Promise((resolve) => {
        clock.after(typeof delay === 'number' ? delay : delay(arrival), () => {
          const outcome = answers.get(request.url)?.(arrival) ?? { kind: 'accepted', status: 200 };
          const timings = { dns: null, connect: null, tls: null, first_byte: TOOK_MS, body: 0 };
          resolve({ startedAt: arrival.at, durationMs: TOOK_MS, outcome, response: null, timings });
        });
      });
    },
    async close() {},
  };
  let holders = 0;
  const another = (): Dispatcher => {
    holders += 1;
    return createDispatcher({
      store,
      sender,
      clock,
      random: () => 0,
      randomBytes,
      holder: `holder-${holders}`,
      concurrency: 64,
      userAgent: 'Posthorn/test',
      ...(engine.longestSleepMs === undefined ? {} : { longestSleepMs: engine.longestSleepMs }),
      ...options,
    });
  };
  return { clock, store, arrivals, answers, delays, dispatcher: another(), another, close: () => store.close() };
}
