/** What some process has to do now and then: partitions ahead, and a look for lanes that nobody would wake. */
import type { PostgresContext } from './context.ts';
import { IMPATIENT } from './lease.ts';
import { ensurePartitions, weeksAhead } from './partitions.ts';

/** Partitions are made two weeks ahead; a look at them a day would do. */
const PARTITIONS_EVERY_MS = 6 * 3_600_000;
const SWEEP_EVERY_MS = 60_000;

/**
 * An idle lane in which something waits has a mark that says from when on. One without any would wait for the next publish. It should not exist
 * (docs/decisions/0015-postgres-lanes.md); the safety net costs one look a minute at the lanes that have no mark.
 */
const SWEEP = `UPDATE posthorn.lanes SET due_at = $1 WHERE pk IN (
    SELECT l.pk FROM posthorn.lanes l
    WHERE l.holder IS NULL AND l.deleted = 0 AND l.first_at IS NULL AND l.due_at IS NULL
      AND EXISTS (SELECT FROM posthorn.pending p WHERE p.lane = l.pk)
    ORDER BY l.pk FOR UPDATE SKIP LOCKED
  ) RETURNING pk`;

export async function makePartitions({ db, clock }: PostgresContext): Promise<void> {
  await ensurePartitions(db, weeksAhead(await clock.now()));
}

/** @returns a function that ends it */
export function startSweep(
  context: PostgresContext,
  options: { readonly sweep: boolean; readonly onSwept: (lanes: readonly number[]) => void },
): () => void {
  // One that fails is made up for by the next, and by the publish that misses its partition.
  const partitions = setInterval(() => {
    makePartitions(context).catch(() => {});
  }, PARTITIONS_EVERY_MS).unref();
  const sweep = setInterval(() => {
    if (!options.sweep) return;
    sweepLanes(context).then(
      (lanes) => {
        if (lanes.length > 0) options.onSwept(lanes);
      },
      () => {},
    );
  }, SWEEP_EVERY_MS).unref();
  return () => {
    clearInterval(partitions);
    clearInterval(sweep);
  };
}

async function sweepLanes({ hot, clock, hint }: PostgresContext): Promise<number[]> {
  const [, rows = []] = await hot.batch([IMPATIENT, { sql: SWEEP, values: [await clock.now()] }]);
  if (rows.length > 0) hint({ kind: 'work' });
  return rows.map(({ pk }) => pk as number);
}
