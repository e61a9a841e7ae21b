/** Mails to an endpoint's owners: from the dispatcher's settle to a real SMTP server on this machine. */
import type { ApplicationId, Outcome } from '@posthorn/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createKeeper, type Keeper, type KeeperOptions } from '../../src/keeper/keeper.ts';
import type { Mailer } from '../../src/mail/mailer.ts';
import { smtpMailer } from '../../src/mail/smtp.ts';
import type { Store } from '../../src/store/store.ts';
import { openStage, type Stage } from '../dispatcher/stage.ts';
import { addEndpoint, event, publish } from '../store/conformance/harness.ts';
import { type MailServer, startMailServer } from './mail-server.ts';

const START = Date.parse('2026-11-23T10:00:01Z');
const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const DOWN: Outcome = { kind: 'refused', status: 500, retryAfter: null };
const URL = 'https://one.test/';

let stage: Stage;
let store: Store;
let application: ApplicationId;
let answer: Outcome;
let server: MailServer;
let mailer: Mailer;

beforeEach(async () => {
  stage = await openStage(START, { longestSleepMs: HOUR });
  store = stage.store;
  application = (await store.applications.upsert({ uid: 'acme', name: 'Acme' })).application.id;
  answer = DOWN;
  stage.answers.set(URL, () => answer);
  server = await startMailServer();
  mailer = smtpMailer({ url: server.url, from: 'Webhooks <webhooks@example.com>' });
});
afterEach(async () => {
  mailer.close();
  await server.close();
  await stage.close();
});

const OWNERS = ['ada@example.com', 'bob@example.com', 'ada@example.com'];

const keeperOf = (options: Partial<KeeperOptions> = {}): Keeper =>
  createKeeper({
    store,
    clock: stage.clock,
    retentionMs: 90 * 24 * HOUR,
    mailer,
    ownersOf: async () => OWNERS.map((email) => ({ email })),
    serviceName: 'Shipping Hooks',
    baseUrl: () => 'https://hooks.example.com',
    lookMs: HOUR,
    ...options,
  });

/** Mail goes over real sockets, so it takes a moment that no clock of ours moves. */
async function mailed(count: number): Promise<void> {
  await expect
    .poll(
      async () => {
        await stage.clock.advanceTo(stage.clock.time + SECOND);
        return server.mails.length;
      },
      { timeout: 10_000, interval: 10 },
    )
    .toBe(count);
}

/** Drives the endpoint through days of failures, an event an hour. */
async function hours(count: number): Promise<void> {
  for (let hour = 0; hour < count; hour += 1) {
    await publish(store, event());
    await stage.clock.advanceTo(stage.clock.time + HOUR);
  }
}

const subjects = () => server.mails.map(({ to, text }) => [to.join(), /^Subject: (.*)\r$/m.exec(text)?.[1]]);

test('each owner gets one when it begins to fail, one when it is disabled, one when it has recovered; nothing in between', async () => {
  const { id } = await addEndpoint(store, application, { url: URL, cadence: 'immediate', description: 'Orders' });
  stage.dispatcher.start();
  keeperOf().start();
  await hours(62);
  await mailed(2);
  await hours(40);
  expect(server.mails).toHaveLength(2);
  await hours(24);
  expect((await store.endpoints.get('sandbox', id))?.status).toBe('disabled');
  await mailed(4);
  answer = { kind: 'accepted', status: 200 };
  await store.endpoints.update('sandbox', id, { status: 'enabled' });
  await hours(5);
  await mailed(6);
  const both = (subject: string) => [
    ['ada@example.com', subject],
    ['bob@example.com', subject],
  ];
  expect(subjects()).toEqual([
    ...both('Your webhook endpoint keeps failing (sandbox)'),
    ...both('Your webhook endpoint was disabled (sandbox)'),
    ...both('Your webhook endpoint has recovered (sandbox)'),
  ]);
  const [first] = server.mails;
  expect(first?.from).toBe('webhooks@example.com');
  for (const words of [URL, '(Orders)', 'Acme', 'status 500', 'https://hooks.example.com', 'Shipping Hooks', '2026-11-23T'])
    expect(first?.text.replaceAll('=\r\n', '')).toContain(words);
}, 60_000);

test('whom the server cannot take it for now is written to later, the others not again', async () => {
  await addEndpoint(store, application, { url: URL, cadence: 'immediate' });
  stage.answers.set(URL, () => ({ kind: 'refused', status: 410, retryAfter: null }));
  stage.dispatcher.start();
  const refusing: Mailer = {
    ...mailer,
    async send(message) {
      server.answers = message.to.startsWith('bob') && stage.clock.time < START + HOUR ? { recipient: 451 } : {};
      await mailer.send(message);
    },
  };
  const warned: string[] = [];
  keeperOf({ mailer: refusing, log: { info() {}, warn: (_line, message) => warned.push(message) } }).start();
  await publish(store, event());
  await mailed(1);
  expect(server.mails[0]?.to).toEqual(['ada@example.com']);
  await expect.poll(async () => store.notices.nextMailAt()).not.toBeNull();
  expect(warned).toEqual(['a mail could not be sent']);
  await stage.clock.advanceTo(START + 2 * HOUR);
  await mailed(2);
  expect(server.mails[1]?.to).toEqual(['bob@example.com']);
  expect(server.mails[1]?.text).toContain('410');
});

test('one that the server refuses for good is given up', async () => {
  await addEndpoint(store, application, { url: URL, cadence: 'immediate' });
  stage.answers.set(URL, () => ({ kind: 'refused', status: 410, retryAfter: null }));
  stage.dispatcher.start();
  server.answers = { recipient: 550 };
  let tried = 0;
  const watched: Mailer = {
    ...mailer,
    send: (message) =>
      mailer.send(message).finally(() => {
        tried += 1;
      }),
  };
  keeperOf({ mailer: watched }).start();
  await publish(store, event());
  await expect.poll(async () => stage.clock.advanceTo(stage.clock.time + SECOND).then(() => tried)).toBe(2);
  server.answers = {};
  await stage.clock.advanceTo(START + 48 * HOUR);
  expect([tried, server.mails.length]).toEqual([2, 0]);
});

test('two keepers send none twice, nor does the next one after a crash in the middle of a mail', async () => {
  await addEndpoint(store, application, { url: URL, cadence: 'immediate' });
  stage.answers.set(URL, () => ({ kind: 'refused', status: 410, retryAfter: null }));
  stage.dispatcher.start();
  let begun = 0;
  // It takes the mail, begins to send it, and is gone.
  const dying: Mailer = {
    ...mailer,
    send() {
      begun += 1;
      return new Promise(() => {});
    },
  };
  keeperOf({ mailer: dying }).start();
  await publish(store, event());
  await stage.clock.advanceTo(START + SECOND);
  expect(begun).toBe(1);
  keeperOf().start();
  await stage.clock.advanceTo(START + 48 * HOUR);
  expect(server.mails).toEqual([]);

  await addEndpoint(store, application, { url: 'https://two.test/', cadence: 'immediate', eventTypes: ['other'] });
  stage.answers.set('https://two.test/', () => ({ kind: 'refused', status: 410, retryAfter: null }));
  keeperOf().start();
  await publish(store, event({ type: 'other' }));
  await mailed(2);
  await stage.clock.advanceTo(stage.clock.time + 48 * HOUR);
  expect(subjects().map(([to]) => to)).toEqual(['ada@example.com', 'bob@example.com']);
});

test('without a mail server, or without owners, nobody is written to, and nothing waits', async () => {
  await addEndpoint(store, application, { url: URL, cadence: 'immediate' });
  stage.answers.set(URL, () => ({ kind: 'refused', status: 410, retryAfter: null }));
  stage.dispatcher.start();
  keeperOf({ ownersOf: async () => [] }).start();
  await publish(store, event());
  await stage.clock.advanceTo(START + HOUR);
  expect(await store.notices.nextMailAt()).toBeNull();
  expect((await store.figures()).noticesWaiting).toBe(0);
  expect(server.mails).toEqual([]);
});

test('owners that cannot be found out now are asked for again', async () => {
  await addEndpoint(store, application, { url: URL, cadence: 'immediate' });
  stage.answers.set(URL, () => ({ kind: 'refused', status: 410, retryAfter: null }));
  stage.dispatcher.start();
  let asked = 0;
  const ownersOf: KeeperOptions['ownersOf'] = async () => {
    asked += 1;
    if (asked === 1) throw new Error('the database is away');
    return [{ email: 'ada@example.com' }];
  };
  keeperOf({ ownersOf }).start();
  await publish(store, event());
  await stage.clock.advanceTo(START + HOUR);
  await mailed(1);
  expect(asked).toBe(2);
});
