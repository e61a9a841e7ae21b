/** Something that is to begin in a turn of the event loop. */
export interface Beginning {
  begin(): void;
}

/**
 * Begun in one turn, before sockets are read and results posted again. Without it everything that is out ends up in one lump that goes to and fro, and
 * the two threads work in turns instead of together: with 256 out and 25 µs of other work for each in the main thread, 21,000/s unsliced, 27,000 at
 * 64, 30,000 at 32 and at 16 (measured, two cores).
 */
const SLICE = 32;

/**
 * Lets requests begin only right after sockets were read, some in each turn. A request must not go out on a kept connection while the other side's
 * goodbye lies there unread, nor bytes that nobody asked for: they would become its answer.
 */
export class Turns {
  /** From `next` on still to begin. */
  #waiting: Beginning[] = [];
  #next = 0;
  #isScheduled = false;
  #whenIdle: (() => void)[] = [];

  add(one: Beginning): void {
    this.#waiting.push(one);
    if (!this.#isScheduled) this.#schedule();
  }

  /** Resolves once all of them have begun. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isScheduled) this.#whenIdle.push(resolve);
      else resolve();
    });
  }

  /** Immediates run after the loop has polled. */
  #schedule(): void {
    this.#isScheduled = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#isScheduled = false;
    const end = Math.min(this.#waiting.length, this.#next + SLICE);
    while (this.#next < end) {
      const one = this.#waiting[this.#next];
      this.#next += 1;
      one?.begin();
    }
    if (this.#next < this.#waiting.length) return this.#schedule();
    this.#waiting = [];
    this.#next = 0;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  };
}
