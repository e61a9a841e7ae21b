/** What a dispatcher looks at before it asks for anything, and what it sleeps by. */
import type { CadenceGroup, Environment, LaneStore, Outlook } from '../store.ts';
import { float8s, texts } from './arrays.ts';
import type { PostgresContext } from './context.ts';

const IDLE = 'l.holder IS NULL AND l.enabled = 1';

interface GroupRow {
  readonly name: Environment;
  readonly cadence: string;
  readonly opened_at: number;
  readonly group: string;
}

/** A loose index scan: one seek a group, however many lanes there are. */
const GROUPS = `WITH RECURSIVE groups (name) AS (
    (SELECT cadence_group FROM posthorn.lanes ORDER BY cadence_group LIMIT 1)
    UNION ALL
    SELECT (SELECT cadence_group FROM posthorn.lanes WHERE cadence_group > groups.name ORDER BY cadence_group LIMIT 1) FROM groups WHERE groups.name IS NOT NULL
  )`;

const OUTLOOK = `${GROUPS}
  SELECT n.name, n.cadence, n.opened_at, g.name AS group
  FROM groups g JOIN posthorn.environments n ON n.name = split_part(g.name, ':', 1)
  WHERE g.name IS NOT NULL ORDER BY g.name`;

export async function outlook({ hot, clock }: PostgresContext): Promise<Outlook> {
  const rows = await hot.all<GroupRow>(OUTLOOK);
  return {
    now: await clock.now(),
    groups: rows.map(({ name, cadence, opened_at, group }): CadenceGroup => {
      const own = group.slice(group.indexOf(':') + 1);
      return { environment: name, cadence: own === '' ? cadence : own, group, openedAt: opened_at };
    }),
  };
}

/**
 * One statement for all of it. `name` is a group's, or null for what is not gated: retries that are due, floors that end, and the leases of
 * others that end. Each part reads the first entry of its index.
 */
const UPCOMING = `${GROUPS}, standings (standing) AS (VALUES (0::smallint), (1::smallint), (2::smallint))
  SELECT g.name, f.at FROM groups g CROSS JOIN standings s CROSS JOIN LATERAL (
    SELECT l.first_at AS at FROM posthorn.lanes l
    WHERE ${IDLE} AND l.cadence_group = g.name AND l.standing = s.standing AND l.first_at IS NOT NULL AND l.not_before <= $1
    ORDER BY l.cadence_group, l.standing, l.first_at LIMIT 1
  ) f WHERE g.name IS NOT NULL
  UNION ALL
  SELECT l.cadence_group, min(l.first_at) FROM posthorn.lanes l WHERE l.holder IS NOT NULL AND l.first_at IS NOT NULL GROUP BY l.cadence_group
  UNION ALL
  SELECT NULL, d.at FROM standings s CROSS JOIN LATERAL (
    SELECT l.due_at AS at FROM posthorn.lanes l
    WHERE ${IDLE} AND l.standing = s.standing AND l.due_at IS NOT NULL AND l.not_before <= $1 ORDER BY l.standing, l.due_at LIMIT 1
  ) d
  UNION ALL
  (SELECT NULL, l.not_before FROM posthorn.lanes l
   WHERE ${IDLE} AND l.not_before > 0 AND l.not_before > $1 AND (l.first_at IS NOT NULL OR l.due_at IS NOT NULL) ORDER BY l.not_before LIMIT 1)
  UNION ALL
  (SELECT NULL, l.lease_until FROM posthorn.lanes l WHERE l.holder IS NOT NULL AND l.enabled = 1 ORDER BY l.lease_until LIMIT 1)`;

export async function upcoming({ hot, clock }: PostgresContext): ReturnType<LaneStore['upcoming']> {
  const now = await clock.now();
  const rows = await hot.all<{ name: string | null; at: number }>(UPCOMING, now);
  const firsts = new Map<string, number>();
  let dueAt: number | null = null;
  for (const { name, at } of rows) {
    if (name === null) dueAt = Math.min(at, dueAt ?? at);
    else firsts.set(name, Math.min(at, firsts.get(name) ?? at));
  }
  return { now, firsts: new Map([...firsts].sort(([a], [b]) => (a < b ? -1 : 1))), dueAt };
}

/** Gates as two arrays, for unnest. No gate at all is minus infinity, which a bigint does not know. */
export function gateArrays(gates: ReadonlyMap<string, number>): { readonly groups: Buffer; readonly gates: Buffer } {
  return { groups: texts([...gates.keys()]), gates: float8s([...gates.values()]) };
}
