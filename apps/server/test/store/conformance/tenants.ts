/** Applications, their keys, and the catalogue of event types. */
import { createHash } from 'node:crypto';
import type { ApplicationId } from '@posthorn/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { InvalidCursor, type Key, type Page, type PageRequest, type Store } from '../../../src/store/store.ts';
import { addEndpoint, type OpenedStore, type OpenStore, prepare, START } from './harness.ts';

const NOBODY = 'app_00000000000000000000000000' as ApplicationId;

export function tenantsConformance(open: OpenStore): void {
  let opened: OpenedStore;
  let store: Store;
  beforeEach(async () => {
    opened = await open();
    store = opened.store;
  });
  afterEach(() => opened.dispose());

  describe('applications', () => {
    test('are found by id and by uid, and a uid belongs to one', async () => {
      const made = await store.applications.create({ name: 'Acme', uid: 'acme' });
      expect(made).toMatchObject({ name: 'Acme', uid: 'acme', createdAt: START, updatedAt: START });
      if (made === 'conflict') return;
      expect(await store.applications.get(made.id)).toEqual(made);
      expect(await store.applications.get('acme')).toEqual(made);
      expect(await store.applications.get('nobody')).toBeNull();
      expect(await store.applications.create({ name: 'Other', uid: 'acme' })).toBe('conflict');
      const other = await store.applications.create({ name: 'Other', uid: null });
      if (other === 'conflict') throw new Error('no uid conflicts with no uid');
      expect(await store.applications.update(other.id, { uid: 'acme' })).toBe('conflict');
      // Its own uid is not taken by another.
      expect(await store.applications.update(made.id, { uid: 'acme', name: 'Acme Ltd' })).toMatchObject({ uid: 'acme', name: 'Acme Ltd' });
      expect(await store.applications.update(made.id, { uid: null })).toMatchObject({ uid: null, name: 'Acme Ltd' });
      expect(await store.applications.update(other.id, { uid: 'acme' })).toMatchObject({ uid: 'acme' });
      expect(await store.applications.update(NOBODY, { name: 'x' })).toBeNull();
    });

    test('upsert creates once, then renames', async () => {
      const first = await store.applications.upsert({ uid: 'acme', name: 'Acme' });
      opened.clock.now += 5;
      const second = await store.applications.upsert({ uid: 'acme', name: 'Acme Ltd' });
      expect(first.created).toBe(true);
      expect(second).toEqual({ created: false, application: { ...first.application, name: 'Acme Ltd', updatedAt: START + 5 } });
      opened.clock.now += 5;
      // Nothing to change is no change.
      expect(await store.applications.update(first.application.id, {})).toEqual(second.application);
      expect(await store.applications.get('acme')).toEqual(second.application);
    });

    test('are listed newest first, page by page, whatever comes meanwhile', async () => {
      for (const name of ['a', 'b', 'c', 'd', 'e']) await store.applications.create({ name, uid: null });
      const first = await store.applications.list({ limit: 2, cursor: null });
      await store.applications.create({ name: 'later', uid: null });
      const rest = await pages((page) => store.applications.list(page), first.nextCursor);
      expect([...first.data, ...rest].map(({ name }) => name)).toEqual(['e', 'd', 'c', 'b', 'a']);
    });

    test('a cursor that no list gave is refused', async () => {
      for (const cursor of ['', 'x', '!!', 'MQ==', Buffer.from('1.2').toString('base64url'), Buffer.from('1e3').toString('base64url')]) {
        await expect(store.applications.list({ limit: 2, cursor })).rejects.toThrow(InvalidCursor);
      }
    });

    test('deleting one takes its endpoints and keys in both environments, and frees its uid', async () => {
      const application = await prepare(store);
      const { application: other } = await store.applications.upsert({ uid: 'other', name: 'Other' });
      const sandbox = await addEndpoint(store, application);
      const production = await addEndpoint(store, application, {}, 'production');
      const kept = await addEndpoint(store, other.id);
      await addKey(store, 'mine', application);
      await addKey(store, 'theirs', other.id);
      expect(await store.applications.delete(application)).toBe(true);
      expect(await store.applications.delete(application)).toBe(false);
      expect(await store.applications.get(application)).toBeNull();
      expect(await store.applications.get('acme')).toBeNull();
      expect(await store.endpoints.get('sandbox', sandbox.id)).toBeNull();
      expect(await store.endpoints.get('production', production.id)).toBeNull();
      expect(await store.endpoints.create({ application, environment: 'sandbox', settings: kept, secret: 'a long secret' })).toBeNull();
      expect(await store.keys.authenticate(hash('mine'))).toBeNull();
      expect(await store.keys.authenticate(hash('theirs'))).not.toBeNull();
      expect(await store.endpoints.get('sandbox', kept.id)).toEqual(kept);
      expect((await store.applications.list({ limit: 10, cursor: null })).data.map(({ id }) => id)).toEqual([other.id]);
      expect((await store.applications.upsert({ uid: 'acme', name: 'Acme again' })).created).toBe(true);
    });
  });

  describe('keys', () => {
    test('authenticate by the token, until they are revoked', async () => {
      const made = await addKey(store, 'token', null);
      expect(made).toMatchObject({ environment: 'sandbox', application: null, name: 'token', hint: 'sk_token', lastUsedAt: null });
      expect(await store.keys.authenticate(hash('token'))).toMatchObject({ id: made.id });
      expect(await store.keys.authenticate(hash('another'))).toBeNull();
      expect(await store.keys.get('production', made.id)).toBeNull();
      expect(await store.keys.revoke('production', made.id)).toBe(false);
      expect(await store.keys.revoke('sandbox', made.id)).toBe(true);
      expect(await store.keys.revoke('sandbox', made.id)).toBe(false);
      expect(await store.keys.authenticate(hash('token'))).toBeNull();
      expect(await store.keys.get('sandbox', made.id)).toBeNull();
    });

    test('an equal hash gives the key that has it; an unknown application gives none', async () => {
      const made = await addKey(store, 'token', null);
      expect(await addKey(store, 'token', null)).toEqual(made);
      const input = { environment: 'sandbox' as const, application: NOBODY, name: 'x', tokenHash: hash('x'), hint: 'x' };
      expect(await store.keys.create(input)).toBeNull();
    });

    test('are listed by environment and application', async () => {
      const application = await prepare(store);
      const service = await addKey(store, 'service', null);
      const own = await addKey(store, 'own', application);
      const all = await store.keys.list('sandbox', { application: null, limit: 10, cursor: null });
      expect(all.data.map(({ id }) => id)).toEqual([own.id, service.id]);
      const ofApplication = await store.keys.list('sandbox', { application, limit: 10, cursor: null });
      expect(ofApplication.data).toEqual([own]);
      expect((await store.keys.list('production', { application: null, limit: 10, cursor: null })).data).toEqual([]);
    });

    test('a service key is one without an application that is not revoked', async () => {
      const application = await prepare(store);
      await addKey(store, 'own', application);
      expect(await store.keys.anyServiceKey('sandbox')).toBe(false);
      const service = await addKey(store, 'service', null);
      expect(await store.keys.anyServiceKey('sandbox')).toBe(true);
      expect(await store.keys.anyServiceKey('production')).toBe(false);
      await store.keys.revoke('sandbox', service.id);
      expect(await store.keys.anyServiceKey('sandbox')).toBe(false);
    });

    test('the last use is on disk after a close, and moves once a minute at most', async () => {
      const { id } = await addKey(store, 'token', null);
      const lastUse = async (): Promise<number | null | undefined> => {
        store = await opened.reopen();
        return (await store.keys.get('sandbox', id))?.lastUsedAt;
      };
      await store.keys.authenticate(hash('token'));
      expect(await lastUse()).toBe(START);
      opened.clock.now += 59_999;
      await store.keys.authenticate(hash('token'));
      expect(await lastUse()).toBe(START);
      opened.clock.now += 1;
      await store.keys.authenticate(hash('token'));
      expect(await lastUse()).toBe(START + 60_000);
    });
  });

  describe('event types', () => {
    test('are put, replaced, read, listed by name and deleted', async () => {
      const type = { name: 'shipment.created', description: 'A shipment', schema: '{"x": 1.0}', example: '{"n":17.0}', strict: true };
      const { eventType, created } = await store.eventTypes.put(type);
      expect(created).toBe(true);
      expect(eventType).toEqual({ ...type, createdAt: START, updatedAt: START });
      opened.clock.now += 7;
      const plain = { ...type, schema: null, example: null, strict: false };
      expect(await store.eventTypes.put(plain)).toEqual({
        created: false,
        eventType: { ...plain, createdAt: START, updatedAt: START + 7 },
      });
      for (const name of ['b', 'a', 'c']) await store.eventTypes.put({ ...type, name });
      expect((await store.eventTypes.getMany(['c', 'nothing', 'a'])).map(({ name }) => name).sort()).toEqual(['a', 'c']);
      expect((await pages((page) => store.eventTypes.list(page), null)).map(({ name }) => name)).toEqual([
        'a',
        'b',
        'c',
        'shipment.created',
      ]);
      expect(await store.eventTypes.delete('a')).toBe(true);
      expect(await store.eventTypes.delete('a')).toBe(false);
      expect(await store.eventTypes.get('a')).toBeNull();
      await expect(store.eventTypes.list({ limit: 2, cursor: '!!' })).rejects.toThrow(InvalidCursor);
    });

    test('know how many endpoints name them, in each environment: as they are written, and not by a pattern', async () => {
      const application = await prepare(store);
      const other = (await store.applications.upsert({ uid: 'other', name: 'Other' })).application.id;
      await addEndpoint(store, application, { eventTypes: ['a_b.c', 'd'] });
      await addEndpoint(store, other, { eventTypes: ['a_b.c'] });
      for (const eventTypes of [[], ['a_b.*'], ['axb.c'], ['A_B.c'], ['a_b.c.d'], ['x.a_b.c']])
        await addEndpoint(store, application, { eventTypes });
      const gone = await addEndpoint(store, application, { eventTypes: ['a_b.c'] });
      await store.endpoints.delete('sandbox', gone.id);
      expect(await store.eventTypes.subscribers('a_b.c')).toEqual({ production: 0, sandbox: 2 });
      expect(await store.eventTypes.subscribers('nothing')).toEqual({ production: 0, sandbox: 0 });
    });
  });
}

function hash(token: string): Uint8Array {
  return createHash('sha256').update(token).digest();
}

async function addKey(store: Store, token: string, application: ApplicationId | null): Promise<Key> {
  const key = await store.keys.create({ environment: 'sandbox', application, name: token, tokenHash: hash(token), hint: `sk_${token}` });
  if (key === null) throw new Error('the application is gone');
  return key;
}

/** Every row from `cursor` on, two a page. */
async function pages<T>(list: (page: PageRequest) => Promise<Page<T>>, cursor: string | null): Promise<T[]> {
  const page = await list({ limit: 2, cursor });
  return page.nextCursor === null ? page.data : [...page.data, ...(await pages(list, page.nextCursor))];
}
