import { verifyWebhook } from '@posthorn/receiver';
import { expect, test } from 'vitest';
import { checkCustomHeaders, deliveryHeaders } from '../../src/sender/headers.ts';

// The first case of the shared signature vectors.
const SECRET = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
const BODY = Buffer.from(
  '{"id":"evt_01","type":"shipment.created","timestamp":"2026-11-23T10:00:00.000Z","environment":"sandbox","data":{}}',
);
const OPTIONS = {
  eventId: 'evt_01',
  body: BODY,
  timestampSeconds: 1_795_428_000,
  secrets: { current: SECRET, others: [] },
  customHeaders: {},
  late: false,
  userAgent: 'Posthorn/0.1.0',
};

test('the headers of a delivery, exactly', () => {
  expect(deliveryHeaders(OPTIONS)).toEqual({
    'Content-Type': 'application/json',
    'User-Agent': 'Posthorn/0.1.0',
    'X-Signature': '84522b61b70c256ec16135054532d27688a2d5e06f2b5c6b95129aa4e15c9e6f',
    'webhook-id': 'evt_01',
    'webhook-timestamp': '1795428000',
    'webhook-signature': 'v1,zs8XxpeZSy5YdtVH/QS5aJKhV+fthe4BksMEMG/PYdY=',
  });
});

test('a delivery re-sent by hand after its end says so', () => {
  expect(deliveryHeaders({ ...OPTIONS, late: true })).toMatchObject({ 'Posthorn-Late': 'true' });
});

test('during a rotation, X-Signature is the current secret’s and webhook-signature every one’s', () => {
  const alone = deliveryHeaders(OPTIONS);
  const other = deliveryHeaders({ ...OPTIONS, secrets: { current: 'a plain-text secret', others: [] } });
  const both = deliveryHeaders({ ...OPTIONS, secrets: { current: SECRET, others: ['a plain-text secret'] } });
  expect(both['X-Signature']).toBe(alone['X-Signature']);
  expect(both['webhook-signature']).toBe(`${alone['webhook-signature']} ${other['webhook-signature']}`);
});

test('the receiver kit accepts what is sent', () => {
  const verified = verifyWebhook({ headers: deliveryHeaders(OPTIONS), body: BODY, secrets: SECRET, now: 1_795_428_003 });
  expect(verified).toMatchObject({ ok: true });
});

test('custom headers are added, and override nothing', () => {
  const customHeaders = {
    'X-Tenant': 'acme',
    authorization: 'Bearer abc',
    'x-signature': 'forged',
    'WEBHOOK-ID': 'forged',
    'Webhook-Signature': 'forged',
    'posthorn-late': 'true',
    'content-type': 'text/plain',
    'user-agent': 'forged',
    Host: 'elsewhere.example',
    'Content-Length': '0',
    'Transfer-Encoding': 'chunked',
    Connection: 'close',
    'X-Injected': 'a\r\nX-More: b',
    'bad name': 'x',
  };
  expect(deliveryHeaders({ ...OPTIONS, customHeaders })).toEqual({
    ...deliveryHeaders(OPTIONS),
    'X-Tenant': 'acme',
    authorization: 'Bearer abc',
  });
});

test.each([
  ['nothing', {}],
  ['a token name, visible ASCII, spaces and tabs', { "X-!#$%&'*+-.^_`|~9": 'a b\tc~!' }],
  ['an empty value', { 'X-Empty': '' }],
  ['20 headers', Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`X-${i}`, 'v']))],
])('custom headers may be %s', (_kind, headers) => {
  expect(checkCustomHeaders(headers)).toEqual([]);
});

test.each<[string, Record<string, string>, string]>([
  ['a name with a space', { 'X A': 'v' }, 'headers.X A'],
  ['an empty name', { '': 'v' }, 'headers.'],
  ['a name with an umlaut', { 'X-Ä': 'v' }, 'headers.X-Ä'],
  ['a line feed', { 'X-A': 'a\nb' }, 'headers.X-A'],
  ['a carriage return', { 'X-A': 'a\rb' }, 'headers.X-A'],
  ['a NUL', { 'X-A': 'a\0b' }, 'headers.X-A'],
  ['a value beyond ASCII', { 'X-A': 'é' }, 'headers.X-A'],
  ['a reserved name', { 'x-signature': 'v' }, 'headers.x-signature'],
  ['a name that Posthorn may use one day', { 'Posthorn-Anything': 'v' }, 'headers.Posthorn-Anything'],
  ['a hop-by-hop header', { TE: 'trailers' }, 'headers.TE'],
  ['the same name twice', { 'X-A': 'v', 'x-a': 'w' }, 'headers.x-a'],
  ['21 headers', Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`X-${i}`, 'v'])), 'headers'],
  ['more than 4 KiB', { 'X-A': 'v'.repeat(4_094) }, 'headers'],
])('custom headers may not have %s', (_kind, headers, path) => {
  expect(checkCustomHeaders(headers)).toEqual([{ path, message: expect.stringMatching(/\.$|\)$/) }]);
});
