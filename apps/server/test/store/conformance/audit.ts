/** The audit log: an entry for each change made in somebody's name, and none without the change. */
import { createHash } from 'node:crypto';
import type { ApplicationId } from '@posthorn/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Actor, AuditEntry, Audited, Environment, Store } from '../../../src/store/store.ts';
import { addEndpoint, event, type OpenedStore, type OpenStore, prepare, publish, SECRET, SETTINGS, START } from './harness.ts';
import { addPerson } from './people.ts';

const ADA: Actor = { kind: 'person', id: 'per_00000000000000000000000000', name: 'Ada' };
const hash = (token: string): Uint8Array => createHash('sha256').update(token).digest();

export function auditConformance(open: OpenStore): void {
  let opened: OpenedStore;
  let store: Store;
  let application: ApplicationId;
  let changes: Audited;
  beforeEach(async () => {
    opened = await open();
    store = opened.store;
    application = await prepare(store);
    changes = store.as(ADA);
  });
  afterEach(() => opened.dispose());

  const list = async (environment: Environment = 'sandbox', of: ApplicationId | null = null): Promise<AuditEntry[]> =>
    (await store.audit.list(environment, { application: of, limit: 100, cursor: null })).data;
  const actions = async (...where: Parameters<typeof list>) => (await list(...where)).map(({ action }) => action);

  describe('the audit log', () => {
    test('tells who changed what, from what to what, and when', async () => {
      const { id } = await addEndpoint(store, application, { headers: { 'X-Token': 'credential one', 'X-Old': 'gone' } });
      opened.clock.now += 7;
      await changes.endpoints.update('sandbox', id, {
        url: 'https://example.com/new',
        headers: { 'X-Token': 'credential two', 'X-New': 'here' },
      });
      const [entry] = await list();
      expect(entry).toEqual({
        id: expect.stringMatching(/^aud_/),
        at: START + 7,
        actor: ADA,
        action: 'endpoint.update',
        target: { kind: 'endpoint', id },
        environment: 'sandbox',
        changes: {
          url: { from: SETTINGS.url, to: 'https://example.com/new' },
          'headers.X-Token': { from: 'set', to: 'changed' },
          'headers.X-Old': { from: 'set', to: null },
          'headers.X-New': { from: null, to: 'set' },
        },
      });
      expect(JSON.stringify(await list())).not.toMatch(/credential|here|gone/);
    });

    test('hears of every change in its transaction’s order, newest first', async () => {
      const settings = { ...SETTINGS };
      const endpoint = await changes.endpoints.create({ application, environment: 'sandbox', settings, secret: SECRET });
      if (endpoint === null || endpoint === 'limit') throw new Error('no endpoint');
      await publish(store, event());
      const [delivery] = (await store.deliveries.list('sandbox', DELIVERIES)).data;
      if (delivery === undefined) throw new Error('no delivery');
      const key = await changes.keys.create({ environment: 'sandbox', application, name: 'ci', tokenHash: hash('ci'), hint: 'ak_s' });
      if (key === null) throw new Error('no key');
      await changes.endpoints.rotateSecret('sandbox', endpoint.id, { secret: `${SECRET}`, overlapMs: 1000 });
      await changes.endpoints.promoteSecret('sandbox', endpoint.id);
      await changes.endpoints.open('sandbox', endpoint.id);
      await changes.deliveries.cancel('sandbox', delivery.id);
      await changes.deliveries.retry('sandbox', delivery.id);
      await changes.keys.revoke('sandbox', key.id);
      await changes.brakes.pause('sandbox', application);
      await changes.brakes.resume('sandbox', application);
      await changes.environments.open('sandbox');
      await changes.environments.setCadence('sandbox', 'every 1h');
      await changes.environments.setCadence('sandbox', 'every 1h');
      await changes.eventTypes.put({ name: 'a.b', description: 'A', schema: null, example: null, strict: false });
      await changes.eventTypes.delete('a.b');
      await changes.invitations.create({ application, email: 'a@example.com', role: 'viewer', tokenHash: hash('i'), expiresAt: START + 1 });
      await changes.portal.addLink({
        application,
        environment: null,
        role: 'viewer',
        name: 'Ada',
        tokenHash: hash('p'),
        expiresAt: START + 1,
      });
      const inbox = await changes.inboxes.create({ application, token: 'a'.repeat(22), most: 10 });
      if (inbox === null || inbox === 'limit') throw new Error('no inbox');
      await changes.inboxes.delete(inbox.id);
      await changes.endpoints.delete('sandbox', endpoint.id);
      await changes.applications.update(application, { name: 'Renamed' });
      await changes.applications.delete(application);
      const expected = [
        'endpoint.create',
        'key.create',
        'endpoint.rotate_secret',
        'endpoint.promote_secret',
        'endpoint.dispatch',
        'delivery.cancel',
        'delivery.retry',
        'key.revoke',
        'brake.pause',
        'brake.resume',
        'environment.dispatch',
        'environment.update',
        'event_type.create',
        'event_type.delete',
        'invitation.create',
        'portal.link',
        'inbox.create',
        'inbox.delete',
        'endpoint.delete',
        'application.update',
        'application.delete',
      ];
      expect(await actions()).toEqual(expected.toReversed());
      // What belongs to the installation as a whole is in no application's log; the rest outlives the application.
      const installation = new Set(['environment.dispatch', 'environment.update', 'event_type.create', 'event_type.delete']);
      expect(await actions('sandbox', application)).toEqual(expected.filter((action) => !installation.has(action)).toReversed());
    });

    test('shows in an environment what happened there, or to both', async () => {
      await changes.endpoints.create({ application, environment: 'sandbox', settings: SETTINGS, secret: SECRET });
      await changes.endpoints.create({ application, environment: 'production', settings: SETTINGS, secret: SECRET });
      await changes.applications.update(application, { name: 'Renamed' });
      expect(await actions('sandbox')).toEqual(['application.update', 'endpoint.create']);
      expect((await list('production')).map(({ environment }) => environment)).toEqual([null, 'production']);
    });

    test('shows an application what is its own', async () => {
      const other = await store.applications.upsert({ uid: 'other', name: 'Other' });
      await changes.applications.update(other.application.id, { name: 'Changed' });
      await changes.applications.update(application, { name: 'Mine' });
      expect((await list('sandbox', application)).map(({ target }) => target.id)).toEqual([application]);
      expect(await list('sandbox', 'app_00000000000000000000000000' as ApplicationId)).toEqual([]);
    });

    test('is read page by page', async () => {
      for (const name of ['a', 'b', 'c']) await changes.applications.update(application, { name });
      const first = await store.audit.list('sandbox', { application, limit: 2, cursor: null });
      const second = await store.audit.list('sandbox', { application, limit: 2, cursor: first.nextCursor });
      expect([...first.data, ...second.data].map(({ changes }) => changes['name']?.to)).toEqual(['c', 'b', 'a']);
      expect(second.nextCursor).toBeNull();
    });

    test('does not hear of what did not happen, changed nothing, or was done in nobody’s name', async () => {
      await changes.endpoints.update('sandbox', 'ep_nowhere' as never, { url: 'https://example.com/' });
      await changes.applications.update(application, { name: 'Acme' });
      expect(await changes.applications.create({ name: 'x', uid: 'acme' })).toBe('conflict');
      await changes.keys.revoke('sandbox', 'key_nowhere');
      await changes.brakes.resume('sandbox', null);
      await store.applications.update(application, { name: 'Quiet' });
      expect(await list()).toEqual([]);
    });

    test('knows those who join by the invitation of another', async () => {
      const grace = await addPerson(store, 'grace@example.com');
      await store.invitations.create({ application, email: grace.email, role: 'owner', tokenHash: hash('t'), expiresAt: START + 1 });
      const self: Actor = { kind: 'person', id: grace.id, name: grace.name };
      await store.as(self).invitations.accept(hash('t'), grace);
      expect(await list()).toMatchObject([
        { action: 'member.join', actor: self, target: { kind: 'member', id: grace.id }, changes: { role: { from: null, to: 'owner' } } },
      ]);
    });
  });
}

const DELIVERIES = {
  application: null,
  endpoint: null,
  event: null,
  status: null,
  orderingKey: null,
  since: null,
  until: null,
  limit: 10,
  cursor: null,
};
