/**
 * Collects what attempts came to and settles it in batches, many lanes in one transaction: one sync of the disk for hundreds of deliveries.
 */
import type { Clock } from '@posthorn/core';
import type { DisabledReason, LaneResult, LaneSettlement, SettledAttempt, Store } from '../store/store.ts';
import type { LaneRun } from './lane-run.ts';

/** How long an outcome waits for company. Measured with `npm run bench -- drain`: longer gains nothing, shorter syncs more often. */
const GATHER_MS = 20;
/** A batch this large no longer waits. */
const ENOUGH = 256;
/** The pause before a settle that the database refused is tried again. */
const RETRY_MS = 200;

interface Entry {
  readonly run: LaneRun;
  readonly attempts: SettledAttempt[];
  readonly onSettled: OnSettled[];
  /** By an attempt of this epoch. */
  disable: { readonly reason: DisabledReason; readonly epoch: number } | null;
}

/** @param result.lookAnew the delivery may not be what the attempt was to make of it */
type OnSettled = (result: { readonly lookAnew: boolean }) => void;

export class Settlements {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #onBatch: (batch: { readonly lost: readonly LaneRun[] }) => void;
  readonly #onTrouble: (error: unknown) => void;
  #entries = new Map<LaneRun, Entry>();
  #count = 0;
  #flushing = false;
  #troubled = false;
  #callOff: (() => void) | null = null;

  /** @param options.onBatch is told after each batch, and which lanes turned out to be somebody else's */
  constructor(options: {
    readonly store: Store;
    readonly clock: Clock;
    readonly onBatch: (batch: { readonly lost: readonly LaneRun[] }) => void;
    readonly onTrouble: (error: unknown) => void;
  }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#onBatch = options.onBatch;
    this.#onTrouble = options.onTrouble;
  }

  /** The store does not take what was sent: until it does, nothing more should be. */
  get troubled(): boolean {
    return this.#troubled;
  }

  /** Attempts not on disk yet. */
  get waiting(): number {
    return this.#count;
  }

  add(run: LaneRun, attempt: SettledAttempt, options: { readonly disable: DisabledReason | null; readonly onSettled: OnSettled }): void {
    let entry = this.#entries.get(run);
    if (entry === undefined) {
      entry = { run, attempts: [], onSettled: [], disable: null };
      this.#entries.set(run, entry);
    }
    entry.attempts.push(attempt);
    entry.onSettled.push(options.onSettled);
    if (options.disable !== null && entry.disable?.epoch !== attempt.epoch)
      entry.disable = { reason: options.disable, epoch: attempt.epoch };
    this.#count += 1;
    if (this.#flushing) return;
    // Never within the turn that brought the outcomes: freed slots are filled first, so the network works while the database does.
    if (this.#count === ENOUGH) {
      this.#callOff?.();
      this.#callOff = this.#clock.after(0, () => this.#flushNow());
    } else {
      this.#callOff ??= this.#clock.after(GATHER_MS, () => this.#flushNow());
    }
  }

  #flushNow(): void {
    this.#callOff?.();
    this.#callOff = null;
    if (this.#flushing || this.#count === 0) return;
    this.#flushing = true;
    const entries = [...this.#entries.values()];
    this.#entries = new Map();
    const size = this.#count;
    this.#settle(entries).then(
      () => {
        this.#flushing = false;
        this.#count -= size;
        if (this.#count >= ENOUGH) this.#flushNow();
        else if (this.#count > 0) this.#callOff = this.#clock.after(GATHER_MS, () => this.#flushNow());
      },
      (error: unknown) => {
        // Only a fault of this program gets here; better to stop than to go on with a batch that was half told.
        queueMicrotask(() => {
          throw error;
        });
      },
    );
  }

  async #settle(entries: readonly Entry[]): Promise<void> {
    const results = await this.#settleUntilDone(entries);
    const lost: LaneRun[] = [];
    for (const [index, entry] of entries.entries()) {
      if (results[index] === 'stale') lost.push(entry.run);
      for (const onSettled of entry.onSettled) onSettled({ lookAnew: results[index] === 'look_anew' });
    }
    this.#onBatch({ lost });
  }

  /** A settle may be repeated (attempt ids are made by us), so one whose commit is in doubt is simply tried again. */
  async #settleUntilDone(entries: readonly Entry[]): Promise<LaneResult[]> {
    for (;;) {
      try {
        const results = await this.#store.lanes.settle(entries.map(settlementOf));
        this.#troubled = false;
        return results;
      } catch (error) {
        this.#troubled = true;
        this.#onTrouble(error);
        await new Promise<void>((resolve) => {
          this.#clock.after(RETRY_MS, resolve);
        });
      }
    }
  }
}

function settlementOf({ run, attempts, disable }: Entry): LaneSettlement {
  // Since the attempt came back its lane may have been looked at again, and its health have been started anew.
  const stands = disable !== null && disable.epoch === run.state.epoch;
  return { lease: run.leased.lease, attempts, state: run.state, disable: stands ? disable.reason : null };
}
