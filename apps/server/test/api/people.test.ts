/** People: signing up, in and out, their applications, their teams. */
import type { ApplicationId } from '@posthorn/core';
import { afterAll, describe, expect, test } from 'vitest';
import { cookiesOf, PASSWORD, type Workbench, workbench } from './workbench.ts';

const bench: Workbench = await workbench();
afterAll(async () => bench.close());

describe('signing up', () => {
  test('makes a session, then an application that the person owns', async () => {
    const ada = await bench.person('Ada@Example.com');
    const before = await bench.call('GET', '/v1/session', { by: ada });
    expect(before.status).toBe(200);
    expect(before.body).toEqual({
      person: { id: ada.id, email: 'ada@example.com', name: 'Ada' },
      operator: false,
      via: 'password',
      environments: ['production', 'sandbox'],
      applications: [],
    });
    const made = await bench.call('POST', '/v1/applications', { by: ada, json: { name: 'Ada’s Bookshop' } });
    expect(made.status, made.text).toBe(201);
    const { applications } = (await bench.call('GET', '/v1/session', { by: ada })).body;
    expect(applications).toEqual([{ id: made.body.id, name: 'Ada’s Bookshop', uid: null, role: 'owner' }]);
    const members = await bench.call('GET', '/v1/members', { by: ada });
    expect(members.body.data).toMatchObject([{ id: ada.id, email: 'ada@example.com', role: 'owner' }]);
    expect(bench.errors).toEqual([]);
  });

  test('with an address that has an account is refused', async () => {
    await bench.person('twice@example.com');
    const again = await bench.call('POST', '/auth/sign-up/email', {
      key: null,
      json: { name: 'x', email: 'TWICE@example.com', password: PASSWORD },
    });
    expect([again.status, again.body.code]).toEqual([409, 'email_taken']);
  });
});

describe('signing in', () => {
  test('gives another session than before, and ends that one', async () => {
    const grace = await bench.person('grace@example.com');
    const json = { email: 'grace@example.com', password: PASSWORD };
    const signedIn = await bench.call('POST', '/auth/sign-in/email', { by: grace, json });
    expect(signedIn.status, signedIn.text).toBe(200);
    const now = { cookie: cookiesOf(signedIn) };
    expect(now.cookie).not.toBe(grace.cookie);
    expect((await bench.call('GET', '/v1/session', { by: now })).body.person.id).toBe(grace.id);
    expect((await bench.call('GET', '/v1/session', { by: grace })).body.code).toBe('unauthenticated');
    const out = await bench.call('POST', '/auth/sign-out', { by: now, json: {} });
    expect([out.status, out.text]).toEqual([204, '']);
    expect((await bench.call('GET', '/v1/session', { by: now })).status).toBe(401);
  });
});

describe('an application of one’s own', () => {
  test('is one: a second is for the provider to make', async () => {
    const ada = await bench.person('second@example.com');
    expect((await bench.call('POST', '/v1/applications', { by: ada, json: { name: 'One', uid: 'mine' } })).body.code).toBe(
      'provider_setting',
    );
    expect((await bench.call('POST', '/v1/applications', { by: ada, json: { name: 'One' } })).status).toBe(201);
    expect((await bench.call('POST', '/v1/applications', { by: ada, json: { name: 'Two' } })).body.code).toBe('service_key_required');
  });
});

describe('where sign-up is closed', () => {
  test('an invitation lets its addressee in, and nobody else', async () => {
    const closed = await workbench({ signUp: 'closed' });
    const { application } = await closed.tenant('acme');
    const sign = (email: string, token?: string) =>
      closed.call('POST', '/auth/sign-up/email', { key: null, json: { name: 'x', email, password: PASSWORD, ...(token && { token }) } });
    expect((await sign('ada@example.com')).body.code).toBe('sign_up_closed');
    const invite = { application: application.id, email: 'ada@example.com', role: 'owner' };
    const token = (await closed.call('POST', '/v1/invitations', { key: closed.service.production, json: invite })).body.url
      .split('/')
      .at(-1);
    expect((await sign('mallory@example.com', token)).body.code).toBe('sign_up_closed');
    expect((await sign('ada@example.com', `${token}x`)).body.code).toBe('sign_up_closed');
    const signedUp = await sign('Ada@example.com', token);
    expect(signedUp.status).toBe(200);
    const by = { cookie: cookiesOf(signedUp) };
    expect((await closed.call('POST', '/v1/applications', { by, json: { name: 'x' } })).body.code).toBe('sign_up_closed');
    expect((await closed.call('POST', '/v1/invitations/accept', { by, json: { token } })).body.applications).toMatchObject([
      { role: 'owner' },
    ]);
    await closed.close();
  });
});

describe('a team', () => {
  async function team() {
    teams += 1;
    const founder = await bench.person(`founder${teams}@example.com`);
    const application = (await bench.call('POST', '/v1/applications', { by: founder, json: { name: `Team ${teams}` } })).body
      .id as ApplicationId;
    const invite = async (email: string, role: string) =>
      (await bench.call('POST', '/v1/invitations', { by: founder, json: { email, role } })).body;
    return { founder, application, invite };
  }
  let teams = 0;
  const tokenOf = ({ url }: { readonly url: string }) => url.split('/').at(-1);
  const byToken = (token: string | undefined) => bench.call('GET', `/v1/invitations/by-token/${token}`, { key: null });

  test('grows by invitations, each for one address, once', async () => {
    const { founder, application, invite } = await team();
    const invitation = await invite('Edith@Example.com', 'developer');
    expect(invitation).toMatchObject({ id: expect.stringMatching(/^inv_/), email: 'edith@example.com', role: 'developer', mailed: false });
    expect(invitation.expires_at).toBe('2026-11-30T10:01:00.000Z');
    const token = tokenOf(invitation);
    const shown = await byToken(token);
    expect(shown.body).toEqual({ application: `Team ${teams}`, email: 'edith@example.com', role: 'developer', expired: false });
    const listed = await bench.call('GET', '/v1/invitations', { by: founder });
    expect(listed.body.data).toMatchObject([{ id: invitation.id }]);
    expect(listed.text).not.toContain(token);

    const other = await bench.person(`other${teams}@example.com`);
    const accept = (by: { readonly cookie: string }) => bench.call('POST', '/v1/invitations/accept', { by, json: { token } });
    expect((await accept(other)).body.code).toBe('invitation_for_another');
    const edith = await bench.person('edith@example.com');
    expect((await accept(edith)).body.applications).toEqual([{ id: application, name: `Team ${teams}`, uid: null, role: 'developer' }]);
    expect((await accept(edith)).body.code).toBe('link_over');
    expect((await byToken(token)).body.expired).toBe(true);
    const members = await bench.call('GET', '/v1/members', { by: edith, headers: { 'posthorn-application': application } });
    expect(members.body.data.map(({ email, role }: Record<string, string>) => [email, role])).toEqual([
      ['edith@example.com', 'developer'],
      [founder.email, 'owner'],
    ]);
    expect(await invite('edith@example.com', 'owner')).toMatchObject({ code: 'already_member' });
  });

  test('withdraws an invitation, replaces it by a newer one, and lets it expire', async () => {
    const { founder, invite } = await team();
    const withdrawn = await invite('w@example.com', 'viewer');
    expect((await bench.call('DELETE', `/v1/invitations/${withdrawn.id}`, { by: founder })).status).toBe(204);
    expect((await bench.call('DELETE', `/v1/invitations/${withdrawn.id}`, { by: founder })).body.code).toBe('invitation_not_found');
    const replaced = await invite('r@example.com', 'viewer');
    const newer = await invite('r@example.com', 'developer');
    expect((await bench.call('GET', '/v1/invitations', { by: founder })).body.data.map(({ id }: { id: string }) => id)).toEqual([newer.id]);
    const late = await invite('late@example.com', 'viewer');
    bench.clock.time += 7 * 86_400_000;
    for (const [email, invitation] of [
      ['w@example.com', withdrawn],
      ['r@example.com', replaced],
      ['late@example.com', late],
    ]) {
      expect((await byToken(tokenOf(invitation))).body.expired, email).toBe(true);
      const person = await bench.person(email);
      expect((await bench.call('POST', '/v1/invitations/accept', { by: person, json: { token: tokenOf(invitation) } })).body.code).toBe(
        'link_over',
      );
    }
    expect((await byToken('made-up')).body.code).toBe('invitation_not_found');
    bench.clock.time -= 7 * 86_400_000;
  });

  test('always has an owner', async () => {
    const { founder, application } = await team();
    const me = `/v1/members/${founder.id}`;
    expect((await bench.call('PATCH', me, { by: founder, json: { role: 'viewer' } })).body.code).toBe('last_owner');
    expect((await bench.call('DELETE', me, { by: founder })).body.code).toBe('last_owner');
    const second = await bench.person(`co${teams}@example.com`, { application, role: 'owner' });
    expect((await bench.call('PATCH', me, { by: founder, json: { role: 'viewer' } })).body.role).toBe('viewer');
    expect((await bench.call('DELETE', `/v1/members/${second.id}`, { by: founder })).body.code).toBe('role_required');
    expect((await bench.call('DELETE', me, { by: second })).status).toBe(204);
    expect((await bench.call('GET', '/v1/members', { by: founder })).body.code).toBe('membership_required');
    expect((await bench.call('DELETE', me, { by: second })).body.code).toBe('member_not_found');
  });

  test('may be managed by the provider, which names the application', async () => {
    const { founder, application } = await team();
    expect((await bench.call('GET', '/v1/members')).body.errors).toEqual([
      { path: 'application', message: 'is missing: a service key names the application' },
    ]);
    const members = await bench.call('GET', `/v1/members?application=${application}`);
    expect(members.body.data).toMatchObject([{ id: founder.id }]);
    const path = `/v1/members/${founder.id}?application=${application}`;
    expect((await bench.call('PATCH', path, { key: bench.service.production, json: { role: 'owner' } })).status).toBe(200);
    // People belong to both environments: a key of the sandbox would be a way into production.
    const json = { application, email: 'accomplice@example.com', role: 'owner' };
    expect((await bench.call('POST', '/v1/invitations', { json })).body.code).toBe('production_key_required');
    expect((await bench.call('PATCH', path, { json: { role: 'owner' } })).body.code).toBe('production_key_required');
    expect((await bench.call('DELETE', path)).body.code).toBe('production_key_required');
  });
});

test('a forgotten password is set anew by a link that the provider makes, once', async () => {
  const { email, cookie } = await bench.person('forgetful@example.com');
  const ask = (json: object, key = bench.service.production) => bench.call('POST', '/v1/operator/reset-links', { key, json });
  expect((await ask({ email: 'nobody@example.com' })).body.code).toBe('person_not_found');
  expect((await ask({ email }, bench.service.sandbox)).body.code).toBe('production_key_required');
  const made = await ask({ email: email.toUpperCase() });
  expect(made.status, made.text).toBe(201);
  const token = made.body.url.split('/').at(-1);
  expect(made.body.url).toBe(`http://localhost/reset-password/${token}`);
  const reset = () => bench.call('POST', '/auth/reset-password', { key: null, json: { token, password: 'some other words' } });
  expect((await reset()).status).toBe(204);
  expect((await reset()).body.code).toBe('link_over');
  expect((await bench.call('GET', '/v1/session', { by: { cookie } })).status).toBe(401);
  const json = { email, password: 'some other words' };
  expect((await bench.call('POST', '/auth/sign-in/email', { key: null, json })).status).toBe(200);
});

test('a person changes their name', async () => {
  const ada = await bench.person('renamed@example.com');
  const changed = await bench.call('PATCH', '/v1/session', { by: ada, json: { name: 'Ada King' } });
  expect(changed.body.person.name).toBe('Ada King');
  expect((await bench.call('GET', '/v1/session', { by: ada })).body.person.name).toBe('Ada King');
});
