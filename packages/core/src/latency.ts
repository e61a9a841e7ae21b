/**
 * Latencies as a histogram whose buckets grow by a fourth root of two: whatever the number of attempts, a few dozen counts tell every quantile to within
 * a fifth, most to within a twentieth. Histograms of different times and endpoints are added count by count.
 */

const PER_DOUBLING = 4;
/** Its upper bound is 65 s: no attempt takes longer. */
const LAST_BUCKET = 64;

/** Counts by bucket; a bucket without any is left out. JSON as it stands. */
export type Latencies = Record<string, number>;

/** Upper bounds in milliseconds; the first bucket holds everything up to 1 ms. */
const BOUNDS: readonly number[] = Array.from({ length: LAST_BUCKET + 1 }, (_, bucket) => 2 ** (bucket / PER_DOUBLING));

/** The bucket of a duration in milliseconds. Looked up for each attempt that is settled, so without allocating anything. */
function bucketOf(ms: number): number {
  if (!(ms > 1)) return 0;
  return Math.min(LAST_BUCKET, Math.ceil(Math.log2(ms) * PER_DOUBLING - 1e-9));
}

/** Counts one duration in `into`. */
export function countLatency(into: Latencies, ms: number): void {
  const bucket = bucketOf(ms);
  into[bucket] = (into[bucket] ?? 0) + 1;
}

/** Adds all counts of `more` to `into`. */
export function addLatencies(into: Latencies, more: Latencies): void {
  for (const [bucket, count] of Object.entries(more)) into[bucket] = (into[bucket] ?? 0) + count;
}

/**
 * The duration that a share of all counted ones does not exceed, in milliseconds, within a fifth of the truth. Null where none was counted.
 * @param share in (0, 1]: 0.95 for the 95th percentile
 */
export function latencyQuantile(latencies: Latencies, share: number): number | null {
  const counts = Object.entries(latencies)
    .map(([bucket, count]) => ({ bucket: Number(bucket), count }))
    .sort((a, b) => a.bucket - b.bucket);
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return null;
  let left = share * total;
  for (const { bucket, count } of counts) {
    if (left <= count) return within(bucket, left / count);
    left -= count;
  }
  return BOUNDS[counts.at(-1)?.bucket ?? 0] ?? null;
}

/** The place in a bucket, which is as far along as its counts go: geometrically, as the bounds grow. */
function within(bucket: number, share: number): number {
  const upper = BOUNDS[bucket] ?? 0;
  const lower = bucket === 0 ? 0 : (BOUNDS[bucket - 1] ?? 0);
  return Math.min(upper, lower === 0 ? upper * share : lower * (upper / lower) ** share);
}
