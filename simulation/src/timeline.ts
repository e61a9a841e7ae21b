/**
 * Simulated time: a queue of what happens next. Between two happenings every promise comes to rest, so that each happening
 * is one step of one machine, and the order of steps follows from the seed alone.
 */

/** Something that is to happen. */
export interface Entry {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  calledOff: boolean;
}

/** A loop of the real program now and then, so that the worker hears its parent. */
const STEPS_BETWEEN_BREATHS = 20_000;

export class Timeline {
  /** Milliseconds since the history began; it never steps. */
  now = 0;
  /** Happenings so far. */
  steps = 0;
  /** Set to end the run before its time. */
  stopped = false;
  readonly #heap: Entry[] = [];
  #count = 0;

  at(instant: number, run: () => void): Entry {
    this.#count += 1;
    const entry: Entry = { at: Math.max(instant, this.now), order: this.#count, run, calledOff: false };
    this.#push(entry);
    return entry;
  }

  after(ms: number, run: () => void): Entry {
    return this.at(this.now + ms, run);
  }

  /** Runs all that happens up to `until`. Rejects with whatever a happening throws. */
  run(until: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (): void => {
        const entry = this.stopped ? undefined : this.#next(until);
        if (entry === undefined) {
          if (!this.stopped) this.now = until;
          resolve();
          return;
        }
        this.now = entry.at;
        this.steps += 1;
        try {
          entry.run();
        } catch (error) {
          reject(error);
          return;
        }
        // A tick asked for by a microtask comes after all microtasks, those of those included: whatever this step set off is at rest then.
        if (this.steps % STEPS_BETWEEN_BREATHS === 0) setImmediate(step);
        else queueMicrotask(() => process.nextTick(step));
      };
      process.nextTick(step);
    });
  }

  #next(until: number): Entry | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.at > until) return undefined;
      this.#pop();
      if (!first.calledOff) return first;
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Entry;
      if (!isBefore(entry, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child += 1;
      const below = heap[child] as Entry;
      if (!isBefore(below, last)) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
