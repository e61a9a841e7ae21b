/**
 * The store's clock is the database's, so that processes on several machines agree. It is asked at most once a second; in between it is carried on
 * by this process's monotonic clock, which neither jumps nor drifts far in that time.
 */
import { performance } from 'node:perf_hooks';
import type { Database } from './database.ts';

const FRESH_MS = 1_000;

export interface StoreClock {
  /** Epoch milliseconds. */
  now(): Promise<number>;
}

export function databaseClock(db: Database): StoreClock {
  /** The database's clock minus our monotonic one, at `at` of ours. */
  let sample: { readonly offset: number; readonly at: number } | null = null;
  let asking: Promise<number> | null = null;

  async function ask(): Promise<number> {
    const sentAt = performance.now();
    const row = await db.get<{ now: number }>('SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now');
    const at = performance.now();
    // The answer was true some time between the two; in the middle it is wrong by half a round trip at the most.
    sample = { offset: Number(row?.now) - (sentAt + at) / 2, at };
    return Math.floor(sample.offset + at);
  }

  return {
    async now() {
      const monotonic = performance.now();
      if (sample !== null && monotonic - sample.at < FRESH_MS) return Math.floor(sample.offset + monotonic);
      asking ??= ask().finally(() => {
        asking = null;
      });
      return asking;
    },
  };
}
