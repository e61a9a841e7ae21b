/**
 * Counts over time. A settle writes one row with what its whole batch counted (`rollup_deltas`), where a row per endpoint and width would be several
 * upserts for each lane of the batch, and all dispatchers would queue for the environment's. `foldStats` moves these into the buckets; who reads
 * before that adds them up himself.
 */
import { addLatencies, type Latencies } from '@posthorn/core';
import type { Conditions } from '../page.ts';
import { ATTEMPTS_FOR_A_ROW, addUp, type Owner, type RollupSeries, Share } from '../shared/buckets.ts';
import { all, type Recipe } from '../shared/recipe.ts';
import { int2s, int4s, int8s, texts } from './arrays.ts';
import type { PostgresContext } from './context.ts';
import type { Transaction } from './database.ts';

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

/** The oldest batches, until they hold $2 attempts. JSON is read several times faster than an array's own text. */
const OLDEST = `SELECT seq, at, array_to_json(lanes)::text AS lanes, array_to_json(durations)::text AS durations, array_to_json(failed)::text AS failed
  FROM (
    SELECT *, sum(cardinality(lanes)) OVER (ORDER BY seq) - cardinality(lanes) AS before
    FROM (SELECT * FROM posthorn.rollup_deltas ORDER BY seq LIMIT $1) oldest
  ) d WHERE before < $2 ORDER BY seq`;

interface DeltaRow {
  readonly seq: number;
  readonly at: number;
  readonly lanes: string;
  readonly durations: string;
  readonly failed: string;
}

/** By seq: one that is lower may be committed later. */
const DELETE = 'DELETE FROM posthorn.rollup_deltas WHERE seq = ANY ($1::bigint[])';
const SHORTEN = 'UPDATE posthorn.rollup_deltas SET lanes = lanes[$2:], durations = durations[$2:], failed = failed[$2:] WHERE seq = $1';

const OWNERS = `SELECT l.pk AS lane, e.environment, e.application, e.pk AS endpoint
  FROM posthorn.lanes l JOIN posthorn.endpoints e ON e.pk = l.endpoint WHERE l.pk = ANY ($1::integer[])`;

const BEFORE = `SELECT r.environment, r.scope, r.owner, r.width, r.at, r.latencies
  FROM unnest($1::text[], $2::smallint[], $3::integer[], $4::integer[], $5::bigint[]) AS k (environment, scope, owner, width, at)
  JOIN posthorn.rollups r ON r.environment = k.environment AND r.scope = k.scope AND r.owner = k.owner AND r.width = k.width AND r.at = k.at`;

const WRITE = `INSERT INTO posthorn.rollups AS r (environment, scope, owner, width, at, accepted, failed, latencies)
  SELECT * FROM unnest($1::text[], $2::smallint[], $3::integer[], $4::integer[], $5::bigint[], $6::integer[], $7::integer[], $8::text[])
  ON CONFLICT (environment, scope, owner, width, at)
  DO UPDATE SET accepted = r.accepted + excluded.accepted, failed = r.failed + excluded.failed, latencies = excluded.latencies`;

/**
 * Moves counts into the buckets, up to about `limit` rows of these: the loop adds them up, and is not to be held for long. A batch that comes to more is moved in
 * parts: what is left of it is written back in the same transaction.
 * @returns whether there may be more
 */
export function foldStats({ db }: PostgresContext, limit: number): Promise<boolean> {
  return db.transaction(async (tx) => {
    if ((await tx.get<{ alone: boolean }>(ALONE))?.alone !== true) return false;
    const deltas = await tx.all<DeltaRow>(OLDEST, limit, limit * ATTEMPTS_FOR_A_ROW);
    const share = new Share(limit);
    const done: number[] = [];
    for (const delta of deltas) {
      if (share.isFull) break;
      const { taken, isWhole } = take(share, delta);
      if (isWhole) done.push(delta.seq);
      // Arrays count from 1.
      else await tx.run(SHORTEN, delta.seq, taken + 1);
    }
    await tx.run(DELETE, int8s(done));
    const owners = await tx.all<Owner & { readonly lane: number }>(OWNERS, int4s([...share.lanes.keys()]));
    await write(tx, addUp(share.lanes, new Map(owners.map(({ lane, ...owner }) => [lane, owner]))));
    return share.isFull || deltas.length === limit;
  });
}

/** Takes attempts as long as the share has room. @returns how many, and whether these are all */
function take(share: Share, { at, ...delta }: DeltaRow): { readonly taken: number; readonly isWhole: boolean } {
  const lanes = JSON.parse(delta.lanes) as number[];
  const durations = JSON.parse(delta.durations) as number[];
  const failed = JSON.parse(delta.failed) as boolean[];
  let taken = 0;
  for (const lane of lanes) {
    if (share.isFull) break;
    share.count(lane, at, { failed: failed[taken] === true ? 1 : 0, durations: durations.slice(taken, taken + 1) });
    taken += 1;
  }
  return { taken, isWhole: taken === lanes.length };
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
