/** What a dispatcher plans by: the groups of lanes with their cadences, and when the next lane is wanted. */
import { STANDINGS } from '@posthorn/core';
import type { CadenceGroup, Environment, EnvironmentState } from '../store.ts';
import type { SqliteContext } from './context.ts';

export const IDLE = 'holder IS NULL AND enabled = 1';
export const STIRRED = 'holder IS NOT NULL AND (first_at IS NOT NULL OR due_at IS NOT NULL)';

function groupNames(context: SqliteContext): string[] {
  // A loose index scan: one seek per group, however many lanes there are.
  return context.db
    .all<{ name: string }>(
      `WITH RECURSIVE groups (name) AS (
         SELECT min(cadence_group) FROM lanes
         UNION ALL
         SELECT (SELECT min(cadence_group) FROM lanes WHERE cadence_group > name) FROM groups WHERE name IS NOT NULL
       ) SELECT name FROM groups WHERE name IS NOT NULL`,
    )
    .map(({ name }) => name);
}

export function cadenceGroups(context: SqliteContext): CadenceGroup[] {
  const environments = new Map(
    context.db
      .all<{ name: Environment; cadence: string; opened_at: number }>('SELECT name, cadence, opened_at FROM environments')
      .map((row): [string, Pick<EnvironmentState, 'environment' | 'cadence' | 'openedAt'>] => [
        row.name,
        { environment: row.name, cadence: row.cadence, openedAt: row.opened_at },
      ]),
  );
  return groupNames(context).flatMap((group) => {
    const colon = group.indexOf(':');
    const environment = environments.get(group.slice(0, colon));
    if (environment === undefined) return [];
    return [{ ...environment, cadence: group.slice(colon + 1) || environment.cadence, group }];
  });
}

export function upcoming(context: SqliteContext): { now: number; firsts: Map<string, number>; dueAt: number | null } {
  const { db } = context;
  const now = context.now();
  const firsts = new Map<string, number>();
  for (const group of groupNames(context)) {
    const instants = STANDINGS.flatMap((_, standing) => {
      const row = db.get<{ at: number }>(
        `SELECT first_at AS at FROM lanes
         WHERE ${IDLE} AND cadence_group = ? AND standing = ? AND first_at IS NOT NULL AND not_before <= ? ORDER BY first_at LIMIT 1`,
        group,
        standing,
        now,
      );
      return row === undefined ? [] : [row.at];
    });
    if (instants.length > 0) firsts.set(group, Math.min(...instants));
  }
  // What was published into lanes that are held: their holder has to look again at that tick.
  const held = db.all<{ cadence_group: string; at: number }>(
    `SELECT cadence_group, min(first_at) AS at FROM lanes WHERE ${STIRRED} AND first_at IS NOT NULL GROUP BY cadence_group`,
  );
  for (const { cadence_group, at } of held) firsts.set(cadence_group, Math.min(at, firsts.get(cadence_group) ?? at));
  const instants = [
    ...STANDINGS.map((_, standing) =>
      db.get<{ at: number }>(
        `SELECT due_at AS at FROM lanes WHERE ${IDLE} AND standing = ? AND due_at IS NOT NULL AND not_before <= ? ORDER BY due_at LIMIT 1`,
        standing,
        now,
      ),
    ),
    db.get<{ at: number }>(
      `SELECT not_before AS at FROM lanes
       WHERE ${IDLE} AND not_before > 0 AND not_before > ? AND (first_at IS NOT NULL OR due_at IS NOT NULL) ORDER BY not_before LIMIT 1`,
      now,
    ),
    db.get<{ at: number }>('SELECT lease_until AS at FROM lanes WHERE holder IS NOT NULL ORDER BY lease_until LIMIT 1'),
  ].flatMap((row) => (row === undefined ? [] : [row.at]));
  return { now, firsts, dueAt: instants.length === 0 ? null : Math.min(...instants) };
}
