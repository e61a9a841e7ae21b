/** Invitations: open until they are accepted, withdrawn, replaced by a newer one of the same address, or expired. */
import { type ApplicationId, type InvitationId, newId } from '@posthorn/core';
import { Conditions, pageOf, readCursor } from '../page.ts';
import type { Invitation, InvitationStore, Role } from '../store.ts';
import { recordChange } from './audit.ts';
import type { SharedContext } from './context.ts';
import { join } from './people.ts';
import { all, exists, get, now, type Recipe, run } from './recipe.ts';

interface InvitationRow {
  readonly pk: number;
  readonly id: InvitationId;
  readonly application_id: ApplicationId;
  readonly application_name: string;
  readonly email: string;
  readonly role: Role;
  readonly created_at: number;
  readonly expires_at: number;
  readonly ended_at: number | null;
}

const SELECT = `SELECT i.pk, i.id, a.id AS application_id, a.name AS application_name, i.email, i.role, i.created_at, i.expires_at, i.ended_at
  FROM invitations i JOIN applications a ON a.pk = i.application AND a.deleted_at IS NULL`;

export function invitationStore(context: SharedContext): InvitationStore {
  const withToken = (tokenHash: Uint8Array): Recipe<InvitationRow | undefined> => get(`${SELECT} WHERE i.token_hash = ?`, tokenHash);

  function* end(row: Pick<InvitationRow, 'pk'>): Recipe<number> {
    return yield* run('UPDATE invitations SET ended_at = ? WHERE pk = ? AND ended_at IS NULL', yield* now(), row.pk);
  }

  return {
    create({ application, email, role, tokenHash, expiresAt }) {
      return context.transaction(function* () {
        const tenant = yield* get<{ pk: number }>('SELECT pk FROM applications WHERE id = ? AND deleted_at IS NULL', application);
        if (tenant === undefined) return null;
        const member = 'SELECT 1 AS one FROM members m JOIN people p ON p.id = m.person WHERE m.application = ? AND p.email = ?';
        if (yield* exists(member, tenant.pk, email)) return 'member';
        const at = yield* now();
        yield* run('UPDATE invitations SET ended_at = ? WHERE application = ? AND email = ? AND ended_at IS NULL', at, tenant.pk, email);
        const id = newId('inv_', at, context.randomBytes(10));
        yield* run(
          'INSERT INTO invitations (id, application, email, role, token_hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
          id,
          tenant.pk,
          email,
          role,
          tokenHash,
          at,
          expiresAt,
        );
        const changes = { email: { from: null, to: email }, role: { from: null, to: role } };
        const target = { kind: 'invitation', id };
        yield* recordChange(context, { action: 'invitation.create', application, environment: null, target, changes });
        return invitation((yield* withToken(tokenHash)) as InvitationRow);
      });
    },
    async list(application, { limit, cursor }) {
      const after = readCursor(cursor, 1);
      const where = new Conditions().add('a.id = ? AND i.ended_at IS NULL', application);
      if (after !== null) where.add('i.pk < ?', ...after);
      const rows = await context.read(() =>
        all<InvitationRow>(`${SELECT} WHERE ${where.sql} ORDER BY i.pk DESC LIMIT ?`, ...where.parameters, limit + 1),
      );
      return pageOf(rows, { limit, read: invitation, cursor: (row) => [row.pk] });
    },
    async byToken(tokenHash) {
      const row = await context.read(() => withToken(tokenHash));
      return row === undefined ? null : invitation(row);
    },
    withdraw(application, id) {
      return context.transaction(function* () {
        const row = yield* get<InvitationRow>(`${SELECT} WHERE i.id = ? AND a.id = ?`, id, application);
        if (row === undefined || (yield* end(row)) === 0) return false;
        const changes = { email: { from: row.email, to: null }, role: { from: row.role, to: null } };
        const target = { kind: 'invitation', id: row.id };
        yield* recordChange(context, { action: 'invitation.withdraw', application, environment: null, target, changes });
        return true;
      });
    },
    accept(tokenHash, person) {
      return context.transaction(function* () {
        const row = yield* withToken(tokenHash);
        if (row === undefined || row.ended_at !== null || row.expires_at <= (yield* now())) return 'over';
        if (row.email !== person.email) return 'for_another';
        yield* end(row);
        yield* join(context, { application: row.application_id, person, role: row.role });
        return 'accepted';
      });
    },
  };
}

function invitation(row: InvitationRow): Invitation {
  return {
    id: row.id,
    application: { id: row.application_id, name: row.application_name },
    email: row.email,
    role: row.role,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    endedAt: row.ended_at,
  };
}
