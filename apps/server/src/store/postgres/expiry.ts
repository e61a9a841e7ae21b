/**
 * Ends what has waited for too long, lane by lane. Of a lane's own order only the head is looked at, as long as it has expired; those that were sent
 * again by hand wait since then, and have an index of their own. The heads of many lanes are read at once, and only those lanes are locked in which something
 * may have to end.
 */
import { NEWEST_JOB } from '../shared/jobs.ts';
import type { UpkeepStore } from '../store.ts';
import type { PostgresContext } from './context.ts';
import type { Transaction } from './database.ts';

type Request = Parameters<UpkeepStore['expire']>[0];
type Step = Awaited<ReturnType<UpkeepStore['expire']>>;

interface Lane {
  readonly pk: number;
  readonly cadence_group: string;
  /** Of the first in its order; null: nothing waits. */
  readonly published_at: number | null;
  readonly late: boolean | null;
  /** The earliest. */
  readonly revived_at: number | null;
}

/** Where a step stops within a lane: its order is walked up to `seq`. */
interface Place {
  readonly lane: number;
  readonly seq: number;
}

/** One seek for each lane that has nothing late; two otherwise. Ranges of one lane: see scan.ts. */
const HEADS = `SELECT l.pk, l.cadence_group, head.published_at, head.late, revived.revived_at
  FROM posthorn.lanes l
  LEFT JOIN LATERAL (
    SELECT p.published_at, p.late FROM posthorn.pending p WHERE p.lane >= l.pk AND p.lane <= l.pk ORDER BY p.lane, p.seq LIMIT 1
  ) head ON true
  LEFT JOIN LATERAL (
    SELECT p.revived_at FROM posthorn.pending p WHERE p.lane >= l.pk AND p.lane <= l.pk AND p.late ORDER BY p.lane, p.revived_at LIMIT 1
  ) revived ON head.late IS NOT NULL
  WHERE l.pk >= $1 ORDER BY l.pk LIMIT $2`;

export async function expire(context: PostgresContext, request: Request): Promise<Step> {
  const now = await context.clock.now();
  return context.db.transaction((tx) => expireSome(tx, request, now));
}

async function expireSome(tx: Transaction, request: Request, now: number): Promise<Step> {
  const from = place(request.cursor);
  let left = request.limit;
  let expired = 0;
  let oldest: number | null = null;
  const lanes = await tx.all<Lane>(HEADS, from.lane, left);
  for (const lane of lanes) {
    if (left <= 0) return { expired, cursor: `${lane.pk}.0`, oldest };
    const after = lane.pk === from.lane ? from.seq : 0;
    if (after === 0 && !mayExpire(lane, request)) {
      oldest = earlier(earlier(lane.published_at, lane.revived_at), oldest);
      left -= 1;
      continue;
    }
    const found = await look(tx, lane, { ...request, limit: left, after });
    if (found.seqs.length > 0) await end(tx, { lane: lane.pk, seqs: found.seqs, now });
    expired += found.seqs.length;
    left -= found.looked + 1;
    oldest = earlier(found.oldest, oldest);
    if (found.goOnAfter !== null) return { expired, cursor: `${lane.pk}.${found.goOnAfter}`, oldest };
  }
  const last = lanes.at(-1);
  return { expired, cursor: last === undefined || lanes.length < request.limit ? null : `${last.pk + 1}.0`, oldest };
}

function place(cursor: string | null): Place {
  const [lane = 0, seq = 0] = (cursor ?? '0.0').split('.').map(Number);
  return { lane, seq };
}

function horizonOf({ cadence_group }: Lane, { horizons }: Request): number {
  return horizons.get(cadence_group) ?? Number.NEGATIVE_INFINITY;
}

/** Where a late one stands first, what has expired may stand behind it. */
function mayExpire(lane: Lane, request: Request): boolean {
  if (lane.published_at === null) return false;
  const revived = lane.revived_at !== null && lane.revived_at <= request.revived;
  return revived || lane.late === true || lane.published_at <= horizonOf(lane, request);
}

interface Found {
  readonly seqs: readonly number[];
  readonly looked: number;
  /** Since when the first waits that has not expired. */
  readonly oldest: number | null;
  /** The limit came before the end: go on after this seq. */
  readonly goOnAfter: number | null;
}

async function look(tx: Transaction, lane: Lane, request: Request & { readonly after: number }): Promise<Found> {
  await tx.run('SELECT FROM posthorn.lanes WHERE pk = $1 FOR NO KEY UPDATE', lane.pk);
  const revived = (
    await tx.all<{ seq: number }>(
      `SELECT seq FROM posthorn.pending WHERE lane >= $1 AND (lane, revived_at) <= ($1, $2) AND late ORDER BY lane, revived_at LIMIT $3`,
      lane.pk,
      request.revived,
      request.limit,
    )
  ).map(({ seq }) => seq);
  if (revived.length === request.limit) return { seqs: revived, looked: revived.length, oldest: null, goOnAfter: request.after };
  const waiting = await tx.get<{ at: number }>(
    `SELECT revived_at AS at FROM posthorn.pending WHERE (lane, revived_at) > ($1, $2) AND lane <= $1 AND late ORDER BY lane, revived_at LIMIT 1`,
    lane.pk,
    request.revived,
  );
  const walked = await walk(tx, lane, { ...request, limit: request.limit - revived.length });
  return {
    ...walked,
    seqs: [...revived, ...walked.seqs],
    looked: revived.length + walked.looked,
    oldest: earlier(waiting?.at ?? null, walked.oldest),
  };
}

/** The lane's own order, up to the first that has not expired. Late ones among them are passed over. */
async function walk(tx: Transaction, lane: Lane, request: Request & { readonly after: number }): Promise<Found> {
  const horizon = horizonOf(lane, request);
  const rows = await tx.all<{ seq: number; published_at: number; late: boolean }>(
    `SELECT seq, published_at, late FROM posthorn.pending WHERE (lane, seq) > ($1, $2) AND lane <= $1 ORDER BY lane, seq LIMIT $3`,
    lane.pk,
    request.after,
    request.limit,
  );
  const seqs: number[] = [];
  for (const { seq, published_at, late } of rows) {
    if (late) continue;
    if (published_at > horizon) return { seqs, looked: rows.length, oldest: published_at, goOnAfter: null };
    seqs.push(seq);
  }
  return { seqs, looked: rows.length, oldest: null, goOnAfter: rows.length < request.limit ? null : (rows.at(-1)?.seq ?? null) };
}

function earlier(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}

const END = `WITH gone AS (
    DELETE FROM posthorn.pending WHERE lane = $1 AND seq = ANY ($2::bigint[])
    RETURNING seq, id, application, environment, published_at, revived_at
  ), failed AS (
    UPDATE posthorn.deliveries d SET problem = 'failed', reason = 'expired', ended_after_job = ${NEWEST_JOB} FROM gone
    WHERE d.application = gone.application AND d.environment = gone.environment AND d.published_at = gone.published_at AND d.seq = gone.seq
  )
  INSERT INTO posthorn.notices (id, kind, environment, application, endpoint, delivery, published_at, at, detail)
  SELECT 'ntc_' || substr(gone.id, 5) || '_expired_' || coalesce(gone.revived_at, gone.published_at), 'delivery.failed', gone.environment::text, gone.application,
    l.endpoint, gone.seq, gone.published_at, $3, '{"reason":"expired"}'
  FROM gone JOIN posthorn.lanes l ON l.pk = $1 ORDER BY gone.seq
  ON CONFLICT (id, application) DO NOTHING`;

async function end(
  tx: Transaction,
  { lane, seqs, now }: { readonly lane: number; readonly seqs: readonly number[]; readonly now: number },
): Promise<void> {
  await tx.run(END, lane, seqs, now);
  // Whoever stood behind them may go, and may have been asked for by hand.
  await tx.run('UPDATE posthorn.lanes SET due_at = least(due_at, $2), wish_at = $2 WHERE pk = $1', lane, now);
}
