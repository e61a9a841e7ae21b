/** Inboxes and what they keep. */
import type { ApplicationId, InboxId } from '@posthorn/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Inbox, InboxRequest, Store } from '../../../src/store/store.ts';
import { addEndpoint, type OpenedStore, type OpenStore, prepare, SECRET, START } from './harness.ts';

const TOKEN = 'Jf0cT2mXw8aQ5nB7vR3yLg';
const NOBODY = 'app_00000000000000000000000000' as ApplicationId;

const REQUEST: Omit<InboxRequest, 'id'> = {
  receivedAt: START,
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: Buffer.from([0, 255, 10]),
  bodyTruncated: false,
  eventId: 'evt_1',
  eventType: null,
  xSignature: 'valid',
  standard: 'missing_header',
};

export function inboxesConformance(open: OpenStore): void {
  let opened: OpenedStore;
  let store: Store;
  let application: ApplicationId;
  beforeEach(async () => {
    opened = await open();
    store = opened.store;
    application = await prepare(store);
  });
  afterEach(() => opened.dispose());

  async function make(token = TOKEN): Promise<Inbox> {
    const made = await store.inboxes.create({ application, token, most: 3 });
    if (made === null || made === 'limit') throw new Error(`no inbox: ${made}`);
    return made;
  }
  const requests = async (id: InboxId) => (await store.inboxes.requests(id, { limit: 100, cursor: null })).data;

  describe('inboxes', () => {
    test('are made up to a limit, listed newest first, and deleted', async () => {
      const one = await make();
      expect(one).toEqual({ id: expect.stringMatching(/^inb_/), application, token: TOKEN, createdAt: START });
      const two = await make('b'.repeat(22));
      const three = await make('c'.repeat(22));
      expect(await store.inboxes.create({ application, token: 'd'.repeat(22), most: 3 })).toBe('limit');
      expect(await store.inboxes.create({ application: NOBODY, token: 'd'.repeat(22), most: 3 })).toBeNull();
      expect(await store.inboxes.get(one.id)).toEqual(one);
      expect(await store.inboxes.get('inb_nowhere')).toBeNull();
      const first = await store.inboxes.list({ application, limit: 2, cursor: null });
      expect(first.data).toEqual([three, two]);
      expect((await store.inboxes.list({ application: null, limit: 2, cursor: first.nextCursor })).data).toEqual([one]);
      expect((await store.inboxes.list({ application: NOBODY, limit: 2, cursor: null })).data).toEqual([]);
      expect(await store.inboxes.delete(two.id)).toBe(true);
      expect(await store.inboxes.delete(two.id)).toBe(false);
      expect(await make('e'.repeat(22))).toMatchObject({ token: 'e'.repeat(22) });
    });

    test('know the secrets of the sandbox endpoints that have their URL, of their own application', async () => {
      const inbox = await make();
      const url = `https://hooks.example.com/inbox/${TOKEN}`;
      expect(await store.inboxes.byToken('x'.repeat(22))).toBeNull();
      expect(await store.inboxes.byToken(TOKEN)).toEqual({ inbox, secrets: [] });
      const { application: other } = await store.applications.upsert({ uid: 'other', name: 'Other' });
      await addEndpoint(store, other.id, { url });
      await addEndpoint(store, application, { url }, 'production');
      await addEndpoint(store, application, { url: 'https://hooks.example.com/inbox/another' });
      expect((await store.inboxes.byToken(TOKEN))?.secrets).toEqual([]);
      const { id } = await addEndpoint(store, application, { url });
      await store.endpoints.rotateSecret('sandbox', id, { secret: 'the next secret', overlapMs: 1000 });
      expect((await store.inboxes.byToken(TOKEN))?.secrets).toMatchObject([{ current: SECRET, next: { secret: 'the next secret' } }]);
      opened.clock.now += 1000;
      expect((await store.inboxes.byToken(TOKEN))?.secrets).toMatchObject([{ current: 'the next secret', previous: { secret: SECRET } }]);
      await store.endpoints.delete('sandbox', id);
      expect((await store.inboxes.byToken(TOKEN))?.secrets).toEqual([]);
    });

    test('keep the last requests, each as it came', async () => {
      const inbox = await make();
      const other = await make('b'.repeat(22));
      expect(await store.inboxes.keep(other.id, REQUEST, 2)).toBe(true);
      for (const eventId of ['evt_1', 'evt_2', 'evt_3']) expect(await store.inboxes.keep(inbox.id, { ...REQUEST, eventId }, 2)).toBe(true);
      const kept = await requests(inbox.id);
      expect(kept.map(({ eventId }) => eventId)).toEqual(['evt_3', 'evt_2']);
      const { id, body, ...rest } = kept[0] as InboxRequest;
      expect(id).toMatch(/^irq_/);
      expect(Buffer.from(body)).toEqual(REQUEST.body);
      expect({ ...rest, body: REQUEST.body }).toEqual({ ...REQUEST, eventId: 'evt_3' });
      expect((await requests(other.id)).length).toBe(1);
      const first = await store.inboxes.requests(inbox.id, { limit: 1, cursor: null });
      const second = await store.inboxes.requests(inbox.id, { limit: 1, cursor: first.nextCursor });
      expect([first, second].map(({ data }) => data[0]?.eventId)).toEqual(['evt_3', 'evt_2']);
      expect(second.nextCursor).toBeNull();
    });

    test('take what they have kept along, alone or with their application', async () => {
      const inbox = await make();
      await store.inboxes.keep(inbox.id, REQUEST, 2);
      await store.inboxes.delete(inbox.id);
      expect(await requests(inbox.id)).toEqual([]);
      expect(await store.inboxes.keep(inbox.id, REQUEST, 2)).toBe(false);
      const another = await make('b'.repeat(22));
      await store.inboxes.keep(another.id, REQUEST, 2);
      await store.applications.delete(application);
      expect(await store.inboxes.byToken('b'.repeat(22))).toBeNull();
      expect(await requests(another.id)).toEqual([]);
    });
  });
}
