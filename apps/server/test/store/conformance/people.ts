/** People, their memberships, invitations, the operator, and visitors of the portal. */
import { createHash } from 'node:crypto';
import { type ApplicationId, type EndpointId, ID_RANDOM_BYTES, newId } from '@posthorn/core';
import { Kysely } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Person, Store } from '../../../src/store/store.ts';
import { addEndpoint, type OpenedStore, type OpenStore, prepare, START } from './harness.ts';

const NOBODY = 'app_00000000000000000000000000' as ApplicationId;
const hash = (token: string): Uint8Array => createHash('sha256').update(token).digest();
const LATER = START + 60_000;

/** By the connection of better-auth, as better-auth makes one. */
export async function addPerson(store: Store, email: string): Promise<Person> {
  const { dialect, type } = await store.accounts();
  const person: Person = { id: newId('per_', START, crypto.getRandomValues(new Uint8Array(ID_RANDOM_BYTES))), email, name: email };
  const at = type === 'sqlite' ? new Date(START).toISOString() : new Date(START);
  const db = new Kysely<{ people: Record<string, unknown> }>({ dialect });
  await db
    .insertInto('people')
    .values({ ...person, email_verified: type === 'sqlite' ? 0 : false, created_at: at, updated_at: at })
    .execute();
  return person;
}

export function peopleConformance(open: OpenStore): void {
  let opened: OpenedStore;
  let store: Store;
  let application: ApplicationId;
  let ada: Person;
  let grace: Person;
  beforeEach(async () => {
    opened = await open();
    store = opened.store;
    application = await prepare(store);
    ada = await addPerson(store, 'ada@example.com');
    grace = await addPerson(store, 'grace@example.com');
  });
  afterEach(() => opened.dispose());

  const invite = (email: string, token: string, more: object = {}) =>
    store.invitations.create({ application, email, role: 'developer', tokenHash: hash(token), expiresAt: LATER, ...more });

  async function join(person: Person, role: 'owner' | 'developer' | 'viewer'): Promise<void> {
    await invite(person.email, person.email, { role });
    expect(await store.invitations.accept(hash(person.email), person)).toBe('accepted');
  }

  describe('people', () => {
    test('found an application that is theirs, once', async () => {
      expect(await store.people.standing(ada.id)).toEqual({ operator: false, memberships: [] });
      const founded = await store.people.found(ada.id, { name: 'Bookshop' });
      if (founded === 'member') throw new Error('ada was a member of nothing');
      expect(founded).toMatchObject({ name: 'Bookshop', uid: null, createdAt: START });
      expect(await store.people.standing(ada.id)).toEqual({ operator: false, memberships: [{ application: founded, role: 'owner' }] });
      expect(await store.people.found(ada.id, { name: 'Another' })).toBe('member');
      expect((await store.applications.list({ limit: 10, cursor: null })).data.map(({ name }) => name)).toEqual(['Bookshop', 'Acme']);
      await store.applications.delete(founded.id);
      expect(await store.people.standing(ada.id)).toEqual({ operator: false, memberships: [] });
      expect(await store.people.found(ada.id, { name: 'Again' })).toMatchObject({ name: 'Again' });
    });

    test('are listed as members, newest first, page by page', async () => {
      await join(ada, 'owner');
      opened.clock.now += 5;
      await join(grace, 'viewer');
      const first = await store.people.members(application, { limit: 1, cursor: null });
      expect(first.data).toEqual([{ ...grace, role: 'viewer', createdAt: START + 5 }]);
      const second = await store.people.members(application, { limit: 1, cursor: first.nextCursor });
      expect(second).toEqual({ data: [{ ...ada, role: 'owner', createdAt: START }], nextCursor: null });
      expect((await store.people.members(NOBODY, { limit: 1, cursor: null })).data).toEqual([]);
    });

    test('change roles and leave, but the last owner does neither', async () => {
      await join(ada, 'owner');
      expect(await store.people.setRole(application, ada.id, 'viewer')).toBe('last_owner');
      expect(await store.people.remove(application, ada.id)).toBe('last_owner');
      expect(await store.people.setRole(application, ada.id, 'owner')).toMatchObject({ role: 'owner' });
      await join(grace, 'developer');
      expect(await store.people.setRole(application, grace.id, 'owner')).toEqual({ ...grace, role: 'owner', createdAt: START });
      expect(await store.people.setRole(application, ada.id, 'viewer')).toMatchObject({ role: 'viewer' });
      expect(await store.people.remove(application, ada.id)).toBe('removed');
      expect(await store.people.remove(application, ada.id)).toBeNull();
      expect(await store.people.setRole(application, ada.id, 'owner')).toBeNull();
      expect(await store.people.setRole(NOBODY, grace.id, 'owner')).toBeNull();
      expect((await store.people.standing(ada.id)).memberships).toEqual([]);
    });

    test('own endpoints: that is to whom one writes', async () => {
      await join(ada, 'owner');
      await join(grace, 'developer');
      const { id } = await addEndpoint(store, application);
      expect(await store.people.ownersOf(id)).toEqual([ada]);
      await store.endpoints.delete('sandbox', id);
      expect(await store.people.ownersOf(id)).toEqual([]);
      expect(await store.people.ownersOf('ep_nowhere' as EndpointId)).toEqual([]);
    });
  });

  describe('invitations', () => {
    test('make a member of their addressee, once', async () => {
      const made = await invite('grace@example.com', 'token');
      expect(made).toMatchObject({
        application: { id: application, name: 'Acme' },
        email: 'grace@example.com',
        role: 'developer',
        createdAt: START,
        expiresAt: LATER,
        endedAt: null,
      });
      expect(await store.invitations.byToken(hash('token'))).toEqual(made);
      expect(await store.invitations.byToken(hash('other'))).toBeNull();
      expect(await store.invitations.accept(hash('other'), grace)).toBe('over');
      expect(await store.invitations.accept(hash('token'), ada)).toBe('for_another');
      expect(await store.invitations.accept(hash('token'), grace)).toBe('accepted');
      expect(await store.invitations.accept(hash('token'), grace)).toBe('over');
      expect((await store.people.standing(grace.id)).memberships).toMatchObject([{ application: { id: application }, role: 'developer' }]);
      expect((await store.invitations.byToken(hash('token')))?.endedAt).toBe(START);
      expect(await invite('grace@example.com', 'again')).toBe('member');
    });

    test('end by withdrawal, by a newer one, and in time', async () => {
      const first = await invite('grace@example.com', 'first');
      const second = await invite('grace@example.com', 'second');
      if (first === null || first === 'member' || second === null || second === 'member') throw new Error('not invited');
      expect(await store.invitations.accept(hash('first'), grace)).toBe('over');
      expect((await store.invitations.list(application, { limit: 10, cursor: null })).data).toEqual([second]);
      expect(await store.invitations.withdraw(NOBODY, second.id)).toBe(false);
      expect(await store.invitations.withdraw(application, second.id)).toBe(true);
      expect(await store.invitations.withdraw(application, second.id)).toBe(false);
      expect(await store.invitations.accept(hash('second'), grace)).toBe('over');
      await invite('grace@example.com', 'third');
      opened.clock.now = LATER;
      expect(await store.invitations.accept(hash('third'), grace)).toBe('over');
      expect((await store.people.standing(grace.id)).memberships).toEqual([]);
    });

    test('are of an application, and end with it', async () => {
      expect(await invite('grace@example.com', 'nowhere', { application: NOBODY })).toBeNull();
      await invite('grace@example.com', 'token');
      await store.applications.delete(application);
      expect(await store.invitations.accept(hash('token'), grace)).toBe('over');
      expect((await store.invitations.list(application, { limit: 10, cursor: null })).data).toEqual([]);
    });

    test('do not lower somebody who has joined meanwhile', async () => {
      await invite('grace@example.com', 'one', { role: 'viewer' });
      const other = await store.people.found(grace.id, { name: 'Other' });
      if (other === 'member') throw new Error('grace was a member of nothing');
      const late = {
        application: other.id,
        email: 'grace@example.com',
        role: 'viewer',
        tokenHash: hash('late'),
        expiresAt: LATER,
      } as const;
      expect(await store.invitations.create(late)).toBe('member');
      expect(await store.invitations.accept(hash('one'), grace)).toBe('accepted');
      expect((await store.people.standing(grace.id)).memberships.map(({ role }) => role)).toEqual(['owner', 'viewer']);
    });
  });

  describe('the operator', () => {
    test('is whoever opens one of the links first', async () => {
      expect(await store.operators.any()).toBe(false);
      await store.operators.addLink(hash('one'));
      await store.operators.addLink(hash('two'));
      expect(await store.operators.isLink(hash('one'))).toBe(true);
      expect(await store.operators.isLink(hash('three'))).toBe(false);
      expect(await store.operators.claim(hash('three'), ada.id)).toBe(false);
      expect(await store.operators.claim(hash('one'), ada.id)).toBe(true);
      expect(await store.operators.any()).toBe(true);
      expect(await store.operators.isLink(hash('two'))).toBe(false);
      expect(await store.operators.claim(hash('two'), grace.id)).toBe(false);
      expect(await store.operators.claim(hash('one'), grace.id)).toBe(false);
      await store.operators.addLink(hash('late'));
      expect(await store.operators.claim(hash('late'), grace.id)).toBe(false);
      expect(await store.people.standing(ada.id)).toEqual({ operator: true, memberships: [] });
      expect((await store.people.standing(grace.id)).operator).toBe(false);
    });
  });

  describe('the portal', () => {
    const link = { environment: null, role: 'viewer', name: 'Ada of Acme', expiresAt: LATER } as const;
    const session = { tokenHash: hash('session'), expiresAt: START + 100_000 };

    test('opens a session by a link, once', async () => {
      expect(await store.portal.addLink({ ...link, application, tokenHash: hash('link') })).toBe(true);
      expect(await store.portal.addLink({ ...link, application: NOBODY, tokenHash: hash('nowhere') })).toBe(false);
      expect(await store.portal.open(hash('other'), session)).toBeNull();
      const visitor = await store.portal.open(hash('link'), session);
      expect(visitor).toMatchObject({
        application: { id: application },
        environment: null,
        role: 'viewer',
        name: 'Ada of Acme',
        expiresAt: START + 100_000,
      });
      expect(visitor?.id).toMatch(/^prt_/);
      expect(await store.portal.session(hash('session'))).toEqual(visitor);
      expect(await store.portal.open(hash('link'), { ...session, tokenHash: hash('second') })).toBeNull();
      expect(await store.portal.session(hash('second'))).toBeNull();
      opened.clock.now = START + 100_000;
      expect(await store.portal.session(hash('session'))).toBeNull();
    });

    test('keeps a visit to the environment that its link is for', async () => {
      await store.portal.addLink({ ...link, application, environment: 'sandbox', tokenHash: hash('sandbox') });
      expect((await store.portal.open(hash('sandbox'), session))?.environment).toBe('sandbox');
      expect((await store.portal.session(hash('session')))?.environment).toBe('sandbox');
    });

    test('opens nothing by a link whose time is over', async () => {
      await store.portal.addLink({ ...link, application, tokenHash: hash('link') });
      opened.clock.now = LATER;
      expect(await store.portal.open(hash('link'), session)).toBeNull();
    });

    test('ends sessions when they are ended, and with their application', async () => {
      for (const name of ['one', 'two', 'three']) await store.portal.addLink({ ...link, application, tokenHash: hash(name) });
      await store.portal.open(hash('one'), { ...session, tokenHash: hash('s1') });
      await store.portal.open(hash('two'), { ...session, tokenHash: hash('s2') });
      await store.portal.end(hash('s1'));
      expect(await store.portal.session(hash('s1'))).toBeNull();
      expect(await store.portal.session(hash('s2'))).not.toBeNull();
      await store.applications.delete(application);
      expect(await store.portal.session(hash('s2'))).toBeNull();
      expect(await store.portal.open(hash('three'), { ...session, tokenHash: hash('s3') })).toBeNull();
    });
  });

  test('people outlive a restart', async () => {
    await join(ada, 'owner');
    store = await opened.reopen();
    expect((await store.people.standing(ada.id)).memberships).toMatchObject([{ role: 'owner' }]);
  });
}
