/**
 * Partitions by the event's time, a week each: thirteen for the 90 days that are kept by default, so that a statement that cannot name the time still
 * looks at few. They are made ahead by whoever starts or runs, and at once where one is missing all the same.
 */
import type { Database, Transaction } from './database.ts';

const TABLES = ['events', 'deliveries', 'attempts'] as const;
export const WEEK_MS = 7 * 24 * 3_600_000;
/** Mondays at midnight UTC: the epoch was a Thursday. */
const FIRST_MONDAY = 4 * 24 * 3_600_000;
const WEEKS_AHEAD = 2;
/** Taken by whoever makes or drops partitions: two at once would wait for each other's locks. */
const LOCK = '8101815670912281199';

/** Instants are epoch milliseconds. */
interface Week {
  readonly from: number;
  readonly to: number;
  /** Of the names of its partitions. */
  readonly suffix: string;
}

/** The week in which `at` lies. */
function weekOf(at: number): Week {
  const from = Math.floor((at - FIRST_MONDAY) / WEEK_MS) * WEEK_MS + FIRST_MONDAY;
  const [year = '', month = '', day = ''] = new Date(from).toISOString().slice(0, 10).split('-');
  return { from, to: from + WEEK_MS, suffix: `${year}${month}${day}` };
}

/** The first instant after the week in which `at` lies. */
export function weekEnd(at: number): number {
  return weekOf(at).to;
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

interface TableRow {
  readonly table: (typeof TABLES)[number];
  readonly suffix: string;
  readonly attached: boolean;
  /** It was about to be detached when somebody was stopped. */
  readonly detaching: boolean;
  /** Estimated. */
  readonly rows: number;
}

/** What is there of events, deliveries and attempts, week by week: a week's tables that were detached and not dropped yet as well. */
function tables(db: Transaction): Promise<TableRow[]> {
  return db.all<TableRow>(
    `SELECT split_part(c.relname, '_', 1) AS "table", split_part(c.relname, '_', 2) AS suffix, c.relispartition AS attached,
       coalesce(i.inhdetachpending, false) AS detaching, greatest(c.reltuples, 0)::bigint AS rows
     FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
     WHERE c.relnamespace = 'posthorn'::regnamespace AND c.relkind = 'r' AND c.relname ~ '^(${TABLES.join('|')})_[0-9]{8}$'
     ORDER BY suffix`,
  );
}

function weekFromSuffix(suffix: string): Week {
  return weekOf(Date.UTC(Number(suffix.slice(0, 4)), Number(suffix.slice(4, 6)) - 1, Number(suffix.slice(6, 8))));
}

/** Weeks that have tables and end before that instant, oldest first. */
export async function weeksBefore(db: Database, before: number): Promise<Week[]> {
  const suffixes = new Set((await tables(db)).map(({ suffix }) => suffix));
  return [...suffixes].map(weekFromSuffix).filter(({ to }) => to <= before);
}

/** Where the oldest week begins that has tables. */
export async function oldestWeek(db: Database): Promise<number> {
  const [first] = await tables(db);
  return first === undefined ? 0 : weekFromSuffix(first.suffix).from;
}

/**
 * Drops a week's partitions. They are detached first, without keeping anybody out: that waits for whoever still works in one of them, so that nobody does
 * afterwards. Deliveries go first: none is left without its event, and none can be sent again. Wherever this stops, the next time goes on.
 * @returns about how many rows went; 0 where another process is at it
 */
export function dropWeek(db: Database, { from, to, suffix }: Week): Promise<number> {
  return db.session(async (session) => {
    if ((await session.get<{ locked: boolean }>(`SELECT pg_try_advisory_lock(${LOCK}) AS locked`))?.locked !== true) return 0;
    try {
      const all = (await tables(session)).filter((table) => table.suffix === suffix);
      for (const name of ['deliveries', 'attempts', 'events'] as const) {
        const table = all.find((each) => each.table === name);
        if (table?.attached !== true) continue;
        const how = table.detaching ? 'FINALIZE' : 'CONCURRENTLY';
        await session.run(`ALTER TABLE posthorn.${name} DETACH PARTITION posthorn.${name}_${suffix} ${how}`);
      }
      // What was sent again while its week was being detached has nothing left to send.
      await session.run('DELETE FROM posthorn.pending WHERE published_at >= $1 AND published_at < $2', from, to);
      for (const { table } of all) await session.run(`DROP TABLE IF EXISTS posthorn.${table}_${suffix}`);
      return all.reduce((sum, { rows }) => sum + rows, 0);
    } finally {
      await session.run(`SELECT pg_advisory_unlock(${LOCK})`);
    }
  });
}
