import { setTimeout as sleep } from 'node:timers/promises';
import type { Outbox } from './outbox.ts';
import type { Publish, PublishOutcome } from './publish.ts';

export interface Relay {
  /** Says that the outbox has something new. Cheap; call it after each commit. */
  wake(): void;
  /** Ends the loop, breaking off a publish under way: it goes out again at the next start, under the same ids. */
  stop(): Promise<void>;
}

export interface RelayOptions {
  readonly outbox: Outbox;
  readonly publish: Publish;
  readonly log: (line: string) => void;
  /** The pause after a first failure; it doubles up to the longest. */
  readonly firstPauseMs?: number;
  readonly longestPauseMs?: number;
  /** Events per request; Posthorn takes up to 1,000, and 16 MiB. */
  readonly largestBatch?: number;
}

/**
 * Publishes the outbox in its order. The next event goes out only once those before it were answered 202 (or set aside), so a
 * crash, a lost answer, or even a second relay on the same outbox can repeat events, which Posthorn knows by their ids, but not
 * reorder them.
 */
export function startRelay(options: RelayOptions): Relay {
  const { outbox, publish, log, firstPauseMs = 250, longestPauseMs = 15_000, largestBatch = 100 } = options;
  const stopping = new AbortController();
  let woken = Promise.withResolvers<void>();
  let batchSize = largestBatch;
  let pauseMs = 0;

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      woken = Promise.withResolvers<void>(); // before the look, so that no wake-up is lost
      const outcome = await publishNext();
      if (outcome.kind === 'idle') await woken.promise;
      if (outcome.kind !== 'unavailable') {
        pauseMs = 0;
        continue;
      }
      if (stopping.signal.aborted) return;
      pauseMs = Math.min(Math.max(pauseMs * 2, firstPauseMs), longestPauseMs);
      const thisPauseMs = Math.max(pauseMs, Math.min(outcome.retryAfterMs, longestPauseMs));
      log(`publish: ${outcome.reason}; again in ${thisPauseMs} ms`);
      await sleep(thisPauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  async function publishNext(): Promise<PublishOutcome | { readonly kind: 'idle' }> {
    try {
      const events = outbox.next(batchSize);
      const [first] = events;
      if (first === undefined) return { kind: 'idle' };
      const outcome = await publish(events, stopping.signal);
      if (outcome.kind === 'published') {
        outbox.markPublished(events.map(({ id }) => id));
        batchSize = Math.min(batchSize * 2, largestBatch);
      } else if (events.length > 1) {
        // A batch is taken whole or not at all. Halving it finds the one event that is refused, and lightens what was too much.
        batchSize = Math.ceil(events.length / 2);
      } else if (outcome.kind === 'refused') {
        outbox.setAside(first.id, outcome.reason);
        log(`publish: ${first.id} set aside, later events of ${first.orderingKey} are held: ${outcome.reason}`);
      }
      return outcome;
    } catch (error) {
      // The outbox itself failed (a locked or full disk): nothing was recorded, so the same events come again.
      return { kind: 'unavailable', reason: String(error), retryAfterMs: 0 };
    }
  }

  const running = run();
  return {
    wake: () => woken.resolve(),
    stop: async () => {
      stopping.abort();
      woken.resolve();
      await running;
    },
  };
}
