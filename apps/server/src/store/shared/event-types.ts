/** The event catalogue, shared by both environments. */
import { isEventTypeName } from '@posthorn/core';
import { type Action, eventTypeChanges } from '../audit.ts';
import type { Environment, EventType, EventTypeStore } from '../store.ts';
import { InvalidCursor } from '../store.ts';
import { recordChange } from './audit.ts';
import type { SharedContext } from './context.ts';
import { all, get, now, type Recipe, run } from './recipe.ts';

interface EventTypeRow {
  readonly name: string;
  readonly description: string;
  readonly schema: string | null;
  readonly example: string | null;
  readonly strict: number;
  readonly created_at: number;
  readonly updated_at: number;
}

export function eventTypeStore(context: SharedContext): EventTypeStore {
  function* find(name: string): Recipe<EventType | null> {
    const row = yield* get<EventTypeRow>('SELECT * FROM event_types WHERE name = ?', name);
    return row === undefined ? null : eventType(row);
  }

  function* record(action: Action, before: EventType | null, after: EventType | null): Recipe<void> {
    const target = { kind: 'event_type', id: (after ?? before)?.name ?? '' };
    yield* recordChange(context, { action, application: null, environment: null, target, changes: eventTypeChanges(before, after) });
  }

  return {
    put({ name, description, schema, example, strict }) {
      return context.transaction(function* () {
        const before = yield* find(name);
        const at = yield* now();
        const row = yield* get<EventTypeRow>(
          `INSERT INTO event_types (name, description, schema, example, strict, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (name) DO UPDATE SET description = excluded.description, schema = excluded.schema, example = excluded.example,
             strict = excluded.strict, updated_at = excluded.updated_at
           RETURNING *`,
          name,
          description,
          schema,
          example,
          strict ? 1 : 0,
          at,
          at,
        );
        const after = eventType(row as EventTypeRow);
        yield* record(before === null ? 'event_type.create' : 'event_type.update', before, after);
        return { eventType: after, created: before === null };
      });
    },
    get: (name) => context.read(() => find(name)),
    async getMany(names) {
      if (names.length === 0) return [];
      const places = names.map(() => '?').join(', ');
      return (await context.read(() => all<EventTypeRow>(`SELECT * FROM event_types WHERE name IN (${places})`, ...names))).map(eventType);
    },
    // A catalogue is read by name: there is no newest first among types.
    async list({ limit, cursor }) {
      const after = cursor === null ? '' : Buffer.from(cursor, 'base64url').toString('utf8');
      if (cursor !== null && (!isEventTypeName(after) || Buffer.from(after, 'utf8').toString('base64url') !== cursor)) {
        throw new InvalidCursor('the cursor is not one that this list gave');
      }
      const rows = await context.read(() =>
        all<EventTypeRow>('SELECT * FROM event_types WHERE name > ? ORDER BY name LIMIT ?', after, limit + 1),
      );
      const last = rows[limit - 1];
      return {
        data: rows.slice(0, limit).map(eventType),
        nextCursor: rows.length > limit && last !== undefined ? Buffer.from(last.name, 'utf8').toString('base64url') : null,
      };
    },
    delete(name) {
      return context.transaction(function* () {
        const before = yield* find(name);
        if (before === null) return false;
        yield* run('DELETE FROM event_types WHERE name = ?', name);
        yield* record('event_type.delete', before, null);
        return true;
      });
    },
    async subscribers(name) {
      // Both engines know `replace`, and mean capitals by it as they are: LIKE does not with SQLite. A name needs no escape within its quotes.
      const counts = await context.read(() =>
        all<{ environment: Environment; n: number }>(
          `SELECT environment, count(*) AS n FROM endpoints
           WHERE deleted_at IS NULL AND replace(event_types, ?, '') <> event_types GROUP BY environment`,
          `"${name}"`,
        ),
      );
      const of = (environment: Environment) => counts.find((row) => row.environment === environment)?.n ?? 0;
      return { production: of('production'), sandbox: of('sandbox') };
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
