/** Who is a member of which application, and as what. */
import type { ApplicationId, PersonId } from '@posthorn/core';
import { applicationChanges } from '../audit.ts';
import type { Member, Membership, PeopleStore, Person, Role } from '../store.ts';
import { type ApplicationRow, applicationFromRow, insertApplication } from './applications.ts';
import { recordChange } from './audit.ts';
import type { SqliteContext } from './context.ts';
import { Conditions, pageOf, readCursor } from './page.ts';

interface MemberRow {
  readonly pk: number;
  readonly id: PersonId;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly created_at: number;
}

const SELECT = `SELECT m.pk, p.id, p.email, p.name, m.role, m.created_at
  FROM members m JOIN people p ON p.id = m.person JOIN applications a ON a.pk = m.application`;

/** Within a transaction: makes the person a member, unless they are one. */
export function join(
  context: SqliteContext,
  input: { readonly application: ApplicationId; readonly person: Person; readonly role: Role },
): void {
  const { application, person, role } = input;
  const joined = context.db.run(
    `INSERT INTO members (application, person, role, created_at) SELECT pk, ?, ?, ? FROM applications WHERE id = ?
     ON CONFLICT (application, person) DO NOTHING`,
    person.id,
    role,
    context.now(),
    application,
  );
  if (joined === 0) return;
  const changes = { email: { from: null, to: person.email }, role: { from: null, to: role } };
  recordChange(context, { action: 'member.join', application, environment: null, target: { kind: 'member', id: person.id }, changes });
}

export function sqlitePeople(context: SqliteContext): PeopleStore {
  const { db } = context;

  const find = (application: ApplicationId, person: string): MemberRow | undefined =>
    db.get<MemberRow>(`${SELECT} WHERE a.id = ? AND a.deleted_at IS NULL AND m.person = ?`, application, person);
  const isLastOwner = (application: ApplicationId, row: MemberRow): boolean =>
    row.role === 'owner' &&
    db.get(
      `SELECT 1 FROM members m JOIN applications a ON a.pk = m.application WHERE a.id = ? AND m.role = 'owner' AND m.pk <> ?`,
      application,
      row.pk,
    ) === undefined;

  return {
    async standing(person) {
      return {
        operator: db.get('SELECT 1 FROM operators WHERE person = ?', person) !== undefined,
        memberships: db
          .all<ApplicationRow & { role: Role }>(
            `SELECT a.*, m.role FROM members m JOIN applications a ON a.pk = m.application
             WHERE m.person = ? AND a.deleted_at IS NULL ORDER BY m.pk`,
            person,
          )
          .map((row): Membership => ({ application: applicationFromRow(row), role: row.role })),
      };
    },
    async found(id, { name }) {
      return db.transaction(() => {
        const person = db.get<{ id: PersonId; name: string; email: string }>('SELECT id, name, email FROM people WHERE id = ?', id);
        if (person === undefined) throw new TypeError(`${id} is nobody`);
        const member = db.get(
          'SELECT 1 FROM members m JOIN applications a ON a.pk = m.application WHERE m.person = ? AND a.deleted_at IS NULL',
          id,
        );
        if (member !== undefined) return 'member';
        const application = insertApplication(context, { name, uid: null });
        const target = { kind: 'application', id: application.id };
        const changes = applicationChanges(null, application);
        recordChange(context, { action: 'application.create', application: application.id, environment: null, target, changes });
        join(context, { application: application.id, person, role: 'owner' });
        return application;
      });
    },
    async members(application, { limit, cursor }) {
      const after = readCursor(cursor, 1);
      const where = new Conditions().add('a.id = ? AND a.deleted_at IS NULL', application);
      if (after !== null) where.add('m.pk < ?', ...after);
      const rows = db.all<MemberRow>(`${SELECT} WHERE ${where.sql} ORDER BY m.pk DESC LIMIT ?`, ...where.parameters, limit + 1);
      return pageOf(rows, { limit, read: member, cursor: (row) => [row.pk] });
    },
    async setRole(application, person, role) {
      return db.transaction(() => {
        const row = find(application, person);
        if (row === undefined) return null;
        if (row.role === role) return member(row);
        if (isLastOwner(application, row)) return 'last_owner';
        db.run('UPDATE members SET role = ? WHERE pk = ?', role, row.pk);
        const changes = { role: { from: row.role, to: role } };
        recordChange(context, { action: 'member.update', application, environment: null, target: { kind: 'member', id: row.id }, changes });
        return member({ ...row, role });
      });
    },
    async remove(application, person) {
      return db.transaction(() => {
        const row = find(application, person);
        if (row === undefined) return null;
        if (isLastOwner(application, row)) return 'last_owner';
        db.run('DELETE FROM members WHERE pk = ?', row.pk);
        const changes = { email: { from: row.email, to: null }, role: { from: row.role, to: null } };
        recordChange(context, { action: 'member.remove', application, environment: null, target: { kind: 'member', id: row.id }, changes });
        return 'removed';
      });
    },
    async ownersOf(endpoint) {
      return db.all<{ id: PersonId; email: string; name: string }>(
        `SELECT p.id, p.email, p.name FROM endpoints e JOIN members m ON m.application = e.application JOIN people p ON p.id = m.person
         WHERE e.id = ? AND e.deleted_at IS NULL AND m.role = 'owner' ORDER BY m.pk`,
        endpoint,
      );
    },
  };
}

function member(row: MemberRow): Member {
  return { id: row.id, email: row.email, name: row.name, role: row.role, createdAt: row.created_at };
}
