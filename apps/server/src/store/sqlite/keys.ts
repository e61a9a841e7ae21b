/** API keys. Only a hash of the token is stored: it has 256 random bits, so a plain SHA-256 gives nothing away. */
import { type ApplicationId, type KeyId, newId } from '@posthorn/core';
import type { Environment, Key, KeyStore } from '../store.ts';
import { recordChange } from './audit.ts';
import type { SqliteContext } from './context.ts';
import { Conditions, pageOf, readCursor } from './page.ts';

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

/** Uses of keys that are not written down yet. */
export interface KeyUses {
  note(row: { readonly pk: number; readonly last_used_at: number | null }): void;
  flush(): void;
}

export function keyUses({ db, now }: SqliteContext): KeyUses {
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

  return {
    flush,
    note(row) {
      const at = now();
      if (row.last_used_at !== null && at - row.last_used_at < USE_PRECISION_MS) return;
      // Until it is written, the first use stands.
      if (!uses.has(row.pk)) uses.set(row.pk, at);
      timer ??= setTimeout(() => {
        timer = null;
        try {
          flush();
        } catch {
          // A note for people: the next use tries again, and what matters fails loudly by itself.
        }
      }, WRITE_USES_AFTER_MS).unref();
    },
  };
}

export function sqliteKeys(context: SqliteContext, uses: KeyUses): KeyStore {
  const { db } = context;

  function record(action: 'key.create' | 'key.revoke', row: KeyRow): void {
    const { application_id: application, environment, id } = row;
    const changes = { name: action === 'key.create' ? { from: null, to: row.name } : { from: row.name, to: null } };
    recordChange(context, { action, application, environment, target: { kind: 'key', id }, changes });
  }

  return {
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
        const row = db.get<KeyRow>(`${SELECT} WHERE k.id = ?`, id) as KeyRow;
        record('key.create', row);
        return key(row);
      });
    },
    async authenticate(tokenHash) {
      const row = db.get<KeyRow>(`${SELECT} WHERE k.token_hash = ? AND k.revoked_at IS NULL`, tokenHash);
      if (row === undefined) return null;
      uses.note(row);
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
      return db.transaction(() => {
        const row = db.get<KeyRow>(`${SELECT} WHERE k.id = ? AND k.environment = ? AND k.revoked_at IS NULL`, id, environment);
        if (row === undefined) return false;
        db.run('UPDATE keys SET revoked_at = ? WHERE pk = ?', context.now(), row.pk);
        record('key.revoke', row);
        return true;
      });
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
