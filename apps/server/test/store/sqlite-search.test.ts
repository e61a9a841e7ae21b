/** A search for what few rows have goes back a part at a time: no page looks at more than so many rows, and none of them is passed over. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApplicationId } from '@posthorn/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCipher } from '../../src/store/cipher.ts';
import { SEARCHED_ROWS } from '../../src/store/page.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Page, Store } from '../../src/store/store.ts';

/** Nearly two and a half pages' worth of rows around what is looked for. */
const COMMON = Math.floor(SEARCHED_ROWS * 1.2);

describe('a search in SQLite', () => {
  let folder: string;
  let store: Store;
  let application: ApplicationId;
  let now = Date.UTC(2026, 10, 23);
  const rare: string[] = [];

  async function publish(type: string, count: number): Promise<void> {
    for (let done = 0; done < count; done += 1_000) {
      now += 1;
      const events = Array.from({ length: Math.min(1_000, count - done) }, () => ({
        application: 'app',
        type,
        data: '{}',
        orderingKey: null,
        id: null,
      }));
      const published = await store.publish({ environment: 'sandbox', events, idempotency: null });
      if (type === 'rare' && published.kind === 'published') rare.push(...published.events.map(({ id }) => id));
    }
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'posthorn-search-'));
    store = await openSqliteStore({
      path: join(folder, 'posthorn.db'),
      cipher: createCipher(randomBytes(32)),
      now: () => now,
      random: Math.random,
    });
    await store.environments.setCadence('sandbox', 'every 5m');
    application = (await store.applications.upsert({ uid: 'app', name: 'app' })).application.id;
    const settings = {
      url: 'https://example.com/',
      description: '',
      eventTypes: [],
      headers: {},
      cadence: null,
      ordering: 'none' as const,
      rateLimit: null,
      maxInFlight: 8,
      retrySchedule: null,
    };
    await store.endpoints.create({ application, environment: 'sandbox', settings, secret: 'a secret of twelve' });
    await publish('rare', 1);
    await publish('common', COMMON);
    await publish('rare', 1);
    await publish('common', COMMON);
  }, 60_000);
  afterAll(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  /** All of a list, and how many pages that took. */
  async function walk<T>(list: (cursor: string | null) => Promise<Page<T>>): Promise<{ found: T[]; pages: number }> {
    const found: T[] = [];
    let pages = 0;
    for (let cursor: string | null = null; ; ) {
      const page: Page<T> = await list(cursor);
      pages += 1;
      found.push(...page.data);
      if (page.nextCursor === null) return { found, pages };
      cursor = page.nextCursor;
    }
  }

  test.each([true, false])('of events by type finds each, one page after the other (within an application: %s)', async (within) => {
    const filter = { application: within ? application : null, type: 'rare', orderingKey: null, since: null, until: null, limit: 20 };
    const first = await store.events.list('sandbox', { ...filter, cursor: null });
    expect(first.data).toEqual([]);
    expect(first.nextCursor).not.toBeNull();
    const { found, pages } = await walk((cursor) => store.events.list('sandbox', { ...filter, cursor }));
    expect(found.map(({ id }) => id)).toEqual(rare.toReversed());
    expect(pages).toBe(3);
  });

  test('of deliveries by a status that none has ends', async () => {
    const filter = {
      application,
      endpoint: null,
      event: null,
      status: 'succeeded' as const,
      orderingKey: null,
      since: null,
      until: null,
      limit: 20,
    };
    expect(await walk((cursor) => store.deliveries.list('sandbox', { ...filter, cursor }))).toEqual({ found: [], pages: 3 });
  });

  test('gives what it has in full pages, each row once', async () => {
    const filter = {
      application,
      endpoint: null,
      event: null,
      status: 'pending' as const,
      orderingKey: null,
      since: null,
      until: null,
      limit: 100,
    };
    const { found } = await walk((cursor) => store.deliveries.list('sandbox', { ...filter, cursor }));
    expect(new Set(found.map(({ id }) => id)).size).toBe(2 * COMMON + 2);
    expect(found).toHaveLength(2 * COMMON + 2);
  });
});
