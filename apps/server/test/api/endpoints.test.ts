import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { signX, standardSecret, verifyWebhook } from '@posthorn/receiver';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { urlProblem } from '../../src/api/url-rule.ts';
import { allowList, LOOPBACK, type Workbench, workbench } from './workbench.ts';

const bench: Workbench = await workbench();
beforeAll(async () => {
  await bench.tenant('business-1');
});
afterAll(async () => bench.close());

const create = (json: object, key = bench.service.sandbox) =>
  bench.call('POST', '/v1/endpoints', { key, json: { application: 'business-1', url: 'https://example.com/', ...json } });
const count = async () => (await bench.call('GET', '/v1/endpoints?limit=100')).body.data.length;

describe('the URL rule', () => {
  const ok = null;
  const LISTED = `10.0.0.0/8,${LOOPBACK}`;
  test.each<[string, { sandbox: RegExp | null; production: RegExp | null; allow?: string }]>([
    ['https://example.com/hook?a=1', { sandbox: ok, production: ok }],
    ['HTTPS://EXAMPLE.com:8443', { sandbox: ok, production: ok }],
    ['http://example.com/', { sandbox: ok, production: /https/ }],
    ['http://93.184.215.14/', { sandbox: ok, production: /https/ }],
    ['https://93.184.215.14/', { sandbox: ok, production: ok }],
    ['https://bücher.example/ü', { sandbox: ok, production: ok }],
    ['http://10.1.2.3/', { sandbox: ok, production: ok, allow: LISTED }],
    ['http://localhost:3000/', { sandbox: ok, production: ok, allow: LISTED }],
    ['http://[::1]:3000/', { sandbox: ok, production: ok, allow: LISTED }],
    ['http://intranet/', { sandbox: ok, production: /https/, allow: LISTED }],
    ['http://192.168.1.1/', { sandbox: /192\.168\.1\.1.*not a public address/, production: /not a public/, allow: LISTED }],
    ['http://127.0.0.1/', { sandbox: /not a public address \(loopback\)/, production: /not a public/ }],
    ['https://127.1/', { sandbox: /127\.0\.0\.1/, production: /127\.0\.0\.1/ }],
    ['https://0x7f000001/', { sandbox: /127\.0\.0\.1/, production: /127\.0\.0\.1/ }],
    ['https://2130706433/', { sandbox: /127\.0\.0\.1/, production: /127\.0\.0\.1/ }],
    ['https://localhost/', { sandbox: /127\.0\.0\.1/, production: /127\.0\.0\.1/ }],
    ['https://app.localhost./', { sandbox: /127\.0\.0\.1/, production: /127\.0\.0\.1/ }],
    ['https://[::ffff:10.0.0.1]/', { sandbox: /not a public/, production: /not a public/ }],
    ['https://169.254.169.254/latest', { sandbox: /not a public/, production: /not a public/ }],
    ['https://user:pass@example.com/', { sandbox: /password/, production: /password/ }],
    ['https://user@example.com/', { sandbox: /user name/, production: /user name/ }],
    ['https://example.com/#', { sandbox: /fragment/, production: /fragment/ }],
    ['ftp://example.com/', { sandbox: /complete URL/, production: /complete URL/ }],
    ['//example.com/', { sandbox: /complete URL/, production: /complete URL/ }],
    ['https:example.com', { sandbox: /complete URL/, production: /complete URL/ }],
    ['https://', { sandbox: /complete URL/, production: /complete URL/ }],
    ['https://exa mple.com', { sandbox: /backslashes$/, production: /backslashes$/ }],
    ['https://example.com/a path', { sandbox: /percent-encode/, production: /percent-encode/ }],
    [' https://example.com', { sandbox: /spaces/, production: /spaces/ }],
    ['https:\\\\example.com', { sandbox: /backslash/, production: /backslash/ }],
    ['https://example.com:99999/', { sandbox: /the port 99999/, production: /the port 99999/ }],
    ['https://[::1/', { sandbox: /a host that does not do/, production: /a host that does not do/ }],
    ['javascript:alert(1)', { sandbox: /complete URL/, production: /complete URL/ }],
  ])('%s', (url, { allow = '', ...wanted }) => {
    for (const environment of ['sandbox', 'production'] as const) {
      const problem = urlProblem(url, { environment, allowList: allowList(allow), baseUrl: () => 'http://localhost' });
      const expected = wanted[environment];
      if (expected === null) expect(problem, environment).toBeNull();
      else expect(problem, environment).toMatch(expected);
    }
  });

  test('holds when an endpoint is made, changed and tested', async () => {
    const before = await count();
    expect((await create({ url: 'http://10.0.0.1/' })).body).toMatchObject({
      status: 400,
      errors: [{ path: 'url', message: expect.stringContaining('10.0.0.1') }],
    });
    expect((await create({ url: 'http://example.com/' }, bench.service.production)).body).toMatchObject({
      status: 400,
      errors: [{ path: 'url', message: 'must be https in production' }],
    });
    expect(await count()).toBe(before);
    const { id } = (await create({})).body;
    expect((await bench.call('PATCH', `/v1/endpoints/${id}`, { json: { url: 'http://10.0.0.1/' } })).body).toMatchObject({
      errors: [{ path: 'url' }],
    });
    expect((await bench.call('POST', '/v1/test', { json: { url: 'http://10.0.0.1/' } })).body).toMatchObject({ errors: [{ path: 'url' }] });
    expect((await create({ url: `https://example.com/${'x'.repeat(2048)}` })).body).toMatchObject({ errors: [{ path: 'url' }] });
  });
});

describe('settings', () => {
  test('come back as they were given, or as their defaults', async () => {
    const plain = (await create({ url: 'http://127.0.0.1:9' })).body;
    expect(plain).toMatchObject({
      url: 'http://127.0.0.1:9',
      description: '',
      event_types: [],
      headers: {},
      cadence: null,
      ordering: 'key',
      rate_limit: null,
      max_in_flight: 8,
      retry_schedule: null,
      status: 'enabled',
      disabled_reason: null,
      environment: 'sandbox',
      secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
    });
    const given = {
      description: 'Größe',
      event_types: ['shipment.*', 'a'],
      headers: { 'X-Team': 'orders' },
      cadence: 'every 90s',
      ordering: 'none',
      rate_limit: 0.5,
      max_in_flight: 1,
      retry_schedule: [],
    };
    const { secret, standard_secret, ...shown } = (await create({ ...given, secret: 'twelve chars' })).body;
    expect([secret, standard_secret]).toEqual(['twelve chars', 'whsec_dHdlbHZlIGNoYXJz']);
    expect(shown).toMatchObject(given);
    expect((await bench.call('GET', `/v1/endpoints/${shown.id}`)).body).toEqual({ ...shown, rotation: null });
    const cleared = { cadence: null, rate_limit: null, retry_schedule: null, event_types: [], headers: {}, status: 'paused' };
    const changed = (await bench.call('PATCH', `/v1/endpoints/${shown.id}`, { json: cleared })).body;
    expect(changed).toMatchObject({ ...given, ...cleared });
    expect((await bench.call('PATCH', `/v1/endpoints/${shown.id}`, { json: {} })).body).toMatchObject({ ...given, ...cleared });
  });

  test.each<[string, object, string]>([
    ['a header that Posthorn sets', { headers: { 'X-Signature': 'x' } }, 'headers.X-Signature'],
    ['a header with a line break', { headers: { 'X-A': 'a\r\nb' } }, 'headers.X-A'],
    ['a header that is no token', { headers: { 'X A': 'a' } }, 'headers.X A'],
    ['a header that is a number', { headers: { 'X-A': 1 } }, 'headers.X-A'],
    ['headers on the prototype', JSON.parse('{"headers":{"__proto__":"x\\n"}}'), 'headers.__proto__'],
    ['a cadence that is none', { cadence: 'now and then' }, 'cadence'],
    ['a cadence that never fires', { cadence: 'cron 0 0 31 2 *' }, 'cadence'],
    ['a pattern in the middle', { event_types: ['a', '*.b'] }, 'event_types[1]'],
    ['a rate of nothing', { rate_limit: 0 }, 'rate_limit'],
    ['half a slot', { max_in_flight: 1.5 }, 'max_in_flight'],
    ['a retry at once', { retry_schedule: [5, 0] }, 'retry_schedule[1]'],
    ['21 retries', { retry_schedule: Array.from({ length: 21 }, () => 5) }, 'retry_schedule'],
    ['a short secret', { secret: 'short' }, 'secret'],
    ['a damaged secret', { secret: 'whsec_not base64!' }, 'secret'],
    ['a secret beyond ASCII', { secret: 'geheimnisvolle Tür' }, 'secret'],
  ])('%s is refused, and nothing is made', async (_, json, path) => {
    const before = await count();
    const answer = await create(json);
    expect(answer.body).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path);
    expect(await count()).toBe(before);
    expect(answer.text).not.toContain('geheimnis');
  });

  test('a number beyond all bounds is no rate', async () => {
    const answer = await bench.call('POST', '/v1/endpoints', {
      raw: '{"application":"business-1","url":"https://example.com/","rate_limit":1e400}',
    });
    expect(answer.body).toMatchObject({ status: 400, errors: [{ path: 'rate_limit' }] });
  });

  test('everything that does not do is said at once', async () => {
    const answer = await create({ url: 'nowhere', secret: 'x', cadence: 'x', headers: { Host: 'x' } });
    expect(answer.body.errors.map((error: { path: string }) => error.path).sort()).toEqual(['cadence', 'headers.Host', 'secret', 'url']);
  });
});

describe('secrets', () => {
  test('are revealed, rotated and promoted', async () => {
    const { id, secret } = (await create({ secret: 'my own secret' })).body;
    const path = `/v1/endpoints/${id}/secret`;
    const first = { secret, standard_secret: standardSecret(secret) };
    expect((await bench.call('GET', path)).body).toEqual({ ...first, next: null, previous: null });
    expect((await bench.call('POST', `${path}/promote`)).body).toMatchObject({ status: 409, code: 'no_rotation' });

    const rotated = (await bench.call('POST', `${path}/rotate`, { json: { overlap_seconds: 60 } })).body;
    expect(rotated).toEqual({
      ...first,
      next: {
        secret: expect.stringMatching(/^whsec_/),
        standard_secret: rotated.next.secret,
        promotes_at: new Date(bench.clock.time + 60_000).toISOString(),
      },
      previous: null,
    });
    expect((await bench.call('POST', `${path}/rotate`)).body).toMatchObject({ status: 409, code: 'rotation_in_progress' });

    const promoted = (await bench.call('POST', `${path}/promote`)).body;
    expect(promoted).toMatchObject({ secret: rotated.next.secret, next: null, previous: first });
    expect((await bench.call('GET', path)).body).toEqual(promoted);
  });

  test('tell with their endpoint when they change hands, and never which they are', async () => {
    const { id, secret } = (await create({})).body;
    const rotation = async () => (await bench.call('GET', `/v1/endpoints/${id}`)).body.rotation;
    expect(await rotation()).toBeNull();
    const { next } = (await bench.call('POST', `/v1/endpoints/${id}/secret/rotate`, { json: { overlap_seconds: 60 } })).body;
    expect(await rotation()).toEqual({ promotes_at: next.promotes_at, previous_valid_until: null });
    const { previous } = (await bench.call('POST', `/v1/endpoints/${id}/secret/promote`)).body;
    expect(await rotation()).toEqual({ promotes_at: null, previous_valid_until: previous.valid_until });
    expect(JSON.stringify((await bench.call('GET', `/v1/endpoints/${id}`)).body)).not.toContain(secret);
  });

  test('rotate for a day by default, and at once without an overlap', async () => {
    const { id } = (await create({})).body;
    const path = `/v1/endpoints/${id}/secret/rotate`;
    const at = await bench.call('POST', path, { json: { secret: 'another secret', overlap_seconds: 0 } });
    expect(at.body).toMatchObject({ secret: 'another secret', next: null, previous: null });
    const { next } = (await bench.call('POST', path)).body;
    expect(Date.parse(next.promotes_at) - bench.clock.time).toBe(86_400_000);
    for (const overlap_seconds of [-1, 604_801, 1.5, '60']) {
      expect((await bench.call('POST', path, { json: { overlap_seconds } })).body).toMatchObject({
        status: 400,
        errors: [{ path: 'overlap_seconds' }],
      });
    }
  });
});

describe('test requests', () => {
  const received: { headers: IncomingHttpHeaders; body: Buffer }[] = [];
  let answer = { status: 200, body: 'thanks' };
  let url = '';
  const receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ headers: request.headers, body: Buffer.concat(chunks) });
      response.writeHead(answer.status, { 'content-type': 'text/plain' }).end(answer.body);
    });
  });

  beforeAll(async () => {
    receiver.listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  });
  afterAll(() => {
    receiver.close();
  });

  test('reach an endpoint signed like any other, with its headers, and are not stored', async () => {
    bench.clock.time = Date.now();
    const { id, secret } = (await create({ url, headers: { 'X-Team': 'orders' } })).body;
    const { next } = (await bench.call('POST', `/v1/endpoints/${id}/secret/rotate`)).body;
    const sent = await bench.call('POST', `/v1/endpoints/${id}/test`);
    expect(sent.status, sent.text).toBe(200);
    expect(sent.body).toMatchObject({
      number: 1,
      status: 'succeeded',
      response_status: 200,
      response_body: 'thanks',
      error: null,
      advice: null,
      event_type: 'webhook.test',
      stale: false,
    });
    const request = received.at(-1);
    expect(request?.body.toString()).toBe(sent.body.body);
    expect(request?.headers).toMatchObject({
      'x-team': 'orders',
      'user-agent': 'Posthorn/test',
      'webhook-id': sent.body.event,
      'x-signature': signX(sent.body.body, secret),
    });
    for (const valid of [secret, next.secret]) {
      const verified = verifyWebhook({ body: request?.body ?? '', headers: request?.headers ?? {}, secrets: valid });
      expect(verified, JSON.stringify(verified)).toMatchObject({ ok: true });
    }
    await bench.call('POST', `/v1/endpoints/${id}/secret/promote`);
    await bench.call('POST', `/v1/endpoints/${id}/test`);
    const { body = '', headers = {} } = received.at(-1) ?? {};
    expect(verifyWebhook({ body, headers, secrets: secret }), 'by the secret before').toMatchObject({ ok: true });
    expect(JSON.parse(sent.body.body)).toMatchObject({ id: sent.body.event, type: 'webhook.test', environment: 'sandbox' });
    expect((await bench.call('GET', `/v1/events/${sent.body.event}`)).status).toBe(404);
    expect((await bench.call('GET', '/v1/deliveries')).body.data).toEqual([]);
  });

  test('tell what went wrong, with advice', async () => {
    answer = { status: 401, body: 'who are you?' };
    const refused = (await bench.call('POST', '/v1/test', { json: { url } })).body;
    expect(refused).toMatchObject({
      status: 'failed',
      error: 'http_status',
      response_status: 401,
      response_body: 'who are you?',
      advice: expect.stringMatching(/secret/),
    });
    const nobody = (await bench.call('POST', '/v1/test', { json: { url: 'http://127.0.0.1:9/' } })).body;
    expect(nobody).toMatchObject({
      status: 'failed',
      error: 'connect_refused',
      response_status: null,
      response_body: null,
      advice: expect.any(String),
    });
    answer = { status: 200, body: `${'x'.repeat(16 * 1024 - 1)}é and more` };
    const long = (await bench.call('POST', '/v1/test', { json: { url } })).body;
    expect(long).toMatchObject({ status: 'succeeded', response_body_truncated: true, response_body: 'x'.repeat(16 * 1024 - 1) });
    answer = { status: 200, body: 'thanks' };
  });

  test('to a bare URL are signed with the secret given, or with one that the answer shows', async () => {
    const own = (await bench.call('POST', '/v1/test', { json: { url, secret: 'my own secret' } })).body;
    expect(received.at(-1)?.headers['x-signature']).toBe(signX(own.body, 'my own secret'));
    expect(own.secret).toBeUndefined();
    const made = (await bench.call('POST', '/v1/test', { json: { url } })).body;
    expect(received.at(-1)?.headers['x-signature']).toBe(signX(made.body, made.secret));
  });

  test('carry the example of an event type, byte for byte', async () => {
    await bench.call('PUT', '/v1/event-types/shipment.created', { raw: '{"description":"x","example":{ "weight": 17.0 }}' });
    await bench.call('PUT', '/v1/event-types/shipment.bare', { json: { description: 'x' } });
    const sent = (await bench.call('POST', '/v1/test', { json: { url, type: 'shipment.created' } })).body;
    expect(sent).toMatchObject({ event_type: 'shipment.created', body: expect.stringMatching(/"data":\{ "weight": 17\.0 \}\}$/) });
    const before = received.length;
    for (const [type, message] of [
      ['shipment.bare', /no example/],
      ['shipment.unknown', /not in the catalogue/],
    ] as const) {
      const { body } = await bench.call('POST', '/v1/test', { json: { url, type } });
      expect(body).toMatchObject({ status: 400, errors: [{ path: 'type', message: expect.stringMatching(message) }] });
    }
    expect(received.length).toBe(before);
  });
});
