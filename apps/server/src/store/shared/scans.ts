/** What a look through a lane's queue comes to, from the rows that an engine has read. */
import type { DueResult, ScannedDelivery, ScanResult } from '../store.ts';
import { isResent } from './wishes.ts';

export interface ScanRow {
  readonly seq: number;
  readonly ordering_key: string | null;
  readonly published_at: number;
  readonly due_at: number | null;
  readonly failures: number;
  readonly attempt_count: number;
  readonly by_hand: number;
  /** SQLite has no booleans. */
  readonly late: boolean | 0 | 1;
  readonly revived_at: number | null;
}

/** Of what stands beyond the gate, or was asked for by hand, one look gives this much. */
export const BEYOND_LIMIT = 256;

/** What was asked for by hand: `wished` heads its queue, `behind` stands behind another of it. */
export interface ByHandRows {
  readonly wished: readonly ScanRow[];
  readonly behind: readonly ScanRow[];
}

/** What goes by an instant of its own: `due` now, and the earliest of those that are still to come. */
export interface DueRows {
  readonly due: readonly ScanRow[];
  readonly next: number | null;
}

export const NOTHING_BY_HAND: ByHandRows = { wished: [], behind: [] };
const NOTHING_DUE: DueRows = { due: [], next: null };

/** Behind the gate everything waits, so a scan ends at the first that does, instead of walking what may be millions. */
export function splitAtGate(rows: readonly ScanRow[], gate: number): { readonly open: readonly ScanRow[]; readonly gated: ScanRow | null } {
  const place = rows.findIndex((row) => row.due_at === null && row.by_hand === 0 && row.published_at > gate);
  return place === -1 ? { open: rows, gated: null } : { open: rows.slice(0, place), gated: rows[place] ?? null };
}

/** @param found.beyond what does not wait for the gate, beyond the first that does; null: the gate was not reached */
export function scanResult(
  request: { readonly after: number; readonly limit: number },
  found: ReturnType<typeof splitAtGate> & { readonly byHand: ByHandRows; readonly beyond: DueRows | null },
): ScanResult {
  const { open, gated, byHand, beyond } = found;
  return {
    ...dueResult(byHand, beyond ?? NOTHING_DUE, open),
    cursor: open.at(-1)?.seq ?? request.after,
    end: gated !== null || open.length < request.limit,
    gatedFrom: gated?.published_at ?? null,
  };
}

/** @param inOrder what goes before what is due */
export function dueResult({ wished, behind }: ByHandRows, { due, next }: DueRows, inOrder: readonly ScanRow[] = []): DueResult {
  return {
    deliveries: together(wished, [...inOrder, ...due]),
    wishedBehind: behind.map(scanned),
    moreBeyond: wished.length === BEYOND_LIMIT || due.length === BEYOND_LIMIT,
    dueBeyond: next,
  };
}

/** What was asked for by hand first, and not again in its own place. */
function together(wished: readonly ScanRow[], rows: readonly ScanRow[]): ScannedDelivery[] {
  if (wished.length === 0) return rows.map(scanned);
  const seqs = new Set(wished.map(({ seq }) => seq));
  return [...wished, ...rows.filter(({ seq }) => !seqs.has(seq))].map(scanned);
}

export function scanned(row: ScanRow): ScannedDelivery {
  return {
    seq: row.seq,
    orderingKey: row.ordering_key,
    publishedAt: row.published_at,
    dueAt: row.due_at,
    failures: row.failures,
    attemptCount: row.attempt_count,
    byHand: row.by_hand > 0,
    resent: isResent(row.by_hand),
    wish: row.by_hand,
    late: Boolean(row.late),
    revivedAt: row.revived_at,
  };
}
