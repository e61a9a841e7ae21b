/** Applications, the catalogue, the log, deliveries and dispatch: what they answer when all is well. */
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { endAll } from '../store/conformance/harness.ts';
import { type Workbench, workbench } from './workbench.ts';

let bench: Workbench = await workbench();
beforeEach(async () => {
  await bench.close();
  bench = await workbench();
});
afterAll(async () => bench.close());

const instant = (ms: number) => new Date(bench.clock.time + ms).toISOString();

async function endpoint(json: object = {}, application = 'business-1') {
  await bench.call('PUT', `/v1/applications/${application}`, { json: { name: application } });
  return (await bench.call('POST', '/v1/endpoints', { json: { application, url: 'http://127.0.0.1:9/', ...json } })).body;
}

async function publish(json: object = {}) {
  return (await bench.call('POST', '/v1/events', { json: { application: 'business-1', type: 'shipment.created', data: {}, ...json } }))
    .body;
}

async function deliveryOf(event: { id: string }) {
  const { data } = (await bench.call('GET', `/v1/deliveries?event=${event.id}`)).body;
  return (await bench.call('GET', `/v1/deliveries/${data[0].id}`)).body;
}

describe('applications', () => {
  test('are made, found by id and uid, renamed and deleted', async () => {
    const made = await bench.call('POST', '/v1/applications', { json: { name: 'Ada', uid: 'ada' } });
    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      id: expect.stringMatching(/^app_/),
      uid: 'ada',
      name: 'Ada',
      created_at: instant(0),
      updated_at: instant(0),
    });
    for (const name of [made.body.id, 'ada']) expect((await bench.call('GET', `/v1/applications/${name}`)).body).toEqual(made.body);
    expect((await bench.call('POST', '/v1/applications', { json: { name: 'Other', uid: 'ada' } })).body).toMatchObject({
      status: 409,
      code: 'uid_taken',
      errors: [{ path: 'uid' }],
    });

    const renamed = await bench.call('PUT', '/v1/applications/ada', { json: { name: 'Ada L.' } });
    expect([renamed.status, renamed.body.id, renamed.body.name]).toEqual([200, made.body.id, 'Ada L.']);
    const put = await bench.call('PUT', '/v1/applications/bob', { json: { name: 'Bob' } });
    expect([put.status, put.body.uid]).toEqual([201, 'bob']);
    expect((await bench.call('PATCH', '/v1/applications/bob', { json: { uid: 'ada' } })).body).toMatchObject({
      status: 409,
      code: 'uid_taken',
    });
    expect((await bench.call('PATCH', '/v1/applications/bob', { json: { uid: null } })).body).toMatchObject({ uid: null, name: 'Bob' });

    const deleted = await bench.call('DELETE', '/v1/applications/ada', { key: bench.service.production });
    expect([deleted.status, deleted.text]).toEqual([204, '']);
    expect((await bench.call('GET', '/v1/applications/ada')).body.code).toBe('application_not_found');
  });

  test.each(['app_x', '.', '..', 'a b', 'a/b', 'ü', 'x'.repeat(129)])('a uid may not be %j', async (uid) => {
    expect((await bench.call('POST', '/v1/applications', { json: { name: 'x', uid } })).body).toMatchObject({
      status: 400,
      errors: [{ path: 'uid' }],
    });
  });
});

test('lists come in pages, newest first, and every item once', async () => {
  const uids = Array.from({ length: 7 }, (_, index) => `business-${index}`);
  for (const uid of uids) await bench.call('POST', '/v1/applications', { json: { name: uid, uid } });
  const seen: string[] = [];
  let cursor = '';
  do {
    const { body } = await bench.call('GET', `/v1/applications?limit=3${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    expect(body.data.length).toBeLessThanOrEqual(3);
    seen.push(...body.data.map(({ uid }: { uid: string }) => uid));
    cursor = body.next_cursor ?? '';
  } while (cursor !== '');
  expect(seen).toEqual(uids.toReversed());
  expect((await bench.call('GET', '/v1/applications?limit=7')).body.next_cursor).toBeNull();
  // A cursor belongs to its list and filters.
  for (let count = 0; count < 3; count += 1) await publish({ application: 'business-0' });
  const { next_cursor: foreign } = (await bench.call('GET', '/v1/events?limit=1')).body;
  expect((await bench.call('GET', `/v1/events?limit=2&cursor=${foreign}`)).status).toBe(200);
  for (const url of [`/v1/events?type=a.b&cursor=${foreign}`, `/v1/deliveries?cursor=${foreign}`]) {
    expect((await bench.call('GET', url)).body).toMatchObject({ status: 400, code: 'invalid_cursor' });
  }
});

describe('the catalogue', () => {
  const raw = '{"description":"d","schema":{ "type":"object", "properties": {"n":{"maximum": 1.50}} },"example":{"n": 1.0},"strict":true}';

  test('gives schema and example back byte for byte', async () => {
    const put = await bench.call('PUT', '/v1/event-types/a.b', { raw });
    expect(put.status).toBe(201);
    for (const answer of [put, await bench.call('GET', '/v1/event-types/a.b'), await bench.call('GET', '/v1/event-types')]) {
      expect(answer.text).toContain(
        '"schema":{ "type":"object", "properties": {"n":{"maximum": 1.50}} },"example":{"n": 1.0},"strict":true',
      );
    }
    const replaced = await bench.call('PUT', '/v1/event-types/a.b', { json: { description: 'new', schema: null } });
    expect([replaced.status, replaced.body]).toEqual([
      200,
      expect.objectContaining({ description: 'new', schema: null, example: null, strict: false }),
    ]);
    expect((await bench.call('DELETE', '/v1/event-types/a.b')).status).toBe(204);
    expect((await bench.call('GET', '/v1/event-types/a.b')).body.code).toBe('event_type_not_found');
  });

  test.each<[string, object, string, RegExp]>([
    ['a schema that is none', { schema: { type: 'thing' } }, 'schema', /JSON Schema/],
    ['a reference to another host', { schema: { $ref: 'http://127.0.0.1:9/schema.json' } }, 'schema', /127\.0\.0\.1/],
    ['a reference to nowhere', { schema: { $ref: '#/$defs/missing' } }, 'schema', /missing/],
    ['a pattern that is none', { schema: { properties: { a: { pattern: '(' } } } }, 'schema', /JSON Schema/],
    ['an asynchronous schema', { schema: { $async: true } }, 'schema', /\$async/],
    ['another draft', { schema: { $schema: 'http://json-schema.org/draft-04/schema#' } }, 'schema', /draft-04/],
    ['strictness about nothing', { strict: true }, 'strict', /schema/],
    ['an example that does not fit', { schema: { required: ['a'] }, example: {} }, 'example.a', /missing/],
    ['a schema that is a list', { schema: [] }, 'schema', /object/],
  ])('refuses %s', async (_, json, path, message) => {
    const answer = await bench.call('PUT', '/v1/event-types/a.b', { json: { description: 'd', ...json } });
    expect(answer.body).toMatchObject({
      status: 400,
      code: 'invalid_request',
      errors: [{ path, message: expect.stringMatching(message) }],
    });
    expect((await bench.call('GET', '/v1/event-types')).body.data).toEqual([]);
  });

  test.each<[string, string, string, string]>([
    [
      'the schema',
      '{\n  "properties": {\n    "a/b": {\n      "type": "strng"\n    }\n  }\n}',
      '{}',
      'schema: is not a JSON Schema (2020-12) that works by itself: properties["a/b"].type must be "array", "boolean", "integer", "null", "number", "object" or "string" (line 4 of the schema)',
    ],
    [
      'the example',
      '{ "properties": { "list": { "items": { "type": "string" } }, "a": { "required": ["b"] } } }',
      '{\n  "list": [\n    "x",\n    7\n  ],\n  "a": {}\n}',
      'example.list[1]: must be a string, says the schema given with it (line 4 of the example) (and 1 more)',
    ],
    [
      'a field that should not be there',
      '{ "additionalProperties": false }',
      '{\n\n  "a/~b": 1\n}',
      'example["a/~b"]: is not a known field, says the schema given with it (line 3 of the example)',
    ],
  ])('says the line of %s that does not do', async (_, schema, example, detail) => {
    const raw = `{"description":"d","schema":${schema},"example":${example}}`;
    expect((await bench.call('PUT', '/v1/event-types/a.b', { raw })).body).toMatchObject({ code: 'invalid_request', detail });
  });

  test('tells the provider, and nobody else, who has subscribed to a type by its name', async () => {
    await bench.call('PUT', '/v1/event-types/a.b', { raw });
    await endpoint({ event_types: ['a.b', 'c.d'] });
    await endpoint({ event_types: ['a.*'] });
    expect((await bench.call('GET', '/v1/event-types/a.b')).body).toMatchObject({
      name: 'a.b',
      subscribers: { production: 0, sandbox: 1 },
    });
    expect((await bench.call('GET', '/v1/event-types/a.b', { key: (await bench.tenant('acme')).keys.sandbox })).body).toMatchObject({
      name: 'a.b',
      subscribers: null,
    });
  });

  test('keeps two schemas with one $id apart', async () => {
    for (const [name, field] of [
      ['a.b', 'x'],
      ['c.d', 'y'],
    ]) {
      const schema = { $id: 'https://example.com/same', required: [field] };
      expect((await bench.call('PUT', `/v1/event-types/${name}`, { json: { description: 'd', schema, strict: true } })).status).toBe(201);
    }
    await endpoint();
    expect((await publish({ type: 'a.b', data: {} })).errors).toEqual([{ path: 'data.x', message: 'is missing' }]);
    expect((await publish({ type: 'c.d', data: {} })).errors).toEqual([{ path: 'data.y', message: 'is missing' }]);
  });
});

test('the log is filtered by type, key and span: since inclusive, until exclusive, any offset', async () => {
  await endpoint();
  const ids: string[] = [];
  for (const [index, type] of ['a.one', 'a.two', 'a.one'].entries()) {
    ids.push((await publish({ type, ordering_key: `k${index}` })).id);
    bench.clock.time += 60_000;
  }
  const list = async (query: string) =>
    (await bench.call('GET', `/v1/events?${query}`)).body.data.map(({ id }: { id: string }) => ids.indexOf(id));
  expect(await list('')).toEqual([2, 1, 0]);
  expect(await list('type=a.one')).toEqual([2, 0]);
  expect(await list('ordering_key=k1')).toEqual([1]);
  expect(await list('application=business-1&limit=1')).toEqual([2]);
  expect(await list(`since=${instant(-120_000)}`)).toEqual([2, 1]);
  expect(await list(`until=${instant(-120_000)}`)).toEqual([0]);
  expect(await list(`since=${encodeURIComponent('2026-11-23T12:02:00+02:00')}&until=2026-11-23T05:03:00-05:00`)).toEqual([1]);
  expect((await bench.call('GET', '/v1/events?since=2026-11-23T12:02:00+02:00')).body).toMatchObject({
    status: 400,
    errors: [{ path: 'since', message: expect.stringContaining('%2B') }],
  });
  expect((await bench.call('GET', '/v1/events?since=2026-12-31T23:59:60Z')).status).toBe(400);
});

describe('a delivery', () => {
  test('waits for the gate, until it is opened', async () => {
    const { id } = await endpoint();
    const event = await publish();
    expect(event).toMatchObject({ deliveries: 1, dispatch_at: '2026-11-23T10:05:00.000Z' });
    const waiting = { reason: 'gate', until: '2026-11-23T10:05:00.000Z', behind: null };
    expect(await deliveryOf(event)).toMatchObject({
      event: event.id,
      event_type: 'shipment.created',
      endpoint: id,
      status: 'pending',
      reason: null,
      attempt_count: 0,
      attempts: [],
      waiting,
      created_at: event.timestamp,
    });
    expect((await bench.call('GET', '/v1/dispatch')).body).toEqual({
      environment: 'sandbox',
      cadence: 'every 5m',
      cadence_at_start: null,
      last_at: null,
      next_at: '2026-11-23T10:05:00.000Z',
      pending: 1,
      oldest_pending_at: event.timestamp,
      paused_at: null,
      paused_applications: [],
    });
    expect((await bench.call('POST', `/v1/endpoints/${id}/dispatch`)).body).toEqual({ endpoint: id, pending: 1, opened_at: instant(0) });
    expect((await deliveryOf(event)).waiting).toBeNull();
  });

  test('waits for the one before it with the same key', async () => {
    await endpoint();
    const [first, second, other] = [
      await publish({ ordering_key: 'k' }),
      await publish({ ordering_key: 'k' }),
      await publish({ ordering_key: 'l' }),
    ];
    await bench.call('POST', '/v1/dispatch');
    expect((await deliveryOf(first)).waiting).toBeNull();
    expect((await deliveryOf(second)).waiting).toEqual({ reason: 'key', until: null, behind: (await deliveryOf(first)).id });
    expect((await deliveryOf(other)).waiting).toBeNull();
  });

  test('waits for the brake, of the environment or of its application', async () => {
    await endpoint();
    const event = await publish();
    const brake = (action: string, json?: object) => bench.call('POST', `/v1/${action}`, { json });
    const paused = { reason: 'paused', until: null, behind: null };
    expect((await brake('pause')).body).toMatchObject({ paused_at: instant(0), paused_applications: [] });
    expect((await deliveryOf(event)).waiting).toEqual(paused);
    expect((await brake('pause', { application: event.application })).body.paused_applications).toEqual([
      { application: event.application, paused_at: instant(0) },
    ]);
    expect((await brake('resume')).body.paused_at).toBeNull();
    expect((await deliveryOf(event)).waiting).toEqual(paused);
    expect((await brake('resume', { application: event.application })).body.paused_applications).toEqual([]);
    expect((await deliveryOf(event)).waiting).toMatchObject({ reason: 'gate' });
    expect(await brake('pause', { application: 'nobody' })).toMatchObject({ status: 404, body: { code: 'application_not_found' } });
  });

  test('waits for a paused endpoint, or follows its own cadence', async () => {
    const { id } = await endpoint({ cadence: 'every 1h' });
    const event = await publish();
    expect((await deliveryOf(event)).waiting).toEqual({ reason: 'gate', until: '2026-11-23T11:00:00.000Z', behind: null });
    await bench.call('PATCH', `/v1/endpoints/${id}`, { json: { status: 'paused' } });
    expect((await deliveryOf(event)).waiting).toEqual({ reason: 'paused', until: null, behind: null });
  });

  test('is retried and canceled by hand', async () => {
    await endpoint();
    const { id } = await deliveryOf(await publish());
    const retried = await bench.call('POST', `/v1/deliveries/${id}/retry`);
    expect([retried.status, retried.body.status]).toEqual([202, 'pending']);
    expect((await bench.call('GET', `/v1/deliveries/${id}`)).body.waiting).toBeNull();
    const canceled = await bench.call('POST', `/v1/deliveries/${id}/cancel`);
    expect([canceled.status, canceled.body]).toEqual([
      200,
      expect.objectContaining({ id, status: 'canceled', reason: 'canceled_by_hand', next_attempt_at: null }),
    ]);
    expect((await bench.call('POST', `/v1/deliveries/${id}/cancel`)).body).toMatchObject({ status: 409, code: 'delivery_ended' });
    expect((await bench.call('POST', `/v1/deliveries/${id}/retry`)).body).toMatchObject({ id, status: 'pending', late: true });
  });

  test('of a deleted endpoint has nowhere to go', async () => {
    const made = await endpoint();
    const { id } = await deliveryOf(await publish());
    await bench.call('DELETE', `/v1/endpoints/${made.id}`);
    await expect
      .poll(async () => (await bench.call('GET', `/v1/deliveries/${id}`)).body)
      .toMatchObject({ status: 'canceled', reason: 'endpoint_deleted', waiting: null });
    expect((await bench.call('POST', `/v1/deliveries/${id}/retry`)).body).toMatchObject({ status: 409, code: 'endpoint_deleted' });
    expect((await bench.call('GET', `/v1/deliveries?endpoint=${made.id}`)).body.data).toHaveLength(1);
  });

  test('is found by status, endpoint, key and event', async () => {
    const { id } = await endpoint();
    const other = await endpoint({ event_types: ['other'] });
    const event = await publish({ ordering_key: 'k' });
    const found = async (query: string) => (await bench.call('GET', `/v1/deliveries?${query}`)).body.data.length;
    for (const query of ['status=pending', `endpoint=${id}`, 'ordering_key=k', `event=${event.id}`, 'application=business-1'])
      expect(await found(query), query).toBe(1);
    for (const query of ['status=failed', `endpoint=${other.id}`, 'ordering_key=l', 'event=evt_x'])
      expect(await found(query), query).toBe(0);
    expect((await bench.call('GET', '/v1/deliveries?endpoint=nonsense')).body).toMatchObject({
      status: 400,
      errors: [{ path: 'endpoint' }],
    });
  });
});

test('a delivery shows its attempts with advice, timings and the answer as text', async () => {
  const { id } = await endpoint();
  const event = await publish();
  const { store, clock } = bench;
  await store.endpoints.open('sandbox', id);
  const { groups, now } = await store.lanes.outlook();
  const [lane] = await store.lanes.lease({
    holder: 'a test',
    leaseMs: 60_000,
    limits: { proven: 1, untried: 1, failing: 1 },
    gates: new Map(groups.map(({ group }) => [group, now])),
  });
  if (lane === undefined) throw new Error('there was no lane to lease');
  const [delivery] = (await store.lanes.scan({ lane: lane.lease.lane, ordering: 'key', after: 0, limit: 1, gate: now })).deliveries;
  if (delivery === undefined) throw new Error('there was no delivery to send');
  const attempt = {
    seq: delivery.seq,
    startedAt: clock.time,
    durationMs: 12,
    responseHeaders: { 'content-type': 'text/plain' },
    responseBody: Buffer.from([0x6e, 0x6f, 0xff, 0xc3]),
    responseTruncated: true,
    detail: null,
    timings: { dns: 1, connect: 2, tls: null, first_byte: 3, body: 4 },
    wish: 0,
    revivedAt: null,
    epoch: 0,
    first: true,
    end: { status: 'pending', failures: 1, dueAt: clock.time + 5_000 },
    notices: [],
  } as const;
  const attemptId = 'att_01kb3m8v0e9qk5s2c7x4tz6w1r' as never;
  await store.lanes.settle([
    {
      lease: lane.lease,
      attempts: [{ ...attempt, attemptId, error: 'http_status', responseStatus: 403 }],
      state: lane.state,
      disable: null,
    },
  ]);
  const shown = await deliveryOf(event);
  expect(shown).toMatchObject({
    attempt_count: 1,
    next_attempt_at: instant(5_000),
    waiting: { reason: 'retry', until: instant(5_000), behind: null },
  });
  expect(shown.attempts).toEqual([
    {
      number: 1,
      started_at: instant(0),
      status: 'failed',
      response_status: 403,
      response_headers: { 'content-type': 'text/plain' },
      response_body: 'no\ufffd',
      response_body_truncated: true,
      error: 'http_status',
      error_detail: null,
      advice: expect.stringMatching(/secret/),
      duration_ms: 12,
      timings: { dns: 1, connect: 2, tls: null, first_byte: 3, body: 4 },
      stale: false,
    },
  ]);
  expect((await bench.call('GET', '/v1/dispatch')).body.last_at).toBe(instant(0));
});

test('an application key sees when its own were last sent, never when others were', async () => {
  const { keys } = await bench.tenant('other');
  await endpoint();
  await endpoint({}, 'other');
  const lastAt = async (key: string) => (await bench.call('GET', '/v1/dispatch', { key })).body.last_at;
  const send = async (application: string) => {
    await publish({ application });
    expect(await endAll(bench.store, { status: 'succeeded' }, { more: { startedAt: bench.clock.time } })).toBe(1);
    expect(await bench.store.upkeep.foldStats(100)).toBe(false);
  };
  await send('business-1');
  expect(await lastAt(bench.service.sandbox)).toBe(instant(0));
  expect(await lastAt(keys.sandbox)).toBeNull();
  await send('other');
  const minute = new Date(Math.floor(bench.clock.time / 60_000) * 60_000).toISOString();
  bench.clock.time += 3_600_000;
  await send('business-1');
  expect(await lastAt(bench.service.sandbox)).toBe(instant(0));
  expect(await lastAt(keys.sandbox)).toBe(minute);
  expect(await lastAt(keys.production)).toBeNull();
});
