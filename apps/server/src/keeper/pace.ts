/** How much a step may do: enough that its sync of the disk is worth it, so little that it holds nobody up. */
import type { Clock } from '@posthorn/core';

/** A step that took less may do more next time, one that took longer less. Neither the loop nor a writer is ever to be held for 50 ms. */
const SHORT_MS = 8;
const LONG_MS = 20;
const LEAST = 10;
const FIRST = 100;
/** A step that finds little to do is short, and would let the next one take on too much: so there is a bound. */
const MOST = 500;

export class Pace {
  readonly #clock: Clock;
  #limit = FIRST;
  #tookMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long the last step took: as long a pause leaves half of the loop to everything else. */
  get tookMs(): number {
    return this.#tookMs;
  }

  /** Runs one step with the limit of the moment. */
  async step<T>(work: (limit: number) => Promise<T>): Promise<T> {
    const startedAt = this.#clock.monotonic();
    const result = await work(this.#limit);
    this.#tookMs = this.#clock.monotonic() - startedAt;
    if (this.#tookMs > LONG_MS) this.#limit = Math.max(LEAST, this.#limit >> 1);
    else if (this.#tookMs < SHORT_MS) this.#limit = Math.min(MOST, this.#limit + (this.#limit >> 1));
    return result;
  }
}
