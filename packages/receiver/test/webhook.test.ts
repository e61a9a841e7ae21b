import { describe, expect, test } from 'vitest';
import { signStandard, signX, verifyWebhook } from '../src/index.ts';

const secret = 'your_secret_key';
const timestamp = 1_795_428_000;
const event = {
  id: 'evt_1',
  type: 'shipment.created',
  timestamp: '2026-11-23T10:00:00.000Z',
  environment: 'sandbox',
  data: { shipment: { recipient: 'Adékúnlé Gọ́ld', weight_kg: 17 } },
};

/** A well-signed request with this body. */
function requestOf(body: Uint8Array | string) {
  const headers = {
    'x-signature': signX(body, secret),
    'webhook-id': event.id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signStandard({ id: event.id, timestamp, body, secrets: [secret] }),
  };
  return { body, headers, secrets: secret, now: timestamp };
}

test.each([JSON.stringify(event), Buffer.from(JSON.stringify(event))])('returns the event', (body) => {
  expect(verifyWebhook(requestOf(body))).toEqual({ ok: true, event });
  expect(verifyWebhook({ ...requestOf(body), scheme: 'x-signature' })).toEqual({ ok: true, event });
});

test('ignores fields that a later version may add', () => {
  expect(verifyWebhook(requestOf(JSON.stringify({ ...event, attempt: 2 })))).toEqual({ ok: true, event });
});

test('data may be any JSON, null too', () => {
  expect(verifyWebhook(requestOf(JSON.stringify({ ...event, data: null })))).toEqual({ ok: true, event: { ...event, data: null } });
});

describe('the scheme is never guessed', () => {
  const request = requestOf(JSON.stringify(event));
  const { 'x-signature': x, ...standard } = request.headers;

  test('leaving the standard headers out of an old request does not help', () => {
    expect(verifyWebhook({ ...request, headers: { 'x-signature': x } })).toMatchObject({ ok: false, code: 'missing_header' });
  });

  test('nor the other way round', () => {
    expect(verifyWebhook({ ...request, headers: standard, scheme: 'x-signature' })).toMatchObject({ ok: false, code: 'missing_header' });
  });
});

test('verifies before it parses', () => {
  const request = { ...requestOf(JSON.stringify(event)), body: '{' };
  expect(verifyWebhook(request)).toMatchObject({ ok: false, code: 'bad_signature' });
});

test.each([
  ['nothing', ''],
  ['no JSON', '{'],
  ['bytes that are not UTF-8', Buffer.from(JSON.stringify({ ...event, data: 'é' }), 'latin1')],
  ['JSON nested past the stack', '['.repeat(1_000_000)],
  ['null', 'null'],
  ['a list', '[]'],
  ['no id', JSON.stringify({ ...event, id: undefined })],
  ['an id that is a number', JSON.stringify({ ...event, id: 1 })],
  ['no type', JSON.stringify({ ...event, type: undefined })],
  ['no timestamp', JSON.stringify({ ...event, timestamp: undefined })],
  ['an unknown environment', JSON.stringify({ ...event, environment: 'test' })],
  ['no data', JSON.stringify({ ...event, data: undefined })],
])('well signed, but %s: bad_body', (_, body) => {
  expect(verifyWebhook(requestOf(body))).toMatchObject({ ok: false, code: 'bad_body' });
});
