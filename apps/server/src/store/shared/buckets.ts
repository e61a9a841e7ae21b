/** Counting attempts into buckets of time: what is the same wherever the counts are kept. */
import { addLatencies, countLatency, type Latencies, latencyQuantile, ROLLUPS, type Rollup } from '@posthorn/core';
import type { Environment } from '../store.ts';

/** Whose counts a row holds. */
export const SCOPES = { environment: 0, application: 1, endpoint: 2 } as const;

/** To whom a lane's attempts count. By pk. */
export interface Owner {
  readonly environment: Environment;
  readonly application: number;
  readonly endpoint: number;
}

/** Of which counts `buckets` are. `owner`: a pk; 0 for the environment. */
export interface RollupSeries {
  readonly environment: Environment;
  readonly scope: number;
  readonly owner: number;
  readonly widthMs: number;
  readonly buckets: Buckets;
}

interface Sum {
  accepted: number;
  failed: number;
  readonly latencies: Latencies;
}

/** Counts by the start of their bucket. */
export class Buckets {
  readonly #sums = new Map<number, Sum>();

  add(at: number, more: Omit<Rollup, 'at'>): void {
    const sum = this.#sum(at);
    sum.accepted += more.accepted;
    sum.failed += more.failed;
    addLatencies(sum.latencies, more.latencies);
  }

  /** Attempts that took so many milliseconds each, and how many of them failed. */
  count(at: number, failed: number, durations: readonly number[]): void {
    const sum = this.#sum(at);
    sum.accepted += durations.length - failed;
    sum.failed += failed;
    for (const ms of durations) countLatency(sum.latencies, ms);
  }

  get size(): number {
    return this.#sums.size;
  }

  #sum(at: number): Sum {
    let sum = this.#sums.get(at);
    if (sum === undefined) {
      sum = { accepted: 0, failed: 0, latencies: {} };
      this.#sums.set(at, sum);
    }
    return sum;
  }

  sorted(): Rollup[] {
    return [...this.#sums].map(([at, sum]) => ({ at, ...sum })).sort((a, b) => a.at - b.at);
  }
}

/** A lane's minute is written to its endpoint's and its application's buckets of each width. The environment's few rows come on top, once for all lanes. */
const ROWS_OF_A_MINUTE = 2 * ROLLUPS.length;
/** Counting an attempt costs about a fiftieth of writing a row. */
export const ATTEMPTS_FOR_A_ROW = 10;

/** What one step moves into the buckets: counts by lane and minute, until they come to as many rows as the step may write. At least one of them fits. */
export class Share {
  readonly lanes = new Map<number, Buckets>();
  readonly #rows: number;
  #minutes = 0;
  #attempts = 0;

  constructor(rows: number) {
    this.#rows = rows;
  }

  get isFull(): boolean {
    return this.#minutes * ROWS_OF_A_MINUTE >= this.#rows || this.#attempts >= this.#rows * ATTEMPTS_FOR_A_ROW;
  }

  /** Attempts of one lane at that instant: how many failed, and how long each took in milliseconds. */
  count(lane: number, at: number, { failed, durations }: { readonly failed: number; readonly durations: readonly number[] }): void {
    let buckets = this.lanes.get(lane);
    if (buckets === undefined) {
      buckets = new Buckets();
      this.lanes.set(lane, buckets);
    }
    const before = buckets.size;
    buckets.count(bucketStart(at, ROLLUPS[0].widthMs), failed, durations);
    this.#minutes += buckets.size - before;
    this.#attempts += durations.length;
  }
}

/** What lanes counted by the minute, by owner and width. @param owners of the lanes; one without any counts for nobody */
export function addUp(lanes: ReadonlyMap<number, Buckets>, owners: ReadonlyMap<number, Owner>): RollupSeries[] {
  const series = new Map<string, RollupSeries>();
  for (const [lane, buckets] of lanes) {
    const owner = owners.get(lane);
    if (owner === undefined) continue;
    for (const rollup of buckets.sorted()) addMinute(series, owner, rollup);
  }
  return [...series.values()];
}

/** A minute of one lane counts in each width, for its endpoint, its application and its environment. */
function addMinute(series: Map<string, RollupSeries>, { environment, application, endpoint }: Owner, rollup: Rollup): void {
  const owners = [
    [SCOPES.environment, 0],
    [SCOPES.application, application],
    [SCOPES.endpoint, endpoint],
  ] as const;
  for (const [scope, owner] of owners) {
    for (const { widthMs } of ROLLUPS) {
      const name = `${environment} ${scope} ${owner} ${widthMs}`;
      let one = series.get(name);
      if (one === undefined) {
        one = { environment, scope, owner, widthMs, buckets: new Buckets() };
        series.set(name, one);
      }
      one.buckets.add(bucketStart(rollup.at, widthMs), rollup);
    }
  }
}

export function bucketStart(at: number, widthMs: number): number {
  return Math.floor(at / widthMs) * widthMs;
}

/** Who took longest, by the 95th percentile. @param rows latencies as JSON, any number of rows for one owner */
export function slowestOwners(
  rows: readonly { readonly owner: number; readonly latencies: string }[],
  limit: number,
): { readonly owner: number; readonly p95: number }[] {
  const sums = new Map<number, Latencies>();
  for (const { owner, latencies } of rows) {
    const sum = sums.get(owner) ?? {};
    addLatencies(sum, JSON.parse(latencies) as Latencies);
    sums.set(owner, sum);
  }
  const slowest = [...sums].map(([owner, latencies]) => ({ owner, p95: latencyQuantile(latencies, 0.95) ?? 0 }));
  return slowest.sort((a, b) => b.p95 - a.p95).slice(0, limit);
}
