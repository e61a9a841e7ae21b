/** An environment's cadence over the API, with both engines: shown, looked at beforehand, and changed while others dispatch. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { setTimeout as after } from 'node:timers/promises';
import type { Clock } from '@posthorn/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDispatcher } from '../../src/dispatcher/dispatcher.ts';
import { createSender } from '../../src/sender/sender.ts';
import { createCipher } from '../../src/store/cipher.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import type { Store } from '../../src/store/store.ts';
import { query, testDatabase } from '../postgres/database.ts';
import { type Workbench, workbench } from './workbench.ts';

/** The clock stands at 10:01 throughout: no tick comes, so what leaves was let go by a change. */
const put = (bench: Workbench, cadence: unknown) => bench.call('PUT', '/v1/dispatch', { json: { cadence } });
const preview = (bench: Workbench, cadence: string) => bench.call('GET', `/v1/dispatch/preview?cadence=${encodeURIComponent(cadence)}`);

describe.each(['SQLite', 'PostgreSQL'])('with %s', (engine) => {
  let bench: Workbench;
  let url: string | null;
  /** What another process has open; with SQLite there is none. */
  let others: Store;

  beforeAll(async () => {
    url = engine === 'SQLite' ? null : await testDatabase();
    const encryptionKey = randomBytes(32);
    bench = await workbench({ ...(url !== null && { database: url }), encryptionKey });
    others = url === null ? bench.store : await openPostgresStore({ url, cipher: createCipher(encryptionKey), now: bench.clock.now });
    await bench.call('PUT', '/v1/applications/acme', { json: { name: 'Acme' } });
  });
  afterAll(async () => {
    if (others !== bench.store) await others.close();
    await bench.close();
  });

  const waitingUntil = async (event: { id: string }) => {
    const { data } = (await bench.call('GET', `/v1/deliveries?event=${event.id}`)).body;
    return (await bench.call('GET', `/v1/deliveries/${data[0].id}`)).body.waiting?.until;
  };

  test('a preview tells the next five ticks and what would go at once, and changes nothing', async () => {
    expect((await preview(bench, 'every 120s')).body).toEqual({
      cadence: 'every 2m',
      next: ['10:02', '10:04', '10:06', '10:08', '10:10'].map((time) => `2026-11-23T${time}:00.000Z`),
      gate: '2026-11-23T10:00:00.000Z',
    });
    const weekdays = (await preview(bench, 'cron 0 9 * * MON-FRI Europe/Berlin')).body;
    expect(weekdays).toMatchObject({ cadence: 'cron 0 9 * * MON-FRI Europe/Berlin', gate: '2026-11-23T08:00:00.000Z' });
    expect(weekdays.next.at(-1)).toBe('2026-11-30T08:00:00.000Z');
    expect((await preview(bench, 'immediate')).body).toEqual({ cadence: 'immediate', next: [], gate: '2026-11-23T10:01:00.000Z' });
    expect((await bench.call('GET', '/v1/dispatch')).body.cadence).toBe('every 5m');
  });

  test('a change takes effect at once, on what waits too, and is answered as it is kept', async () => {
    await bench.call('POST', '/v1/endpoints', { json: { application: 'acme', url: 'http://127.0.0.1:9/', event_types: ['a.b'] } });
    const event = (await bench.call('POST', '/v1/events', { json: { application: 'acme', type: 'a.b', data: {} } })).body;
    expect(event.dispatch_at).toBe('2026-11-23T10:05:00.000Z');
    const answer = await put(bench, 'cron  30 10 * * *  europe/berlin');
    expect([answer.status, answer.body]).toEqual([
      200,
      expect.objectContaining({
        cadence: 'cron 30 10 * * * Europe/Berlin',
        cadence_at_start: null,
        next_at: '2026-11-24T09:30:00.000Z',
        pending: 1,
      }),
    ]);
    expect(await waitingUntil(event)).toBe('2026-11-24T09:30:00.000Z');
    const later = (await bench.call('POST', '/v1/events', { json: { application: 'acme', type: 'a.b', data: {} } })).body;
    expect(later.dispatch_at).toBe('2026-11-24T09:30:00.000Z');
    expect((await bench.call('GET', '/v1/dispatch', { key: bench.service.production })).body.cadence).toBe('every 30m');
  });

  test.each([
    ['every now and then', /whole number/],
    ['every 32d', /31 days/],
    ['cron 0 9 * * MON-FRI Europe/Nowhere', /Europe\/Nowhere/],
    ['cron 0 0 30 2 *', /never fires/],
    ['cron 61 * * * *', /not a cron expression/],
    ['sometimes', /expected/],
  ])('%j is refused with what is wrong with it, and the cadence in force stays', async (cadence, message) => {
    const before = (await bench.call('GET', '/v1/dispatch')).body;
    for (const answer of [await put(bench, cadence), await preview(bench, cadence)]) {
      expect(answer.body).toMatchObject({ status: 422, code: 'invalid_cadence', errors: [{ path: 'cadence' }] });
      expect(answer.body.errors[0].message).toMatch(message);
    }
    expect((await bench.call('GET', '/v1/dispatch')).body).toEqual(before);
  });

  test('what is no text at all is refused as every other field is', async () => {
    for (const cadence of [null, 30, '', 'every\u00005m', 'x'.repeat(257)])
      expect((await put(bench, cadence)).body).toMatchObject({ status: 400, code: 'invalid_request', errors: [{ path: 'cadence' }] });
  });

  test('what a start was given is told to the provider, and to nobody else', async () => {
    await bench.store.environments.startCadence('sandbox', { given: 'every 10m', byDefault: 'every 5m', alone: url === null });
    await put(bench, 'every 15m');
    expect((await bench.call('GET', '/v1/dispatch')).body).toMatchObject({ cadence: 'every 15m', cadence_at_start: 'every 10m' });
    const { keys } = await bench.tenant('globex');
    const seen = (await bench.call('GET', '/v1/dispatch', { key: keys.sandbox })).body;
    expect(seen).toMatchObject({ cadence: 'every 15m', cadence_at_start: null });
  });

  test('a dispatcher that sleeps until its tick hears of it, in another process too', async () => {
    const { receiver, endpoint, arrival } = await listen();
    const clock = new WatchedClock(bench.clock);
    const sender = createSender({ isAllowed: () => true, clock: bench.clock.now });
    const dispatcher = createDispatcher({
      store: others,
      sender,
      clock,
      random: () => 0,
      randomBytes: (size) => randomBytes(size),
      holder: 'another process',
      concurrency: 4,
      userAgent: 'Posthorn/test',
      // Nothing but a hint wakes it.
      longestSleepMs: 3_600_000,
    });
    await put(bench, 'every 12h');
    const settings = { application: 'acme', url: endpoint };
    await bench.call('POST', '/v1/endpoints', { json: { ...settings, event_types: ['waits'] } });
    await bench.call('POST', '/v1/endpoints', { json: { ...settings, event_types: ['leaves'], cadence: 'immediate' } });
    const publish = (type: string) => bench.call('POST', '/v1/events', { json: { application: 'acme', type, data: {} } });
    await publish('waits');
    dispatcher.start();
    if (url !== null) await listens(url);
    await publish('leaves');
    expect(await arrival()).toBe('leaves');
    while (!clock.sleeps || dispatcher.figures().lanesHeld > 0) await after(5);
    await put(bench, 'immediate');
    expect(await arrival()).toBe('waits');
    await dispatcher.drain();
    await sender.close();
    await new Promise((resolve) => receiver.close(resolve));
  });
});

/** Tells when a dispatcher has gone to sleep: the timer of that is the only long one, and whatever wakes it calls it off first. */
class WatchedClock implements Clock {
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly #clock: Clock;
  sleeps = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.now = clock.now;
    this.monotonic = clock.monotonic;
  }

  after(ms: number, callback: () => void): () => void {
    const callOff = this.#clock.after(ms, callback);
    if (ms < 3_600_000) return callOff;
    this.sleeps = true;
    return () => {
      this.sleeps = false;
      callOff();
    };
  }
}

/** A receiver, and the types of what comes to it, one after the other. */
async function listen() {
  const arrived: string[] = [];
  let tell = () => {};
  const receiver = createServer((request, response) => {
    request.setEncoding('utf8').on('data', (body: string) => {
      arrived.push(JSON.parse(body).type);
      response.end();
      tell();
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => receiver.once('listening', resolve));
  const address = receiver.address();
  if (address === null || typeof address === 'string') throw new Error('the receiver has no port');
  const arrival = async (): Promise<string> => {
    for (;;) {
      const first = arrived.shift();
      if (first !== undefined) return first;
      await new Promise<void>((resolve) => {
        tell = resolve;
      });
    }
  };
  return { receiver, endpoint: `http://127.0.0.1:${address.port}/`, arrival };
}

/** A process that has begun to dispatch hears of others as soon as its connection for it is there. */
async function listens(url: string): Promise<void> {
  while ((await query(url, `SELECT 1 FROM pg_stat_activity WHERE query = 'LISTEN posthorn' AND datname = current_database()`)).length === 0)
    await after(5);
}
