/** The event catalogue, shared by both environments. */
import { isEventTypeName } from '@posthorn/core';
import { type EventType, type EventTypeStore, InvalidCursor } from '../store.ts';
import { texts } from './arrays.ts';
import type { PostgresContext } from './context.ts';

interface EventTypeRow {
  readonly name: string;
  readonly description: string;
  readonly schema: string | null;
  readonly example: string | null;
  readonly strict: boolean;
  readonly created_at: number;
  readonly updated_at: number;
}

export function postgresEventTypes({ db, clock }: PostgresContext): EventTypeStore {
  return {
    async put({ name, description, schema, example, strict }) {
      const row = await db.get<EventTypeRow & { created: boolean }>(
        `INSERT INTO posthorn.event_types (name, description, schema, example, strict, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6)
         ON CONFLICT (name) DO UPDATE SET description = $2, schema = $3, example = $4, strict = $5, updated_at = $6
         RETURNING *, xmax = 0 AS created`,
        name,
        description,
        schema,
        example,
        strict,
        await clock.now(),
      );
      if (row === undefined) throw new TypeError('an upsert gave no row');
      return { eventType: eventType(row), created: row.created };
    },
    async get(name) {
      const row = await db.get<EventTypeRow>('SELECT * FROM posthorn.event_types WHERE name = $1', name);
      return row === undefined ? null : eventType(row);
    },
    async getMany(names) {
      return (await db.all<EventTypeRow>('SELECT * FROM posthorn.event_types WHERE name = ANY ($1)', texts(names))).map(eventType);
    },
    // A catalogue is read by name: there is no newest first among types.
    async list({ limit, cursor }) {
      const after = cursor === null ? '' : Buffer.from(cursor, 'base64url').toString('utf8');
      if (cursor !== null && (!isEventTypeName(after) || Buffer.from(after, 'utf8').toString('base64url') !== cursor)) {
        throw new InvalidCursor('the cursor is not one that this list gave');
      }
      const rows = await db.all<EventTypeRow>(`SELECT * FROM posthorn.event_types WHERE name > $1 ORDER BY name LIMIT ${limit + 1}`, after);
      const last = rows[limit - 1];
      return {
        data: rows.slice(0, limit).map(eventType),
        nextCursor: rows.length > limit && last !== undefined ? Buffer.from(last.name, 'utf8').toString('base64url') : null,
      };
    },
    async delete(name) {
      return (await db.run('DELETE FROM posthorn.event_types WHERE name = $1', name)) === 1;
    },
  };
}

function eventType(row: EventTypeRow): EventType {
  return {
    name: row.name,
    description: row.description,
    schema: row.schema,
    example: row.example,
    strict: row.strict,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
