/** People: signing up, in and out, their applications, their teams. */
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
