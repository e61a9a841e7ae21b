/**
 * Ends what has waited for too long, lane by lane. Of a lane's own order only the head is looked at, as long as it has expired; those that were sent
 * again by hand wait since then, and have an index of their own.
 */
import { NEWEST_JOB } from '../shared/jobs.ts';
import type { UpkeepStore } from '../store.ts';
import type { SqliteContext } from './context.ts';

type Request = Parameters<UpkeepStore['expire']>[0];
type Step = Awaited<ReturnType<UpkeepStore['expire']>>;

interface Lane {
  readonly pk: number;
  readonly cadence_group: string;
}

/** Where a step stops within a lane: its order is walked up to `seq`. */
interface Place {
  readonly lane: number;
  readonly seq: number;
}

export function expire(context: SqliteContext, request: Request): Step {
  const { db } = context;
  const from = place(request.cursor);
  let left = request.limit;
  let expired = 0;
  let oldest: number | null = null;
  const lanes = db.all<Lane>('SELECT pk, cadence_group FROM lanes WHERE pk >= ? ORDER BY pk LIMIT ?', from.lane, left);
  for (const lane of lanes) {
    if (left <= 0) return { expired, cursor: `${lane.pk}.0`, oldest };
    const found = look(context, lane, { ...request, limit: left, after: lane.pk === from.lane ? from.seq : 0 });
    end(context, lane, found.seqs);
    expired += found.seqs.length;
    left -= found.looked + 1;
    oldest = earlier(found.oldest ?? undefined, oldest);
    if (found.goOnAfter !== null) return { expired, cursor: `${lane.pk}.${found.goOnAfter}`, oldest };
  }
  const last = lanes.at(-1);
  return { expired, cursor: last === undefined || lanes.length < request.limit ? null : `${last.pk + 1}.0`, oldest };
}

function place(cursor: string | null): Place {
  const [lane = 0, seq = 0] = (cursor ?? '0.0').split('.').map(Number);
  return { lane, seq };
}

interface Found {
  readonly seqs: readonly number[];
  readonly looked: number;
  /** Since when the first waits that has not expired. */
  readonly oldest: number | null;
  /** The limit came before the end: go on after this seq. */
  readonly goOnAfter: number | null;
}

interface Head {
  readonly seq: number;
  readonly published_at: number;
  readonly late: number;
}

const PENDING = `SELECT seq, published_at, late FROM deliveries INDEXED BY deliveries_pending
  WHERE lane = ? AND status = 'pending' AND seq > ? ORDER BY seq LIMIT ?`;

function look({ db }: SqliteContext, lane: Lane, request: Request & { readonly after: number }): Found {
  // Most lanes have nothing pending, and are done with after this.
  const head = db.get<Head>(PENDING, lane.pk, request.after, 1);
  if (head === undefined && request.after === 0) return { seqs: [], looked: 0, oldest: null, goOnAfter: null };
  const revived = db
    .all<{ seq: number }>(
      `SELECT seq FROM deliveries INDEXED BY deliveries_revived
       WHERE lane = ? AND status = 'pending' AND late = 1 AND revived_at <= ? ORDER BY revived_at LIMIT ?`,
      lane.pk,
      request.revived,
      request.limit,
    )
    .map(({ seq }) => seq);
  if (revived.length === request.limit) return { seqs: revived, looked: revived.length, oldest: null, goOnAfter: request.after };
  const waiting = db.get<{ at: number }>(
    `SELECT revived_at AS at FROM deliveries INDEXED BY deliveries_revived
     WHERE lane = ? AND status = 'pending' AND late = 1 AND revived_at > ? ORDER BY revived_at LIMIT 1`,
    lane.pk,
    request.revived,
  );
  const walked = walk(db, lane, { ...request, limit: request.limit - revived.length });
  return {
    ...walked,
    seqs: [...revived, ...walked.seqs],
    looked: revived.length + walked.looked,
    oldest: earlier(waiting?.at, walked.oldest),
  };
}

/** The lane's own order, up to the first that has not expired. Late ones among them are passed over. */
function walk(
  db: SqliteContext['db'],
  { pk, cadence_group }: Lane,
  { horizons, after, limit }: Request & { readonly after: number },
): Found {
  const horizon = horizons.get(cadence_group) ?? Number.NEGATIVE_INFINITY;
  const head = db.get<Head>(PENDING, pk, after, 1);
  // Nearly always the first has not expired, and is all there is to see.
  if (head?.late === 0 && head.published_at > horizon) return { seqs: [], looked: 1, oldest: head.published_at, goOnAfter: null };
  const rows = db.all<Head>(PENDING, pk, after, limit);
  const seqs: number[] = [];
  for (const { seq, published_at, late } of rows) {
    if (late === 1) continue;
    if (published_at > horizon) return { seqs, looked: rows.length, oldest: published_at, goOnAfter: null };
    seqs.push(seq);
  }
  return { seqs, looked: rows.length, oldest: null, goOnAfter: rows.length < limit ? null : (rows.at(-1)?.seq ?? null) };
}

function earlier(a: number | undefined, b: number | null): number | null {
  return a === undefined || b === null ? (a ?? b) : Math.min(a, b);
}

function end({ db, now: clock }: SqliteContext, lane: Lane, seqs: readonly number[]): void {
  if (seqs.length === 0) return;
  const now = clock();
  const those = JSON.stringify(seqs);
  db.run(
    `INSERT INTO notices (id, kind, environment, application, endpoint, delivery, at, detail)
     SELECT 'ntc_' || substr(d.id, 5) || '_expired_' || coalesce(d.revived_at, d.published_at), 'delivery.failed', d.environment, d.application,
       d.endpoint, d.seq, ?, '{"reason":"expired"}'
     FROM json_each(?) j JOIN deliveries d ON d.seq = j.value`,
    now,
    those,
  );
  db.run(
    `UPDATE deliveries SET status = 'failed', reason = 'expired', by_hand = 0, ended_after_job = ${NEWEST_JOB}
     WHERE seq IN (SELECT value FROM json_each(?))`,
    those,
  );
  // Whoever stood behind them may go, and may have been asked for by hand.
  db.run('UPDATE lanes SET due_at = min(coalesce(due_at, ?1), ?1), wish_at = ?1 WHERE pk = ?2', now, lane.pk);
}
