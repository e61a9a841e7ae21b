/**
 * Counts over time. A settle writes one row with what its whole batch counted (`rollup_deltas`), where a row per endpoint and width would be several
 * upserts for each lane of the batch, and all dispatchers would queue for the environment's. `foldStats` moves many of these at once into the buckets; who reads
 * before that adds them up himself.
 */
import { addLatencies, type Latencies, ROLLUPS } from '@posthorn/core';
import type { Conditions } from '../page.ts';
import { addUp, Buckets, type Owner, type RollupSeries } from '../shared/buckets.ts';
import { all, type Recipe } from '../shared/recipe.ts';
import { int2s, int4s, int8s, texts } from './arrays.ts';
import type { PostgresContext } from './context.ts';
import type { Transaction } from './database.ts';

/** The sums of each lane and minute. @param minute its width: a parameter */
const counted = (deltas: string, minute: string): string => `SELECT c.lane, d.at / ${minute} * ${minute} AS at,
    count(*) FILTER (WHERE c.failed) AS failed, array_agg(c.duration) AS durations
  FROM (${deltas}) d CROSS JOIN LATERAL unnest(d.lanes, d.durations, d.failed) AS c (lane, duration, failed)
  GROUP BY 1, 2`;

interface CountedRow {
  readonly lane: number;
  readonly at: number;
  readonly failed: number;
  readonly durations: readonly number[];
}

export function unfolded(where: Conditions): Recipe<{ at: number; failed: number; durations: number[] }[]> {
  return all(
    `SELECT d.at, count(*) FILTER (WHERE c.failed) AS failed, array_agg(c.duration) AS durations
     FROM posthorn.rollup_deltas d CROSS JOIN LATERAL unnest(d.lanes, d.durations, d.failed) AS c (lane, duration, failed)
     JOIN posthorn.lanes l ON l.pk = c.lane JOIN posthorn.endpoints e ON e.pk = l.endpoint
     WHERE ${where.sql} GROUP BY d.at`,
    ...where.parameters,
  );
}

/** One process at a time: the others have nothing to fold meanwhile. */
const ALONE = 'SELECT pg_try_advisory_xact_lock(8101815670912281203) AS alone';

const TAKE = `WITH taken AS (
    DELETE FROM posthorn.rollup_deltas WHERE seq = ANY (ARRAY(SELECT seq FROM posthorn.rollup_deltas ORDER BY seq LIMIT $1))
    RETURNING at, lanes, durations, failed
  ), sums AS (${counted('SELECT * FROM taken', '$2::bigint')})
  SELECT s.*, (SELECT count(*) FROM taken) AS taken, e.environment, e.application, e.pk AS endpoint
  FROM sums s LEFT JOIN posthorn.lanes l ON l.pk = s.lane LEFT JOIN posthorn.endpoints e ON e.pk = l.endpoint`;

const BEFORE = `SELECT r.environment, r.scope, r.owner, r.width, r.at, r.latencies
  FROM unnest($1::text[], $2::smallint[], $3::integer[], $4::integer[], $5::bigint[]) AS k (environment, scope, owner, width, at)
  JOIN posthorn.rollups r ON r.environment = k.environment AND r.scope = k.scope AND r.owner = k.owner AND r.width = k.width AND r.at = k.at`;

const WRITE = `INSERT INTO posthorn.rollups AS r (environment, scope, owner, width, at, accepted, failed, latencies)
  SELECT * FROM unnest($1::text[], $2::smallint[], $3::integer[], $4::integer[], $5::bigint[], $6::integer[], $7::integer[], $8::text[])
  ON CONFLICT (environment, scope, owner, width, at)
  DO UPDATE SET accepted = r.accepted + excluded.accepted, failed = r.failed + excluded.failed, latencies = excluded.latencies`;

/** Moves up to `limit` batches into the buckets. @returns whether there may be more */
export function foldStats({ db }: PostgresContext, limit: number): Promise<boolean> {
  return db.transaction(async (tx) => {
    if ((await tx.get<{ alone: boolean }>(ALONE))?.alone !== true) return false;
    const rows = await tx.all<CountedRow & Partial<Owner> & { readonly taken: number }>(TAKE, limit, ROLLUPS[0].widthMs);
    const lanes = new Map<number, Buckets>();
    const owners = new Map<number, Owner>();
    for (const { lane, at, failed, durations, environment, application, endpoint } of rows) {
      const buckets = lanes.get(lane) ?? new Buckets();
      lanes.set(lane, buckets);
      buckets.count(at, failed, durations);
      if (environment != null && application != null && endpoint != null) owners.set(lane, { environment, application, endpoint });
    }
    await write(tx, addUp(lanes, owners));
    return (rows[0]?.taken ?? 0) === limit;
  });
}

async function write(tx: Transaction, series: readonly RollupSeries[]): Promise<void> {
  const rollups = series.flatMap(({ buckets, ...of }) => buckets.sorted().map((rollup) => ({ ...of, ...rollup })));
  if (rollups.length === 0) return;
  const keys = [
    texts(rollups.map(({ environment }) => environment)),
    int2s(rollups.map(({ scope }) => scope)),
    int4s(rollups.map(({ owner }) => owner)),
    int4s(rollups.map(({ widthMs }) => widthMs)),
    int8s(rollups.map(({ at }) => at)),
  ];
  const name = (environment: string, ...numbers: readonly number[]): string => `${environment} ${numbers.join(' ')}`;
  const before = new Map(
    (
      await tx.all<{ environment: string; scope: number; owner: number; width: number; at: number; latencies: string }>(BEFORE, ...keys)
    ).map((row) => [name(row.environment, row.scope, row.owner, row.width, row.at), JSON.parse(row.latencies) as Latencies]),
  );
  for (const { environment, scope, owner, widthMs, at, latencies } of rollups) {
    const old = before.get(name(environment, scope, owner, widthMs, at));
    if (old !== undefined) addLatencies(latencies, old);
  }
  await tx.run(
    WRITE,
    ...keys,
    int4s(rollups.map(({ accepted }) => accepted)),
    int4s(rollups.map(({ failed }) => failed)),
    texts(rollups.map(({ latencies }) => JSON.stringify(latencies))),
  );
}
