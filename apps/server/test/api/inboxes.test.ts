/** The receiver that is built in. No address is allowed here: what reaches an inbox does so without a request. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signStandard, signX } from '@posthorn/receiver';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type Workbench, workbench } from './workbench.ts';

const bench: Workbench = await workbench({ allow: '' });
type Tenant = Awaited<ReturnType<Workbench['tenant']>>;
let own: Tenant;
let key: string;

beforeAll(async () => {
  own = await bench.tenant('own');
  key = own.keys.sandbox;
});
afterAll(async () => bench.close());

interface Made {
  readonly id: string;
  readonly token: string;
  readonly url: string;
}

async function makeInbox(): Promise<Made> {
  const made = await bench.call('POST', '/v1/inboxes', { key });
  expect(made.status, made.text).toBe(201);
  return made.body;
}

async function makeEndpoint(url: string): Promise<{ readonly id: string; readonly secret: string }> {
  const made = await bench.call('POST', '/v1/endpoints', { key, json: { url } });
  expect(made.status, made.text).toBe(201);
  return made.body;
}

const received = async ({ id }: Made, query = '') => (await bench.call('GET', `/v1/inboxes/${id}/requests${query}`, { key })).body;
const post = (inbox: Made, body: string, headers: Record<string, string> = {}): Promise<Answer> =>
  bench.call('POST', new URL(inbox.url).pathname, { key: null, raw: body, headers });

describe('an inbox', () => {
  test('sees the test request of its endpoint, and that its signatures are good', async () => {
    const inbox = await makeInbox();
    expect(inbox.url).toBe(`http://localhost/inbox/${inbox.token}`);
    const endpoint = await makeEndpoint(inbox.url);
    const attempt = await bench.call('POST', `/v1/endpoints/${endpoint.id}/test`, { key });
    expect(attempt.body).toMatchObject({ status: 'succeeded', response_status: 200, response_body: 'Valid signature', error: null });
    const { data, next_cursor } = await received(inbox);
    expect(next_cursor).toBeNull();
    expect(data).toEqual([
      {
        id: expect.stringMatching(/^irq_/),
        received_at: '2026-11-23T10:01:00.000Z',
        method: 'POST',
        headers: expect.objectContaining({
          'content-type': 'application/json',
          'webhook-id': attempt.body.event,
          'user-agent': 'Posthorn/test',
        }),
        body: attempt.body.body,
        body_truncated: false,
        event_id: attempt.body.event,
        event_type: 'webhook.test',
        signature: { x_signature: 'valid', standard: 'valid' },
      },
    ]);
  });

  test('verifies throughout a rotation', async () => {
    const inbox = await makeInbox();
    const { id } = await makeEndpoint(inbox.url);
    const send = async () => (await bench.call('POST', `/v1/endpoints/${id}/test`, { key })).body.response_status;
    await bench.call('POST', `/v1/endpoints/${id}/secret/rotate`, { key, json: {} });
    expect(await send()).toBe(200);
    await bench.call('POST', `/v1/endpoints/${id}/secret/promote`, { key });
    expect(await send()).toBe(200);
  });

  test('answers a test request before its endpoint is saved', async () => {
    const inbox = await makeInbox();
    const attempt = await bench.call('POST', '/v1/test', { key, json: { url: inbox.url } });
    expect(attempt.body).toMatchObject({ response_status: 200, response_body: 'Valid signature' });
  });

  test('tells a good signature from a bad one, whoever sends', async () => {
    const inbox = await makeInbox();
    const { secret } = await makeEndpoint(inbox.url);
    const body = '{"id":"evt_1","type":"a.b","data":{}}';
    const bytes = Buffer.from(body);
    const seconds = Math.floor(bench.clock.time / 1000);
    const standard = (timestamp: number) => ({
      'webhook-id': 'evt_1',
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signStandard({ id: 'evt_1', timestamp, body: bytes, secrets: [secret] }),
    });
    const sent: [Record<string, string>, number, string, object][] = [
      [{}, 403, 'Invalid signature', { x_signature: 'missing_header', standard: 'missing_header' }],
      [{ 'x-signature': signX(bytes, secret) }, 200, 'Valid signature', { x_signature: 'valid', standard: 'missing_header' }],
      [standard(seconds), 200, 'Valid signature', { x_signature: 'missing_header', standard: 'valid' }],
      [standard(seconds - 301), 403, 'Invalid signature', { x_signature: 'missing_header', standard: 'bad_timestamp' }],
      [
        { ...standard(seconds), 'x-signature': 'a'.repeat(64) },
        403,
        'Invalid signature',
        { x_signature: 'bad_signature', standard: 'valid' },
      ],
    ];
    for (const [headers, status, text, signature] of sent) {
      const answer = await post(inbox, body, headers);
      expect([answer.status, answer.text, answer.headers['content-type']]).toEqual([status, text, 'text/plain; charset=utf-8']);
      expect((await received(inbox, '?limit=1')).data[0]).toMatchObject({ signature, event_id: 'evt_1', event_type: 'a.b' });
    }
  });

  test('takes any body of any type, and keeps the beginning of a long one', async () => {
    const inbox = await makeInbox();
    await makeEndpoint(inbox.url);
    expect((await post(inbox, 'a=1', { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(403);
    expect((await post(inbox, '{"half', { 'content-type': 'application/json' })).status).toBe(403);
    const long = 'é'.repeat(40_000);
    expect((await post(inbox, long, { 'content-type': 'text/plain' })).status).toBe(403);
    const [newest, half, form] = (await received(inbox)).data;
    expect([newest.body.length, newest.body_truncated]).toEqual([32 * 1024, true]);
    expect(long.startsWith(newest.body)).toBe(true);
    expect([half.body, half.event_id, form.body]).toEqual(['{"half', null, 'a=1']);
  });

  test('keeps the last 100, newest first', async () => {
    const inbox = await makeInbox();
    for (let index = 0; index < 103; index += 1) await post(inbox, `{"id":"evt_${index}"}`);
    const first = await received(inbox, '?limit=60');
    const second = await received(inbox, `?limit=60&cursor=${first.next_cursor}`);
    const ids = [...first.data, ...second.data].map(({ event_id }: { event_id: string }) => event_id);
    expect(ids).toEqual(Array.from({ length: 100 }, (_, index) => `evt_${102 - index}`));
    expect(first.data[0].signature).toEqual({ x_signature: 'no_secret', standard: 'no_secret' });
  });

  test('is gone when it is deleted, with what it had', async () => {
    const inbox = await makeInbox();
    expect((await bench.call('DELETE', `/v1/inboxes/${inbox.id}`, { key })).status).toBe(204);
    const answer = await post(inbox, '{}');
    expect([answer.status, answer.text]).toEqual([404, 'Unknown inbox']);
    expect((await bench.call('GET', `/v1/inboxes/${inbox.id}/requests`, { key })).body.code).toBe('inbox_not_found');
    const endpoint = await makeEndpoint(inbox.url);
    expect((await bench.call('POST', `/v1/endpoints/${endpoint.id}/test`, { key })).body).toMatchObject({
      response_status: 404,
      error: 'http_status',
    });
  });
});

describe('what an inbox is not for', () => {
  test('production', async () => {
    const inbox = await makeInbox();
    const production = own.keys.production;
    for (const [method, path] of [
      ['POST', '/v1/inboxes'],
      ['GET', '/v1/inboxes'],
      ['GET', `/v1/inboxes/${inbox.id}/requests`],
      ['DELETE', `/v1/inboxes/${inbox.id}`],
    ] as const)
      expect((await bench.call(method, path, { key: production })).body.code).toBe('sandbox_only');
    const refused = await bench.call('POST', '/v1/endpoints', { key: production, json: { url: inbox.url } });
    expect(refused.body.errors).toEqual([{ path: 'url', message: 'is an inbox, and those are for the sandbox' }]);
  });

  test('a way around the rule of addresses: only its very URL is handed over', async () => {
    const { token } = await makeInbox();
    for (const url of [
      `http://localhost:8080/inbox/${token}`,
      `http://127.0.0.1/inbox/${token}`,
      `http://localhost/inbox/${token}/`,
      `http://localhost/inbox/${token}?a=1`,
      `http://localhost/inbox/../inbox/${token}`,
      `http://localhost/inbox/${token.slice(1)}`,
      'http://localhost/v1/keys',
    ]) {
      const answer = await bench.call('POST', '/v1/endpoints', { key, json: { url } });
      expect([url, answer.body.errors?.[0]?.path]).toEqual([url, 'url']);
    }
  });

  test('others: they do not see it', async () => {
    const inbox = await makeInbox();
    const other = (await bench.tenant('other')).keys.sandbox;
    expect((await bench.call('GET', '/v1/inboxes', { key: other })).body.data).toEqual([]);
    expect((await bench.call('GET', `/v1/inboxes/${inbox.id}/requests`, { key: other })).body.code).toBe('inbox_not_found');
    expect((await bench.call('DELETE', `/v1/inboxes/${inbox.id}`, { key: other })).body.code).toBe('inbox_not_found');
  });

  test('hoarding', async () => {
    const { keys } = await bench.tenant('hoarder');
    for (let index = 0; index < 10; index += 1) expect((await bench.call('POST', '/v1/inboxes', { key: keys.sandbox })).status).toBe(201);
    expect((await bench.call('POST', '/v1/inboxes', { key: keys.sandbox })).body.code).toBe('too_many_inboxes');
  });
});

test('what an endpoint’s own headers are is in no file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-inbox-'));
  const other = await workbench({ path: join(folder, 'posthorn.db') });
  const { keys } = await other.tenant('acme');
  const inbox = (await other.call('POST', '/v1/inboxes', { key: keys.sandbox })).body;
  const json = { url: inbox.url, headers: { Authorization: 'Bearer of-the-receiver' } };
  const endpoint = (await other.call('POST', '/v1/endpoints', { key: keys.sandbox, json })).body;
  expect((await other.call('POST', `/v1/endpoints/${endpoint.id}/test`, { key: keys.sandbox })).body.response_status).toBe(200);
  const [request] = (await other.call('GET', `/v1/inboxes/${inbox.id}/requests`, { key: keys.sandbox })).body.data;
  expect(request.headers).toMatchObject({ authorization: 'Bearer of-the-receiver', 'content-type': 'application/json' });
  const files = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1'));
  expect(files.join('')).toContain(request.id);
  expect(files.join('')).not.toContain('of-the-receiver');
  await other.close();
  rmSync(folder, { recursive: true });
});
