/**
 * The keeper: everything that is done now and then beside the dispatch. Each chore goes by itself, in small steps with pauses between them, and says
 * after each step when it wants the next. A hint of the store brings a chore forward; without one it looks by itself.
 *
 *   jobs         recover, replay-missing
 *   expiry       what has waited for 7 days
 *   retention    what is older than it is kept
 *   statistics   what settles have counted, into buckets
 *   notices      the outbox, as operational events
 *   mails        the outbox, to an endpoint's owners
 *
 * Clock and store are arguments, as the dispatcher's are. Any number of keepers may work on one store.
 */
import type { Clock, EndpointId } from '@posthorn/core';
import type { Mailer } from '../mail/mailer.ts';
import type { Store, StoreHint } from '../store/store.ts';
import { expiryChore } from './expiry.ts';
import { jobsChore } from './jobs.ts';
import { mailsChore } from './mails.ts';
import { noticesChore } from './notices.ts';
import { retentionChore } from './retention.ts';
import { statisticsChore } from './statistics.ts';

export interface KeeperOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** How long events and attempts are kept. */
  readonly retentionMs: number;
  /** Null: no mail is sent. */
  readonly mailer: Mailer | null;
  /** Whom to write to about an endpoint. */
  readonly ownersOf: OwnersOf;
  /** What the service is called in mails. */
  readonly serviceName: string;
  /** Where people reach the web app. */
  readonly baseUrl: () => string;
  /** Chores that the store hints at look this often all the same: a hint may be lost. */
  readonly lookMs?: number;
  readonly log?: KeeperLog;
  readonly observer?: KeeperObserver;
}

export type OwnersOf = (endpoint: EndpointId) => Promise<readonly { readonly email: string }[]>;

export interface KeeperLog {
  info(line: Readonly<Record<string, unknown>>, message: string): void;
  warn(line: Readonly<Record<string, unknown>>, message: string): void;
}

/** For metrics. */
export interface KeeperObserver {
  /** @param step.rows what it did: deliveries sent again, expired or told of, rows removed, mails sent */
  step(step: { readonly chore: ChoreName; readonly ms: number; readonly rows: number }): void;
}

export type ChoreName = 'jobs' | 'expiry' | 'retention' | 'statistics' | 'notices' | 'mails';

export interface Chore {
  readonly name: ChoreName;
  /** Does one step. */
  step(): Promise<{ readonly rows: number; readonly nextMs: number }>;
}

/** What a chore works with. */
export interface ChoreContext extends KeeperOptions {
  readonly lookMs: number;
  readonly log: KeeperLog;
  /** Brings another chore forward. */
  readonly wake: (chore: ChoreName) => void;
}

export interface Keeper {
  start(): void;
  /** Begins no further step, and awaits those that are under way. */
  drain(): Promise<void>;
}

const LOOK_MS = 5_000;
/** The pause after a step that failed. */
const TROUBLE_PAUSE_MS = 1_000;
/** A hint may be lost, and the wall clock be set forward under a long timer: no chore sleeps longer. */
const LONGEST_SLEEP_MS = 3_600_000;

const SILENT: KeeperLog = { info() {}, warn() {} };
const UNOBSERVED: KeeperObserver = { step() {} };

export function createKeeper(options: KeeperOptions): Keeper {
  const log = options.log ?? SILENT;
  const context: ChoreContext = { lookMs: LOOK_MS, ...options, log, wake: (chore) => rounds.get(chore)?.wake() };
  const chores = [jobsChore, expiryChore, retentionChore, statisticsChore, noticesChore, mailsChore].map((chore) => chore(context));
  const rounds = new Map(chores.map((chore) => [chore.name, new Round(chore, { ...options, log })]));
  let unsubscribe = (): void => {};

  function heed(hint: StoreHint): void {
    if (hint.kind === 'job') rounds.get('jobs')?.wake();
    else if (hint.kind === 'notice') rounds.get('notices')?.wake();
  }

  return {
    start() {
      unsubscribe = options.store.subscribe(heed);
      for (const round of rounds.values()) round.wake();
    },
    async drain() {
      unsubscribe();
      await Promise.all([...rounds.values()].map((round) => round.stop()));
    },
  };
}

/** Runs one chore: step, pause, step. */
class Round {
  readonly #chore: Chore;
  readonly #clock: Clock;
  readonly #log: KeeperLog;
  readonly #observer: KeeperObserver;
  #stepping: Promise<void> | null = null;
  /** Something came while a step was under way: that step may not have seen it. */
  #again = false;
  #stopped = false;
  #callOff: (() => void) | null = null;

  constructor(chore: Chore, options: KeeperOptions & { readonly log: KeeperLog }) {
    this.#chore = chore;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#observer = options.observer ?? UNOBSERVED;
  }

  wake(): void {
    if (this.#stepping !== null) this.#again = true;
    else this.#sleep(0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#callOff?.();
    await this.#stepping;
  }

  #sleep(ms: number): void {
    if (this.#stopped) return;
    this.#callOff?.();
    this.#callOff = this.#clock.after(Math.min(ms, LONGEST_SLEEP_MS), () => {
      this.#callOff = null;
      this.#stepping = this.#step().then((nextMs) => {
        this.#stepping = null;
        this.#sleep(this.#again ? 0 : nextMs);
      });
    });
  }

  /** @returns when to do the next, in milliseconds from now. It never rejects. */
  async #step(): Promise<number> {
    this.#again = false;
    const startedAt = this.#clock.monotonic();
    try {
      const { rows, nextMs } = await this.#chore.step();
      this.#observer.step({ chore: this.#chore.name, ms: this.#clock.monotonic() - startedAt, rows });
      return nextMs;
    } catch (error) {
      this.#log.warn({ err: error, chore: this.#chore.name }, 'a step of the keeper failed; trying again');
      return TROUBLE_PAUSE_MS;
    }
  }
}
