/**
 * The outbox: rows that providers insert in their own business transactions, and that are published from here.
 *
 * One taker at a time over all processes, by a lock of its transaction: so an application's rows come in the order of their numbers. A row whose transaction
 * commits late is taken when it is there; one that was rolled back never is. Taking is one transaction with publishing and deleting, so nothing is lost
 * and nothing comes twice.
 */

import { pageOf, readCursor } from '../page.ts';
import { recordChange } from '../shared/audit.ts';
import { ENVIRONMENTS, type Environment, type OutboxRow, type OutboxStore, type OutboxVerdict, type RefusedRow } from '../store.ts';
import { int8s, texts } from './arrays.ts';
import { Conditions } from './conditions.ts';
import type { PostgresContext } from './context.ts';
import type { Transaction } from './database.ts';
import { hintSoon, mended } from './publish.ts';
import { PublishLookup } from './publish-lookup.ts';
import { PublishPlan } from './publish-plan.ts';
import { writeStatements } from './publish-write.ts';
import { runRecipe } from './recipes.ts';

const ROWS_PER_TAKING = 1_000;
const BYTES_PER_TAKING = 16 * 1024 * 1024;
/** Beyond this it is refused for its size, whatever the limit is: no need to carry it here. */
const LARGEST_READ = 1024 * 1024;

const TAKER = 'SELECT pg_try_advisory_xact_lock(8101815670912281201) AS mine';

/** As many as fit into BYTES_PER_TAKING, and always one. */
const NEXT = `SELECT seq, application, environment, type, CASE WHEN bytes <= ${LARGEST_READ} THEN data END AS data, bytes, ordering_key
  FROM (
    SELECT *, sum(least(bytes, ${LARGEST_READ})) OVER (ORDER BY seq) AS total FROM (
      SELECT seq, application, environment, type, data::text AS data, octet_length(data::text) AS bytes, ordering_key
      FROM posthorn.outbox ORDER BY seq LIMIT ${ROWS_PER_TAKING}
    ) next
  ) next
  WHERE total - least(bytes, ${LARGEST_READ}) < ${BYTES_PER_TAKING} ORDER BY seq`;

const SET_ASIDE = `INSERT INTO posthorn.outbox_refused (seq, application, environment, type, data, ordering_key, created_at, refused_at, reason)
  SELECT o.seq, o.application, o.environment, o.type, o.data, o.ordering_key, o.created_at, $3, r.reason
  FROM unnest($1::bigint[], $2::text[]) AS r (seq, reason) JOIN posthorn.outbox o ON o.seq = r.seq`;

/** The environment that a refused row means by what was written; any other is none, and for both to see. */
const MEANT = `CASE environment WHEN 'staging' THEN 'sandbox' ELSE environment END`;

interface NextRow {
  readonly seq: number;
  readonly application: string;
  readonly environment: string;
  readonly type: string;
  readonly data: string | null;
  readonly bytes: number;
  readonly ordering_key: string | null;
}

export function postgresOutbox(context: PostgresContext): OutboxStore {
  const { db, hot, clock } = context;
  const lookup = new PublishLookup(context);

  async function take(tx: Transaction, judge: (rows: readonly OutboxRow[]) => Promise<OutboxVerdict[]>, now: number) {
    const [turn] = await tx.all<{ mine: boolean }>(TAKER);
    if (turn?.mine !== true) return null;
    const rows = await tx.all<NextRow>(NEXT);
    if (rows.length === 0) return { plan: null, refused: 0, rows: 0 };
    const verdicts = await judge(rows.map(outboxRow));
    const requests = verdicts.flatMap((verdict) =>
      verdict.ok ? [{ environment: verdict.environment, events: [verdict.event], idempotency: null }] : [],
    );
    const plan = new PublishPlan(await lookup.look(requests, now), { now, randomBytes: context.randomBytes });
    const refusals = rows.flatMap(({ seq }, index) => {
      const reason = reasonOf(verdicts[index], plan);
      return reason === null ? [] : [{ seq, reason }];
    });
    for (const { sql, values = [] } of writeStatements(plan)) await tx.run(sql, ...values);
    if (refusals.length > 0) {
      await tx.run(SET_ASIDE, int8s(refusals.map(({ seq }) => seq)), texts(refusals.map(({ reason }) => reason)), now);
    }
    await tx.run('DELETE FROM posthorn.outbox WHERE seq = ANY ($1::bigint[])', int8s(rows.map(({ seq }) => seq)));
    return { plan, refused: refusals.length, rows: rows.length };
  }

  /** @returns false: there is no such row */
  function change(action: keyof typeof CHANGES, environment: Environment, id: string): Promise<boolean> {
    return db.transaction(async (tx) => {
      if ((await tx.run(CHANGES[action], seqOf(id), environment)) === 0) return false;
      const entry = { action, application: null, environment, target: { kind: 'outbox_row', id } };
      await runRecipe(context, tx, recordChange(context, entry));
      return true;
    });
  }

  return {
    async take(judge) {
      const now = await clock.now();
      try {
        const taken = await hot.transaction((tx) => take(tx, judge, now));
        if (taken === null) return null;
        if (taken.plan !== null) hintSoon(context, taken.plan);
        const published = Object.fromEntries(ENVIRONMENTS.map((name) => [name, 0])) as Record<Environment, number>;
        for (const { published: event } of taken.plan?.events ?? []) published[event.environment] += 1;
        return { published, refused: taken.refused, more: taken.rows > 0 };
      } catch (error) {
        if (await mended(context, error, now)) return null;
        throw error;
      }
    },
    async refused(environment, { limit, cursor }) {
      const after = readCursor(cursor, 1);
      const where = new Conditions().add(`(${MEANT} = ? OR ${MEANT} NOT IN ('production', 'sandbox'))`, environment);
      if (after !== null) where.add('seq < ?', ...after);
      const rows = await db.all<RefusedRecord>(
        `SELECT *, data::text AS data, octet_length(data::text) AS bytes, floor(extract(epoch FROM created_at) * 1000)::bigint AS created
         FROM posthorn.outbox_refused WHERE ${where.sql} ORDER BY seq DESC LIMIT ${limit + 1}`,
        ...where.parameters,
      );
      return pageOf(rows, { limit, read: refusedRow, cursor: (row) => [row.seq] });
    },
    retry: (environment, id) => change('outbox.retry', environment, id),
    discard: (environment, id) => change('outbox.discard', environment, id),
  };
}

const THIS_ROW = `seq = $1 AND (${MEANT} = $2 OR ${MEANT} NOT IN ('production', 'sandbox'))`;
const CHANGES = {
  'outbox.retry': `WITH back AS (
    DELETE FROM posthorn.outbox_refused WHERE ${THIS_ROW} RETURNING *
  )
  INSERT INTO posthorn.outbox (application, environment, type, data, ordering_key, created_at)
  SELECT application, environment, type, data, ordering_key, created_at FROM back`,
  'outbox.discard': `DELETE FROM posthorn.outbox_refused WHERE ${THIS_ROW}`,
} as const;

/** Why a row is set aside; null: it is published. Each good verdict is tried here, in order. */
function reasonOf(verdict: OutboxVerdict | undefined, plan: PublishPlan): string | null {
  if (verdict === undefined) throw new TypeError('a row was not judged');
  if (!verdict.ok) return verdict.reason;
  const result = plan.add({ environment: verdict.environment, events: [verdict.event], idempotency: null });
  return result.kind === 'unknown_application' ? 'application: is no application that exists' : null;
}

function outboxRow(row: NextRow): OutboxRow {
  return {
    application: row.application,
    environment: row.environment,
    type: row.type,
    data: row.data,
    bytes: row.bytes,
    orderingKey: row.ordering_key,
  };
}

interface RefusedRecord extends NextRow {
  readonly created: number;
  readonly refused_at: number;
  readonly reason: string;
}

function refusedRow(row: RefusedRecord): RefusedRow {
  return { ...outboxRow(row), id: String(row.seq), reason: row.reason, createdAt: row.created, refusedAt: row.refused_at };
}

/** Ids of refused rows are their numbers; anything else is none. */
function seqOf(id: string): number {
  return /^\d{1,15}$/.test(id) ? Number(id) : -1;
}
