/**
 * Counts over time. A settle writes one row with what its whole batch counted (`rollup_deltas`), where a row per endpoint and width would be several
 * upserts for each lane of the batch. `foldStats` moves these into the buckets; who reads before that adds them up himself.
 */
import { addLatencies, type Latencies } from '@posthorn/core';
import type { Conditions } from '../page.ts';
import { addUp, type Owner, type RollupSeries, Share } from '../shared/buckets.ts';
import { all, type Recipe } from '../shared/recipe.ts';
import type { SqliteContext } from './context.ts';

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

export function* unfolded(where: Conditions): Recipe<{ at: number; failed: number; durations: number[] }[]> {
  const rows = yield* all<{ at: number; failed: number; durations: string }>(
    `SELECT d.at, j.value ->> 1 AS failed, j.value -> 2 AS durations
     FROM rollup_deltas d, json_each(d.counts) j JOIN lanes l ON l.pk = j.value ->> 0 JOIN endpoints e ON e.pk = l.endpoint
     WHERE ${where.sql}`,
    ...where.parameters,
  );
  return rows.map(({ at, failed, durations }) => ({ at, failed, durations: JSON.parse(durations) as number[] }));
}

interface DeltaRow {
  readonly seq: number;
  readonly at: number;
  readonly counts: string;
}

/**
 * Moves counts into the buckets, up to about `limit` rows of these: 15 µs each, so that a batch of 400 lanes, which is 2,400 rows, is moved in parts. What is
 * left of a batch is written back in the same transaction.
 * @returns whether there may be more
 */
export function foldStats(context: SqliteContext, limit: number): boolean {
  const { db } = context;
  const share = new Share(limit);
  let done = 0;
  while (!share.isFull) {
    const delta = db.get<DeltaRow>('SELECT seq, at, counts FROM rollup_deltas WHERE seq > ? ORDER BY seq LIMIT 1', done);
    if (delta === undefined) break;
    const left = take(share, delta.at, JSON.parse(delta.counts) as LaneCounts[]);
    if (left.length === 0) done = delta.seq;
    else db.run('UPDATE rollup_deltas SET counts = ? WHERE seq = ?', JSON.stringify(left), delta.seq);
  }
  for (const series of addUp(share.lanes, ownersOf(context, [...share.lanes.keys()]))) upsert(context, series);
  db.run('DELETE FROM rollup_deltas WHERE seq <= ?', done);
  return share.isFull;
}

/** @returns what the share has no room for */
function take(share: Share, at: number, counts: readonly LaneCounts[]): readonly LaneCounts[] {
  for (const [index, [lane, failed, durations]] of counts.entries()) {
    if (share.isFull) return counts.slice(index);
    share.count(lane, at, { failed, durations });
  }
  return [];
}

function ownersOf({ db }: SqliteContext, lanes: readonly number[]): Map<number, Owner> {
  const rows = db.all<Owner & { lane: number }>(
    `SELECT l.pk AS lane, e.environment, e.application, e.pk AS endpoint
     FROM json_each(?) j JOIN lanes l ON l.pk = j.value JOIN endpoints e ON e.pk = l.endpoint`,
    JSON.stringify(lanes),
  );
  return new Map(rows.map(({ lane, ...owner }) => [lane, owner]));
}

function upsert({ db }: SqliteContext, { environment, scope, owner, widthMs, buckets }: RollupSeries): void {
  const key = [environment, scope, owner, widthMs];
  for (const { at, accepted, failed, latencies } of buckets.sorted()) {
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
}
