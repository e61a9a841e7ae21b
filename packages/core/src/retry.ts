/** The retry schedule: how long after a failed attempt the next one goes (CONTRACT §2). */

/** Seconds after the first, second, … failed attempt. After the last one the delivery has failed. */
export const DEFAULT_RETRY_SCHEDULE: readonly number[] = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000];

/** Up to this share of a step is added at random, so that what failed together is not retried together. */
const JITTER = 0.2;

/**
 * The pause before the next automatic attempt, in whole milliseconds, or null when the schedule is used up.
 *
 * @param schedule seconds per step
 * @param failures automatic attempts that have failed so far, this one included (1 or more)
 * @param options.random in [0, 1)
 */
export function retryDelayMs(schedule: readonly number[], failures: number, options: { readonly random: number }): number | null {
  const seconds = schedule[failures - 1];
  if (seconds === undefined) return null;
  return Math.round(seconds * 1000 * (1 + JITTER * options.random));
}

/** The longest pause that an endpoint may ask for with Retry-After: the schedule's longest step, in milliseconds. */
export function longestStepMs(schedule: readonly number[]): number {
  return Math.max(0, ...schedule) * 1000;
}
