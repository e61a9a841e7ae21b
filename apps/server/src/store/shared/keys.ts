/** API keys. Only a hash of the token is stored: it has 256 random bits, so a plain SHA-256 gives nothing away. */
import { type ApplicationId, type KeyId, newId } from '@posthorn/core';
import { Conditions, pageOf, readCursor } from '../page.ts';
import type { Environment, Key, KeyStore } from '../store.ts';
import { recordChange } from './audit.ts';
import type { SharedContext } from './context.ts';
import { all, exists, get, now, type Recipe, run } from './recipe.ts';

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
  note(row: { readonly pk: number; readonly last_used_at: number | null }, at: number): void;
  flush(): Promise<void>;
}

export function keyUses({ transaction }: Pick<SharedContext, 'transaction'>): KeyUses {
  const uses = new Map<number, number>();
  let timer: NodeJS.Timeout | null = null;

  async function flush(): Promise<void> {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (uses.size === 0) return;
    const noted = [...uses];
    uses.clear();
    await transaction(function* () {
      for (const [pk, at] of noted) yield* run('UPDATE keys SET last_used_at = ? WHERE pk = ?', at, pk);
    });
  }

  return {
    flush,
    note(row, at) {
      if (row.last_used_at !== null && at - row.last_used_at < USE_PRECISION_MS) return;
      // Until it is written, the first use stands.
      if (!uses.has(row.pk)) uses.set(row.pk, at);
      timer ??= setTimeout(() => {
        // A note for people: the next use tries again, and what matters fails loudly by itself.
        flush().catch(() => {});
      }, WRITE_USES_AFTER_MS).unref();
    },
  };
}

export function keyStore(context: SharedContext, uses: KeyUses): KeyStore {
  const find = (environment: Environment, id: string): Recipe<KeyRow | undefined> =>
    get<KeyRow>(`${SELECT} WHERE k.id = ? AND k.environment = ? AND k.revoked_at IS NULL`, id, environment);

  function* record(action: 'key.create' | 'key.revoke', row: KeyRow): Recipe<void> {
    const { application_id: application, environment, id } = row;
    const changes = { name: action === 'key.create' ? { from: null, to: row.name } : { from: row.name, to: null } };
    yield* recordChange(context, { action, application, environment, target: { kind: 'key', id }, changes });
  }

  return {
    create({ environment, application, name, tokenHash, hint }) {
      return context.transaction(function* () {
        const existing = yield* get<KeyRow>(`${SELECT} WHERE k.token_hash = ? AND k.revoked_at IS NULL`, tokenHash);
        if (existing !== undefined) return key(existing);
        const tenant =
          application === null
            ? null
            : yield* get<{ pk: number }>('SELECT pk FROM applications WHERE id = ? AND deleted_at IS NULL', application);
        if (tenant === undefined) return null;
        const at = yield* now();
        const id = newId('key_', at, context.randomBytes(10));
        // A token that was revoked and is preset again comes back as a new key.
        yield* run('DELETE FROM keys WHERE token_hash = ? AND revoked_at IS NOT NULL', tokenHash);
        yield* run(
          'INSERT INTO keys (id, environment, application, name, token_hash, hint, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
          id,
          environment,
          tenant?.pk ?? null,
          name,
          tokenHash,
          hint,
          at,
        );
        const row = (yield* get<KeyRow>(`${SELECT} WHERE k.id = ?`, id)) as KeyRow;
        yield* record('key.create', row);
        return key(row);
      });
    },
    authenticate(tokenHash) {
      return context.read(function* () {
        const row = yield* get<KeyRow>(`${SELECT} WHERE k.token_hash = ? AND k.revoked_at IS NULL`, tokenHash);
        if (row === undefined) return null;
        uses.note(row, yield* now());
        return key(row);
      });
    },
    async list(environment, { application, limit, cursor }) {
      const after = readCursor(cursor, 1);
      const where = new Conditions().add('k.environment = ? AND k.revoked_at IS NULL', environment);
      if (application !== null) where.add('a.id = ?', application);
      if (after !== null) where.add('k.pk < ?', ...after);
      const rows = await context.read(() =>
        all<KeyRow>(`${SELECT} WHERE ${where.sql} ORDER BY k.pk DESC LIMIT ?`, ...where.parameters, limit + 1),
      );
      return pageOf(rows, { limit, read: key, cursor: (row) => [row.pk] });
    },
    async get(environment, id) {
      const row = await context.read(() => find(environment, id));
      return row === undefined ? null : key(row);
    },
    revoke(environment, id) {
      return context.transaction(function* () {
        const row = yield* find(environment, id);
        if (row === undefined) return false;
        yield* run('UPDATE keys SET revoked_at = ? WHERE pk = ?', yield* now(), row.pk);
        yield* record('key.revoke', row);
        return true;
      });
    },
    anyServiceKey(environment) {
      const service = 'SELECT 1 AS one FROM keys WHERE environment = ? AND application IS NULL AND revoked_at IS NULL LIMIT 1';
      return context.read(() => exists(service, environment));
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
