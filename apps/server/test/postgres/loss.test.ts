/** The database lost, in doubt, and back: what the API answers, what the store acknowledges, and what follows by itself. */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createCipher } from '../../src/store/cipher.ts';
import { openPostgresStore, type PostgresStore } from '../../src/store/postgres/index.ts';
import { StoreUnavailable } from '../../src/store/store.ts';
import { PASSWORD, workbench } from '../api/workbench.ts';
import { addEndpoint, event, prepare, publish } from '../store/conformance/harness.ts';
import { PostgresServer } from './server.ts';

let server: PostgresServer;
let store: PostgresStore;
beforeAll(async () => {
  server = await PostgresServer.start({ shared_buffers: '32MB' });
}, 60_000);
afterAll(() => server.remove());
afterEach(() => store.close());

const encryptionKey = randomBytes(32);

const open = async (database: string): Promise<PostgresStore> => {
  await server.query(`CREATE DATABASE ${database}`);
  return openPostgresStore({ url: server.url(database), cipher: createCipher(encryptionKey) });
};

describe('a commit that comes back with a warning', () => {
  /** Nobody confirms a commit; whoever waits for that is told to wait no longer, as an administrator does. */
  async function giveUpWaiting(): Promise<void> {
    for (;;) {
      const canceled = await server.query(
        `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'posthorn'`,
      );
      if (canceled.length > 0) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  test('is not acknowledged, whichever way it was sent; it is there, and a repeated publish finds it', { timeout: 30_000 }, async () => {
    store = await open('in_doubt');
    const acme = await prepare(store);
    await addEndpoint(store, acme);
    await server.reload({ shared_buffers: '32MB', synchronous_standby_names: "'nobody'" });
    const writes: [string, () => Promise<unknown>][] = [
      ['in one round trip', () => publish(store, event({ id: 'e1' }))],
      ['step by step', () => store.applications.upsert({ uid: 'later', name: 'Later' })],
      ['as one statement', () => store.environments.startCadence('sandbox', { given: 'every 7m', byDefault: 'every 5m', alone: false })],
    ];
    for (const [way, write] of writes) {
      const answer = write();
      await Promise.all([expect(answer, way).rejects.toThrow(/synchronous replication/), giveUpWaiting()]);
      await expect(answer, way).rejects.toBeInstanceOf(StoreUnavailable);
    }
    await server.reload({ shared_buffers: '32MB' });
    expect((await store.environments.get('sandbox')).cadence).toBe('every 7m');
    const [repeated] = await publish(store, event({ id: 'e1' }));
    const { data } = await store.events.list('sandbox', {
      application: null,
      type: null,
      orderingKey: null,
      since: null,
      until: null,
      cursor: null,
      limit: 10,
    });
    expect(data.map(({ id, timestamp }) => [id, timestamp])).toEqual([['e1', repeated?.timestamp]]);
  });
});

describe('without the database', () => {
  test('the figures of the process are there, those of the database are left out, and it is said', { timeout: 60_000 }, async () => {
    store = await open('figures');
    const bench = await workbench({ database: server.url('figures'), encryptionKey });
    const read = async () => {
      const { status, text } = await bench.call('GET', '/metrics', { key: null });
      return [status, /^posthorn_database_up (\d)$/m.exec(text)?.[1], text.includes('posthorn_nodejs_'), text.includes('posthorn_lanes')];
    };
    const blocker = new Client({ connectionString: server.url('figures') });
    // It goes down with the server below.
    blocker.on('error', () => {});
    await blocker.connect();
    try {
      expect(await read()).toEqual([200, '1', true, true]);
      await blocker.query('BEGIN; LOCK TABLE posthorn.lanes IN ACCESS EXCLUSIVE MODE');
      expect(await read(), 'the database does not answer in time').toEqual([200, '0', true, false]);
      await server.kill();
      expect(await read(), 'there is none').toEqual([200, '0', true, false]);
      await server.start();
      expect(await read()).toEqual([200, '1', true, true]);
    } finally {
      await bench.close();
    }
  });

  test('the API answers 503 with Retry-After, and is not ready; afterwards it works on by itself', { timeout: 60_000 }, async () => {
    store = await open('outage');
    const bench = await workbench({ database: server.url('outage'), encryptionKey });
    try {
      await store.applications.upsert({ uid: 'acme', name: 'Acme' });
      const send = () => bench.call('POST', '/v1/events', { json: { application: 'acme', type: 'a', data: {} } });
      expect((await send()).status).toBe(202);
      const ada = await bench.person('ada@example.com');
      const session = () => bench.call('GET', '/v1/session', { by: ada });
      const signIn = () => bench.call('POST', '/auth/sign-in/email', { key: null, json: { email: ada.email, password: PASSWORD } });
      await server.kill();
      const refused = await send();
      expect([refused.status, refused.headers['retry-after'], refused.body.code]).toEqual([503, '5', 'store_unavailable']);
      expect((await bench.call('GET', '/readyz')).status).toBe(503);
      // The accounts' library has connections of its own, and words of its own for their loss.
      for (const lost of [await session(), await session(), await signIn()])
        expect([lost.status, lost.headers['retry-after']]).toEqual([503, '5']);
      await server.start();
      const again = await send();
      expect(again.status).toBe(202);
      expect((await bench.call('GET', '/readyz')).status).toBe(200);
      expect([(await session()).status, (await signIn()).status]).toEqual([200, 200]);
    } finally {
      await bench.close();
    }
  });
});
