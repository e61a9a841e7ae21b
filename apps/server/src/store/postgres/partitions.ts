/**
 * Partitions by the event's time, a week each: thirteen for the 90 days that are kept by default, so that a statement that cannot name the time still
 * looks at few. They are made ahead by whoever starts or runs, and at once where one is missing all the same.
 */
import type { Database, Transaction } from './database.ts';

const TABLES = ['events', 'deliveries', 'attempts'] as const;
const WEEK_MS = 7 * 24 * 3_600_000;
/** Mondays at midnight UTC: the epoch was a Thursday. */
const FIRST_MONDAY = 4 * 24 * 3_600_000;
const WEEKS_AHEAD = 2;
/** Taken by whoever makes or drops partitions: two at once would wait for each other's locks. */
const LOCK = '8101815670912281199';

/** The week in which `at` lies. Instants are epoch milliseconds. */
function weekOf(at: number): { readonly from: number; readonly to: number; readonly suffix: string } {
  const from = Math.floor((at - FIRST_MONDAY) / WEEK_MS) * WEEK_MS + FIRST_MONDAY;
  const [year = '', month = '', day = ''] = new Date(from).toISOString().slice(0, 10).split('-');
  return { from, to: from + WEEK_MS, suffix: `${year}${month}${day}` };
}

/** Makes the partitions of these instants where they are missing. */
export async function ensurePartitions(db: Database, instants: readonly number[]): Promise<void> {
  const weeks = new Map(instants.map((at) => [weekOf(at).from, weekOf(at)]));
  const wanted = [...weeks.values()].flatMap((week) => TABLES.map((table) => ({ table, week, name: `${table}_${week.suffix}` })));
  const have = new Set(
    (
      await db.all<{ name: string }>(
        `SELECT relname AS name FROM pg_class WHERE relnamespace = 'posthorn'::regnamespace AND relispartition`,
      )
    ).map(({ name }) => name),
  );
  const missing = wanted.filter(({ name }) => !have.has(name));
  if (missing.length === 0) return;
  await db.transaction(async (tx) => {
    await tx.run(`SELECT pg_advisory_xact_lock(${LOCK})`);
    for (const { table, week, name } of missing) await makePartition(tx, { table, name, from: week.from, to: week.to });
  });
}

/** Attached after it was made: CREATE … PARTITION OF would keep readers and writers of the whole table out meanwhile. */
async function makePartition(
  tx: Transaction,
  { table, name, from, to }: { readonly table: string; readonly name: string; readonly from: number; readonly to: number },
): Promise<void> {
  if ((await tx.get<{ oid: string | null }>(`SELECT to_regclass($1)::text AS oid`, `posthorn.${name}`))?.oid != null) return;
  await tx.run(`CREATE TABLE posthorn.${name} (LIKE posthorn.${table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)`);
  if (table === 'attempts')
    await tx.run(`ALTER TABLE posthorn.${name} SET (fillfactor = 100, autovacuum_vacuum_insert_scale_factor = 0.5)`);
  await tx.run(`ALTER TABLE posthorn.${table} ATTACH PARTITION posthorn.${name} FOR VALUES FROM (${from}) TO (${to})`);
}

/** The weeks from now on that should be there already. */
export function weeksAhead(now: number): number[] {
  return Array.from({ length: WEEKS_AHEAD + 1 }, (_, index) => now + index * WEEK_MS);
}
