/** Portal links, each good for one session, and those sessions. */
import { newId, type PortalSessionId } from '@posthorn/core';
import type { PortalSession, PortalStore, Role } from '../store.ts';
import { type ApplicationRow, applicationFromRow } from './applications.ts';
import { recordChange } from './audit.ts';
import type { SqliteContext } from './context.ts';

type SessionRow = ApplicationRow & {
  readonly session: PortalSessionId;
  readonly role: Role;
  readonly visitor: string;
  readonly expires_at: number;
};

export function sqlitePortal(context: SqliteContext): PortalStore {
  const { db } = context;

  const find = (tokenHash: Uint8Array): PortalSession | null => {
    const row = db.get<SessionRow>(
      `SELECT a.*, s.id AS session, s.role, s.name AS visitor, s.expires_at FROM portal_sessions s JOIN applications a ON a.pk = s.application
       WHERE s.token_hash = ? AND s.expires_at > ? AND a.deleted_at IS NULL`,
      tokenHash,
      context.now(),
    );
    if (row === undefined) return null;
    return { id: row.session, name: row.visitor, role: row.role, expiresAt: row.expires_at, application: applicationFromRow(row) };
  };

  return {
    async addLink({ application, role, name, tokenHash, expiresAt }) {
      return db.transaction(() => {
        const now = context.now();
        // Those that nobody opened are of no use to anybody: this is when they go.
        db.run('DELETE FROM portal_links WHERE expires_at <= ?', now);
        db.run('DELETE FROM portal_sessions WHERE expires_at <= ?', now);
        const added = db.run(
          `INSERT INTO portal_links (token_hash, application, role, name, created_at, expires_at)
           SELECT ?, pk, ?, ?, ?, ? FROM applications WHERE id = ? AND deleted_at IS NULL`,
          tokenHash,
          role,
          name,
          now,
          expiresAt,
          application,
        );
        if (added === 0) return false;
        const changes = { role: { from: null, to: role }, name: { from: null, to: name } };
        const target = { kind: 'application', id: application };
        recordChange(context, { action: 'portal.link', application, environment: null, target, changes });
        return true;
      });
    },
    async open(link, { tokenHash, expiresAt }) {
      return db.transaction(() => {
        const now = context.now();
        const row = db.get<{ application: number; role: Role; name: string; expires_at: number }>(
          'DELETE FROM portal_links WHERE token_hash = ? RETURNING application, role, name, expires_at',
          link,
        );
        if (row === undefined || row.expires_at <= now) return null;
        db.run(
          'INSERT INTO portal_sessions (token_hash, id, application, role, name, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
          tokenHash,
          newId('prt_', now, context.randomBytes(10)),
          row.application,
          row.role,
          row.name,
          now,
          expiresAt,
        );
        return find(tokenHash);
      });
    },
    async session(tokenHash) {
      return find(tokenHash);
    },
    async end(tokenHash) {
      db.run('DELETE FROM portal_sessions WHERE token_hash = ?', tokenHash);
    },
  };
}
