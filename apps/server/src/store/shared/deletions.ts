/**
 * What a deleted endpoint still had waiting is canceled in steps, so that a backlog of millions holds up neither the loop nor whoever deletes. It stops at once
 * all the same: its lane takes nothing more, and whoever asks is told that what waits in it is canceled.
 *
 * Steps that fail are tried again. What a stop or a crash leaves undone, the next start finishes.
 */
export type DeletionReason = 'endpoint_deleted' | 'application_deleted';

/** What each engine does for itself. */
export interface DeletionSteps {
  /** Cancels up to `limit` of what waits in the lane. @returns how many there were */
  cancel(lane: number, options: { readonly reason: DeletionReason; readonly limit: number }): Promise<number>;
  /** Lets everybody else have a turn. */
  rest(): Promise<void>;
}

/** By one step: 5 to 10 ms. 2,000 held SQLite's process for 89 ms. */
const STEP = 500;
/** Whoever deletes waits until so much is canceled, which is all of it nearly always. */
const WORTH_WAITING_FOR = 2_000;
/** After a step that failed. */
const TROUBLE_PAUSE_MS = 1_000;

interface Deletion {
  /** Those that are not done with. */
  readonly lanes: number[];
  readonly reason: DeletionReason;
  canceled: number;
  readonly answer: () => void;
}

export class Deletions {
  readonly #steps: DeletionSteps;
  /** Each has a step in turn: a small one does not wait for a large one. */
  readonly #queue: Deletion[] = [];
  #step: Promise<unknown> = Promise.resolve();
  #isWorking = false;
  #isClosed = false;

  constructor(steps: DeletionSteps) {
    this.#steps = steps;
  }

  /** Never rejects. @returns when all is canceled, or so much that nobody should wait for the rest */
  cancel(lanes: readonly number[], reason: DeletionReason): Promise<void> {
    return new Promise((resolve) => this.#begin(lanes, { reason, answer: resolve }));
  }

  /** The same for what was begun before, and nobody waits for. */
  resume(lane: number, reason: DeletionReason): void {
    this.#begin([lane], { reason, answer: () => {} });
  }

  #begin(lanes: readonly number[], { reason, answer }: Pick<Deletion, 'reason' | 'answer'>): void {
    if (this.#isClosed) {
      answer();
      return;
    }
    // The last is taken first.
    this.#queue.push({ lanes: lanes.toReversed(), reason, canceled: 0, answer });
    // Nothing in it fails but a step, and that is seen to.
    if (!this.#isWorking) this.#work().catch(() => {});
  }

  /** Begins no further step, and awaits the one that is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#step;
    for (const { answer } of this.#queue.splice(0)) answer();
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    for (let deletion = this.#queue[0]; deletion !== undefined && !this.#isClosed; deletion = this.#queue[0]) {
      const step = this.#take(deletion);
      this.#step = step;
      const went = await step;
      this.#queue.shift();
      if (deletion.lanes.length > 0) this.#queue.push(deletion);
      if (deletion.lanes.length === 0 || deletion.canceled >= WORTH_WAITING_FOR || !went) deletion.answer();
      if (!went) await new Promise((resolve) => setTimeout(resolve, TROUBLE_PAUSE_MS).unref());
      else if (this.#queue.length > 0) await this.#steps.rest();
    }
    this.#isWorking = false;
  }

  /** @returns false: it failed, and is to be done again */
  async #take(deletion: Deletion): Promise<boolean> {
    try {
      for (let left = STEP; left > 0; ) {
        const lane = deletion.lanes.at(-1);
        if (lane === undefined) return true;
        const canceled = await this.#steps.cancel(lane, { reason: deletion.reason, limit: left });
        deletion.canceled += canceled;
        if (canceled < left) deletion.lanes.pop();
        // A lane in which nothing waits costs a look.
        left -= canceled + 1;
      }
      return true;
    } catch {
      return false;
    }
  }
}
