/** Telling a repeated event from a new one: delivery is at least once, so each may come again. */

/** How long ids are remembered by default: no delivery is tried for longer than 7 days after its publish, unless somebody recovers it by hand. */
const WITHIN_SECONDS = 7 * 24 * 3600;

/** A memory of events' ids. Implement it on your database to have it outlive the process and be shared by several. */
export interface Dedupe {
  /**
   * Whether this id was seen within so many seconds. If not, it is remembered in the same step: of two calls at once, one alone gets `false`.
   *
   * @param id the event's `id`, from the body: both signatures cover it
   */
  seen(id: string, withinSeconds: number): boolean | Promise<boolean>;
  /** Takes an id back, because the work on it failed and its retry has to count as new. */
  forget(id: string): void | Promise<void>;
}

/**
 * Runs the work unless the event was seen before. If the work fails, the id is forgotten, so that the retry gets its chance, and the error goes on to
 * the caller, whose answer is then no 2xx.
 *
 * A copy that comes while the first is still being worked on counts as seen; and a crash in the middle of the work leaves the id in a memory that
 * outlives it. Where that matters, remember the id in the very transaction that does the work (the README shows it).
 *
 * @returns whether the work ran
 */
export async function handleOnce(
  dedupe: Dedupe,
  { id, withinSeconds = WITHIN_SECONDS, work }: { readonly id: string; readonly withinSeconds?: number; readonly work: () => unknown },
): Promise<boolean> {
  if (await dedupe.seen(id, withinSeconds)) return false;
  try {
    await work();
  } catch (error) {
    await dedupe.forget(id);
    throw error;
  }
  return true;
}

export interface MemoryDedupeOptions {
  /** How many ids it holds; 100,000 by default, about 20 MB. Beyond that the oldest are forgotten early. */
  readonly maxIds?: number;
  /** A clock in seconds, for tests; by default one that nobody sets. */
  readonly now?: () => number;
}

/** Ids in this process's memory: gone when it ends, and unknown to others. */
export class MemoryDedupe implements Dedupe {
  /** id -> the instant at which it counts as new again; the oldest first. */
  readonly #until = new Map<string, number>();
  readonly #maxIds: number;
  readonly #now: () => number;

  constructor({ maxIds = 100_000, now = () => performance.now() / 1000 }: MemoryDedupeOptions = {}) {
    if (!(maxIds >= 1)) throw new RangeError('maxIds is 1 or more.');
    this.#maxIds = maxIds;
    this.#now = now;
  }

  seen(id: string, withinSeconds: number): boolean {
    const now = this.#now();
    const until = this.#until.get(id);
    if (until !== undefined && until > now) return true;
    this.#until.delete(id);
    this.#until.set(id, now + withinSeconds);
    this.#dropOld(now);
    return false;
  }

  forget(id: string): void {
    this.#until.delete(id);
  }

  #dropOld(now: number): void {
    for (const [id, until] of this.#until) {
      if (until > now && this.#until.size <= this.#maxIds) return;
      this.#until.delete(id);
    }
  }
}
