/**
 * Counts over time. A settle writes one row with what its whole batch counted (`rollup_deltas`), where a row per endpoint and width would be several
 * upserts for each lane of the batch. `foldStats` moves many of these at once into the buckets; who reads before that adds them up himself.
 */
import {
  type ApplicationId,
  addLatencies,
  countLatency,
  type EndpointId,
  type Latencies,
  latencyQuantile,
  ROLLUPS,
  type Rollup,
} from '@posthorn/core';
import type { Environment, StatsStore } from '../store.ts';
import type { SqliteContext } from './context.ts';
import { Conditions } from './page.ts';

/** Of the attempts of one lane in one settle: the lane, how many failed, how long each took in milliseconds. */
type LaneCounts = [lane: number, failed: number, durations: number[]];

/** What one settle counts. The hot path only notes durations; sorting them into a histogram is for later. */
export class Tally {
  readonly #lanes: LaneCounts[] = [];

  /** The counts of one lane, to which its attempts are added. */
  lane(lane: number): LaneCounts {
    const counts: LaneCounts = [lane, 0, []];
    this.#lanes.push(counts);
    return counts;
  }

  /** Within the settle's transaction. */
  write({ db, now }: SqliteContext): void {
    const counted = this.#lanes.filter(([, , durations]) => durations.length > 0);
    if (counted.length > 0) db.run('INSERT INTO rollup_deltas (at, counts) VALUES (?, ?)', now(), JSON.stringify(counted));
  }
}

export function countAttempt(
  counts: LaneCounts,
  { error, durationMs }: { readonly error: string | null; readonly durationMs: number },
): void {
  if (error !== null) counts[1] += 1;
  counts[2].push(Math.round(durationMs));
}

interface DeltaRow {
  readonly seq: number;
  readonly at: number;
  readonly counts: string;
}

interface Owner {
  readonly environment: Environment;
  readonly application: number;
  readonly endpoint: number;
}

const HOUR_MS = 3_600_000;
const SCOPES = { environment: 0, application: 1, endpoint: 2 } as const;

export function sqliteStats(context: SqliteContext): StatsStore {
  const { db } = context;
  return {
    async rollups(environment, { application, endpoint, widthMs, since, until }) {
      const [scope, owner] = scopeOf(context, application, endpoint);
      if (owner === null) return [];
      const buckets = new Buckets();
      const rows = db.all<{ at: number; accepted: number; failed: number; latencies: string }>(
        `SELECT at, accepted, failed, latencies FROM rollups
         WHERE environment = ? AND scope = ? AND owner = ? AND width = ? AND at >= ? AND at < ? ORDER BY at`,
        environment,
        scope,
        owner,
        widthMs,
        since,
        until,
      );
      for (const row of rows) buckets.add(row.at, { ...row, latencies: JSON.parse(row.latencies) as Latencies });
      const where = new Conditions().add('e.environment = ?', environment);
      if (scope === SCOPES.application) where.add('e.application = ?', owner);
      if (scope === SCOPES.endpoint) where.add('e.pk = ?', owner);
      const unfolded = db.all<{ at: number; failed: number; durations: string }>(
        `SELECT d.at, j.value ->> 1 AS failed, j.value -> 2 AS durations
         FROM rollup_deltas d, json_each(d.counts) j JOIN lanes l ON l.pk = j.value ->> 0 JOIN endpoints e ON e.pk = l.endpoint
         WHERE d.at >= ? AND d.at < ? AND ${where.sql}`,
        since,
        until,
        ...where.parameters,
      );
      for (const row of unfolded) {
        buckets.count(Math.floor(row.at / widthMs) * widthMs, row.failed, JSON.parse(row.durations) as number[]);
      }
      return buckets.sorted();
    },
    async slowest(environment, { since, limit }) {
      // By the index of age: an hour has a row for each endpoint that was sent to, and there are two of them at most.
      const rows = db.all<{ owner: number; latencies: string }>(
        `SELECT owner, latencies FROM rollups INDEXED BY rollups_age WHERE width = ? AND at >= ? AND environment = ? AND scope = ${SCOPES.endpoint}`,
        HOUR_MS,
        Math.floor(since / HOUR_MS) * HOUR_MS,
        environment,
      );
      const sums = new Map<number, Latencies>();
      for (const { owner, latencies } of rows) {
        const sum = sums.get(owner) ?? {};
        addLatencies(sum, JSON.parse(latencies) as Latencies);
        sums.set(owner, sum);
      }
      const slowest = [...sums].map(([owner, latencies]) => ({ owner, p95: latencyQuantile(latencies, 0.95) ?? 0 }));
      slowest.sort((a, b) => b.p95 - a.p95);
      return slowest.slice(0, limit).flatMap(({ owner, p95 }) => {
        const found = db.get<{ endpoint: EndpointId; url: string; application: ApplicationId }>(
          `SELECT e.id AS endpoint, e.url, a.id AS application FROM endpoints e JOIN applications a ON a.pk = e.application
           WHERE e.pk = ? AND e.deleted_at IS NULL`,
          owner,
        );
        return found === undefined ? [] : [{ ...found, p95 }];
      });
    },
  };
}

function scopeOf({ db }: SqliteContext, application: string | null, endpoint: string | null): [number, number | null] {
  if (endpoint !== null) return [SCOPES.endpoint, pkOf(db.get<{ pk: number }>('SELECT pk FROM endpoints WHERE id = ?', endpoint))];
  if (application === null) return [SCOPES.environment, 0];
  return [SCOPES.application, pkOf(db.get<{ pk: number }>('SELECT pk FROM applications WHERE id = ?', application))];
}

function pkOf(row: { readonly pk: number } | undefined): number | null {
  return row?.pk ?? null;
}

interface Sum {
  accepted: number;
  failed: number;
  readonly latencies: Latencies;
}

/** Counts by the start of their bucket. */
class Buckets {
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

/** Moves up to `limit` batches into the buckets. @returns whether there may be more */
export function foldStats(context: SqliteContext, limit: number): boolean {
  const { db } = context;
  const deltas = db.all<DeltaRow>('SELECT seq, at, counts FROM rollup_deltas ORDER BY seq LIMIT ?', limit);
  const last = deltas.at(-1);
  if (last === undefined) return false;
  const minutes = perLaneAndMinute(deltas);
  const owners = ownersOf(context, [...minutes.keys()]);
  const sums = new Map<string, { readonly key: (string | number)[]; readonly buckets: Buckets }>();
  for (const [lane, buckets] of minutes) {
    const owner = owners.get(lane);
    if (owner === undefined) continue;
    for (const rollup of buckets.sorted()) addUp(sums, owner, rollup);
  }
  for (const { key, buckets } of sums.values()) {
    for (const rollup of buckets.sorted()) upsert(context, key, rollup);
  }
  db.run('DELETE FROM rollup_deltas WHERE seq <= ?', last.seq);
  return deltas.length === limit;
}

function perLaneAndMinute(deltas: readonly DeltaRow[]): Map<number, Buckets> {
  const minute = ROLLUPS[0].widthMs;
  const lanes = new Map<number, Buckets>();
  for (const { at, counts } of deltas) {
    for (const [lane, failed, durations] of JSON.parse(counts) as LaneCounts[]) {
      let buckets = lanes.get(lane);
      if (buckets === undefined) {
        buckets = new Buckets();
        lanes.set(lane, buckets);
      }
      buckets.count(Math.floor(at / minute) * minute, failed, durations);
    }
  }
  return lanes;
}

function ownersOf({ db }: SqliteContext, lanes: readonly number[]): Map<number, Owner> {
  const rows = db.all<Owner & { lane: number }>(
    `SELECT l.pk AS lane, e.environment, e.application, e.pk AS endpoint
     FROM json_each(?) j JOIN lanes l ON l.pk = j.value JOIN endpoints e ON e.pk = l.endpoint`,
    JSON.stringify(lanes),
  );
  return new Map(rows.map(({ lane, ...owner }) => [lane, owner]));
}

/** A minute of one lane counts in each width, for its endpoint, its application and its environment. */
function addUp(
  sums: Map<string, { readonly key: (string | number)[]; readonly buckets: Buckets }>,
  { environment, application, endpoint }: Owner,
  rollup: Rollup,
): void {
  const owners = [
    [SCOPES.environment, 0],
    [SCOPES.application, application],
    [SCOPES.endpoint, endpoint],
  ] as const;
  for (const [scope, owner] of owners) {
    for (const { widthMs } of ROLLUPS) {
      const key = [environment, scope, owner, widthMs];
      const name = key.join(' ');
      let sum = sums.get(name);
      if (sum === undefined) {
        sum = { key, buckets: new Buckets() };
        sums.set(name, sum);
      }
      sum.buckets.add(Math.floor(rollup.at / widthMs) * widthMs, rollup);
    }
  }
}

function upsert({ db }: SqliteContext, key: readonly (string | number)[], { at, accepted, failed, latencies }: Rollup): void {
  const before = db.get<{ latencies: string }>(
    'SELECT latencies FROM rollups WHERE environment = ? AND scope = ? AND owner = ? AND width = ? AND at = ?',
    ...key,
    at,
  );
  if (before !== undefined) addLatencies(latencies, JSON.parse(before.latencies) as Latencies);
  db.run(
    `INSERT INTO rollups (environment, scope, owner, width, at, accepted, failed, latencies) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET accepted = accepted + excluded.accepted, failed = failed + excluded.failed, latencies = excluded.latencies`,
    ...key,
    at,
    accepted,
    failed,
    JSON.stringify(latencies),
  );
}
