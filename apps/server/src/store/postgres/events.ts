/** The log of events, newest first. */
import { type ApplicationId, idTime } from '@posthorn/core';
import { pageOf, readCursor } from '../page.ts';
import type { Environment, EventStore, StoredEvent } from '../store.ts';
import { Conditions } from './conditions.ts';
import type { PostgresContext } from './context.ts';

interface EventRow {
  readonly seq: number;
  readonly id: string;
  readonly application_id: ApplicationId;
  readonly environment: Environment;
  readonly type: string;
  readonly ordering_key: string | null;
  readonly published_at: number;
  readonly deliveries: number;
  readonly body: Uint8Array;
}

const SELECT = `SELECT e.seq, e.id, a.id AS application_id, e.environment, e.type, e.ordering_key, e.published_at, e.deliveries, e.body
  FROM posthorn.events e JOIN posthorn.applications a ON a.pk = e.application`;

/**
 * Where the events with an id stand, as a query that gives application, environment, published_at and seq. An id that a publisher brought is looked
 * up; one of our own making carries its time, at which there are few.
 */
export function eventsWithId(where: Conditions, environment: Environment, id: string): string {
  const brought = where.bind(
    'SELECT application, environment, published_at, seq FROM posthorn.event_ids WHERE id = ? AND environment = ?',
    id,
    environment,
  );
  const time = id.startsWith('evt_') ? idTime(id) : null;
  if (time === null) return brought;
  const own = where.bind(
    'SELECT application, environment, published_at, seq FROM posthorn.events WHERE environment = ? AND published_at = ? AND id = ?',
    environment,
    time,
    id,
  );
  return `${brought} UNION ${own}`;
}

export function postgresEvents({ db }: PostgresContext): EventStore {
  return {
    async list(environment, filter) {
      const after = readCursor(filter.cursor, 2);
      const where = new Conditions().add('e.environment = ?', environment);
      if (filter.application !== null) where.add('e.application = (SELECT pk FROM posthorn.applications WHERE id = ?)', filter.application);
      if (filter.type !== null) where.add('e.type = ?', filter.type);
      if (filter.orderingKey !== null) where.add('e.ordering_key = ?', filter.orderingKey);
      if (filter.since !== null) where.add('e.published_at >= ?', filter.since);
      if (filter.until !== null) where.add('e.published_at < ?', filter.until);
      // The first of the two names the partitions to look at, the second the row.
      if (after !== null) where.add('e.published_at <= ? AND (e.published_at, e.seq) < (?, ?)', after[0], ...after);
      const rows = await db.all<EventRow>(
        `${SELECT} WHERE ${where.sql} ORDER BY e.published_at DESC, e.seq DESC LIMIT ${filter.limit + 1}`,
        ...where.parameters,
      );
      return pageOf(rows, {
        limit: filter.limit,
        read: storedEvent,
        cursor: (row) => [row.published_at, row.seq],
        bytes: (row) => row.body.length,
      });
    },
    async get(environment, id, application) {
      const where = new Conditions();
      const found = eventsWithId(where, environment, id);
      if (application !== null) where.add('a.id = ?', application);
      const row = await db.get<EventRow>(
        `WITH found AS (${found})
         SELECT e.seq, e.id, a.id AS application_id, e.environment, e.type, e.ordering_key, e.published_at, e.deliveries, e.body
         FROM found f CROSS JOIN LATERAL (
           SELECT * FROM posthorn.events e
           WHERE e.application = f.application AND e.environment = f.environment AND e.published_at = f.published_at AND e.seq = f.seq LIMIT 1
         ) e
         JOIN posthorn.applications a ON a.pk = e.application
         WHERE ${where.sql} ORDER BY e.published_at DESC, e.seq DESC LIMIT 1`,
        ...where.parameters,
      );
      return row === undefined ? null : storedEvent(row);
    },
  };
}

function storedEvent(row: EventRow): StoredEvent {
  return {
    id: row.id,
    application: row.application_id,
    environment: row.environment,
    type: row.type,
    timestamp: row.published_at,
    orderingKey: row.ordering_key,
    body: row.body,
    deliveries: row.deliveries,
  };
}
