/** How SQLite runs the lists, and finds the oldest that waits: by an index that has their order, or over the few rows of one event or key. Never over the table. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApplicationId, EndpointId } from '@posthorn/core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createCipher } from '../../src/store/cipher.ts';
import { Database } from '../../src/store/sqlite/database.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { DeliveryFilter, EventFilter, Store } from '../../src/store/store.ts';
import { prepare, START } from './conformance/harness.ts';

const PAGE = { limit: 20, cursor: null };
const DELIVERIES: DeliveryFilter = {
  ...PAGE,
  application: null,
  endpoint: null,
  event: null,
  status: null,
  orderingKey: null,
  since: null,
  until: null,
};
const EVENTS: EventFilter = { ...PAGE, application: null, type: null, orderingKey: null, since: null, until: null };
const APPLICATION = 'app_00000000000000000000000000' as ApplicationId;
const ENDPOINT = 'ep_00000000000000000000000000' as EndpointId;
const CURSOR = Buffer.from('1.1').toString('base64url');

describe('SQLite lists', () => {
  let folder: string;
  let store: Store;
  let db: Database;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'posthorn-plans-'));
    const path = join(folder, 'posthorn.db');
    store = await openSqliteStore({ path, cipher: createCipher(randomBytes(32)), now: () => START, random: Math.random });
    await prepare(store);
    db = new Database(path);
  });
  afterAll(async () => {
    db.close();
    await store.close();
    await rm(folder, { recursive: true });
  });

  /** The plan of the one list that `work` runs, a line a step. The spy only looks: the statement runs as ever. */
  async function planOf(work: () => Promise<unknown>, method: 'all' | 'get' = 'all'): Promise<string[]> {
    const asked = vi.spyOn(Database.prototype, method);
    await work();
    const call = asked.mock.calls.find(([sql]) => sql.includes('ORDER BY'));
    asked.mockRestore();
    if (call === undefined) throw new Error('there was no list');
    const [sql, ...parameters] = call;
    return db.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...parameters).map(({ detail }) => detail);
  }

  const endpoint = ENDPOINT;
  const application = APPLICATION;
  test.each<[string, Partial<DeliveryFilter>, string]>([
    ['none', {}, 'deliveries_of_environment'],
    ['cursor', { cursor: CURSOR }, 'deliveries_of_environment'],
    ['since and until', { since: 1, until: 2 }, 'deliveries_of_environment'],
    ['application', { application }, 'deliveries_of_application'],
    ['application, since, cursor', { application, since: 1, cursor: CURSOR }, 'deliveries_of_application'],
    ['endpoint', { endpoint }, 'deliveries_of_endpoint'],
    ['endpoint and application', { endpoint, application }, 'deliveries_of_endpoint'],
    ['pending', { status: 'pending' }, 'deliveries_of_environment'],
    ['succeeded', { status: 'succeeded' }, 'deliveries_of_environment'],
    ['failed', { status: 'failed' }, 'deliveries_failed_of_environment'],
    ['canceled', { status: 'canceled', cursor: CURSOR }, 'deliveries_canceled_of_environment'],
    ['pending of an endpoint', { status: 'pending', endpoint }, 'deliveries_of_endpoint'],
    ['failed, since, cursor', { status: 'failed', since: 1, cursor: CURSOR }, 'deliveries_failed_of_environment'],
    ['failed of an endpoint', { status: 'failed', endpoint, since: 1 }, 'deliveries_failed'],
    ['failed of an application', { status: 'failed', application }, 'deliveries_failed_of_application'],
    ['canceled of an application', { status: 'canceled', application }, 'deliveries_canceled_of_application'],
    ['canceled of an endpoint', { status: 'canceled', endpoint }, 'deliveries_canceled'],
  ])('of deliveries by %s come in order from an index', async (_, filter, index) => {
    const plan = await planOf(() => store.deliveries.list('sandbox', { ...DELIVERIES, ...filter }));
    expect(plan.filter((step) => step.startsWith('SCAN') || step.includes('TEMP B-TREE'))).toEqual([]);
    expect(plan.join('\n')).toMatch(new RegExp(`SEARCH d USING INDEX ${index} `));
  });

  test('when an application was last sent to is the end of a stretch of the counts’ own key', async () => {
    const plan = await planOf(() => store.stats.lastAttemptAt('sandbox', application));
    expect(plan).toEqual(['SEARCH rollups USING PRIMARY KEY (environment=? AND scope=? AND owner=? AND width=?)']);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['in an environment', () => store.environments.backlog('sandbox', null)],
    ['in an application', () => store.environments.backlog('sandbox', application)],
    ['for metrics', () => store.figures()],
  ])('the oldest that waits, %s, is sought lane by lane', async (_, work) => {
    const plan = await planOf(work, 'get');
    expect(plan.filter((step) => step.startsWith('SCAN d') || step.includes('TEMP B-TREE'))).toEqual([]);
    expect(plan).toContain('SEARCH d USING INDEX deliveries_pending (lane=?)');
    expect(plan.join('\n')).toMatch(/SEARCH d USING (COVERING )?INDEX deliveries_late_age \(lane=\?\)/);
  });

  test.each<[string, Partial<DeliveryFilter>]>([
    ['event', { event: 'evt' }],
    ['event of an application', { event: 'evt', application, status: 'failed' }],
    ['event and endpoint', { event: 'evt', endpoint, status: 'failed' }],
  ])('of deliveries by %s go through its events', async (_, filter) => {
    const plan = await planOf(() => store.deliveries.list('sandbox', { ...DELIVERIES, ...filter }));
    expect(plan.filter((step) => step.startsWith('SCAN'))).toEqual([]);
    expect(plan.join('\n')).toContain('SEARCH d USING INDEX deliveries_of_event (event=?)');
  });

  test.each<[string, Partial<DeliveryFilter>]>([
    ['ordering key', { orderingKey: 'k' }],
    ['ordering key of an application', { orderingKey: 'k', application, cursor: Buffer.from('1.1.1').toString('base64url') }],
    ['ordering key and endpoint', { orderingKey: 'k', endpoint, status: 'failed', since: 1 }],
  ])('of deliveries by %s read its events in order', async (_, filter) => {
    const plan = (await planOf(() => store.deliveries.list('sandbox', { ...DELIVERIES, ...filter }))).join('\n');
    expect(plan).toContain('SEARCH v USING INDEX events_of_key (environment=? AND ordering_key=?');
    expect(plan).toContain('SEARCH d USING INDEX deliveries_of_event (event=?)');
    expect(plan).not.toMatch(/SCAN|TEMP B-TREE FOR ORDER BY/);
  });

  test.each<[string, Partial<EventFilter>, string]>([
    ['none', {}, 'events_of_environment'],
    ['application', { application, since: 1 }, 'events_of_application'],
    ['type', { type: 't', cursor: CURSOR }, 'events_of_environment'],
    ['ordering key', { orderingKey: 'k' }, 'events_of_key'],
    ['ordering key of an application', { orderingKey: 'k', application }, 'events_of_key'],
  ])('of events by %s come in order from an index', async (_, filter, index) => {
    const plan = await planOf(() => store.events.list('sandbox', { ...EVENTS, ...filter }));
    expect(plan.filter((step) => step.startsWith('SCAN') || step.includes('TEMP B-TREE'))).toEqual([]);
    expect(plan.join('\n')).toMatch(new RegExp(`SEARCH e USING INDEX ${index} `));
  });
});
