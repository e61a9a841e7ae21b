/** API keys. Only a hash of the token is stored: it has 256 random bits, so a plain SHA-256 gives nothing away. */
import { type ApplicationId, type KeyId, newId } from '@posthorn/core';
import { pageOf, readCursor } from '../page.ts';
import type { Environment, Key, KeyStore } from '../store.ts';
import { int4s, int8s } from './arrays.ts';
import { Conditions } from './conditions.ts';
import type { PostgresContext } from './context.ts';

interface KeyRow {
  readonly pk: number;
  readonly id: KeyId;
  readonly environment: Environment;
  readonly application_id: ApplicationId | null;
  readonly name: string;
  readonly hint: string;
  readonly created_at: number;
  readonly last_used_at: number | null;
}

const SELECT = `SELECT k.pk, k.id, k.environment, a.id AS application_id, k.name, k.hint, k.created_at, k.last_used_at
  FROM posthorn.keys k LEFT JOIN posthorn.applications a ON a.pk = k.application`;
/** `last_used_at` is for people: to the minute, so that a busy key is not written at every request. */
const USE_PRECISION_MS = 60_000;
const WRITE_USES_AFTER_MS = 1_000;

/** @returns the store, and `flush`, which writes down the uses that are still in memory */
export function postgresKeys(context: PostgresContext): KeyStore & { flush(): Promise<void> } {
  const { db, hot, clock } = context;
  const uses = new Map<number, number>();
  let timer: NodeJS.Timeout | null = null;

  async function flush(): Promise<void> {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (uses.size === 0) return;
    const noted = [...uses].sort(([a], [b]) => a - b);
    uses.clear();
    await hot.batch([
      { sql: 'SELECT FROM posthorn.keys WHERE pk = ANY ($1) ORDER BY pk FOR NO KEY UPDATE', values: [int4s(noted.map(([pk]) => pk))] },
      {
        sql: `UPDATE posthorn.keys k SET last_used_at = greatest(k.last_used_at, u.at) FROM unnest($1::integer[], $2::bigint[]) AS u (pk, at) WHERE k.pk = u.pk`,
        values: [int4s(noted.map(([pk]) => pk)), int8s(noted.map(([, at]) => at))],
      },
    ]);
  }

  function noteUse(row: KeyRow, now: number): void {
    if (row.last_used_at !== null && now - row.last_used_at < USE_PRECISION_MS) return;
    // Until it is written, the first use stands.
    if (!uses.has(row.pk)) uses.set(row.pk, now);
    timer ??= setTimeout(() => {
      // A note for people: the next use tries again, and what matters fails loudly by itself.
      flush().catch(() => {});
    }, WRITE_USES_AFTER_MS).unref();
  }

  return {
    flush,
    async create({ environment, application, name, tokenHash, hint }) {
      const now = await clock.now();
      return db.transaction(async (tx) => {
        // Several processes preset the same key at the same time.
        await tx.run(`SELECT pg_advisory_xact_lock(hashtextextended('posthorn.keys ' || encode($1, 'hex'), 0))`, tokenHash);
        const existing = await tx.get<KeyRow>(`${SELECT} WHERE k.token_hash = $1 AND k.revoked_at IS NULL`, tokenHash);
        if (existing !== undefined) return key(existing);
        const tenant =
          application === null
            ? null
            : await tx.get<{ pk: number }>(
                'SELECT pk FROM posthorn.applications WHERE id = $1 AND deleted_at IS NULL FOR KEY SHARE',
                application,
              );
        if (tenant === undefined) return null;
        // A token that was revoked and is preset again comes back as a new key.
        await tx.run('DELETE FROM posthorn.keys WHERE token_hash = $1 AND revoked_at IS NOT NULL', tokenHash);
        const id = newId('key_', now, context.randomBytes(10));
        await tx.run(
          `INSERT INTO posthorn.keys (id, environment, application, name, token_hash, hint, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
          id,
          environment,
          tenant?.pk ?? null,
          name,
          tokenHash,
          hint,
          now,
        );
        return key((await tx.get<KeyRow>(`${SELECT} WHERE k.id = $1`, id)) as KeyRow);
      });
    },
    async authenticate(tokenHash) {
      const row = await db.get<KeyRow>(`${SELECT} WHERE k.token_hash = $1 AND k.revoked_at IS NULL`, tokenHash);
      if (row === undefined) return null;
      noteUse(row, await clock.now());
      return key(row);
    },
    async list(environment, { application, limit, cursor }) {
      const after = readCursor(cursor, 1);
      const where = new Conditions().add('k.environment = ? AND k.revoked_at IS NULL', environment);
      if (application !== null) where.add('a.id = ?', application);
      if (after !== null) where.add('k.pk < ?', ...after);
      const rows = await db.all<KeyRow>(`${SELECT} WHERE ${where.sql} ORDER BY k.pk DESC LIMIT ${limit + 1}`, ...where.parameters);
      return pageOf(rows, { limit, read: key, cursor: (row) => [row.pk] });
    },
    async get(environment, id) {
      const row = await db.get<KeyRow>(`${SELECT} WHERE k.id = $1 AND k.environment = $2 AND k.revoked_at IS NULL`, id, environment);
      return row === undefined ? null : key(row);
    },
    async revoke(environment, id) {
      const now = await clock.now();
      return (
        (await db.run(
          'UPDATE posthorn.keys SET revoked_at = $3 WHERE id = $1 AND environment = $2 AND revoked_at IS NULL',
          id,
          environment,
          now,
        )) === 1
      );
    },
    async anyServiceKey(environment) {
      const row = await db.get(
        'SELECT FROM posthorn.keys WHERE environment = $1 AND application IS NULL AND revoked_at IS NULL LIMIT 1',
        environment,
      );
      return row !== undefined;
    },
  };
}

function key(row: KeyRow): Key {
  return {
    id: row.id,
    environment: row.environment,
    application: row.application_id,
    name: row.name,
    hint: row.hint,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
  };
}
