/**
 * A simulated machine with one process on it. The process hears of the world only by what is handed to it here: timers, answers, hints. So it
 * can crash between any two steps (nothing is handed over any more) and be stopped (everything is handed over when it goes on).
 */
import type { Clock } from '@posthorn/core';
import type { Dice } from './dice.ts';
import type { Timeline } from './timeline.ts';

/** What one turn of a process's loop takes. */
const TURN_MS = 0.02;

/** The wall clock of the history's first instant. */
const EPOCH = Date.UTC(2026, 10, 23, 10, 0, 1);

/** A wall clock that can be set. It outlives the processes on its machine. */
export class WallClock {
  /** Milliseconds by which it is ahead of the timeline. */
  offset: number;
  readonly #timeline: Timeline;

  constructor(timeline: Timeline, offset: number) {
    this.#timeline = timeline;
    this.offset = offset;
  }

  now = (): number => Math.floor(EPOCH + this.#timeline.now + this.offset);

  /** When this clock, unless it is set again, shows `instant`. */
  timelineOf(instant: number): number {
    return instant - EPOCH - this.offset;
  }
}

/**
 * `stop`: the process stands still while its machine's clocks go on (SIGSTOP, a long garbage collection).
 * `suspend`: the machine itself stands still, its monotonic clock too; the wall clock is right again afterwards.
 */
export type Pause = 'stop' | 'suspend';

export class Machine {
  readonly name: string;
  readonly wall: WallClock;
  readonly clock: Clock;
  /** The process runs, or is stopped and will go on. */
  alive = true;
  paused: Pause | null = null;
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  #pausedSince = 0;
  #suspendedMs = 0;
  /** What came while the process stood still. */
  #stalled: (() => void)[] = [];

  constructor(name: string, { timeline, wall, dice }: { readonly timeline: Timeline; readonly wall: WallClock; readonly dice: Dice }) {
    this.name = name;
    this.wall = wall;
    this.#timeline = timeline;
    this.#dice = dice;
    this.clock = { now: wall.now, monotonic: () => this.monotonic(), after: (ms, callback) => this.#timer(ms, callback) };
  }

  get running(): boolean {
    return this.alive && this.paused === null;
  }

  monotonic(): number {
    const still = this.paused === 'suspend' ? this.#timeline.now - this.#pausedSince : 0;
    return this.#timeline.now - this.#suspendedMs - still;
  }

  /** Hands something over from outside after `ms`: an answer, a hint. */
  hand(ms: number, run: () => void): void {
    this.#timeline.after(ms, () => this.#step(run));
  }

  /** The process is gone, at once and for good. */
  crash(): void {
    this.alive = false;
    this.#stalled = [];
  }

  pause(kind: Pause): void {
    this.paused = kind;
    this.#pausedSince = this.#timeline.now;
  }

  resume(): void {
    if (this.paused === 'suspend') this.#suspendedMs += this.#timeline.now - this.#pausedSince;
    this.paused = null;
    const stalled = this.#stalled;
    this.#stalled = [];
    for (const run of stalled) this.hand(0, run);
  }

  #step(run: () => void): void {
    if (!this.alive) return;
    if (this.paused === null) run();
    else this.#stalled.push(run);
  }

  /** As Node's timers: they may fire up to a millisecond early, and late. */
  #timer(ms: number, callback: () => void): () => void {
    const takes = ms <= 0 ? TURN_MS : Math.max(TURN_MS, ms + this.#dice.between(-0.9, 1.5));
    const due = this.monotonic() + takes;
    let calledOff = false;
    const fire = (): void => {
      if (calledOff) return;
      const left = due - this.monotonic();
      if (left > 0.001) this.hand(left, fire);
      else callback();
    };
    this.hand(takes, fire);
    return () => {
      calledOff = true;
    };
  }
}
