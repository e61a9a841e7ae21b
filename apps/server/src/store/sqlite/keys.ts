/** API keys. Only a hash of the token is stored: it has 256 random bits, so a plain SHA-256 gives nothing away. */
import { type ApplicationId, type KeyId, newId } from '@posthorn/core';
import { Conditions, pageOf, readCursor } from '../page.ts';
import type { Environment, Key, KeyStore } from '../store.ts';
import type { SqliteContext } from './context.ts';

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
  FROM keys k LEFT JOIN applications a ON a.pk = k.application`;
/** `last_used_at` is for people: to the minute, so that a busy key is not written at every request. */
const USE_PRECISION_MS = 60_000;
const WRITE_USES_AFTER_MS = 1_000;

/** @returns the store, and `flush`, which writes down the uses that are still in memory */
export function sqliteKeys(context: SqliteContext): KeyStore & { flush(): void } {
  const { db } = context;
  const uses = new Map<number, number>();
  let timer: NodeJS.Timeout | null = null;

  function flush(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (uses.size === 0) return;
    db.transaction(() => {
      for (const [pk, at] of uses) db.run('UPDATE keys SET last_used_at = ? WHERE pk = ?', at, pk);
    });
    uses.clear();
  }

  function noteUse(row: KeyRow): void {
    const now = context.now();
    if (row.last_used_at !== null && now - row.last_used_at < USE_PRECISION_MS) return;
    // Until it is written, the first use stands.
    if (!uses.has(row.pk)) uses.set(row.pk, now);
    timer ??= setTimeout(() => {
      timer = null;
      try {
        flush();
      } catch {
        // A note for people: the next use tries again, and what matters fails loudly by itself.
      }
    }, WRITE_USES_AFTER_MS).unref();
  }

  return {
    flush,
    async create({ environment, application, name, tokenHash, hint }) {
      return db.transaction(() => {
        const existing = db.get<KeyRow>(`${SELECT} WHERE k.token_hash = ? AND k.revoked_at IS NULL`, tokenHash);
        if (existing !== undefined) return key(existing);
        const tenant =
          application === null
            ? null
            : db.get<{ pk: number }>('SELECT pk FROM applications WHERE id = ? AND deleted_at IS NULL', application);
        if (tenant === undefined) return null;
        const now = context.now();
        const id = newId('key_', now, context.randomBytes(10));
        // A token that was revoked and is preset again comes back as a new key.
        db.run('DELETE FROM keys WHERE token_hash = ? AND revoked_at IS NOT NULL', tokenHash);
        db.run(
          'INSERT INTO keys (id, environment, application, name, token_hash, hint, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
          id,
          environment,
          tenant?.pk ?? null,
          name,
          tokenHash,
          hint,
          now,
        );
        return key(db.get<KeyRow>(`${SELECT} WHERE k.id = ?`, id) as KeyRow);
      });
    },
    async authenticate(tokenHash) {
      const row = db.get<KeyRow>(`${SELECT} WHERE k.token_hash = ? AND k.revoked_at IS NULL`, tokenHash);
      if (row === undefined) return null;
      noteUse(row);
      return key(row);
    },
    async list(environment, { application, limit, cursor }) {
      const after = readCursor(cursor, 1);
      const where = new Conditions().add('k.environment = ? AND k.revoked_at IS NULL', environment);
      if (application !== null) where.add('a.id = ?', application);
      if (after !== null) where.add('k.pk < ?', ...after);
      const rows = db.all<KeyRow>(`${SELECT} WHERE ${where.sql} ORDER BY k.pk DESC LIMIT ?`, ...where.parameters, limit + 1);
      return pageOf(rows, { limit, read: key, cursor: (row) => [row.pk] });
    },
    async get(environment, id) {
      const row = db.get<KeyRow>(`${SELECT} WHERE k.id = ? AND k.environment = ? AND k.revoked_at IS NULL`, id, environment);
      return row === undefined ? null : key(row);
    },
    async revoke(environment, id) {
      return (
        db.run('UPDATE keys SET revoked_at = ? WHERE id = ? AND environment = ? AND revoked_at IS NULL', context.now(), id, environment) ===
        1
      );
    },
    async anyServiceKey(environment) {
      return (
        db.get('SELECT 1 FROM keys WHERE environment = ? AND application IS NULL AND revoked_at IS NULL LIMIT 1', environment) !== undefined
      );
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
