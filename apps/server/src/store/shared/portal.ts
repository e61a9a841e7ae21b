/** Portal links, each good for one session, and those sessions. */
import { newId, type PortalSessionId } from '@posthorn/core';
import type { Environment, PortalSession, PortalStore, Role } from '../store.ts';
import { type ApplicationRow, applicationFromRow } from './applications.ts';
import { recordChange } from './audit.ts';
import type { SharedContext } from './context.ts';
import { get, now, type Recipe, run } from './recipe.ts';

type SessionRow = ApplicationRow & {
  readonly session: PortalSessionId;
  readonly environment: Environment | null;
  readonly role: Role;
  readonly visitor: string;
  readonly expires_at: number;
};

export function portalStore(context: SharedContext): PortalStore {
  function* find(tokenHash: Uint8Array): Recipe<PortalSession | null> {
    const row = yield* get<SessionRow>(
      `SELECT a.*, s.id AS session, s.environment, s.role, s.name AS visitor, s.expires_at FROM portal_sessions s JOIN applications a ON a.pk = s.application
       WHERE s.token_hash = ? AND s.expires_at > ? AND a.deleted_at IS NULL`,
      tokenHash,
      yield* now(),
    );
    if (row === undefined) return null;
    const { session: id, visitor: name, environment, role, expires_at: expiresAt } = row;
    return { id, name, environment, role, expiresAt, application: applicationFromRow(row) };
  }

  return {
    addLink({ application, environment, role, name, tokenHash, expiresAt }) {
      return context.transaction(function* () {
        const at = yield* now();
        // Those that nobody opened are of no use to anybody: this is when they go.
        yield* run('DELETE FROM portal_links WHERE expires_at <= ?', at);
        yield* run('DELETE FROM portal_sessions WHERE expires_at <= ?', at);
        const added = yield* run(
          `INSERT INTO portal_links (token_hash, application, environment, role, name, created_at, expires_at)
           SELECT ?, pk, ?, ?, ?, ?, ? FROM applications WHERE id = ? AND deleted_at IS NULL`,
          tokenHash,
          environment,
          role,
          name,
          at,
          expiresAt,
          application,
        );
        if (added === 0) return false;
        const changes = { role: { from: null, to: role }, name: { from: null, to: name } };
        const target = { kind: 'application', id: application };
        yield* recordChange(context, { action: 'portal.link', application, environment, target, changes });
        return true;
      });
    },
    open(link, { tokenHash, expiresAt }) {
      return context.transaction(function* () {
        const at = yield* now();
        const row = yield* get<{ application: number; environment: Environment | null; role: Role; name: string; expires_at: number }>(
          'DELETE FROM portal_links WHERE token_hash = ? RETURNING application, environment, role, name, expires_at',
          link,
        );
        if (row === undefined || row.expires_at <= at) return null;
        yield* run(
          'INSERT INTO portal_sessions (token_hash, id, application, environment, role, name, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
          tokenHash,
          newId('prt_', at, context.randomBytes(10)),
          row.application,
          row.environment,
          row.role,
          row.name,
          at,
          expiresAt,
        );
        return yield* find(tokenHash);
      });
    },
    session: (tokenHash) => context.read(() => find(tokenHash)),
    async end(tokenHash) {
      await context.read(() => run('DELETE FROM portal_sessions WHERE token_hash = ?', tokenHash));
    },
  };
}
