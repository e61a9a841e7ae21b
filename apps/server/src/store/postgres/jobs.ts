/** What jobs see of deliveries and events, and do to them. */
import { newId } from '@posthorn/core';
import type { JobRecipes, SeenRow } from '../shared/jobs.ts';
import { all, exists, type Recipe, run } from '../shared/recipe.ts';
import { int8s, texts } from './arrays.ts';
import type { PostgresContext } from './context.ts';

// Instants are compared by themselves too, where the cursor's row is: by the first the partitions are chosen, by the second the row.

const DELIVERIES = (status: string): string => `SELECT d.seq, d.published_at, d.ended_after_job FROM posthorn.deliveries d
  WHERE d.endpoint = ? AND d.problem = '${status}' AND d.published_at >= ? AND (d.published_at, d.seq) > (?, ?) AND d.published_at < ?
  ORDER BY d.published_at, d.seq LIMIT ?`;

const EVENTS = `SELECT v.seq, v.published_at, v.type,
    CASE WHEN EXISTS (
      SELECT FROM posthorn.deliveries d WHERE d.endpoint = ? AND d.application = v.application AND d.environment = v.environment
        AND d.published_at = v.published_at AND d.event = v.seq
    ) THEN 0 ELSE 1 END AS missing
  FROM posthorn.events v
  WHERE v.application = ? AND v.environment = ?::posthorn.environment AND v.published_at >= ? AND (v.published_at, v.seq) > (?, ?) AND v.published_at < ?
  ORDER BY v.published_at, v.seq LIMIT ?`;

const PENDING_COLUMNS =
  'seq, event, published_at, due_at, lane, application, environment, attempt_count, late, revived_at, id, ordering_key';

/** Whatever is gone by now, or was sent again by hand, is passed over; so is all of a lane that was closed. */
const RECOVER = `WITH revived AS (
    UPDATE posthorn.deliveries d SET problem = NULL, reason = NULL, late = true
    FROM unnest(?::bigint[], ?::bigint[]) AS w (seq, published_at)
    WHERE d.application = ? AND d.environment = ?::posthorn.environment AND d.published_at = w.published_at AND d.seq = w.seq AND d.problem = ?
      AND (SELECT deleted FROM posthorn.lanes WHERE pk = d.lane) = 0
    RETURNING d.*
  )
  INSERT INTO posthorn.pending (${PENDING_COLUMNS})
  SELECT d.seq, d.event, d.published_at, ?, d.lane, d.application, d.environment,
    (SELECT count(*) FROM posthorn.attempts t WHERE t.delivery = d.seq AND t.published_at = d.published_at AND NOT t.stale), true, ?, d.id, v.ordering_key
  FROM revived d JOIN posthorn.events v
    ON v.application = d.application AND v.environment = d.environment AND v.published_at = d.published_at AND v.seq = d.event`;

/** The events stay where they are until the end of the transaction, so that no delivery is left without one. */
const HOLD_EVENTS = `SELECT FROM posthorn.events v JOIN unnest(?::bigint[], ?::bigint[]) AS w (seq, published_at)
    ON v.published_at = w.published_at AND v.seq = w.seq
  WHERE v.application = ? AND v.environment = ?::posthorn.environment FOR KEY SHARE OF v`;

const MAKE = `WITH wanted AS (
    SELECT nextval('posthorn.delivery_seq') AS seq, w.id, v.seq AS event, v.published_at, l.endpoint, l.pk AS lane, v.application, v.environment,
      v.ordering_key
    FROM unnest(?::text[], ?::bigint[], ?::bigint[]) WITH ORDINALITY AS w (id, event, published_at, place)
    JOIN posthorn.events v ON v.application = ? AND v.environment = ?::posthorn.environment AND v.published_at = w.published_at AND v.seq = w.event
    JOIN posthorn.lanes l ON l.pk = ? AND l.deleted = 0
    WHERE NOT EXISTS (
      SELECT FROM posthorn.deliveries d WHERE d.endpoint = l.endpoint AND d.application = v.application AND d.environment = v.environment
        AND d.published_at = v.published_at AND d.event = v.seq)
    ORDER BY w.place
  ), made AS (
    INSERT INTO posthorn.deliveries (seq, published_at, event, application, endpoint, lane, environment, late, id)
    SELECT seq, published_at, event, application, endpoint, lane, environment, true, id FROM wanted
  )
  INSERT INTO posthorn.pending (${PENDING_COLUMNS})
  SELECT seq, event, published_at, ?, lane, application, environment, 0, true, ?, id, ordering_key FROM wanted`;

export function postgresJobs({ randomBytes }: Pick<PostgresContext, 'randomBytes'>): JobRecipes {
  return {
    take: (pk) => exists('SELECT pk FROM posthorn.jobs WHERE pk = ? FOR UPDATE SKIP LOCKED', pk),
    deliveries: (row, status, limit) =>
      all(DELIVERIES(status), row.endpoint, row.cursor_at, row.cursor_at, row.cursor_seq, row.until, limit),
    events: (row, limit) =>
      all(EVENTS, row.endpoint, row.application, row.environment, row.cursor_at, row.cursor_at, row.cursor_seq, row.until, limit),
    recover: (row, deliveries, at) => run(RECOVER, ...keys(deliveries), row.application, row.environment, row.status, at, at),
    *make(row, events, at): Recipe<number> {
      yield* all(HOLD_EVENTS, ...keys(events), row.application, row.environment);
      // An id carries the event's time.
      const ids = texts(events.map(({ published_at }) => newId('dlv_', published_at, randomBytes(10))));
      return yield* run(MAKE, ids, ...keys(events), row.application, row.environment, row.endpoint, at, at);
    },
  };
}

function keys(rows: readonly SeenRow[]): [Buffer, Buffer] {
  return [int8s(rows.map(({ seq }) => seq)), int8s(rows.map(({ published_at }) => published_at))];
}
