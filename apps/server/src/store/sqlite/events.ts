/** The log of events, newest first. */
import type { ApplicationId } from '@posthorn/core';
import { Conditions, type Horizon, pageOf, readCursor, SEARCHED_ROWS } from '../page.ts';
import type { Environment, EventFilter, EventStore, StoredEvent } from '../store.ts';
import type { SqliteContext } from './context.ts';

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
  FROM events e JOIN applications a ON a.pk = e.application`;

export function sqliteEvents({ db }: SqliteContext): EventStore {
  /** Where a page has to stop looking for a type, which no index has; null: less is left than it may look at. */
  function searchHorizon(environment: Environment, { application, since, until, cursor }: EventFilter): Horizon | null {
    const after = readCursor(cursor, 2);
    const where = new Conditions().add('e.environment = ?', environment);
    if (application !== null) where.add('e.application = (SELECT pk FROM applications WHERE id = ?)', application);
    if (since !== null) where.add('e.published_at >= ?', since);
    if (until !== null) where.add('e.published_at < ?', until);
    if (after !== null) where.add('(e.published_at, e.seq) < (?, ?)', ...after);
    const row = db.get<{ published_at: number; seq: number }>(
      `SELECT e.published_at, e.seq FROM events e INDEXED BY events_of_${application === null ? 'environment' : 'application'} WHERE ${where.sql}
       ORDER BY e.published_at DESC, e.seq DESC LIMIT 1 OFFSET ${SEARCHED_ROWS - 1}`,
      ...where.parameters,
    );
    return row === undefined ? null : [row.published_at, row.seq];
  }

  return {
    async list(environment, filter) {
      const after = readCursor(filter.cursor, 2);
      const where = new Conditions().add('e.environment = ?', environment);
      // A key's events are few, an application's are not: the plus leaves SQLite the index of keys only.
      const plus = filter.orderingKey === null ? '' : '+';
      if (filter.application !== null) where.add(`${plus}e.application = (SELECT pk FROM applications WHERE id = ?)`, filter.application);
      if (filter.type !== null) where.add('e.type = ?', filter.type);
      if (filter.orderingKey !== null) where.add('e.ordering_key = ?', filter.orderingKey);
      if (filter.since !== null) where.add('e.published_at >= ?', filter.since);
      if (filter.until !== null) where.add('e.published_at < ?', filter.until);
      if (after !== null) where.add('(e.published_at, e.seq) < (?, ?)', ...after);
      const horizon = filter.type === null || filter.orderingKey !== null ? null : searchHorizon(environment, filter);
      if (horizon !== null) where.add('(e.published_at, e.seq) >= (?, ?)', ...horizon);
      const rows = db.all<EventRow>(
        `${SELECT} WHERE ${where.sql} ORDER BY e.published_at DESC, e.seq DESC LIMIT ?`,
        ...where.parameters,
        filter.limit + 1,
      );
      return pageOf(rows, {
        limit: filter.limit,
        read: storedEvent,
        cursor: (row) => [row.published_at, row.seq],
        horizon,
        bytes: (row) => row.body.length,
      });
    },
    async get(environment, id, application) {
      const where = new Conditions().add('e.id = ? AND e.environment = ?', id, environment);
      if (application !== null) where.add('e.application = (SELECT pk FROM applications WHERE id = ?)', application);
      const row = db.get<EventRow>(`${SELECT} WHERE ${where.sql} ORDER BY e.seq DESC LIMIT 1`, ...where.parameters);
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
