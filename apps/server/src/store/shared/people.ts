/** Who is a member of which application, and as what. */
import type { ApplicationId, PersonId } from '@posthorn/core';
import { applicationChanges } from '../audit.ts';
import { Conditions, pageOf, readCursor } from '../page.ts';
import type { Member, Membership, PeopleStore, Person, Role } from '../store.ts';
import { type ApplicationRow, applicationFromRow, insertApplication } from './applications.ts';
import { recordChange } from './audit.ts';
import type { SharedContext } from './context.ts';
import { all, exists, get, now, type Recipe, run } from './recipe.ts';

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
export function* join(
  context: SharedContext,
  input: { readonly application: ApplicationId; readonly person: Person; readonly role: Role },
): Recipe<void> {
  const { application, person, role } = input;
  const joined = yield* run(
    `INSERT INTO members (application, person, role, created_at) SELECT pk, ?, ?, ? FROM applications WHERE id = ?
     ON CONFLICT (application, person) DO NOTHING`,
    person.id,
    role,
    yield* now(),
    application,
  );
  if (joined === 0) return;
  const changes = { email: { from: null, to: person.email }, role: { from: null, to: role } };
  yield* recordChange(context, {
    action: 'member.join',
    application,
    environment: null,
    target: { kind: 'member', id: person.id },
    changes,
  });
}

export function peopleStore(context: SharedContext): PeopleStore {
  const find = (application: ApplicationId, person: string): Recipe<MemberRow | undefined> =>
    get<MemberRow>(`${SELECT} WHERE a.id = ? AND a.deleted_at IS NULL AND m.person = ?`, application, person);

  function* isLastOwner(application: ApplicationId, row: MemberRow): Recipe<boolean> {
    if (row.role !== 'owner') return false;
    return !(yield* exists(
      `SELECT 1 AS one FROM members m JOIN applications a ON a.pk = m.application WHERE a.id = ? AND m.role = 'owner' AND m.pk <> ?`,
      application,
      row.pk,
    ));
  }

  return {
    standing(person) {
      return context.read(function* () {
        const operator = yield* exists('SELECT 1 AS one FROM operators WHERE person = ?', person);
        const rows = yield* all<ApplicationRow & { role: Role }>(
          `SELECT a.*, m.role FROM members m JOIN applications a ON a.pk = m.application
           WHERE m.person = ? AND a.deleted_at IS NULL ORDER BY m.pk`,
          person,
        );
        return { operator, memberships: rows.map((row): Membership => ({ application: applicationFromRow(row), role: row.role })) };
      });
    },
    found(id, { name }) {
      return context.transaction(function* () {
        const person = yield* get<{ id: PersonId; name: string; email: string }>('SELECT id, name, email FROM people WHERE id = ?', id);
        if (person === undefined) throw new TypeError(`${id} is nobody`);
        const member = yield* exists(
          'SELECT 1 AS one FROM members m JOIN applications a ON a.pk = m.application WHERE m.person = ? AND a.deleted_at IS NULL',
          id,
        );
        if (member) return 'member';
        const application = yield* insertApplication(context, { name, uid: null });
        const target = { kind: 'application', id: application.id };
        const changes = applicationChanges(null, application);
        yield* recordChange(context, { action: 'application.create', application: application.id, environment: null, target, changes });
        yield* join(context, { application: application.id, person, role: 'owner' });
        return application;
      });
    },
    async members(application, { limit, cursor }) {
      const after = readCursor(cursor, 1);
      const where = new Conditions().add('a.id = ? AND a.deleted_at IS NULL', application);
      if (after !== null) where.add('m.pk < ?', ...after);
      const rows = await context.read(() =>
        all<MemberRow>(`${SELECT} WHERE ${where.sql} ORDER BY m.pk DESC LIMIT ?`, ...where.parameters, limit + 1),
      );
      return pageOf(rows, { limit, read: member, cursor: (row) => [row.pk] });
    },
    setRole(application, person, role) {
      return context.transaction(function* () {
        const row = yield* find(application, person);
        if (row === undefined) return null;
        if (row.role === role) return member(row);
        if (yield* isLastOwner(application, row)) return 'last_owner';
        yield* run('UPDATE members SET role = ? WHERE pk = ?', role, row.pk);
        const changes = { role: { from: row.role, to: role } };
        const target = { kind: 'member', id: row.id };
        yield* recordChange(context, { action: 'member.update', application, environment: null, target, changes });
        return member({ ...row, role });
      });
    },
    remove(application, person) {
      return context.transaction(function* () {
        const row = yield* find(application, person);
        if (row === undefined) return null;
        if (yield* isLastOwner(application, row)) return 'last_owner';
        yield* run('DELETE FROM members WHERE pk = ?', row.pk);
        const changes = { email: { from: row.email, to: null }, role: { from: row.role, to: null } };
        const target = { kind: 'member', id: row.id };
        yield* recordChange(context, { action: 'member.remove', application, environment: null, target, changes });
        return 'removed';
      });
    },
    async noteResetLink({ id, email }) {
      const changes = { email: { from: null, to: email } };
      const target = { kind: 'person', id };
      const change = { action: 'person.reset_link', application: null, environment: null, target, changes } as const;
      await context.transaction(() => recordChange(context, change));
    },
    ownersOf(endpoint) {
      return context.read(() =>
        all<{ id: PersonId; email: string; name: string }>(
          `SELECT p.id, p.email, p.name FROM endpoints e JOIN members m ON m.application = e.application JOIN people p ON p.id = m.person
           WHERE e.id = ? AND e.deleted_at IS NULL AND m.role = 'owner' ORDER BY m.pk`,
          endpoint,
        ),
      );
    },
  };
}

function member(row: MemberRow): Member {
  return { id: row.id, email: row.email, name: row.name, role: row.role, createdAt: row.created_at };
}
