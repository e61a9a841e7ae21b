/** With a mail server: addresses are proven, nobody learns which of them have an account, and a forgotten password is no end. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { smtpMailer } from '../../src/mail/smtp.ts';
import { type MailServer, startMailServer } from './mail-server.ts';
import { type Answer, cookiesOf, PASSWORD, type Workbench, workbench } from './workbench.ts';

let mail: MailServer;
let bench: Workbench;
let visits = 0;

beforeAll(async () => {
  mail = await startMailServer();
  const mailer = smtpMailer({ url: mail.url, from: 'Posthorn <hooks@example.com>' });
  bench = await workbench({ mailer, publicUrl: 'http://hooks.example.com' });
});
afterAll(async () => {
  await bench.close();
  await mail.close();
});

/** From an address of its own, each time. */
function visit(method: 'GET' | 'POST', path: string, json?: unknown): Promise<Answer> {
  visits += 1;
  return bench.call(method, path, { key: null, json, ip: `192.0.2.${visits}` });
}

const signUp = (email: string, more: object = {}) =>
  visit('POST', '/auth/sign-up/email', { name: 'Ada', email, password: PASSWORD, ...more });
const signIn = (email: string, password = PASSWORD) => visit('POST', '/auth/sign-in/email', { email, password });
const linkIn = (text: string): string => {
  const url = new URL(/^http\S+$/m.exec(text)?.[0] ?? '');
  return url.pathname + url.search;
};

async function verified(email: string): Promise<string> {
  await signUp(email);
  return cookiesOf(await visit('GET', linkIn((await mail.next(email)).text)));
}

describe('signing up', () => {
  test('mails a link, and the link signs in, once', async () => {
    const answer = await signUp('ada@example.com');
    expect([answer.status, answer.body, answer.headers['set-cookie']]).toEqual([200, { person: null, verify_email: true }, undefined]);
    const sent = await mail.next('ada@example.com');
    expect(sent).toMatchObject({ from: 'hooks@example.com', to: ['ada@example.com'], subject: 'Confirm your address for Posthorn' });
    const link = linkIn(sent.text);
    expect(link).toMatch(/^\/auth\/verify-email\?token=/);
    expect((await bench.call('HEAD', link, { key: null })).status).toBe(405);
    const opened = await visit('GET', link);
    expect([opened.status, opened.headers['location']]).toEqual([303, '/']);
    const session = await bench.call('GET', '/v1/session', { by: { cookie: cookiesOf(opened) } });
    expect(session.body.person).toMatchObject({ email: 'ada@example.com' });
    const again = await visit('GET', link);
    expect([again.status, again.headers['set-cookie']]).toEqual([303, undefined]);
  });

  test('answers an address that has an account in the same way, and tells its owner', async () => {
    await verified('known@example.com');
    const answer = await signUp('known@example.com', { password: 'another password' });
    expect([answer.status, answer.body, answer.headers['set-cookie']]).toEqual([200, { person: null, verify_email: true }, undefined]);
    expect((await mail.next('known@example.com')).subject).toBe('You have an account at Posthorn already');
    expect((await signIn('known@example.com', 'another password')).body.code).toBe('invalid_credentials');
  });

  test('without having opened the link, signing in sends another', async () => {
    await signUp('slow@example.com');
    await mail.next('slow@example.com');
    const answer = await signIn('slow@example.com');
    expect([answer.status, answer.body.code, answer.headers['set-cookie']]).toEqual([403, 'email_unverified', undefined]);
    expect((await mail.next('slow@example.com')).subject).toBe('Confirm your address for Posthorn');
    expect((await signIn('slow@example.com', 'a wrong password')).body.code).toBe('invalid_credentials');
  });

  test('a link that was tampered with is over', async () => {
    await signUp('tampered@example.com');
    const link = linkIn((await mail.next('tampered@example.com')).text);
    expect((await visit('GET', `${link}x`)).body.code).toBe('link_over');
  });
});

test('one address gets five mails in a quarter of an hour, whoever asks for them, and the answers stay the same', async () => {
  const mails = () => mail.received.filter(({ to }) => to.includes('victim@example.com')).length;
  for (let asked = 0; asked < 8; asked += 1)
    expect((await signUp('victim@example.com')).body).toEqual({ person: null, verify_email: true });
  for (let asked = 0; asked < 8; asked += 1) expect((await signIn('victim@example.com')).body.code).toBe('email_unverified');
  for (let got = 0; got < 5; got += 1) await mail.next('victim@example.com');
  await verified('somebody@example.com');
  expect(mails()).toBe(5);
  bench.clock.time += 900_000;
  await signIn('victim@example.com');
  await mail.next('victim@example.com');
  expect(mails()).toBe(6);
});

describe('a forgotten password', () => {
  const reset = (token: string, password: string) => visit('POST', '/auth/reset-password', { token, password });

  test('is replaced by a link that works once, and ends all sessions', async () => {
    const by = { cookie: await verified('forgot@example.com') };
    expect((await visit('POST', '/auth/request-password-reset', { email: 'Forgot@example.com' })).status).toBe(202);
    const { subject, text } = await mail.next('forgot@example.com');
    expect(subject).toBe('A new password for Posthorn');
    const link = linkIn(text);
    expect(link).toMatch(/^\/reset-password\/[\w-]+$/);
    const token = link.split('/').at(-1) ?? '';
    expect((await reset(token, 'short')).body.code).toBe('invalid_request');
    expect((await reset(token, 'some other words')).status).toBe(204);
    expect((await reset(token, 'yet other words')).body.code).toBe('link_over');
    expect((await bench.call('GET', '/v1/session', { by })).status).toBe(401);
    expect((await signIn('forgot@example.com')).body.code).toBe('invalid_credentials');
    expect((await signIn('forgot@example.com', 'some other words')).status).toBe(200);
  });

  test('is no way to learn who has an account', async () => {
    await verified('there@example.com');
    const ask = (email: string) => visit('POST', '/auth/request-password-reset', { email });
    const [there, nobody] = [await ask('there@example.com'), await ask('nobody@example.com')];
    expect([there.status, there.text]).toEqual([nobody.status, nobody.text]);
    await mail.next('there@example.com');
    expect(mail.received.filter(({ to }) => to.includes('nobody@example.com'))).toEqual([]);
  });

  test('a made-up link is over', async () => {
    expect((await reset('a'.repeat(24), 'some other words')).body.code).toBe('link_over');
  });
});

test('an invitation is mailed, and its link needs no other proof of the address', async () => {
  const { application } = await bench.tenant('acme');
  const json = { application: application.id, email: 'Grace@example.com', role: 'developer' };
  const made = await bench.call('POST', '/v1/invitations', { key: bench.service.production, json });
  expect(made.body).toMatchObject({ email: 'grace@example.com', role: 'developer', mailed: true });
  const sent = await mail.next('grace@example.com');
  expect(sent.subject).toBe('Join acme at Posthorn');
  expect(sent.text).toContain(made.body.url);
  const token = made.body.url.split('/').at(-1);
  expect((await signUp('mallory@example.com', { token })).body.verify_email).toBe(true);
  const joined = await signUp('grace@example.com', { token });
  expect(joined.body).toMatchObject({ person: { email: 'grace@example.com' }, verify_email: false });
  const by = { cookie: cookiesOf(joined) };
  const accepted = await bench.call('POST', '/v1/invitations/accept', { by, json: { token } });
  expect(accepted.body.applications).toMatchObject([{ id: application.id, role: 'developer' }]);
  expect(bench.errors).toEqual([]);
});

describe('an invitation that an owner made', () => {
  const owner = async (email: string) => {
    const by = { cookie: await verified(email) };
    await bench.call('POST', '/v1/applications', { by, json: { name: 'Evil' } });
    return by;
  };
  const tokenIn = (url: string) => url.split('/').at(-1) ?? '';

  test('shows them a link that proves nothing: they cannot sign up as somebody else', async () => {
    const by = await owner('mallory@evil.example');
    const made = await bench.call('POST', '/v1/invitations', { by, json: { email: 'ceo@example.com', role: 'viewer' } });
    const mailed = tokenIn(linkIn((await mail.next('ceo@example.com')).text));
    const shown = tokenIn(made.body.url);
    for (const token of [shown, `${shown}.`, `${shown}.${'A'.repeat(22)}`]) {
      const answer = await signUp('ceo@example.com', { token, password: 'the words of mallory' });
      expect([answer.body, answer.headers['set-cookie']]).toEqual([{ person: null, verify_email: true }, undefined]);
    }
    expect((await signIn('ceo@example.com', 'the words of mallory')).body.code).toBe('email_unverified');
    // The mail is the proof, and with it the account is theirs, whoever made it.
    const joined = await signUp('ceo@example.com', { token: mailed });
    expect(joined.body).toMatchObject({ person: { email: 'ceo@example.com', name: 'Ada' }, verify_email: false });
    expect((await signIn('ceo@example.com', 'the words of mallory')).body.code).toBe('invalid_credentials');
    expect((await signIn('ceo@example.com')).status).toBe(200);
    const accepted = await bench.call('POST', '/v1/invitations/accept', { by: { cookie: cookiesOf(joined) }, json: { token: mailed } });
    expect(accepted.body.applications).toMatchObject([{ name: 'Evil', role: 'viewer' }]);
  });

  test('is one of twenty an hour, and of five mails to one address', async () => {
    const by = await owner('spammer@example.com');
    const invite = (email: string) => bench.call('POST', '/v1/invitations', { by, json: { email, role: 'viewer' } });
    for (let sent = 0; sent < 5; sent += 1) expect((await invite('often@example.com')).status).toBe(201);
    expect((await invite('often@example.com')).body.code).toBe('too_many_requests');
    for (let sent = 0; sent < 14; sent += 1) expect((await invite(`each-${sent}@example.com`)).status).toBe(201);
    const refused = await invite('another@example.com');
    expect([refused.body.code, refused.headers['retry-after']]).toEqual(['too_many_requests', '3600']);
    const { application } = await bench.tenant('of-the-provider');
    const json = { application: application.id, email: 'another@example.com', role: 'viewer' };
    expect((await bench.call('POST', '/v1/invitations', { key: bench.service.production, json })).status).toBe(201);
    bench.clock.time += 3_600_000;
    expect((await invite('often@example.com')).status).toBe(201);
  });

  test('leaves an account alone that was proven to be its owner’s', async () => {
    const by = await owner('owner@example.com');
    const known = { cookie: await verified('cfo@example.com') };
    await bench.call('POST', '/v1/invitations', { by, json: { email: 'cfo@example.com', role: 'viewer' } });
    const token = tokenIn(linkIn((await mail.next('cfo@example.com')).text));
    expect((await signUp('cfo@example.com', { token, password: 'some other words' })).body.code).toBe('invalid_credentials');
    expect((await bench.call('GET', '/v1/session', { by: known })).status).toBe(200);
    expect((await signIn('cfo@example.com')).status).toBe(200);
  });
});

test('where the mail server does not answer, the link is still there to be handed over', async () => {
  const dead = await startMailServer();
  await dead.close();
  const mailer = smtpMailer({ url: dead.url, from: 'hooks@example.com' });
  const other = await workbench({ mailer });
  const { application } = await other.tenant('acme');
  const json = { application: application.id, email: 'grace@example.com', role: 'viewer' };
  const made = await other.call('POST', '/v1/invitations', { key: other.service.production, json });
  expect([made.status, made.body.mailed]).toEqual([201, false]);
  const logged = other.log.filter((line) => line.includes('could not be mailed')).join('');
  expect(logged).toContain(made.body.id);
  expect(logged).not.toContain(made.body.url.split('/').at(-1));
  await other.close();
});
