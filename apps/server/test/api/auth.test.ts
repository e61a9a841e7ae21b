/** Who may do what: every operation with every kind of key, and nobody with anybody else's things. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashToken, newToken, tokenHint } from '../../src/api/auth.ts';
import { type Method, type Workbench, workbench } from './workbench.ts';

const bench: Workbench = await workbench();
type Tenant = Awaited<ReturnType<Workbench['tenant']>>;
let own: Tenant;
let other: Tenant;
/** Ids of things in the sandbox. */
const theirs: Record<string, string> = {};
const mine: Record<string, string> = {};

async function furnish(tenant: Tenant, ids: Record<string, string>): Promise<void> {
  const { application, keys } = tenant;
  const endpoint = await bench.call('POST', '/v1/endpoints', { json: { application: application.id, url: 'http://127.0.0.1:9/' } });
  const event = await bench.call('POST', '/v1/events', { json: { application: application.id, type: 'a.b', data: {} } });
  const deliveries = await bench.call('GET', `/v1/deliveries?endpoint=${endpoint.body.id}`);
  const made = await bench.call('POST', '/v1/keys', { key: keys.sandbox, json: { name: 'another' } });
  const job = await bench.call('POST', `/v1/endpoints/${endpoint.body.id}/recover`, { json: { since: '2026-11-01T00:00:00Z' } });
  Object.assign(ids, {
    application: application.id,
    uid: application.uid,
    endpoint: endpoint.body.id,
    event: event.body.id,
    delivery: deliveries.body.data[0].id,
    key: made.body.id,
    job: job.body.id,
  });
}

beforeAll(async () => {
  own = await bench.tenant('own');
  other = await bench.tenant('other');
  await furnish(own, mine);
  await furnish(other, theirs);
});
afterAll(async () => bench.close());

describe('tokens', () => {
  test('have their kind, environment and 43 characters of 32 random bytes', () => {
    expect(newToken({ environment: 'production', kind: 'service' })).toMatch(/^sk_production_[A-Za-z0-9_-]{43}$/);
    expect(newToken({ environment: 'sandbox', kind: 'application' })).toMatch(/^ak_sandbox_[A-Za-z0-9_-]{43}$/);
    expect(new Set(Array.from({ length: 100 }, () => newToken({ environment: 'sandbox', kind: 'service' }))).size).toBe(100);
    expect(tokenHint('sk_sandbox_abcdefgh')).toBe('sk_sandbox_abcd');
  });

  test('are shown once, work, and stop working when they are revoked', async () => {
    const made = await bench.call('POST', '/v1/keys', { json: { name: 'backend' } });
    const { key, ...shown } = made.body;
    expect(made.status).toBe(201);
    expect(key).toMatch(/^sk_sandbox_/);
    expect(shown).toMatchObject({ environment: 'sandbox', application: null, name: 'backend', hint: key.slice(0, 15), last_used_at: null });
    expect((await bench.store.keys.authenticate(hashToken(key)))?.id).toBe(shown.id);
    const listed = await bench.call('GET', '/v1/keys', { key });
    expect(listed.status).toBe(200);
    expect(listed.text).not.toContain(key);
    expect((await bench.call('DELETE', `/v1/keys/${shown.id}`)).status).toBe(204);
    expect((await bench.call('GET', '/v1/keys', { key })).body.code).toBe('unauthenticated');
    expect((await bench.call('DELETE', `/v1/keys/${shown.id}`)).body.code).toBe('key_not_found');
  });
});

/** What a service key gets, and an application key in each environment, asking for its own things. */
const MATRIX: readonly [Method, string, unknown, { service: number; sandbox: number; production: number }][] = [
  ['POST', '/v1/applications', { name: 'new' }, { service: 201, sandbox: 403, production: 403 }],
  ['PUT', '/v1/applications/another', { name: 'new' }, { service: 201, sandbox: 403, production: 403 }],
  ['GET', '/v1/applications', undefined, { service: 200, sandbox: 200, production: 200 }],
  ['GET', '/v1/applications/{application}', undefined, { service: 200, sandbox: 200, production: 200 }],
  ['GET', '/v1/applications/{uid}', undefined, { service: 200, sandbox: 200, production: 200 }],
  ['PATCH', '/v1/applications/{application}', { name: 'own' }, { service: 200, sandbox: 403, production: 403 }],
  ['DELETE', '/v1/applications/{application}', undefined, { service: 403, sandbox: 403, production: 403 }],
  ['POST', '/v1/endpoints', { application: 'own', url: 'https://example.com/' }, { service: 201, sandbox: 201, production: 201 }],
  ['GET', '/v1/endpoints', undefined, { service: 200, sandbox: 200, production: 200 }],
  ['GET', '/v1/endpoints/{endpoint}', undefined, { service: 200, sandbox: 200, production: 404 }],
  ['PATCH', '/v1/endpoints/{endpoint}', { description: 'x' }, { service: 200, sandbox: 200, production: 404 }],
  ['PATCH', '/v1/endpoints/{endpoint}', { cadence: null }, { service: 200, sandbox: 403, production: 404 }],
  ['GET', '/v1/endpoints/{endpoint}/secret', undefined, { service: 200, sandbox: 200, production: 404 }],
  ['POST', '/v1/endpoints/{endpoint}/test', undefined, { service: 200, sandbox: 200, production: 404 }],
  ['POST', '/v1/endpoints/{endpoint}/dispatch', undefined, { service: 202, sandbox: 202, production: 404 }],
  ['POST', '/v1/test', { url: 'http://127.0.0.1:9/' }, { service: 200, sandbox: 200, production: 200 }],
  ['POST', '/v1/events', { application: 'own', type: 'a.b', data: {} }, { service: 202, sandbox: 202, production: 403 }],
  [
    'POST',
    '/v1/events/batch',
    { events: [{ application: 'own', type: 'a.b', data: {} }] },
    { service: 202, sandbox: 202, production: 403 },
  ],
  ['GET', '/v1/events', undefined, { service: 200, sandbox: 200, production: 200 }],
  ['GET', '/v1/events/{event}', undefined, { service: 200, sandbox: 200, production: 404 }],
  ['GET', '/v1/deliveries', undefined, { service: 200, sandbox: 200, production: 200 }],
  ['GET', '/v1/deliveries/{delivery}', undefined, { service: 200, sandbox: 200, production: 404 }],
  ['POST', '/v1/deliveries/{delivery}/retry', undefined, { service: 202, sandbox: 202, production: 404 }],
  ['POST', '/v1/endpoints/{endpoint}/recover', { since: '2026-11-01T00:00:00Z' }, { service: 202, sandbox: 202, production: 404 }],
  ['POST', '/v1/endpoints/{endpoint}/replay-missing', { since: '2026-11-01T00:00:00Z' }, { service: 202, sandbox: 202, production: 404 }],
  ['GET', '/v1/jobs', undefined, { service: 200, sandbox: 200, production: 200 }],
  ['GET', '/v1/jobs/{job}', undefined, { service: 200, sandbox: 200, production: 404 }],
  ['DELETE', '/v1/jobs/{job}', undefined, { service: 409, sandbox: 409, production: 404 }],
  ['GET', '/v1/stats', undefined, { service: 200, sandbox: 200, production: 200 }],
  ['GET', '/v1/stats?endpoint={endpoint}', undefined, { service: 200, sandbox: 200, production: 404 }],
  ['GET', '/v1/dispatch', undefined, { service: 200, sandbox: 200, production: 200 }],
  ['POST', '/v1/dispatch', undefined, { service: 202, sandbox: 403, production: 403 }],
  ['PUT', '/v1/dispatch', { cadence: 'every 7m' }, { service: 200, sandbox: 403, production: 403 }],
  ['GET', '/v1/dispatch/preview?cadence=immediate', undefined, { service: 200, sandbox: 403, production: 403 }],
  ['POST', '/v1/pause', undefined, { service: 200, sandbox: 403, production: 403 }],
  ['POST', '/v1/resume', { application: 'own' }, { service: 200, sandbox: 403, production: 403 }],
  ['POST', '/v1/resume', undefined, { service: 200, sandbox: 403, production: 403 }],
  ['PUT', '/v1/event-types/a.b', { description: 'x' }, { service: 201, sandbox: 403, production: 403 }],
  ['GET', '/v1/event-types', undefined, { service: 200, sandbox: 200, production: 200 }],
  ['GET', '/v1/event-types/a.b', undefined, { service: 200, sandbox: 200, production: 200 }],
  ['DELETE', '/v1/event-types/c.d', undefined, { service: 404, sandbox: 403, production: 403 }],
  ['POST', '/v1/keys', { application: 'own', name: 'k' }, { service: 201, sandbox: 201, production: 201 }],
  ['GET', '/v1/keys', undefined, { service: 200, sandbox: 200, production: 200 }],
  ['DELETE', '/v1/keys/{key}', undefined, { service: 204, sandbox: 404, production: 404 }],
];

test.each(MATRIX)('%s %s %j', async (method, path, json, wanted) => {
  const url = path.replace(/\{(\w+)\}/, (_, name: string) => mine[name] ?? '');
  const call = async (key: string) => (await bench.call(method, url, { key, json })).status;
  expect({
    service: await call(bench.service.sandbox),
    sandbox: await call(own.keys.sandbox),
    production: await call(own.keys.production),
  }).toEqual(wanted);
});

describe('an application key', () => {
  test.each<[Method, string, unknown]>([
    ['GET', '/v1/applications/{application}', undefined],
    ['GET', '/v1/applications/{uid}', undefined],
    ['GET', '/v1/endpoints/{endpoint}', undefined],
    ['PATCH', '/v1/endpoints/{endpoint}', { description: 'x' }],
    ['DELETE', '/v1/endpoints/{endpoint}', undefined],
    ['GET', '/v1/endpoints/{endpoint}/secret', undefined],
    ['POST', '/v1/endpoints/{endpoint}/secret/rotate', {}],
    ['POST', '/v1/endpoints/{endpoint}/secret/promote', undefined],
    ['POST', '/v1/endpoints/{endpoint}/test', undefined],
    ['POST', '/v1/endpoints/{endpoint}/dispatch', undefined],
    ['GET', '/v1/events/{event}', undefined],
    ['GET', '/v1/events/{event}?application={application}', undefined],
    ['GET', '/v1/deliveries/{delivery}', undefined],
    ['POST', '/v1/deliveries/{delivery}/retry', undefined],
    ['POST', '/v1/deliveries/{delivery}/cancel', undefined],
    ['POST', '/v1/endpoints/{endpoint}/recover', { since: '2026-11-01T00:00:00Z' }],
    ['POST', '/v1/endpoints/{endpoint}/replay-missing', { since: '2026-11-01T00:00:00Z' }],
    ['GET', '/v1/jobs/{job}', undefined],
    ['DELETE', '/v1/jobs/{job}', undefined],
    ['GET', '/v1/jobs?application={uid}', undefined],
    ['GET', '/v1/stats?application={uid}', undefined],
    ['GET', '/v1/stats?endpoint={endpoint}', undefined],
    ['DELETE', '/v1/keys/{key}', undefined],
    ['GET', '/v1/endpoints?application={application}', undefined],
    ['GET', '/v1/events?application={uid}', undefined],
    ['GET', '/v1/deliveries?application={uid}', undefined],
    ['GET', '/v1/keys?application={uid}', undefined],
    ['POST', '/v1/endpoints', { application: 'other', url: 'https://example.com/' }],
    ['POST', '/v1/events', { application: 'other', type: 'a.b', data: {} }],
    [
      'POST',
      '/v1/events/batch',
      {
        events: [
          { type: 'a.b', data: {} },
          { application: 'other', type: 'a.b', data: {} },
        ],
      },
    ],
    ['POST', '/v1/keys', { application: 'other', name: 'k' }],
  ])('does not see what is another’s: %s %s', async (method, path, json) => {
    const fill = (ids: Record<string, string>) => path.replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? '');
    const nothing = {
      application: 'nobody',
      uid: 'nobody',
      endpoint: 'ep_x',
      event: 'evt_x',
      delivery: 'dlv_x',
      key: 'key_x',
      job: 'job_x',
    };
    const answer = await bench.call(method, fill(theirs), { key: own.keys.sandbox, json });
    expect(answer.status, answer.text).toBe(404);
    const unknown = await bench.call(method, fill(nothing), {
      key: own.keys.sandbox,
      json: JSON.parse(JSON.stringify(json ?? null).replaceAll('other', 'nobody')) ?? undefined,
    });
    expect(answer.body, 'told apart from what does not exist').toEqual(unknown.body);
  });

  test('lists only its own', async () => {
    const get = async (path: string): Promise<{ application?: string; id: string }[]> =>
      (await bench.call('GET', `${path}?limit=100`, { key: own.keys.sandbox })).body.data;
    expect((await get('/v1/applications')).map(({ id }) => id)).toEqual([own.application.id]);
    for (const path of ['/v1/endpoints', '/v1/events', '/v1/deliveries', '/v1/jobs', '/v1/keys']) {
      const applications = (await get(path)).map(({ application }) => application);
      expect(new Set(applications), path).toEqual(new Set([own.application.id]));
    }
  });

  test('need not name its application, and may by id or uid', async () => {
    for (const application of [undefined, own.application.id, 'own']) {
      const answer = await bench.call('POST', '/v1/events', { key: own.keys.sandbox, json: { application, type: 'a.b', data: {} } });
      expect(answer.body).toMatchObject({ application: own.application.id, environment: 'sandbox' });
      const endpoint = await bench.call('POST', '/v1/endpoints', {
        key: own.keys.sandbox,
        json: { application, url: 'https://example.com/' },
      });
      expect(endpoint.body.application).toBe(own.application.id);
    }
  });

  test.each(['cadence', 'rate_limit', 'max_in_flight'])('cannot set %s', async (name) => {
    const value = name === 'cadence' ? 'immediate' : 5;
    for (const [method, url, json] of [
      ['POST', '/v1/endpoints', { url: 'https://example.com/', [name]: value }],
      ['PATCH', `/v1/endpoints/${mine['endpoint']}`, { [name]: value }],
    ] as const) {
      const answer = await bench.call(method, url, { key: own.keys.sandbox, json });
      expect(answer.body).toMatchObject({ status: 403, code: 'provider_setting', errors: [{ path: name }] });
    }
  });

  test('makes keys of its own application, never service keys', async () => {
    const { body } = await bench.call('POST', '/v1/keys', { key: own.keys.production, json: { name: 'k' } });
    expect(body).toMatchObject({
      application: own.application.id,
      environment: 'production',
      key: expect.stringMatching(/^ak_production_/),
    });
    const service = (await bench.call('GET', '/v1/keys')).body.data.find((key: { application: string | null }) => key.application === null);
    expect((await bench.call('DELETE', `/v1/keys/${service.id}`, { key: own.keys.sandbox })).status).toBe(404);
  });

  test('dispatches an endpoint in the sandbox only', async () => {
    const endpoint = await bench.call('POST', '/v1/endpoints', { key: own.keys.production, json: { url: 'https://example.com/' } });
    const path = `/v1/endpoints/${endpoint.body.id}/dispatch`;
    expect((await bench.call('POST', path, { key: own.keys.production })).body).toMatchObject({ status: 403, code: 'sandbox_only' });
    expect((await bench.call('POST', path, { key: bench.service.production })).status).toBe(202);
  });
});

test('a key’s environment is all it sees', async () => {
  for (const path of [`/v1/endpoints/${mine['endpoint']}`, `/v1/events/${mine['event']}`, `/v1/deliveries/${mine['delivery']}`]) {
    expect((await bench.call('GET', path, { key: bench.service.production })).status, path).toBe(404);
  }
  const { data } = (await bench.call('GET', '/v1/events', { key: bench.service.production })).body;
  expect(data).toEqual([]);
});

test('deleting an application takes a production service key, and its keys along', async () => {
  const tenant = await bench.tenant('short-lived');
  const sandbox = await bench.call('DELETE', '/v1/applications/short-lived');
  expect(sandbox.body).toMatchObject({ status: 403, code: 'production_key_required' });
  expect((await bench.call('DELETE', '/v1/applications/short-lived', { key: bench.service.production })).status).toBe(204);
  expect((await bench.call('GET', '/v1/endpoints', { key: tenant.keys.sandbox })).status).toBe(401);
});

test('neither a token nor a secret is ever in the log', async () => {
  const secret = 'a secret of my own';
  await bench.call('POST', '/v1/endpoints', { json: { application: 'own', url: 'https://example.com/', secret } });
  await bench.call('POST', '/v1/endpoints', { raw: `{"secret":"${secret}"` });
  await bench.call('GET', `/v1/endpoints?key=${own.keys.sandbox}`, { key: own.keys.sandbox });
  const log = bench.log.join('');
  expect(bench.log.length).toBeGreaterThan(3);
  for (const token of [secret, ...Object.values(bench.service), ...Object.values(own.keys)]) expect(log).not.toContain(token);
  expect(JSON.parse(bench.log.at(-1) ?? '')).toMatchObject({
    method: 'GET',
    route: '/v1/endpoints',
    status: 400,
    code: 'invalid_request',
    environment: 'sandbox',
    ms: expect.any(Number),
  });
});
