/**
 * Removes what is older than it is kept, oldest first.
 *
 * Events, their deliveries and their attempts go by the week, with their partitions: that costs next to nothing, and nothing else gives the disk its space
 * back. So they are kept up to a week longer. Only where less than two weeks are kept, a week would be long, and they are removed one by one (prune-events.ts).
 */
import { ENVIRONMENTS, type UpkeepStore } from '../store.ts';
import type { PostgresContext } from './context.ts';
import { dropWeek, oldestWeek, WEEK_MS, weeksBefore } from './partitions.ts';
import { pruneEvents } from './prune-events.ts';

type Request = Parameters<UpkeepStore['prune']>[0];
type Step = Awaited<ReturnType<UpkeepStore['prune']>>;

/** Idempotency keys are kept a day from their use: one that refers to events that are gone must not be found any more. */
const IDEMPOTENCY_MS = 24 * 3_600_000;
/** Whoever keeps less than this has events removed one by one. */
const BY_WEEKS_FROM_MS = 2 * WEEK_MS;

/** Where a step stops: in which stage, and for events after which. */
export interface Place {
  readonly stage: number;
  readonly publishedAt: number;
  readonly seq: number;
}

/** What a step may still do. Looking at what stays costs as much as a row that goes. */
export interface Budget {
  left: number;
  removed: number;
}

interface Work {
  readonly now: number;
  readonly place: Place;
  readonly budget: Budget;
}

/** @returns where the next step goes on; null: nothing is left */
type Stage = (context: PostgresContext, request: Request, work: Work) => Promise<Place | null>;

/** Keys before events, so that none refers to what is gone. */
const STAGES: readonly Stage[] = [
  (context, { before }, work) =>
    remove(context, work, {
      sql: `DELETE FROM posthorn.idempotency_keys WHERE (scope, key) IN (
        SELECT scope, key FROM posthorn.idempotency_keys WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)`,
      parameters: [Math.max(work.now, before + IDEMPOTENCY_MS - 1)],
    }),
  dropWeeks,
  async (context, _request, work) =>
    // Of weeks that are gone; those of the others go with their events.
    remove(context, work, {
      sql: `DELETE FROM posthorn.event_ids WHERE (id, application, environment) IN (
        SELECT id, application, environment FROM posthorn.event_ids WHERE published_at < $1 LIMIT $2)`,
      parameters: [await oldestWeek(context.db)],
    }),
  ...ENVIRONMENTS.map(
    (environment): Stage =>
      async (context, { before }, { now, ...work }) =>
        now - before < BY_WEEKS_FROM_MS ? pruneEvents(context, work, { environment, before }) : null,
  ),
  (context, { before }, work) =>
    remove(context, work, {
      sql: `DELETE FROM posthorn.jobs WHERE pk IN (
        SELECT pk FROM posthorn.jobs WHERE ended_at IS NOT NULL AND ended_at < $1 ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED)`,
      parameters: [before],
    }),
  (context, { before }, work) =>
    remove(context, work, {
      sql: `DELETE FROM posthorn.notices WHERE (id, application) IN (
        SELECT id, application FROM posthorn.notices WHERE handled_at IS NOT NULL AND handled_at < $1 AND mail_at IS NULL
        ORDER BY handled_at LIMIT $2 FOR UPDATE SKIP LOCKED)`,
      parameters: [before],
    }),
  async (context, { rollups }, work) => {
    for (const [width, before] of rollups) {
      const sql = `DELETE FROM posthorn.rollups WHERE (environment, scope, owner, width, at) IN (
        SELECT environment, scope, owner, width, at FROM posthorn.rollups WHERE width = $1 AND at < $2 ORDER BY width, at LIMIT $3)`;
      const place = await remove(context, work, { sql, parameters: [width, before] });
      if (place !== null) return place;
    }
    return null;
  },
];

export async function prune(context: PostgresContext, request: Request): Promise<Step> {
  const [stage = 0, publishedAt = 0, seq = 0] = (request.cursor ?? '0.0.0').split('.').map(Number);
  const now = await context.clock.now();
  const budget: Budget = { left: request.limit, removed: 0 };
  let place: Place = { stage, publishedAt, seq };
  while (budget.left > 0) {
    const run = STAGES[place.stage];
    if (run === undefined) return { removed: budget.removed, cursor: null };
    place = (await run(context, request, { now, place, budget })) ?? { stage: place.stage + 1, publishedAt: 0, seq: 0 };
  }
  return { removed: budget.removed, cursor: `${place.stage}.${place.publishedAt}.${place.seq}` };
}

/** Runs a statement whose last parameter limits how many rows it removes. */
async function remove(
  { db }: PostgresContext,
  { place, budget }: Pick<Work, 'place' | 'budget'>,
  { sql, parameters }: { readonly sql: string; readonly parameters: readonly number[] },
): Promise<Place | null> {
  const removed = await db.run(sql, ...parameters, budget.left);
  budget.left -= removed;
  budget.removed += removed;
  return budget.left > 0 ? null : place;
}

/** A week costs a step as much as a row: it is a matter of files. */
async function dropWeeks({ db }: PostgresContext, { before }: Request, { place, budget }: Work): Promise<Place | null> {
  for (const week of await weeksBefore(db, before)) {
    if (budget.left <= 0) return place;
    budget.left -= 1;
    // What waits still, for a cadence of months or since it was sent again, keeps the whole week.
    const waits = await db.get(
      'SELECT 1 AS one FROM posthorn.pending WHERE published_at >= $1 AND published_at < $2 LIMIT 1',
      week.from,
      week.to,
    );
    if (waits === undefined) budget.removed += await dropWeek(db, week);
  }
  return null;
}
