/**
 * What of a SQLite installation goes where in PostgreSQL. A table with a rule is copied with all of its columns: those that both engines call the same
 * go over as they are, and a rule says how the others come about. What neither has a rule nor stands among what is left out is a fault that
 * stops the copy before it begins (plan.ts), so that no later migration can be forgotten.
 */
import { idTime } from '@posthorn/core';

/** A value as both engines mean it: what is compared, and what checksums are made of. Instants are epoch milliseconds. */
export type Value = string | number | boolean | Uint8Array | null;

export interface Rule {
  /** The table in PostgreSQL. */
  readonly to: string;
  /** What is read in SQLite: its columns go by the alias `s`. When absent, the table of the same name. */
  readonly from?: { readonly table: string; readonly index?: string; readonly join?: string; readonly where?: string };
  /** Columns that name a row, and in whose order SQLite can read without sorting. */
  readonly key: readonly string[];
  /** Columns by which PostgreSQL finds the row, when that is not its primary key. */
  readonly find?: readonly string[];
  /** Columns that SQLite has otherwise, as expressions of it. */
  readonly made?: Readonly<Record<string, string>>;
  /** Columns of PostgreSQL that keep their default. */
  readonly unset?: readonly string[];
  /** Columns of SQLite that none in PostgreSQL is called after: what is made of them stands in `made`, or another rule. */
  readonly used?: readonly string[];
  /** Which of the rows read are meant; all of them when absent. */
  readonly keep?: (row: Readonly<Record<string, Value>>) => boolean;
}

/** Of tables that only one engine has. */
export const LEFT_OUT = {
  // Each engine's own books, what the first server writes, and the outbox, which SQLite has none of.
  postgres: ['copies', 'key_check', 'migrations', 'outbox', 'outbox_refused'],
  sqlite: [] as readonly string[],
} as const;

/** An event's answer as a publish gave it: PostgreSQL keeps it, SQLite makes it of the events. The order of the keys is that of publish-plan.ts. */
const PUBLISHED = `json_object('id', v.id, 'application', a.id, 'environment', v.environment, 'type', v.type, 'timestamp', v.published_at,
  'deliveries', v.deliveries, 'dispatchAt', v.dispatch_at)`;

/**
 * In an order in which whatever is referred to is there already.
 * @param startedAt when the copy began, epoch milliseconds: a lane that a process held when it was killed is due then, as after any restart
 */
export function rules(startedAt: number): readonly Rule[] {
  const unlessHeld = (column: string): string => `CASE WHEN s.holder IS NULL THEN s.${column} ELSE ${startedAt} END`;
  return [
    { to: 'applications', key: ['pk'], unset: ['targets_epoch'] },
    { to: 'environments', key: ['name'] },
    { to: 'brakes', key: ['environment', 'application'] },
    { to: 'event_types', key: ['name'] },
    { to: 'keys', key: ['pk'] },
    { to: 'endpoints', key: ['pk'] },
    {
      to: 'lanes',
      from: { table: 'lanes', join: 'JOIN endpoints e ON e.pk = s.endpoint' },
      key: ['pk'],
      made: {
        application: 'e.application',
        deleted: 'e.deleted_at IS NOT NULL',
        holder: 'NULL',
        lease_until: 'NULL',
        due_at: unlessHeld('due_at'),
        wish_at: unlessHeld('wish_at'),
      },
      unset: ['standing'],
      used: ['standing'],
    },
    { to: 'people', key: ['id'] },
    { to: 'sessions', key: ['id'] },
    { to: 'credentials', key: ['id'] },
    { to: 'verifications', key: ['id'] },
    { to: 'members', key: ['pk'] },
    { to: 'operators', key: ['person'] },
    { to: 'operator_links', key: ['token_hash'] },
    { to: 'invitations', key: ['pk'] },
    { to: 'portal_links', key: ['token_hash'] },
    { to: 'portal_sessions', key: ['token_hash'] },
    { to: 'inboxes', key: ['pk'] },
    { to: 'inbox_requests', key: ['pk'] },
    { to: 'audit_log', key: ['seq'] },
    { to: 'jobs', key: ['pk'] },
    {
      to: 'notices',
      from: { table: 'notices', join: 'LEFT JOIN deliveries d ON d.seq = s.delivery' },
      key: ['pk'],
      made: { published_at: 'd.published_at' },
    },
    { to: 'rollups', key: ['environment', 'scope', 'owner', 'width', 'at'] },
    {
      to: 'rollup_deltas',
      key: ['seq'],
      // One element an attempt. Which of a lane's attempts failed SQLite does not say, and nobody asks: the first so many of them.
      made: {
        lanes: perAttempt('l.value ->> 0'),
        durations: perAttempt('t.value'),
        failed: perAttempt(`CASE WHEN t.key < (l.value ->> 1) THEN 't' ELSE 'f' END`),
      },
      used: ['counts'],
    },
    {
      to: 'idempotency_keys',
      key: ['scope', 'key'],
      made: {
        result: `(SELECT json_group_array(${PUBLISHED} ORDER BY j.key)
          FROM json_each(s.events) j JOIN events v ON v.seq = j.value JOIN applications a ON a.pk = v.application)`,
      },
      used: ['events'],
    },
    { to: 'events', key: ['seq'] },
    {
      to: 'event_ids',
      from: { table: 'events' },
      key: ['seq'],
      // Those of our own making are found by the time that they carry.
      keep: ({ id, published_at }) => !String(id).startsWith('evt_') || idTime(String(id)) !== published_at,
    },
    {
      to: 'deliveries',
      key: ['seq'],
      made: { problem: `CASE WHEN s.status IN ('failed', 'canceled') THEN s.status END` },
      used: ['status', 'ordering_key', 'attempt_count', 'failures', 'due_at', 'by_hand', 'revived_at'],
    },
    {
      to: 'pending',
      from: { table: 'deliveries', index: 'deliveries_pending', where: `s.status = 'pending'` },
      key: ['lane', 'seq'],
    },
    {
      to: 'attempts',
      from: { table: 'attempts', join: 'CROSS JOIN deliveries d ON d.seq = s.delivery' },
      key: ['delivery', 'id'],
      find: ['delivery', 'published_at', 'id'],
      made: { published_at: 'd.published_at', application: 'd.application' },
    },
  ];
}

/** An array as PostgreSQL writes it, of a value for each attempt: `l` is a lane's counts (sqlite/stats.ts), `t` one of its durations. */
function perAttempt(value: string): string {
  return `(SELECT '{' || group_concat(${value}, ',' ORDER BY l.key, t.key) || '}' FROM json_each(s.counts) l, json_each(l.value, '$[2]') t)`;
}
