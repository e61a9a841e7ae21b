/**
 * The way from a dispatcher to the store. Beside it (`local`, as with SQLite) a call is carried out at once; over a network it travels there
 * and back, and is carried out whatever has become of the caller meanwhile. Before and after each call the caller can crash, and the
 * store can refuse, or commit and not say so.
 */
import type { LaneStore, Store, StoreHint } from 'posthorn/src/store/store.ts';
import { StoreUnavailable } from 'posthorn/src/store/store.ts';
import type { Machine } from './machine.ts';
import type { Timeline } from './timeline.ts';

export type LaneMethod = keyof LaneStore;

/** A call of the lane store, as it was asked for. */
export type LaneRequest = { [N in LaneMethod]: { readonly name: N; readonly request: Parameters<LaneStore[N]>[0] } }[LaneMethod];

/** The same with what came of it. */
export type LaneCall = {
  [N in LaneMethod]: {
    readonly name: N;
    readonly request: Parameters<LaneStore[N]>[0];
    readonly result: Awaited<ReturnType<LaneStore[N]>>;
    /** The caller's monotonic clock when it asked. */
    readonly askedAt: number;
    /** Its wall clock then. */
    readonly askedWall: number;
  };
}[LaneMethod];

/** A call of the keeper's that was carried out: `jobs.step`, say. */
export interface KeeperCall {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly result: unknown;
}

/** Who watches what passes between dispatchers and store. */
export interface Watcher {
  /** The caller asks. */
  asked(machine: Machine, request: LaneRequest): void;
  /** Just before the store carries it out. */
  executing(machine: Machine, request: LaneRequest): void;
  /** Just after; nothing else has happened since. */
  executed(machine: Machine, call: LaneCall): void;
  /** The caller is about to hear the answer. */
  answered(machine: Machine, call: LaneCall): void;
  /** The store has carried out a call of the keeper's. */
  kept(call: KeeperCall): void;
}

/** What the way is like. */
export interface Wire {
  /** The store is in the caller's own process: no way at all. */
  readonly local: boolean;
  /** Calls of one caller arrive in the order in which they were made. */
  readonly inOrder: boolean;
  /** How long one direction takes this time, milliseconds. */
  delay(): number;
  /** What becomes of this call: carried out, refused, or carried out without the caller hearing of it but an error. */
  fate(machine: Machine): 'done' | 'refused' | 'in_doubt';
  /** What befalls the caller just before its call leaves, or just after it was carried out; if something does, it has already. */
  befalls(machine: Machine, method: string, phase: 'before' | 'after'): 'nothing' | 'crash' | 'pause';
  /** The store itself failed, which it never should. */
  broken(error: unknown): void;
  /** Whether this hint gets through. */
  hintArrives(machine: Machine, hint: StoreHint): boolean;
}

type AnyCall = (...args: readonly unknown[]) => Promise<unknown>;

/** The store as the dispatcher on `machine` sees it. */
export function linkStore(
  store: Store,
  machine: Machine,
  options: { readonly timeline: Timeline; readonly wire: Wire; readonly watcher: Watcher },
): Store {
  const { timeline, wire, watcher } = options;
  let latest = 0;

  /** Carries a call there and its answer back. */
  function carry<T>(
    method: string,
    carryOut: () => Promise<T>,
    on: { readonly arrive: () => void; readonly done: (result: T) => void; readonly answer: (result: T) => void },
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const before = wire.befalls(machine, method, 'before');
      if (before === 'crash') return;
      const fate = wire.fate(machine);
      const answer = (tell: () => void): void => {
        const after = wire.befalls(machine, method, 'after');
        if (after === 'crash') return;
        if (wire.local && after === 'nothing') tell();
        else machine.hand(wire.local ? 0 : wire.delay(), tell);
      };
      const refuse = (): void => answer(() => reject(new StoreUnavailable('simulated: the store does not answer')));
      const arrive = (): void => {
        if (fate === 'refused') {
          refuse();
          return;
        }
        on.arrive();
        carryOut().then((result) => {
          on.done(result);
          if (fate === 'in_doubt') refuse();
          else {
            answer(() => {
              on.answer(result);
              resolve(result);
            });
          }
        }, wire.broken);
      };
      const leave = (): void => {
        if (wire.local) {
          arrive();
          return;
        }
        const arrival = timeline.now + wire.delay();
        latest = wire.inOrder ? Math.max(latest, arrival) : arrival;
        timeline.at(latest, arrive);
      };
      if (before === 'pause') machine.hand(0, leave);
      else leave();
    });
  }

  function laneCall(method: LaneMethod, carryOut: AnyCall, args: readonly unknown[]): Promise<unknown> {
    const request = { name: method, request: args[0] } as LaneRequest;
    const askedAt = machine.monotonic();
    const askedWall = machine.wall.now();
    const done = (result: unknown): LaneCall => ({ ...request, result, askedAt, askedWall }) as LaneCall;
    if (machine.alive) watcher.asked(machine, request);
    return carry(method, () => carryOut(...args), {
      arrive: () => watcher.executing(machine, request),
      done: (result) => watcher.executed(machine, done(result)),
      answer: (result) => watcher.answered(machine, done(result)),
    });
  }

  function keeperCall(name: string, carryOut: AnyCall, args: readonly unknown[]): Promise<unknown> {
    return carry(name, () => carryOut(...args), {
      arrive: () => {},
      done: (result) => watcher.kept({ name, args, result }),
      answer: () => {},
    });
  }

  /** A part of the store, each of whose calls goes this way. */
  function linked<T extends object>(part: T, call: (method: string, carryOut: AnyCall, args: readonly unknown[]) => Promise<unknown>): T {
    const calls = Object.entries(part).map(([method, carryOut]) => [
      method,
      (...args: readonly unknown[]) => call(method, carryOut as AnyCall, args),
    ]);
    return Object.fromEntries(calls) as T;
  }

  const kept = <T extends object>(part: T, group: string): T =>
    linked(part, (method, carryOut, args) => keeperCall(group === '' ? method : `${group}.${method}`, carryOut, args));

  return {
    ...store,
    lanes: linked(store.lanes, (method, carryOut, args) => laneCall(method as LaneMethod, carryOut, args)),
    jobs: kept(store.jobs, 'jobs'),
    upkeep: kept(store.upkeep, 'upkeep'),
    notices: kept(store.notices, 'notices'),
    applications: kept(store.applications, 'applications'),
    ...kept({ publish: store.publish, now: store.now }, ''),
    subscribe(listener) {
      return store.subscribe((hint) => {
        if (!machine.alive || !wire.hintArrives(machine, hint)) return;
        if (wire.local) listener(hint);
        else machine.hand(wire.delay(), () => listener(hint));
      });
    },
  };
}
