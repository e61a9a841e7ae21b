/** The event catalogue, shared by both environments. */
import { isEventTypeName } from '@posthorn/core';
import { type Action, eventTypeChanges } from '../audit.ts';
import type { EventType, EventTypeStore } from '../store.ts';
import { InvalidCursor } from '../store.ts';
import { recordChange } from './audit.ts';
import type { SqliteContext } from './context.ts';

interface EventTypeRow {
  readonly name: string;
  readonly description: string;
  readonly schema: string | null;
  readonly example: string | null;
  readonly strict: number;
  readonly created_at: number;
  readonly updated_at: number;
}

export function sqliteEventTypes(context: SqliteContext): EventTypeStore {
  const { db, now } = context;

  const find = (name: string): EventType | null => {
    const row = db.get<EventTypeRow>('SELECT * FROM event_types WHERE name = ?', name);
    return row === undefined ? null : eventType(row);
  };

  function record(action: Action, before: EventType | null, after: EventType | null): void {
    const target = { kind: 'event_type', id: (after ?? before)?.name ?? '' };
    recordChange(context, { action, application: null, environment: null, target, changes: eventTypeChanges(before, after) });
  }

  return {
    async put({ name, description, schema, example, strict }) {
      return db.transaction(() => {
        const before = find(name);
        const at = now();
        const row = db.get<EventTypeRow>(
          `INSERT INTO event_types (name, description, schema, example, strict, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
           ON CONFLICT (name) DO UPDATE SET description = ?2, schema = ?3, example = ?4, strict = ?5, updated_at = ?6 RETURNING *`,
          name,
          description,
          schema,
          example,
          strict ? 1 : 0,
          at,
        ) as EventTypeRow;
        record(before === null ? 'event_type.create' : 'event_type.update', before, eventType(row));
        return { eventType: eventType(row), created: before === null };
      });
    },
    async get(name) {
      return find(name);
    },
    async getMany(names) {
      return db
        .all<EventTypeRow>('SELECT t.* FROM json_each(?) j JOIN event_types t ON t.name = j.value', JSON.stringify(names))
        .map(eventType);
    },
    // A catalogue is read by name: there is no newest first among types.
    async list({ limit, cursor }) {
      const after = cursor === null ? '' : Buffer.from(cursor, 'base64url').toString('utf8');
      if (cursor !== null && (!isEventTypeName(after) || Buffer.from(after, 'utf8').toString('base64url') !== cursor)) {
        throw new InvalidCursor('the cursor is not one that this list gave');
      }
      const rows = db.all<EventTypeRow>('SELECT * FROM event_types WHERE name > ? ORDER BY name LIMIT ?', after, limit + 1);
      const last = rows[limit - 1];
      return {
        data: rows.slice(0, limit).map(eventType),
        nextCursor: rows.length > limit && last !== undefined ? Buffer.from(last.name, 'utf8').toString('base64url') : null,
      };
    },
    async delete(name) {
      return db.transaction(() => {
        const before = find(name);
        if (before === null) return false;
        db.run('DELETE FROM event_types WHERE name = ?', name);
        record('event_type.delete', before, null);
        return true;
      });
    },
  };
}

function eventType(row: EventTypeRow): EventType {
  return {
    name: row.name,
    description: row.description,
    schema: row.schema,
    example: row.example,
    strict: row.strict === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
