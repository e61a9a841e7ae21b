/** Looks through a lane: in its order up to the gate, and beyond it for what goes at an instant of its own. */
import type { DeliveryId, Ordering } from '@posthorn/core';
import {
  BEYOND_LIMIT,
  type ByHandRows,
  type DueRows,
  dueResult,
  NOTHING_BY_HAND,
  type ScanRow,
  scanned,
  scanResult,
  splitAtGate,
} from '../shared/scans.ts';
import type { DeliveryBody, DueResult, LaneStore, ScannedDelivery, ScanResult } from '../store.ts';
import type { SqliteContext } from './context.ts';

const SCAN_COLUMNS = 'seq, ordering_key, published_at, due_at, failures, attempt_count, by_hand, late, revived_at';
interface ScanRequest {
  readonly lane: number;
  readonly ordering: Ordering;
  readonly after: number;
  readonly limit: number;
  readonly gate: number;
}

export function scan(context: SqliteContext, request: ScanRequest): ScanResult {
  const rows = context.db.all<ScanRow>(
    `SELECT ${SCAN_COLUMNS} FROM deliveries WHERE lane = ? AND status = 'pending' AND seq > ? ORDER BY seq LIMIT +?`,
    request.lane,
    request.after,
    request.limit,
  );
  const { open, gated } = splitAtGate(rows, request.gate);
  return scanResult(request, {
    open,
    gated,
    byHand: request.after === 0 ? byHand(context, request) : NOTHING_BY_HAND,
    beyond: gated === null ? null : dueBeyond(context, request, gated.seq),
  });
}

/** Of the whole lane what is due, or was asked for by hand. */
export function scanDue(context: SqliteContext, request: Pick<ScanRequest, 'lane' | 'ordering'>): DueResult {
  return dueResult(byHand(context, request), dueBeyond(context, request, 0));
}

/** The followers of a key, after a seq. */
export function scanKey(
  { db }: SqliteContext,
  { lane, orderingKey, late, after, limit }: Parameters<LaneStore['scanKey']>[0],
): ScannedDelivery[] {
  const rows = db.all<ScanRow>(
    `SELECT ${SCAN_COLUMNS} FROM deliveries
     WHERE lane = ? AND ordering_key = ? AND seq > ? AND status = 'pending' AND late = ${late ? 1 : 0} ORDER BY seq LIMIT +?`,
    lane,
    orderingKey,
    after,
    limit,
  );
  return rows.map(scanned);
}

/** That no earlier pending delivery `p` stands in the queue of `d`. */
const HEADS_ITS_QUEUE: Readonly<Record<Ordering, string>> = {
  none: '1',
  strict: `(NOT EXISTS (SELECT 1 FROM deliveries p WHERE p.lane = d.lane AND p.seq < d.seq AND p.status = 'pending' AND p.late = d.late))`,
  // One branch for each index: a partial index is used only where the statement itself says what it covers.
  key: `(d.ordering_key IS NULL OR CASE d.late
      WHEN 0 THEN NOT EXISTS (SELECT 1 FROM deliveries p
        WHERE p.lane = d.lane AND p.ordering_key = d.ordering_key AND p.seq < d.seq AND p.status = 'pending' AND p.late = 0)
      ELSE NOT EXISTS (SELECT 1 FROM deliveries p
        WHERE p.lane = d.lane AND p.ordering_key = d.ordering_key AND p.seq < d.seq AND p.status = 'pending' AND p.late = 1) END)`,
};

/** What was asked for by hand goes first, wherever in the lane it stands, unless it stands behind another of its queue. */
function byHand({ db }: SqliteContext, { lane, ordering }: Pick<ScanRequest, 'lane' | 'ordering'>): ByHandRows {
  const rows = (heads: boolean): ScanRow[] =>
    db.all<ScanRow>(
      `SELECT ${SCAN_COLUMNS} FROM deliveries d INDEXED BY deliveries_by_hand
       WHERE d.lane = ? AND d.status = 'pending' AND d.by_hand > 0 AND ${heads ? '' : 'NOT '}${HEADS_ITS_QUEUE[ordering]}
       ORDER BY d.seq LIMIT ${BEYOND_LIMIT}`,
      lane,
    );
  return { wished: rows(true), behind: rows(false) };
}

/** What has an instant of its own and stands after `after`. */
function dueBeyond({ db, now: clock }: SqliteContext, { lane, ordering }: Pick<ScanRequest, 'lane' | 'ordering'>, after: number): DueRows {
  const now = clock();
  const due = db.all<ScanRow>(
    `SELECT ${SCAN_COLUMNS} FROM deliveries d INDEXED BY deliveries_due
     WHERE d.lane = ? AND d.status = 'pending' AND d.due_at IS NOT NULL AND d.due_at <= ? AND d.seq > ? AND ${HEADS_ITS_QUEUE[ordering]}
     ORDER BY d.due_at, d.seq LIMIT ${BEYOND_LIMIT}`,
    lane,
    now,
    after,
  );
  const next = db.get<{ at: number }>(
    `SELECT due_at AS at FROM deliveries INDEXED BY deliveries_due
     WHERE lane = ? AND status = 'pending' AND due_at IS NOT NULL AND due_at > ? ORDER BY due_at LIMIT 1`,
    lane,
    now,
  );
  return { due, next: next?.at ?? null };
}

/**
 * All in one row: a text of a line each, and the bodies end to end. As rows it took 1.6 µs a delivery and 0.4 more for the garbage collector's threads,
 * most of it for a buffer for each body; so 1.1 and 0.1 (measured, 32 at a time, bodies of 520 bytes).
 */
export function bodies({ db }: SqliteContext, seqs: readonly number[]): DeliveryBody[] {
  const found = db.get<{ lines: string | null; bodies: Uint8Array<ArrayBuffer> | null }>(
    `SELECT group_concat(d.seq || ' ' || d.id || ' ' || e.id || ' ' || e.type || ' ' || d.late || ' ' || length(e.body), x'0a') AS lines,
       CAST(group_concat(e.body, '') AS BLOB) AS bodies
     FROM json_each(?) j JOIN deliveries d ON d.seq = j.value JOIN events e ON e.seq = d.event
     WHERE d.status = 'pending'`,
    JSON.stringify(seqs),
  );
  if (found === undefined || found.lines === null || found.bodies === null) return [];
  const { buffer } = found.bodies;
  let offset = found.bodies.byteOffset;
  return found.lines.split('\n').map((line): DeliveryBody => {
    // Neither ids nor types have a space in them.
    const [seq, id, eventId, eventType, late, length] = line.split(' ') as [string, DeliveryId, string, string, string, string];
    const body = Buffer.from(buffer, offset, Number(length));
    offset += body.length;
    return { seq: Number(seq), id, eventId, eventType, late: late === '1', body };
  });
}
