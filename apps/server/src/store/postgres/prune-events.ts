/**
 * Removing events one by one, where too little is kept for whole weeks. An event goes with its deliveries and their attempts, and only when none of its
 * deliveries is pending; one with more rows than a step may touch goes in several, its own row last.
 *
 * Somebody may send a delivery again at this very moment, which begins with a write to its row, or make one that is missing, which begins with a lock on the
 * event's. So all these rows are locked first, and a later statement looks once more whether anything waits: whoever comes after it finds them gone.
 */
import type { Environment } from '../store.ts';
import { int4s, int8s } from './arrays.ts';
import type { PostgresContext } from './context.ts';
import type { Transaction } from './database.ts';
import type { Budget, Place } from './prune.ts';

const EVENTS_AT_ONCE = 256;

interface EventRow {
  readonly seq: number;
  readonly published_at: number;
  readonly application: number;
  readonly waits: boolean;
  /** Of its deliveries and attempts. */
  readonly rows: number;
}

const OF_EVENT = 'd.application = v.application AND d.environment = v.environment AND d.published_at = v.published_at AND d.event = v.seq';
const WAITS = `EXISTS (SELECT FROM posthorn.deliveries d JOIN posthorn.pending p ON p.lane = d.lane AND p.seq = d.seq WHERE ${OF_EVENT})`;

const LOOK = `SELECT v.seq, v.published_at, v.application, ${WAITS} AS waits,
    (SELECT count(*) FROM posthorn.deliveries d WHERE ${OF_EVENT})
      + (SELECT count(*) FROM posthorn.deliveries d JOIN posthorn.attempts t ON t.delivery = d.seq AND t.published_at = d.published_at WHERE ${OF_EVENT}) AS rows
  FROM posthorn.events v
  WHERE v.environment = $1::posthorn.environment AND v.published_at >= $2 AND (v.published_at, v.seq) > ($2, $3) AND v.published_at < $4
  ORDER BY v.published_at, v.seq LIMIT $5`;

/** $1 the environment, $2 to $4 the events' keys. */
const THOSE = `posthorn.events v JOIN unnest($2::integer[], $3::bigint[], $4::bigint[]) AS w (application, published_at, seq)
    ON v.application = w.application AND v.environment = $1::posthorn.environment AND v.published_at = w.published_at AND v.seq = w.seq`;
const LOCK_EVENTS = `SELECT FROM ${THOSE} ORDER BY v.seq FOR UPDATE OF v`;
const LOCK_DELIVERIES = `SELECT FROM ${THOSE} JOIN posthorn.deliveries d ON ${OF_EVENT} ORDER BY d.seq FOR UPDATE OF d`;

/** Of those of which nothing waits, $5 attempts at the most; what has more goes on with the next step. */
const REMOVE_ATTEMPTS = `DELETE FROM posthorn.attempts t USING (
    SELECT t.delivery, t.published_at, t.id FROM ${THOSE} JOIN posthorn.deliveries d ON ${OF_EVENT}
      JOIN posthorn.attempts t ON t.delivery = d.seq AND t.published_at = d.published_at
    WHERE NOT ${WAITS} LIMIT $5
  ) gone WHERE t.delivery = gone.delivery AND t.published_at = gone.published_at AND t.id = gone.id`;
const REMOVE_DELIVERIES = `DELETE FROM posthorn.deliveries d USING (
    SELECT d.application, d.environment, d.published_at, d.seq FROM ${THOSE} JOIN posthorn.deliveries d ON ${OF_EVENT}
    WHERE NOT ${WAITS} AND NOT EXISTS (SELECT FROM posthorn.attempts t WHERE t.delivery = d.seq AND t.published_at = d.published_at) LIMIT $5
  ) gone
  WHERE d.application = gone.application AND d.environment = gone.environment AND d.published_at = gone.published_at AND d.seq = gone.seq`;
const REMOVE_EVENTS = `WITH gone AS (
    DELETE FROM posthorn.events v USING unnest($2::integer[], $3::bigint[], $4::bigint[]) AS w (application, published_at, seq)
    WHERE v.application = w.application AND v.environment = $1::posthorn.environment AND v.published_at = w.published_at AND v.seq = w.seq
      AND NOT EXISTS (SELECT FROM posthorn.deliveries d WHERE ${OF_EVENT})
    RETURNING v.id, v.application, v.environment
  ), ids AS (
    DELETE FROM posthorn.event_ids i USING gone WHERE i.id = gone.id AND i.application = gone.application AND i.environment = gone.environment
  )
  SELECT count(*)::integer AS count FROM gone`;

/** @returns where the next step goes on; null: nothing is left */
export async function pruneEvents(
  { db }: PostgresContext,
  { place, budget }: { readonly place: Place; readonly budget: Budget },
  { environment, before }: { readonly environment: Environment; readonly before: number },
): Promise<Place | null> {
  let at = place;
  for (;;) {
    const most = Math.min(EVENTS_AT_ONCE, budget.left);
    const events = await db.all<EventRow>(LOOK, environment, at.publishedAt, at.seq, before, most);
    const gone: EventRow[] = [];
    let large: EventRow | null = null;
    for (const event of events) {
      if (budget.left <= 0) break;
      budget.left -= 1;
      if (!event.waits && event.rows > budget.left) {
        large = event;
        break;
      }
      if (!event.waits) {
        budget.left -= event.rows;
        gone.push(event);
      }
      at = { ...at, publishedAt: event.published_at, seq: event.seq };
    }
    if (gone.length > 0) budget.removed += await removeWhole(db, environment, gone);
    if (large !== null) {
      const removed = await db.transaction((tx) => removePart(tx, keys(environment, [large]), budget.left));
      budget.left = 0;
      budget.removed += removed;
    }
    if (budget.left <= 0) return at;
    if (events.length < most) return null;
  }
}

function keys(environment: Environment, events: readonly EventRow[]): unknown[] {
  return [
    environment,
    int4s(events.map(({ application }) => application)),
    int8s(events.map(({ published_at }) => published_at)),
    int8s(events.map(({ seq }) => seq)),
  ];
}

/** @returns how many rows went: of an event that waits after all, none */
function removeWhole(db: PostgresContext['db'], environment: Environment, events: readonly EventRow[]): Promise<number> {
  return db.transaction(async (tx) => {
    const those = keys(environment, events);
    const rows = await removePart(tx, those, Number.MAX_SAFE_INTEGER);
    const [gone] = await tx.all<{ count: number }>(REMOVE_EVENTS, ...those);
    return rows + (gone?.count ?? 0);
  });
}

async function removePart(tx: Transaction, those: readonly unknown[], most: number): Promise<number> {
  await tx.run(LOCK_EVENTS, ...those);
  await tx.run(LOCK_DELIVERIES, ...those);
  const attempts = await tx.run(REMOVE_ATTEMPTS, ...those, most);
  return attempts + (await tx.run(REMOVE_DELIVERIES, ...those, most - attempts));
}
