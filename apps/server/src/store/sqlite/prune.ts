/**
 * Removes what is older than it is kept, oldest first. An event goes with its deliveries and their attempts, and only when none of its deliveries is
 * pending; one with more rows than a step may touch goes in several, its own row last.
 */
import { ENVIRONMENTS, type Environment, type UpkeepStore } from '../store.ts';
import type { SqliteContext } from './context.ts';

type Request = Parameters<UpkeepStore['prune']>[0];
type Step = Awaited<ReturnType<UpkeepStore['prune']>>;

/** Idempotency keys are kept a day from their use: one that refers to events that are gone must not be found any more. */
const IDEMPOTENCY_MS = 24 * 3_600_000;
/** Events looked at in one go: those that stay are passed over. */
const EVENTS_AT_ONCE = 64;

/** Where a step stops: in which stage, and for events after which. */
interface Place {
  readonly stage: number;
  readonly publishedAt: number;
  readonly seq: number;
}

/** What a step may still do. Looking at what stays costs as much as a row that goes. */
interface Budget {
  left: number;
  removed: number;
}

/** @returns where the next step goes on; null: nothing is left */
type Stage = (context: SqliteContext, request: Request, work: { readonly place: Place; readonly budget: Budget }) => Place | null;

/** Keys before events, so that none refers to what is gone. */
const STAGES: readonly Stage[] = [
  (context, { before }, work) =>
    remove(context, work, {
      sql: 'DELETE FROM idempotency_keys WHERE (scope, key) IN (SELECT scope, key FROM idempotency_keys WHERE expires_at <= ? LIMIT ?)',
      parameters: [Math.max(context.now(), before + IDEMPOTENCY_MS - 1)],
    }),
  ...ENVIRONMENTS.map(
    (environment): Stage =>
      (context, { before }, work) =>
        removeEvents(context, work, { environment, before }),
  ),
  (context, { before }, work) =>
    remove(context, work, {
      sql: 'DELETE FROM jobs WHERE pk IN (SELECT pk FROM jobs WHERE ended_at IS NOT NULL AND ended_at < ? LIMIT ?)',
      parameters: [before],
    }),
  (context, { before }, work) =>
    remove(context, work, {
      sql: `DELETE FROM notices
        WHERE pk IN (SELECT pk FROM notices WHERE handled_at IS NOT NULL AND handled_at < ? AND mail_at IS NULL LIMIT ?)`,
      parameters: [before],
    }),
  (context, { rollups }, work) => {
    for (const [width, before] of rollups) {
      const sql = `DELETE FROM rollups WHERE (environment, scope, owner, width, at) IN
        (SELECT environment, scope, owner, width, at FROM rollups INDEXED BY rollups_age WHERE width = ? AND at < ? LIMIT ?)`;
      const place = remove(context, work, { sql, parameters: [width, before] });
      if (place !== null) return place;
    }
    return null;
  },
];

export function prune(context: SqliteContext, request: Request): Step {
  const [stage = 0, publishedAt = 0, seq = 0] = (request.cursor ?? '0.0.0').split('.').map(Number);
  const budget: Budget = { left: request.limit, removed: 0 };
  let place: Place = { stage, publishedAt, seq };
  while (budget.left > 0) {
    const work = STAGES[place.stage];
    if (work === undefined) return { removed: budget.removed, cursor: null };
    place = work(context, request, { place, budget }) ?? { stage: place.stage + 1, publishedAt: 0, seq: 0 };
  }
  return { removed: budget.removed, cursor: `${place.stage}.${place.publishedAt}.${place.seq}` };
}

/** Runs a statement whose last parameter limits how many rows it removes. */
function remove(
  { db }: SqliteContext,
  { place, budget }: { readonly place: Place; readonly budget: Budget },
  { sql, parameters }: { readonly sql: string; readonly parameters: readonly number[] },
): Place | null {
  spend(budget, db.run(sql, ...parameters, budget.left));
  return budget.left > 0 ? null : place;
}

function spend(budget: Budget, rows: number): void {
  budget.left -= rows;
  budget.removed += rows;
}

interface EventRow {
  readonly seq: number;
  readonly published_at: number;
  readonly waits: number;
}

function removeEvents(
  context: SqliteContext,
  { place, budget }: { readonly place: Place; readonly budget: Budget },
  { environment, before }: { readonly environment: Environment; readonly before: number },
): Place | null {
  let at = place;
  for (;;) {
    const events = context.db.all<EventRow>(
      `SELECT seq, published_at,
         EXISTS (SELECT 1 FROM deliveries d INDEXED BY deliveries_of_event WHERE d.event = v.seq AND d.status = 'pending') AS waits
       FROM events v INDEXED BY events_of_environment
       WHERE v.environment = ? AND (v.published_at, v.seq) > (?, ?) AND v.published_at < ? ORDER BY v.published_at, v.seq LIMIT ?`,
      environment,
      at.publishedAt,
      at.seq,
      before,
      EVENTS_AT_ONCE,
    );
    for (const event of events) {
      if (budget.left <= 0) return at;
      budget.left -= 1;
      if (event.waits === 0 && !removeEvent(context, event.seq, budget)) return at;
      at = { ...at, publishedAt: event.published_at, seq: event.seq };
    }
    if (events.length < EVENTS_AT_ONCE) return null;
  }
}

/** Removes what the budget allows of an event. @returns whether it is gone */
function removeEvent({ db }: SqliteContext, event: number, budget: Budget): boolean {
  const next = 'SELECT seq FROM deliveries INDEXED BY deliveries_of_event WHERE event = ? LIMIT 1';
  for (let delivery = db.get<{ seq: number }>(next, event); delivery !== undefined; delivery = db.get<{ seq: number }>(next, event)) {
    if (budget.left <= 0) return false;
    const { seq } = delivery;
    const most = budget.left;
    const attempts = db.run(
      'DELETE FROM attempts WHERE delivery = ?1 AND id IN (SELECT id FROM attempts WHERE delivery = ?1 LIMIT ?2)',
      seq,
      most,
    );
    spend(budget, attempts);
    if (attempts === most) continue;
    spend(budget, db.run('DELETE FROM deliveries WHERE seq = ?', seq));
  }
  spend(budget, db.run('DELETE FROM events WHERE seq = ?', event));
  return true;
}
