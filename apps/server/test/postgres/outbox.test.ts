/** Publishing in one's own transaction, and through HTTP beside it: the same checks, the same bytes. */
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { outboxChecks } from '../../src/api/outbox-checks.ts';
import { createOutboxTaker } from '../../src/outbox-taker.ts';
import type { OutboxTaking, Store } from '../../src/store/store.ts';
import { systemClock } from '../../src/system-clock.ts';
import { type Workbench, workbench } from '../api/workbench.ts';
import { addEndpoint, lease } from '../store/conformance/harness.ts';
import { emptyDatabase, testDatabase } from './database.ts';

let database: Promise<string> | null = null;
let url: string;
let bench: Workbench;
let store: Store;
/** The provider's own connection. */
let business: Client;

beforeEach(async () => {
  database ??= testDatabase();
  url = await database;
  await emptyDatabase(url);
  bench = await workbench({ database: url });
  store = bench.store;
  await store.applications.upsert({ uid: 'acme', name: 'Acme' });
  business = new Client({ connectionString: url });
  await business.connect();
});
afterEach(async () => {
  await business.end();
  await bench.close();
});

const insert = (data: string, more: { application?: string; environment?: string; type?: string; key?: string | null } = {}) =>
  business.query('INSERT INTO posthorn.outbox (application, environment, type, data, ordering_key) VALUES ($1, $2, $3, $4, $5)', [
    more.application ?? 'acme',
    more.environment ?? 'sandbox',
    more.type ?? 'shipment.created',
    data,
    more.key ?? null,
  ]);
const take = async (): Promise<OutboxTaking> => {
  const taking = await store.outbox.take(outboxChecks(store.eventTypes));
  if (taking === null) throw new Error('it was not our turn');
  return taking;
};
const bodies = async (): Promise<string[]> => {
  const filter = { application: null, type: null, orderingKey: null, since: null, until: null, cursor: null, limit: 100 };
  return (await store.events.list('sandbox', filter)).data.map(({ body }) => Buffer.from(body).toString());
};
const dataOf = (body: string | undefined): string => /"data":(.*)\}$/s.exec(body ?? '')?.[1] ?? '';

describe('the outbox', () => {
  test.each([
    '{"n":-0,"e":1E+2,"f":17.0,"big":12345678901234567890}',
    '{ "spaces" :  [ 1 , 2 ] ,\n\t"u": "\\u0041\\ud83d\\ude00é", "again": 1, "again": 2 }',
    '{}',
  ])('gives the same bytes through SQL and HTTP: %s', async (data) => {
    await insert(data);
    await take();
    const [bySql] = await bodies();
    bench.clock.time += 1;
    const answer = await bench.call('POST', '/v1/events', { raw: `{"application":"acme","type":"shipment.created","data":${data}}` });
    expect(answer.status).toBe(202);
    const [byHttp] = await bodies();
    expect(dataOf(bySql)).toBe(data);
    expect(dataOf(byHttp)).toBe(data);
  });

  test('leaves out the spaces around the value, as HTTP does', async () => {
    await insert(' \n {"a": 1}\t ');
    await take();
    expect(dataOf((await bodies())[0])).toBe('{"a": 1}');
  });

  test('what was rolled back leaves nothing; what was committed is delivered, in order, once', async () => {
    const application = await store.applications.get('acme');
    if (application === null) throw new Error('there is no application');
    await addEndpoint(store, application.id);
    await business.query('BEGIN');
    await insert('{"n":0}');
    await business.query('ROLLBACK');
    await business.query('BEGIN');
    for (const n of [1, 2, 3]) await insert(`{"n":${n}}`, { key: 'k' });
    expect(await take()).toMatchObject({ published: { sandbox: 0 } });
    await business.query('COMMIT');
    expect(await take()).toEqual({ published: { production: 0, sandbox: 3 }, refused: 0, more: true });
    expect(await take()).toMatchObject({ published: { sandbox: 0 }, more: false });
    const gate = bench.clock.time;
    const [lane] = await lease(store, gate);
    const scanned = await store.lanes.scan({ lane: lane?.lease.lane ?? 0, ordering: 'key', after: 0, limit: 10, gate });
    const sent = await store.lanes.bodies(scanned.deliveries.map(({ seq }) => seq));
    expect(sent.sort((a, b) => a.seq - b.seq).map(({ body }) => dataOf(Buffer.from(body).toString()))).toEqual([
      '{"n":1}',
      '{"n":2}',
      '{"n":3}',
    ]);
  });

  test('a transaction that commits late is taken late, and holds up nobody', async () => {
    await business.query('BEGIN');
    await insert('{"n":"late"}');
    const other = new Client({ connectionString: url });
    await other.connect();
    await other.query(
      `INSERT INTO posthorn.outbox (application, environment, type, data) VALUES ('acme', 'staging', 't', '{"n":"early"}')`,
    );
    expect(await take()).toMatchObject({ published: { sandbox: 1 } });
    await business.query('COMMIT');
    expect(await take()).toMatchObject({ published: { sandbox: 1 } });
    expect((await bodies()).map(dataOf)).toEqual(['{"n":"late"}', '{"n":"early"}']);
    await other.end();
  });

  test('a bad row is set aside with its reason, those around it are published', async () => {
    await store.eventTypes.put({
      name: 'strict.type',
      description: '',
      schema: '{"required":["id"]}',
      example: null,
      strict: true,
    });
    await insert('{"n":1}');
    await insert('[1]');
    await insert('{"n":2}', { type: 'not a type' });
    await insert('{"n":2}', { application: 'nobody' });
    await insert('{"n":2}', { environment: 'moon' });
    await insert('{"n":2}', { key: '\u0007' });
    await insert('{"n":2}', { type: 'strict.type' });
    await insert(`{"n":"${'x'.repeat(256 * 1024)}"}`);
    await insert(`{"n":${'['.repeat(100)}${']'.repeat(100)}}`);
    await insert('{"n":3}');
    expect(await take()).toMatchObject({ published: { sandbox: 2 }, refused: 8 });
    expect((await bodies()).map(dataOf)).toEqual(['{"n":3}', '{"n":1}']);
    const { body: listed } = await bench.call('GET', '/v1/outbox/refused');
    expect(listed.data.map(({ reason }: { reason: string }) => reason)).toEqual([
      expect.stringMatching(/^data: nests more than 100 deep|^data.*deep/),
      expect.stringMatching(/^data: has 26\d+ bytes; an event’s data has at most 262144$/),
      'data.id: is missing',
      expect.stringMatching(/^ordering_key: may not contain control characters/),
      'environment: must be production or sandbox, not "moon"',
      'application: is no application that exists',
      expect.stringMatching(/^type: does not have the right form/),
      'data: must be an object',
    ]);
    expect((await bench.call('GET', '/metrics', { key: null })).text).toContain('posthorn_outbox_rows{state="refused"} 8');
  });

  test('a refused row can be taken again once its reason is gone, or discarded', async () => {
    await insert('{"n": 1.0}', { application: 'later' });
    await insert('7');
    await take();
    const { data } = (await bench.call('GET', '/v1/outbox/refused?limit=10')).body as { data: { id: string; data: string }[] };
    expect(data.map((row) => row.data)).toEqual(['7', '{"n": 1.0}']);
    const { tenant } = bench;
    expect((await bench.call('GET', '/v1/outbox/refused', { key: (await tenant('other')).keys.sandbox })).status).toBe(403);
    await store.applications.upsert({ uid: 'later', name: 'Later' });
    expect((await bench.call('POST', `/v1/outbox/refused/${data[1]?.id}/retry`)).status).toBe(204);
    expect((await bench.call('POST', `/v1/outbox/refused/${data[1]?.id}/retry`)).status).toBe(404);
    expect((await bench.call('DELETE', `/v1/outbox/refused/${data[0]?.id}`)).status).toBe(204);
    expect((await bench.call('DELETE', '/v1/outbox/refused/x')).status).toBe(404);
    expect(await take()).toMatchObject({ published: { sandbox: 1 }, refused: 0 });
    expect((await bodies()).map(dataOf)).toEqual(['{"n": 1.0}']);
    expect((await bench.call('GET', '/v1/outbox/refused')).body).toEqual({ data: [], next_cursor: null });
    const log = await store.audit.list('sandbox', { application: null, limit: 2, cursor: null });
    expect(log.data.map(({ action, target, actor }) => [action, target.id, actor.kind])).toEqual([
      ['outbox.discard', data[0]?.id, 'key'],
      ['outbox.retry', data[1]?.id, 'key'],
    ]);
  });

  test('a refused row is seen and changed in its own environment: one of staging in the sandbox, one of none in both', async () => {
    await insert('1', { environment: 'staging' });
    await insert('2', { environment: 'production' });
    await insert('3', { environment: 'sanbox' });
    await take();
    const refused = async (key: string) =>
      ((await bench.call('GET', '/v1/outbox/refused', { key })).body as { data: { id: string; data: string }[] }).data;
    const { production, sandbox } = bench.service;
    const inSandbox = await refused(sandbox);
    expect(inSandbox.map(({ data }) => data)).toEqual(['3', '1']);
    expect((await refused(production)).map(({ data }) => data)).toEqual(['3', '2']);
    const remove = async (key: string) => (await bench.call('DELETE', `/v1/outbox/refused/${inSandbox[1]?.id}`, { key })).status;
    expect([await remove(production), await remove(sandbox)]).toEqual([404, 204]);
  });

  test('is taken by whoever is there, and by one at a time', async () => {
    for (let n = 0; n < 300; n += 1) await insert(`{"n":${n}}`, { key: 'k' });
    const judge = outboxChecks(store.eventTypes);
    let judged = 0;
    const takers = Array.from({ length: 3 }, () =>
      createOutboxTaker({
        store,
        clock: systemClock,
        warn: (line) => expect(line).toBeUndefined(),
        judge: async (rows) => {
          judged += rows.length;
          return judge(rows);
        },
      }),
    );
    for (const taker of takers) taker.start();
    while ((await store.figures()).outbox.waiting > 0);
    await Promise.all(takers.map((taker) => taker.stop()));
    expect(judged).toBe(300);
    expect((await business.query<{ n: number }>('SELECT count(*)::integer AS n FROM posthorn.events')).rows[0]?.n).toBe(300);
  });
});
