import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Workbench, workbench } from './workbench.ts';

const bench: Workbench = await workbench();
let applicationKey = '';
let applicationId = '';

beforeAll(async () => {
  const { application, keys } = await bench.tenant('business-1');
  await bench.tenant('business-2');
  applicationKey = keys.sandbox;
  applicationId = application.id;
});
afterAll(async () => bench.close());

async function eventCount(): Promise<number> {
  const filter = { application: null, type: null, orderingKey: null, since: null, until: null, limit: 100 };
  let count = 0;
  let cursor: string | null = null;
  do {
    const page = await bench.store.events.list('sandbox', { ...filter, cursor });
    count += page.data.length;
    cursor = page.nextCursor;
  } while (cursor !== null);
  return count;
}

function event(data: string, rest = ''): string {
  return `{"application":"business-1","type":"shipment.created","data":${data}${rest}}`;
}

describe('data goes out as it came in', () => {
  test.each([
    ['numbers', '{"a":-0,"b":1E+2,"c":17.0,"d":12345678901234567890,"e":0.10,"f":1e400,"g":-0.0e-0}'],
    ['spaces and line breaks', '{ "a" :\t1 ,\r\n  "b":[ ] , "c" : { } }'],
    ['escapes', '{"a":"\\u00e9\\/\\n\\"","b":"\\ud83d\\udcef","c":"\\u0000"}'],
    ['half a surrogate pair, escaped', '{"a":"\\ud800"}'],
    ['characters beyond ASCII', '{"name":"Adébáyọ̀ 📯","\u2028":1}'],
    ['keys twice', '{"a":1,"a":2,"\\u0061":3}'],
    ['keys that mean something elsewhere', '{"__proto__":{"x":1},"constructor":1,"data":{"data":1},"toString":null}'],
    ['nothing', '{}'],
    ['deep nesting', `{"a":${'['.repeat(96)}${']'.repeat(96)}}`],
  ])('%s', async (_, data) => {
    const published = await bench.call('POST', '/v1/events', { raw: event(data, ',"ordering_key":"k"') });
    expect(published.status, published.text).toBe(202);
    const batch = await bench.call('POST', '/v1/events/batch', { raw: `{"events":[${event('{}')} , ${event(` ${data} `)}]}` });
    expect(batch.status, batch.text).toBe(202);
    for (const { id, timestamp } of [published.body, batch.body.data[1]]) {
      const { body } = (await bench.call('GET', `/v1/events/${id}`)).body;
      expect(body).toBe(`{"id":"${id}","type":"shipment.created","timestamp":"${timestamp}","environment":"sandbox","data":${data}}`);
    }
  });

  test.each([['[]'], ['"text"'], ['1'], ['null'], ['true']])('data %s is refused: it must be an object', async (data) => {
    const answer = await bench.call('POST', '/v1/events', { raw: event(data) });
    expect(answer.body).toMatchObject({ status: 400, code: 'invalid_request', errors: [{ path: 'data', message: 'must be an object' }] });
  });

  test('a byte order mark is named, since nobody sees one', async () => {
    const answer = await bench.call('POST', '/v1/events', { raw: `\ufeff${event('{}')}` });
    expect(answer.body).toMatchObject({ status: 400, code: 'invalid_json', detail: expect.stringContaining('byte order mark') });
  });

  test('up to 256 KiB, in bytes', async () => {
    const fits = `{"a":"${'é'.repeat((256 * 1024 - 8) / 2)}"}`;
    expect(Buffer.byteLength(fits)).toBe(256 * 1024);
    expect((await bench.call('POST', '/v1/events', { raw: event(fits) })).status).toBe(202);
    const before = await eventCount();
    const tooLarge = await bench.call('POST', '/v1/events/batch', {
      raw: `{"events":[${event('{}')},${event(`${fits.slice(0, -1)} }`)}]}`,
    });
    expect(tooLarge.body).toMatchObject({ status: 413, code: 'payload_too_large', errors: [{ path: 'events[1].data' }] });
    expect(await eventCount()).toBe(before);
  });
});

describe('a batch', () => {
  test('is answered in order', async () => {
    const types = ['a.one', 'a.two', 'a.three'];
    const events = types.map((type) => ({ application: 'business-1', type, data: {} }));
    const answer = await bench.call('POST', '/v1/events/batch', { json: { events } });
    expect(answer.status).toBe(202);
    expect(answer.body.data.map(({ type }: { type: string }) => type)).toEqual(types);
  });

  test('of 1,000 is taken, of 1,001 or none refused', async () => {
    const events = Array.from({ length: 1_001 }, () => ({ application: 'business-1', type: 'a.b', data: {} }));
    const before = await eventCount();
    for (const json of [{ events }, { events: [] }]) {
      expect((await bench.call('POST', '/v1/events/batch', { json })).body).toMatchObject({ status: 400, errors: [{ path: 'events' }] });
    }
    expect(await eventCount()).toBe(before);
    const answer = await bench.call('POST', '/v1/events/batch', { json: { events: events.slice(1) } });
    expect(answer.body.data).toHaveLength(1_000);
  });

  test.each([
    ['an unknown application', { application: 'nobody' }, 404, 'application_not_found', 'events[1].application'],
    ['no application', { application: undefined }, 400, 'invalid_request', 'events[1].application'],
    ['a bad type', { type: 'a..b' }, 400, 'invalid_request', 'events[1].type'],
    ['a type that is a number', { type: 3 }, 400, 'invalid_request', 'events[1].type'],
    ['an unknown field', { typ: 3 }, 400, 'invalid_request', 'events[1].typ'],
    ['a bad id', { id: 'a b' }, 400, 'invalid_request', 'events[1].id'],
    ['an ordering key of 257 characters', { ordering_key: 'x'.repeat(257) }, 400, 'invalid_request', 'events[1].ordering_key'],
  ])('with %s is refused as a whole, and says where', async (_, change, status, code, path) => {
    const good = { application: 'business-1', type: 'a.b', data: {} };
    const before = await eventCount();
    const answer = await bench.call('POST', '/v1/events/batch', { json: { events: [good, { ...good, ...change }] } });
    expect(answer.body).toMatchObject({ status, code });
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path);
    expect(await eventCount()).toBe(before);
  });

  test('that is bad all over is told a few errors, however large', async () => {
    const answer = await bench.call('POST', '/v1/events/batch', { json: { events: Array.from({ length: 900_000 }, () => 1) } });
    expect(answer.body).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(answer.text.length).toBeLessThan(1_000);
    const small = await bench.call('POST', '/v1/events/batch', { json: { events: Array.from({ length: 900 }, () => 1) } });
    expect(small.body.errors).toHaveLength(20);
  });
});

describe('Idempotency-Key', () => {
  const publish = (key: string, raw: string, url = '/v1/events', token?: string) =>
    bench.call('POST', url, { raw, headers: { 'idempotency-key': key }, ...(token === undefined ? {} : { key: token }) });

  test('a repeat answers the first result, and publishes nothing', async () => {
    const first = await publish('once', event('{"n":1}'));
    const before = await eventCount();
    const second = await publish('once', event('{"n":1}'));
    expect([first.status, second.status]).toEqual([202, 202]);
    expect(second.body).toEqual(first.body);
    expect([first.headers['idempotent-replayed'], second.headers['idempotent-replayed']]).toEqual([undefined, 'true']);
    expect(await eventCount()).toBe(before);
  });

  test('concurrent repeats publish once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => publish('at once', event('{"n":2}'))));
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
    expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 20 }, () => 202));
    expect(answers.filter((answer) => answer.headers['idempotent-replayed'] === undefined)).toHaveLength(1);
  });

  test('another body, to the byte, or another route is a conflict', async () => {
    await publish('conflict', event('{"n":1}'));
    const before = await eventCount();
    for (const raw of [event('{"n":2}'), event('{"n": 1}')]) {
      expect((await publish('conflict', raw)).body).toMatchObject({ status: 409, code: 'idempotency_conflict' });
    }
    const batch = `{"events":[${event('{}')}]}`;
    await publish('conflict of routes', batch, '/v1/events/batch');
    expect((await publish('conflict', batch, '/v1/events/batch')).body).toMatchObject({ status: 409, code: 'idempotency_conflict' });
    expect(await eventCount()).toBe(before + 1);
  });

  test('keys of different principals are different keys', async () => {
    const raw = event('{"n":3}');
    const [service, own] = [await publish('shared', raw), await publish('shared', raw, '/v1/events', applicationKey)];
    expect([service.status, own.status]).toEqual([202, 202]);
    expect(own.body.id).not.toBe(service.body.id);
  });

  test.each([[''], ['x'.repeat(256)], ['é']])('%j is refused', async (key) => {
    expect((await publish(key, event('{}'))).body).toMatchObject({
      status: 400,
      code: 'invalid_request',
      errors: [{ path: 'idempotency-key' }],
    });
  });
});

describe('an id of the publisher’s own', () => {
  test('is kept; a repeat answers the first result, other content is a conflict', async () => {
    const first = await bench.call('POST', '/v1/events', { raw: event('{"n":1}', ',"id":"order-1"') });
    const second = await bench.call('POST', '/v1/events', { raw: event('{"n":1}', ',"id":"order-1"') });
    expect(first.body.id).toBe('order-1');
    expect(second.body).toEqual(first.body);
    expect(second.headers['idempotent-replayed']).toBe('true');
    const other = await bench.call('POST', '/v1/events', { raw: event('{"n":1.0}', ',"id":"order-1"') });
    expect(other.body).toMatchObject({ status: 409, code: 'event_id_conflict', errors: [{ path: 'id' }] });
    const elsewhere = await bench.call('POST', '/v1/events', { json: { application: 'business-2', type: 'a.b', data: {}, id: 'order-1' } });
    expect(elsewhere.status).toBe(202);
    expect((await bench.call('GET', '/v1/events/order-1?application=business-1')).body.application).toBe(applicationId);
  });
});

describe('strict event types', () => {
  const schema = {
    type: 'object',
    required: ['shipment'],
    properties: { shipment: { type: 'object', properties: { status: { enum: ['in_transit'] }, weights: { items: { type: 'number' } } } } },
  };
  const put = (name: string, json: unknown) => bench.call('PUT', `/v1/event-types/${name}`, { json });
  const publish = (type: string, data: unknown) => bench.call('POST', '/v1/events', { json: { application: 'business-1', type, data } });

  test('refuse data that does not fit, with its paths, and take it once the type is not strict any more', async () => {
    await put('shipment.strict', { description: 'x', schema, strict: true });
    const before = await eventCount();
    const answer = await publish('shipment.strict', { shipment: { status: 'lost', weights: [1, 'heavy'] } });
    expect(answer.body).toMatchObject({ status: 422, code: 'event_type_mismatch' });
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toEqual(['data.shipment.status', 'data.shipment.weights[1]']);
    expect(await eventCount()).toBe(before);
    expect((await publish('shipment.strict', { shipment: { status: 'in_transit' } })).status).toBe(202);
    await put('shipment.strict', { description: 'x', schema, strict: false });
    expect((await publish('shipment.strict', {})).status).toBe(202);
  });

  test('name the event of a batch', async () => {
    await put('shipment.batch', { description: 'x', schema, strict: true });
    const events = [{}, { shipment: {} }, { shipment: 1 }].map((data, index) => ({
      application: 'business-1',
      type: index === 0 ? 'other' : 'shipment.batch',
      data,
    }));
    const answer = await bench.call('POST', '/v1/events/batch', { json: { events } });
    expect(answer.body).toMatchObject({ status: 422, errors: [{ path: 'events[2].data.shipment', message: 'must be an object' }] });
  });

  test('take effect at once when they change, within one millisecond too', async () => {
    await put('shipment.changing', { description: 'x', schema, strict: true });
    expect((await publish('shipment.changing', {})).status).toBe(422);
    await put('shipment.changing', { description: 'x', schema: { required: ['other'] }, strict: true });
    expect((await publish('shipment.changing', { shipment: {} })).body.errors).toEqual([{ path: 'data.other', message: 'is missing' }]);
  });

  const branch = (end: string) => ({ allOf: [{ properties: { a: { $ref: '#/$defs/tree' } } }, { required: [end] }] });
  const tree = { anyOf: [branch('y'), branch('z'), { type: 'string' }] };
  const deep = (levels: number): unknown => (levels === 0 ? 1 : { a: deep(levels - 1) });
  test.each<[string, object, object]>([
    ['a pattern that backtracks', { properties: { s: { pattern: '^(a+)+$' } } }, { s: `${'a'.repeat(60)}!` }],
    ['alternatives of alternatives', { $defs: { tree }, $ref: '#/$defs/tree' }, deep(60) as object],
    ['a reference that leads back to itself', { $defs: { a: { allOf: [{ $ref: '#/$defs/a' }] } }, $ref: '#/$defs/a' }, {}],
    ['a long list of which each is to be another', { properties: { n: { uniqueItems: true } } }, { n: [...Array(40_000).keys()] }],
  ])('refuse what takes too long to check: %s', async (_, costly, data) => {
    await put('shipment.costly', { description: 'x', schema: costly, strict: true });
    const before = performance.now();
    const answer = await publish('shipment.costly', data);
    expect(answer.body).toMatchObject({
      status: 422,
      code: 'event_type_mismatch',
      errors: [{ path: 'data', message: expect.stringContaining('cannot be checked within') }],
    });
    // Without the limit: hours, or the end of the memory.
    expect(performance.now() - before).toBeLessThan(5_000);
  });

  test('say what does not fit even where looking for all of it takes too long', async () => {
    const items = { type: 'object', properties: { s: { pattern: '^(a+)+$' } } };
    await put('shipment.costly', { description: 'x', schema: { properties: { n: { type: 'number' }, list: { items } } }, strict: true });
    const answer = await publish('shipment.costly', { n: 'x', list: [{ s: `${'a'.repeat(60)}!` }] });
    expect(answer.body.errors).toEqual([{ path: 'data.n', message: 'must be a number' }]);
  });
});
