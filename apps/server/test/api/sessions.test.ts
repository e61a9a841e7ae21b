/** Sessions against those who would like to have one, or to use somebody else's. */
import { afterAll, describe, expect, test } from 'vitest';
import { type CallOptions, cookiesOf, PASSWORD, type Workbench, workbench } from './workbench.ts';

const bench: Workbench = await workbench();
afterAll(async () => bench.close());

const signIn = (email: string, password: string, options: CallOptions = {}) =>
  bench.call('POST', '/auth/sign-in/email', { key: null, json: { email, password }, ...options });

describe('the cookie', () => {
  test('is for http only, for this site, and Secure where the public URL is https', async () => {
    const plain = await signUpRaw(bench, 'plain@example.com');
    expect(plain).toEqual([expect.stringMatching(/^posthorn\.session_token=[^;]+; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax$/)]);
    const safe = await workbench({ publicUrl: 'https://hooks.example.com' });
    const secure = await signUpRaw(safe, 'secure@example.com');
    expect(secure).toEqual([
      expect.stringMatching(/^__Secure-posthorn\.session_token=[^;]+; Max-Age=604800; Path=\/; HttpOnly; Secure; SameSite=Lax$/),
    ]);
    const signedIn = await safe.call('POST', '/auth/sign-in/email', {
      key: null,
      json: { email: 'secure@example.com', password: PASSWORD },
    });
    expect([signedIn.headers['set-cookie']].flat()).toContainEqual(
      expect.stringMatching(/^__Secure-posthorn\.known=[^;]+; Max-Age=31536000; Path=\/auth; HttpOnly; SameSite=Lax; Secure$/),
    );
    await safe.close();
  });

  test('that was made up, or altered, is nobody’s', async () => {
    const { cookie } = await bench.person('real@example.com');
    const [name, value = ''] = cookie.split('=', 2);
    const [token, signature] = decodeURIComponent(value).split('.');
    for (const forged of ['', 'x', token, `${token}.`, `${token}.${'A'.repeat(43)}=`, `x${token}.${signature}`, `${token}.${signature}x`]) {
      const by = { cookie: `${name}=${encodeURIComponent(forged ?? '')}` };
      expect((await bench.call('GET', '/v1/session', { by })).body.code).toBe('unauthenticated');
    }
  });

  test('that an attacker set before is not the session afterwards', async () => {
    const attacker = await bench.person('attacker@example.com');
    await bench.person('victim@example.com');
    // The victim's browser has the attacker's cookie, and signs in.
    const signedIn = await signIn('victim@example.com', PASSWORD, { by: attacker });
    expect(cookiesOf(signedIn)).not.toBe(attacker.cookie);
    expect((await bench.call('GET', '/v1/session', { by: attacker })).status).toBe(401);
  });

  test('ends with the password that made it', async () => {
    const { cookie, email } = await bench.person('changes@example.com');
    const elsewhere = { cookie: cookiesOf(await signIn(email, PASSWORD)) };
    const by = { cookie };
    const wrong = await bench.call('POST', '/auth/change-password', {
      by,
      json: { current_password: 'wrong words', password: 'other words here' },
    });
    expect(wrong.body.errors).toEqual([{ path: 'current_password', message: 'is not the password of this account' }]);
    const json = { current_password: PASSWORD, password: 'other words here' };
    const changed = await bench.call('POST', '/auth/change-password', { by, json });
    expect(changed.status, changed.text).toBe(204);
    expect((await bench.call('GET', '/v1/session', { by: elsewhere })).status).toBe(401);
    expect((await bench.call('GET', '/v1/session', { by: { cookie: cookiesOf(changed) } })).status).toBe(200);
    expect((await signIn(email, PASSWORD)).body.code).toBe('invalid_credentials');
    expect((await signIn(email, 'other words here')).status).toBe(200);
  });
});

async function signUpRaw(on: Workbench, email: string): Promise<unknown> {
  const json = { name: 'x', email, password: PASSWORD };
  return [(await on.call('POST', '/auth/sign-up/email', { key: null, json })).headers['set-cookie']].flat();
}

describe('a page of another site', () => {
  const foreign = ['https://evil.example', 'http://localhost:81', 'http://localhost.evil.example', 'null', 'http://user@localhost'];

  test.each(foreign)('changes nothing: Origin %s', async (origin) => {
    const ada = await bench.person(`ada${foreign.indexOf(origin)}@example.com`);
    const made = await bench.call('POST', '/v1/applications', { by: ada, json: { name: 'A' }, headers: { origin } });
    expect([made.status, made.body.code]).toEqual([403, 'wrong_origin']);
    expect((await bench.call('GET', '/v1/session', { by: ada })).body.applications).toEqual([]);
    expect((await signIn('ada0@example.com', PASSWORD, { headers: { origin } })).body.code).toBe('wrong_origin');
    expect((await bench.call('POST', '/auth/sign-out', { by: ada, headers: { origin } })).body.code).toBe('wrong_origin');
    expect((await bench.call('GET', '/v1/session', { by: ada })).status).toBe(200);
  });

  test('nor does what does not say where it comes from', async () => {
    const { cookie } = await bench.person('silent@example.com');
    const call = (method: 'POST' | 'GET', path: string, json?: unknown) =>
      bench.call(method, path, { key: null, json, headers: { cookie, 'posthorn-environment': 'sandbox' } });
    expect((await call('POST', '/v1/applications', { name: 'A' })).body.code).toBe('wrong_origin');
    expect((await call('POST', '/auth/sign-out')).body.code).toBe('wrong_origin');
    expect((await call('GET', '/v1/session')).status).toBe(200);
  });

  test('with a public URL, only its pages count, whatever Host says', async () => {
    const fixed = await workbench({ publicUrl: 'https://hooks.example.com' });
    const ada = await fixed.person('ada@example.com');
    const post = (headers: Record<string, string>) => fixed.call('POST', '/v1/applications', { by: ada, json: { name: 'A' }, headers });
    expect((await post({ origin: 'http://hooks.example.com' })).body.code).toBe('wrong_origin');
    expect((await post({ origin: 'https://other.example.com', host: 'other.example.com' })).body.code).toBe('wrong_origin');
    expect((await post({ host: 'internal:8080' })).status).toBe(201);
    await fixed.close();
  });

  test('no answer lets another site read it', async () => {
    const ada = await bench.person('cors@example.com');
    for (const path of ['/v1/session', '/v1/branding', '/openapi.json']) {
      const answer = await bench.call('GET', path, { by: ada, headers: { origin: 'https://evil.example' } });
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
    expect((await bench.call('GET', '/v1/session', { by: ada })).headers['cache-control']).toBe('no-store');
  });
});

describe('signing in', () => {
  test('tells a wrong password and an unknown address apart for nobody', async () => {
    await bench.person('exists@example.com');
    const wrong = await signIn('exists@example.com', 'a wrong password');
    const unknown = await signIn('unknown@example.com', 'a wrong password');
    expect([wrong.status, wrong.text]).toEqual([unknown.status, unknown.text]);
    expect(wrong.body.code).toBe('invalid_credentials');
  });

  test('is slowed down by address of the network', async () => {
    const tries = async (ip: string) => (await signIn(`nobody${Math.random()}@example.com`, 'guess', { ip })).status;
    for (let index = 0; index < 20; index += 1) expect(await tries('192.0.2.1')).toBe(401);
    const refused = await signIn('nobody@example.com', 'guess', { ip: '192.0.2.1' });
    expect([refused.status, refused.body.code]).toEqual([429, 'too_many_requests']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(await tries('192.0.2.2')).toBe(401);
    // What a client says of itself counts for nothing while no proxy is trusted.
    const spoofed = await signIn('nobody@example.com', 'guess', {
      ip: '192.0.2.1',
      headers: { 'x-forwarded-for': '192.0.2.9', 'x-posthorn-client-ip': '192.0.2.9' },
    });
    expect(spoofed.status).toBe(429);
    bench.clock.time += 61_000;
    expect(await tries('192.0.2.1')).toBe(401);
  });

  test('is slowed down by account, from however many addresses', async () => {
    await bench.person('target@example.com');
    let last = 0;
    for (let index = 0; index < 31; index += 1) last = (await signIn('target@example.com', 'guess', { ip: `203.0.113.${index}` })).status;
    expect(last).toBe(429);
    expect((await signIn('TARGET@example.com', PASSWORD, { ip: '203.0.113.200' })).status).toBe(429);
    bench.clock.time += 901_000;
    expect((await signIn('target@example.com', PASSWORD, { ip: '203.0.113.200' })).status).toBe(200);
  });

  test('stays open to the browsers of an account, whoever else guesses at it', async () => {
    await bench.person('besieged@example.com');
    await bench.person('another@example.com');
    const browser = { cookie: cookiesOf(await signIn('besieged@example.com', PASSWORD, { ip: '203.0.113.200' })) };
    const other = { cookie: cookiesOf(await signIn('another@example.com', PASSWORD, { ip: '203.0.113.201' })) };
    const guess = (ip: string, by?: { readonly cookie: string }, email = 'besieged@example.com') =>
      signIn(email, 'guess', { ip, ...(by && { headers: { cookie: by.cookie, origin: 'http://localhost', host: 'localhost' } }) });
    for (let index = 0; index < 30; index += 1) await guess(`203.0.113.${index}`);
    const known = { cookie: browser.cookie, origin: 'http://localhost', host: 'localhost' };
    const stranger = await signIn('besieged@example.com', PASSWORD, { ip: '203.0.113.100' });
    expect(stranger.body.code).toBe('too_many_requests');
    const back = await signIn('besieged@example.com', PASSWORD, { ip: '203.0.113.101', headers: known });
    expect(back.status, back.text).toBe(200);
    const cookie = [back.headers['set-cookie']].flat().find((one) => String(one).startsWith('posthorn.known='));
    expect(cookie).toMatch(/^posthorn\.known=[\w-]{22}\.[\w-]{22}; Max-Age=31536000; Path=\/auth; HttpOnly; SameSite=Lax$/);
    // Of one account, it opens nothing of another; and it has tries of its own, not endless ones.
    expect((await guess('203.0.113.102', other)).body.code).toBe('too_many_requests');
    let last = 0;
    for (let index = 0; index < 31; index += 1) last = (await guess(`203.0.113.${110 + index}`, { cookie: cookiesOf(back) })).status;
    expect(last).toBe(429);
  });

  test('counts against an account what tried a password, and nothing else', async () => {
    await bench.person('unguessed@example.com');
    // Twenty are tried, the others refused for where they come from.
    for (let index = 0; index < 60; index += 1) await signIn('unguessed@example.com', 'guess', { ip: '192.0.2.50' });
    expect((await signIn('unguessed@example.com', PASSWORD, { ip: '192.0.2.51' })).status).toBe(200);
  });

  test('leaves neither password nor cookie in the log', async () => {
    const { cookie, email } = await bench.person('logged@example.com');
    await signIn(email, 'my secret guess');
    const log = bench.log.join('');
    for (const secret of [PASSWORD, 'my secret guess', cookie.split('=')[1] ?? '', email]) expect(log).not.toContain(secret);
  });

  test('leads nowhere: better-auth’s own routes and redirects are not there', async () => {
    for (const path of [
      '/auth/get-session',
      '/auth/callback/google',
      '/auth/reset-password/x?callbackURL=https://evil.example',
      '/auth/error',
      '/auth/ok',
      '/auth/list-sessions',
    ])
      expect((await bench.call('GET', path, { key: null })).status, path).toSatisfy((status: number) => status === 404 || status === 405);
    const json = { email: 'a@example.com', password: 'x', callbackURL: 'https://evil.example' };
    expect((await bench.call('POST', '/auth/sign-in/email', { key: null, json })).body.errors).toEqual([
      { path: 'callbackURL', message: 'is not a known field' },
    ]);
    expect((await bench.call('GET', '/auth/verify-email?token=x&callbackURL=https://evil.example', { key: null })).body.code).toBe(
      'link_over',
    );
  });
});

describe('where a session acts', () => {
  test('has to be said', async () => {
    const ada = await bench.person('where@example.com');
    const first = await bench.call('POST', '/v1/applications', { by: ada, json: { name: 'One' } });
    const get = (headers: Record<string, string>) => bench.call('GET', '/v1/endpoints', { by: ada, headers });
    expect((await get({ 'posthorn-environment': 'live' })).body.errors[0].path).toBe('Posthorn-Environment');
    expect((await get({ 'posthorn-environment': '' })).status).toBe(400);
    expect((await get({ 'posthorn-environment': 'staging' })).status).toBe(200);
    expect((await get({})).status).toBe(200);
    const { application } = await bench.tenant('second');
    const tokenHash = new Uint8Array(32);
    await bench.store.invitations.create({
      application: application.id,
      email: ada.email,
      role: 'viewer',
      tokenHash,
      expiresAt: Number.MAX_SAFE_INTEGER,
    });
    await bench.store.invitations.accept(tokenHash, ada);
    expect((await get({})).body.errors[0].path).toBe('Posthorn-Application');
    expect((await get({ 'posthorn-application': first.body.id })).status).toBe(200);
    expect((await get({ 'posthorn-application': 'second' })).status).toBe(200);
    expect((await get({ 'posthorn-application': 'third' })).body.code).toBe('application_not_found');
  });

  test('a key that was sent counts, whatever the cookies say', async () => {
    const ada = await bench.person('both@example.com');
    const headers = { cookie: ada.cookie };
    expect((await bench.call('GET', '/v1/endpoints', { headers })).status).toBe(200);
    expect((await bench.call('GET', '/v1/endpoints', { key: 'sk_sandbox_wrong', headers })).body.code).toBe('unauthenticated');
    expect((await bench.call('GET', '/v1/session', { headers })).body.code).toBe('unauthenticated');
  });
});
