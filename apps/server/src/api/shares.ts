/**
 * What one application may take of what all share: the thread that serves them, memory, connections, the disk. Counted are its own keys and people. The API
 * provider is not: the installation is its own. In memory: each process counts for itself.
 */
import { createRateLimit } from '../accounts/rate-limit.ts';
import type { Principal } from './auth.ts';
import { Problem } from './problems.ts';

/** Requests that are not answered yet, or whose answer has not been read. */
const MOST_AT_ONCE = 100;
/**
 * Rows that its publishes write: a row for each event and each delivery, and one for each KiB of the body. With a hundred endpoints and batches of a thousand,
 * unlimited, one key made everybody's publish take 2 s and wrote 50 MB a second (measured).
 */
const ROWS = { window: 60, max: 50_000 };
const BYTES_OF_ROW = 1024;
/** What checking a strict type may take altogether: 1 s. */
const ROWS_OF_CHECKED_MS = 50;
/** Each may hold a connection to anywhere for 30 s. */
const TESTS = { window: 60, max: 120 };
/** In each environment. A publish makes a delivery for each. */
export const MOST_ENDPOINTS = 100;

export interface Shares {
  /** Counts a request in. @returns what counts it out again. @throws {Problem} where there are too many */
  enter(principal: Principal): () => void;
  /** Counts the body of a publish, of so many bytes, before it is read. @throws {Problem} */
  beginPublish(principal: Principal, bytes: number): void;
  /** Counts what a publish has come to. Bytes may be less than none: those of a body that was said to be larger. */
  addToPublish(principal: Principal, work: { readonly rows?: number; readonly bytes?: number; readonly checkedMs?: number }): void;
  /** Lets batches of one application write one after the other: each is asked after what the one before came to. @throws {Problem} */
  batchInTurn<T>(principal: Principal, write: () => Promise<T>): Promise<T>;
  /** Counts a test request. @throws {Problem} */
  beginTest(principal: Principal): void;
}

/** @param now epoch milliseconds */
export function createShares(now: () => number): Shares {
  const atOnce = new Map<string, number>();
  const counts = createRateLimit(now);
  const batches = new Map<string, Promise<void>>();

  function takeRows(application: string, rows: number): void {
    const { retryAfter } = counts.consume(`rows:${application}`, ROWS, rows);
    if (retryAfter !== null) throw tooMuch(`${PUBLISHES} Try again in ${retryAfter} s.`, retryAfter);
  }

  return {
    enter(principal) {
      const application = counted(principal);
      if (application === null) return () => undefined;
      const before = atOnce.get(application) ?? 0;
      if (before >= MOST_AT_ONCE) throw tooMuch(`An application has at most ${MOST_AT_ONCE} requests at once: wait for some of them.`, 1);
      atOnce.set(application, before + 1);
      return () => {
        const left = (atOnce.get(application) ?? 1) - 1;
        if (left === 0) atOnce.delete(application);
        else atOnce.set(application, left);
      };
    },
    beginPublish(principal, bytes) {
      const application = counted(principal);
      if (application !== null) takeRows(application, bytes / BYTES_OF_ROW);
    },
    addToPublish(principal, { rows = 0, bytes = 0, checkedMs = 0 }) {
      const application = counted(principal);
      if (application !== null) counts.add(`rows:${application}`, ROWS, rows + bytes / BYTES_OF_ROW + checkedMs * ROWS_OF_CHECKED_MS);
    },
    async batchInTurn(principal, write) {
      const application = counted(principal);
      if (application === null) return write();
      const before = batches.get(application);
      const { promise, resolve } = Promise.withResolvers<void>();
      batches.set(application, promise);
      try {
        await before;
        takeRows(application, 0);
        return await write();
      } finally {
        resolve();
        if (batches.get(application) === promise) batches.delete(application);
      }
    },
    beginTest(principal) {
      const application = counted(principal);
      if (application === null) return;
      const { retryAfter } = counts.consume(`tests:${application}`, TESTS);
      if (retryAfter !== null)
        throw tooMuch(`An application sends ${TESTS.max} test requests a minute. Try again in ${retryAfter} s.`, retryAfter);
    },
  };
}

const PUBLISHES = `An application publishes ${ROWS.max} rows a minute with keys of its own: each event, each of its deliveries and each KiB is one.`;

function counted({ rank, application }: Principal): string | null {
  return rank === 'provider' ? null : application;
}

function tooMuch(detail: string, seconds: number): Problem {
  return new Problem('too_many_requests', detail, { headers: { 'Retry-After': String(seconds) } });
}
