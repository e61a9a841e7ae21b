/** The portal: a link that works once, and the session that it opens. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cookiesOf, PASSWORD, type Workbench, workbench } from './workbench.ts';

const bench: Workbench = await workbench();
let application: string;

beforeAll(async () => {
  application = (await bench.tenant('acme')).application.id;
});
afterAll(async () => bench.close());

async function link(json: object = {}): Promise<string> {
  const made = await bench.call('POST', '/v1/applications/acme/portal-link', { json });
  expect(made.status, made.text).toBe(201);
  expect(made.body.url).toMatch(/^http:\/\/localhost\/portal\/[A-Za-z0-9_-]{43}$/);
  return new URL(made.body.url).pathname;
}

const open = (path: string, by?: { readonly cookie: string }) => bench.call('GET', path, { key: null, ...(by && { by }) });

describe('a link', () => {
  test('opens a session of its role, and leads to the web app', async () => {
    const opened = await open(await link({ role: 'viewer', name: 'Ada' }));
    expect([opened.status, opened.headers['location'], opened.headers['cache-control']]).toEqual([303, '/', 'no-store']);
    expect(opened.headers['set-cookie']).toMatch(/^posthorn\.portal=[A-Za-z0-9_-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Lax$/);
    const by = { cookie: cookiesOf(opened) };
    expect((await bench.call('GET', '/v1/session', { by })).body).toEqual({
      person: null,
      operator: false,
      via: 'portal',
      environments: ['sandbox'],
      applications: [{ id: application, name: 'acme', uid: 'acme', role: 'viewer' }],
    });
    expect((await bench.call('GET', '/v1/endpoints', { by })).status).toBe(200);
    expect((await bench.call('POST', '/v1/keys', { by, json: { name: 'x' } })).body.code).toBe('role_required');
    expect((await bench.call('PATCH', '/v1/session', { by, json: { name: 'x' } })).body.code).toBe('account_required');
    expect((await bench.call('POST', '/v1/applications', { by, json: { name: 'x' } })).body.code).toBe('account_required');
  });

  test('works once', async () => {
    const path = await link();
    expect((await open(path)).status).toBe(303);
    const again = await open(path);
    expect([again.status, again.headers['set-cookie']]).toEqual([410, undefined]);
  });

  test('is not used up by what merely looks at it', async () => {
    const path = await link();
    for (const method of ['HEAD', 'OPTIONS', 'POST'] as const) await bench.call(method, path, { key: null });
    expect((await open(path)).status).toBe(303);
  });

  test('is over after five minutes, or when it was said to be', async () => {
    const [short, usual, long] = [await link({ expires_in_seconds: 10 }), await link(), await link({ expires_in_seconds: 86_400 })];
    bench.clock.time += 10_000;
    expect((await open(short)).status).toBe(410);
    bench.clock.time += 290_000;
    expect((await open(usual)).status).toBe(410);
    bench.clock.time += 86_000_000;
    expect((await open(long)).status).toBe(303);
    expect((await open('/portal/made-up')).status).toBe(410);
    const tooLong = await bench.call('POST', '/v1/applications/acme/portal-link', { json: { expires_in_seconds: 86_401 } });
    expect(tooLong.body.errors[0].path).toBe('expires_in_seconds');
  });

  test('is for the provider to make', async () => {
    const { keys } = await bench.tenant('acme');
    const owner = await bench.person('owner@example.com', { application: application as never, role: 'owner' });
    const path = '/v1/applications/acme/portal-link';
    expect((await bench.call('POST', path, { key: keys.sandbox })).body.code).toBe('service_key_required');
    expect((await bench.call('POST', path, { by: owner })).body.code).toBe('service_key_required');
    expect((await bench.call('POST', '/v1/applications/nobody/portal-link')).body.code).toBe('application_not_found');
  });
});

describe('the session of a visitor', () => {
  test('lasts 12 hours, and not longer than the application', async () => {
    const by = { cookie: cookiesOf(await open(await link())) };
    bench.clock.time += 12 * 3_600_000 - 1;
    expect((await bench.call('GET', '/v1/session', { by })).status).toBe(200);
    bench.clock.time += 1;
    expect((await bench.call('GET', '/v1/session', { by })).status).toBe(401);
    await bench.tenant('short-lived');
    const made = await bench.call('POST', '/v1/applications/short-lived/portal-link');
    const visitor = { cookie: cookiesOf(await open(new URL(made.body.url).pathname)) };
    expect((await bench.call('GET', '/v1/session', { by: visitor })).status).toBe(200);
    await bench.call('DELETE', '/v1/applications/short-lived', { key: bench.service.production });
    expect((await bench.call('GET', '/v1/session', { by: visitor })).status).toBe(401);
  });

  test('changes what its role may, in the name that the link was made for, from pages of this server only', async () => {
    const by = { cookie: cookiesOf(await open(await link({ name: 'Ada of Acme' }))) };
    const json = { url: 'https://example.com/' };
    expect((await bench.call('POST', '/v1/endpoints', { by, json, headers: { origin: 'https://provider.example' } })).body.code).toBe(
      'wrong_origin',
    );
    expect((await bench.call('POST', '/v1/endpoints', { by, json })).status).toBe(201);
    const [entry] = (await bench.call('GET', '/v1/audit-log', { by })).body.data;
    expect(entry).toMatchObject({
      action: 'endpoint.create',
      actor: { kind: 'person', id: expect.stringMatching(/^prt_/), name: 'Ada of Acme' },
    });
  });

  test('stays in the sandbox where a key of the sandbox made the link', async () => {
    const sandbox = { cookie: cookiesOf(await open(await link())) };
    const made = await bench.call('POST', '/v1/applications/acme/portal-link', { key: bench.service.production });
    const both = { cookie: cookiesOf(await open(new URL(made.body.url).pathname)) };
    const production = { 'posthorn-environment': 'production' };
    const look = async (by: { readonly cookie: string }) =>
      (await bench.call('GET', '/v1/endpoints', { by, headers: production })).body.code;
    expect([await look(sandbox), await look(both)]).toEqual(['sandbox_only', undefined]);
    expect((await bench.call('GET', '/v1/session', { by: sandbox })).body.environments).toEqual(['sandbox']);
    expect((await bench.call('GET', '/v1/session', { by: both })).body.environments).toEqual(['production', 'sandbox']);
  });

  test('has no say over people where a key of the sandbox made the link: they belong to production as well', async () => {
    const owner = await bench.person('owner-of-people@example.com', { application: application as never, role: 'owner' });
    const visitor = { cookie: cookiesOf(await open(await link({ role: 'owner' }))) };
    const email = 'newcomer@example.com';
    const invited = await bench.call('POST', '/v1/invitations', { by: owner, json: { email, role: 'viewer' } });
    for (const [method, path, json] of [
      ['POST', '/v1/invitations', { email: 'accomplice@example.com', role: 'owner' }],
      ['DELETE', `/v1/invitations/${invited.body.id}`, undefined],
      ['PATCH', `/v1/members/${owner.id}`, { role: 'viewer' }],
      ['DELETE', `/v1/members/${owner.id}`, undefined],
    ] as const) {
      expect((await bench.call(method, path, { by: visitor, json })).body.code, `${method} ${path}`).toBe('production_key_required');
    }
    const made = await bench.call('POST', '/v1/applications/acme/portal-link', { key: bench.service.production, json: { role: 'owner' } });
    const both = { cookie: cookiesOf(await open(new URL(made.body.url).pathname)) };
    expect((await bench.call('POST', '/v1/invitations', { by: both, json: { email, role: 'viewer' } })).status).toBe(201);
  });

  test('counts before an older sign-in, until one signs in again, or out', async () => {
    const person = await bench.person('both@example.com');
    const both = { cookie: `${person.cookie}; ${cookiesOf(await open(await link()))}` };
    expect((await bench.call('GET', '/v1/session', { by: both })).body.via).toBe('portal');
    const signedIn = await bench.call('POST', '/auth/sign-in/email', { by: both, json: { email: person.email, password: PASSWORD } });
    expect([signedIn.headers['set-cookie']].flat()).toContainEqual(expect.stringMatching(/^posthorn\.portal=; Max-Age=0;/));
    const visitor = { cookie: cookiesOf(await open(await link())) };
    expect((await bench.call('POST', '/auth/sign-out', { by: visitor, json: {} })).status).toBe(204);
    expect((await bench.call('GET', '/v1/session', { by: visitor })).status).toBe(401);
  });
});
