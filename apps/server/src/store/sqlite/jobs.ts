/** What jobs see of deliveries and events, and do to them. */
import { newId } from '@posthorn/core';
import type { JobRecipes } from '../shared/jobs.ts';
import { all, exists, run } from '../shared/recipe.ts';
import type { SqliteContext } from './context.ts';

export function sqliteJobs({ randomBytes }: Pick<SqliteContext, 'randomBytes'>): JobRecipes {
  return {
    // There is no other process.
    take: (pk) => exists('SELECT 1 FROM jobs WHERE pk = ?', pk),
    deliveries: (row, status, limit) =>
      all(
        `SELECT seq, published_at, ended_after_job FROM deliveries INDEXED BY deliveries_${status}
         WHERE endpoint = ? AND status = '${status}' AND (published_at, seq) > (?, ?) AND published_at < ?
         ORDER BY published_at, seq LIMIT ?`,
        row.endpoint,
        row.cursor_at,
        row.cursor_seq,
        row.until,
        limit,
      ),
    events: (row, limit) =>
      all(
        `SELECT v.seq, v.published_at, v.type,
           NOT EXISTS (SELECT 1 FROM deliveries d INDEXED BY deliveries_of_event WHERE d.event = v.seq AND d.endpoint = ?) AS missing
         FROM events v INDEXED BY events_of_application
         WHERE v.application = ? AND v.environment = ? AND (v.published_at, v.seq) > (?, ?) AND v.published_at < ?
         ORDER BY v.published_at, v.seq LIMIT ?`,
        row.endpoint,
        row.application,
        row.environment,
        row.cursor_at,
        row.cursor_seq,
        row.until,
        limit,
      ),
    recover: (_row, deliveries, at) =>
      run(
        `UPDATE deliveries SET status = 'pending', reason = NULL, failures = 0, due_at = ?, by_hand = 0, late = 1, revived_at = ?
         WHERE seq IN (SELECT value FROM json_each(?))`,
        at,
        at,
        JSON.stringify(deliveries.map(({ seq }) => seq)),
      ),
    *make(row, events, at) {
      for (const { seq, published_at } of events) {
        yield* run(
          `INSERT INTO deliveries
             (id, event, lane, endpoint, application, environment, ordering_key, status, published_at, due_at, late, revived_at)
           SELECT ?, seq, ?, ?, application, environment, ordering_key, 'pending', published_at, ?, 1, ? FROM events WHERE seq = ?`,
          // An id carries the event's time.
          newId('dlv_', published_at, randomBytes(10)),
          row.endpoint,
          row.endpoint,
          at,
          at,
          seq,
        );
      }
      return events.length;
    },
  };
}
