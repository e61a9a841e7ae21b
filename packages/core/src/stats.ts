/**
 * Counts over time. Attempts are added up in buckets of a minute, an hour and a day (rollups), so a chart of a day and one of a year read a few hundred
 * rows each. A step is any whole number of minutes; its points are aligned to the multiples of the step since the Unix epoch.
 */
import { addLatencies, type Latencies, latencyQuantile } from './latency.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** The widths of buckets in milliseconds, and how long those of a width are kept at least. Wide ones are few: they are kept for a year's chart. */
export const ROLLUPS = [
  { widthMs: MINUTE_MS, keepMs: 3 * DAY_MS },
  { widthMs: HOUR_MS, keepMs: 90 * DAY_MS },
  { widthMs: DAY_MS, keepMs: 400 * DAY_MS },
] as const;

/** More than a screen has columns for. */
export const MOST_POINTS = 2_000;

/** What one bucket counted. `at`: its start, epoch milliseconds. */
export interface Rollup {
  readonly at: number;
  readonly accepted: number;
  readonly failed: number;
  readonly latencies: Latencies;
}

export interface StatsPoint {
  readonly at: number;
  readonly accepted: number;
  readonly failed: number;
  /** Milliseconds; null where there was no attempt. */
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/** A span in whole steps. `until` is exclusive. */
export interface StatsSpan {
  readonly since: number;
  readonly until: number;
  readonly stepMs: number;
}

const UNITS = { s: 1_000, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS } as const;

/** Reads `5m`, `3h`, `1d`, or a number of seconds: whole minutes, up to 31 days. @returns milliseconds, or null for what is none */
export function parseStep(text: string): number | null {
  const [, number = '', unit = 's'] = /^([1-9]\d{0,7})([smhd])?$/.exec(text) ?? [];
  const ms = Number(number) * UNITS[unit as keyof typeof UNITS];
  return number === '' || ms % MINUTE_MS !== 0 || ms > 31 * DAY_MS ? null : ms;
}

/** `5m`, `3h`, `1d`, which parseStep reads back. */
export function formatStep(ms: number): string {
  if (ms % DAY_MS === 0) return `${ms / DAY_MS}d`;
  return ms % HOUR_MS === 0 ? `${ms / HOUR_MS}h` : `${ms / MINUTE_MS}m`;
}

const STEPS = [1, 5, 10, 30, 60, 180, 360, 720, 1_440, 10_080].map((minutes) => minutes * MINUTE_MS);
const ENOUGH_POINTS = 120;

/** The finest usual step that makes no more points of a span than a chart can show. */
export function stepFor(spanMs: number): number {
  return STEPS.find((step) => spanMs / step <= ENOUGH_POINTS) ?? 31 * DAY_MS;
}

/** The span widened to whole steps. */
export function alignSpan({ since, until, stepMs }: StatsSpan): StatsSpan {
  return { since: Math.floor(since / stepMs) * stepMs, until: Math.ceil(until / stepMs) * stepMs, stepMs };
}

/** The width of the buckets that make up a step: the widest that divides it. */
export function widthFor(stepMs: number): number {
  return ROLLUPS.findLast(({ widthMs }) => stepMs % widthMs === 0)?.widthMs ?? MINUTE_MS;
}

/** How far back buckets of this width reach: older ones are gone. @returns milliseconds */
export function keptFor(widthMs: number): number {
  return ROLLUPS.find((rollup) => rollup.widthMs === widthMs)?.keepMs ?? 0;
}

/** One point for each step of an aligned span, with or without attempts, from the rollups in it. */
export function statsPoints(rollups: readonly Rollup[], { since, until, stepMs }: StatsSpan): StatsPoint[] {
  const sums = new Map<number, { accepted: number; failed: number; latencies: Latencies }>();
  for (const rollup of rollups) {
    const at = Math.floor(rollup.at / stepMs) * stepMs;
    let sum = sums.get(at);
    if (sum === undefined) {
      sum = { accepted: 0, failed: 0, latencies: {} };
      sums.set(at, sum);
    }
    sum.accepted += rollup.accepted;
    sum.failed += rollup.failed;
    addLatencies(sum.latencies, rollup.latencies);
  }
  const points: StatsPoint[] = [];
  for (let at = since; at < until; at += stepMs) {
    const { accepted, failed, latencies } = sums.get(at) ?? { accepted: 0, failed: 0, latencies: {} };
    const [p50 = null, p95 = null, p99 = null] = [0.5, 0.95, 0.99].map((share) => latencyQuantile(latencies, share));
    points.push({ at, accepted, failed, p50, p95, p99 });
  }
  return points;
}
