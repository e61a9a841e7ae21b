import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { prepareSecret, type RequestHeaders, signStandard, signX, verifyStandard, verifyX } from '../src/index.ts';

const secret = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
const key = Buffer.from('AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=', 'base64');
const other = 'your_secret_key';
const body = Buffer.from('{"id":"evt_1","data":{"weight_kg":17.0}}');
const now = 1_795_428_000;

/** Well-signed headers; signed by `by`, at `timestamp`. */
function headersOf({ by = [secret], timestamp = now, id = 'evt_1' } = {}) {
  return {
    'x-signature': signX(body, by[0] ?? secret),
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signStandard({ id, timestamp, body, secrets: by }),
  };
}

const refused = (code: string) => expect.objectContaining({ ok: false, code });

describe('secrets', () => {
  test.each([undefined, null, '', 'undefined', 'short', 'whsec_', 'whsec_AAAA', [], [undefined, '', null]])(
    '%j is no_secret, before all else',
    (secrets) => {
      expect(verifyX({ body, headers: {}, secrets })).toEqual(refused('no_secret'));
      expect(verifyStandard({ body, headers: {}, secrets, now })).toEqual(refused('no_secret'));
    },
  );

  test('unset ones beside a good one are skipped', () => {
    expect(verifyX({ body, headers: headersOf(), secrets: [undefined, '', secret] }).ok).toBe(true);
    expect(verifyStandard({ body, headers: headersOf(), secrets: [undefined, '', secret], now }).ok).toBe(true);
  });

  test('during a rotation either side may know one or both', () => {
    const both = headersOf({ by: [secret, other] });
    for (const secrets of [secret, other, [other, secret], [prepareSecret(other)]]) {
      expect(verifyStandard({ body, headers: both, secrets, now }).ok).toBe(true);
    }
    expect(verifyX({ body, headers: both, secrets: [other, secret] }).ok).toBe(true);
    expect(verifyX({ body, headers: both, secrets: [other] })).toEqual(refused('bad_signature'));
  });
});

describe('headers', () => {
  const { 'x-signature': x, 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = headersOf();
  const incoming: IncomingHttpHeaders = headersOf();
  const shapes: [string, RequestHeaders][] = [
    ['lowercase names', headersOf()],
    ["Node's own type", incoming],
    ['names in any case', { 'X-Signature': x, 'Webhook-Id': id, 'WEBHOOK-TIMESTAMP': timestamp, 'Webhook-Signature': signature }],
    ['lists of one', { 'x-signature': [x], 'webhook-id': [id], 'webhook-timestamp': [timestamp], 'webhook-signature': [signature] }],
    ['an unset one in another case', { ...headersOf(), 'X-Signature': undefined, 'Webhook-Id': undefined }],
    ['a fetch Headers', new Headers(headersOf())],
    ['a Map', new Map(Object.entries(headersOf()))],
    ['a header that is called get', { ...headersOf(), get: 'x' }],
  ];

  test.each(shapes)('%s', (_, headers) => {
    expect(verifyX({ body, headers, secrets: secret })).toEqual({ ok: true });
    expect(verifyStandard({ body, headers, secrets: secret, now })).toEqual({ ok: true, id: 'evt_1', timestamp: now });
  });

  test.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])('without %s, or with an empty one', (name) => {
    for (const value of [undefined, '', [], new Array<string>(1).fill('')]) {
      const headers = { ...headersOf(), [name]: value };
      expect(verifyStandard({ body, headers, secrets: secret, now })).toEqual(refused('missing_header'));
    }
  });

  test('a repeated header is not taken for one of its values', () => {
    expect(verifyX({ body, headers: { 'x-signature': [x, x] }, secrets: secret })).toEqual(refused('bad_signature'));
    expect(verifyStandard({ body, headers: { ...headersOf(), 'webhook-id': [id, id] }, secrets: secret, now })).toEqual(
      refused('bad_signature'),
    );
    expect(
      verifyStandard({ body, headers: { ...headersOf(), 'webhook-timestamp': [timestamp, timestamp] }, secrets: secret, now }),
    ).toEqual(refused('bad_signature'));
  });
});

describe('spellings of a signature', () => {
  const x = signX(body, secret);
  test.each([
    x.toUpperCase(),
    ` ${x}`,
    `${x} `,
    `${x}\n`,
    x.slice(1),
    `${x}00`,
    `sha256=${x}`,
    'é'.repeat(64),
    'z'.repeat(64),
    '\ud800'.repeat(64),
  ])('X-Signature %j is refused', (signature) => {
    expect(verifyX({ body, signature, secrets: secret })).toEqual(refused('bad_signature'));
  });

  const { 'webhook-signature': signature } = headersOf();
  const base64 = signature.slice('v1,'.length);
  test.each([
    base64,
    'v1,',
    'v1',
    ' ',
    `V1,${base64}`,
    `v1a,${base64}`,
    `v2,${base64}`,
    `v1,${base64.replace('=', '')}`,
    `v1, ${base64}`,
    `v1,${base64},v1,AAAA`,
  ])('webhook-signature %j is refused', (value) => {
    const headers = { ...headersOf(), 'webhook-signature': value };
    expect(verifyStandard({ body, headers, secrets: secret, now })).toEqual(refused('bad_signature'));
  });

  test('ours counts wherever it stands', () => {
    for (const value of [`v1,AAAA ${signature}`, `${signature} v2,AAAA`, `v1a,AAAA  ${signature} `]) {
      const headers = { ...headersOf(), 'webhook-signature': value };
      expect(verifyStandard({ body, headers, secrets: secret, now }).ok).toBe(true);
    }
  });
});

describe('timestamp', () => {
  test.each([
    [0, true],
    [300, true],
    [-300, true],
    [301, false],
    [-301, false],
  ])('%i seconds from now', (seconds, good) => {
    expect(verifyStandard({ body, headers: headersOf({ timestamp: now - seconds }), secrets: secret, now }).ok).toBe(good);
  });

  test('another tolerance', () => {
    const headers = headersOf({ timestamp: now - 10 });
    expect(verifyStandard({ body, headers, secrets: secret, now, toleranceSeconds: 9 })).toEqual(refused('bad_timestamp'));
    expect(verifyStandard({ body, headers, secrets: secret, now: now + 9_000, toleranceSeconds: Number.POSITIVE_INFINITY }).ok).toBe(true);
  });

  test('a clock or a tolerance that is no number refuses', () => {
    expect(verifyStandard({ body, headers: headersOf(), secrets: secret, now: Number.NaN })).toEqual(refused('bad_timestamp'));
    expect(verifyStandard({ body, headers: headersOf(), secrets: secret, now, toleranceSeconds: Number.NaN })).toEqual(
      refused('bad_timestamp'),
    );
  });

  test.each(['', '+1795428000', '0x6b03f960', '1795428000 ', '1795428000\n', '１７９５４２８０００', 'Infinity'])('%j is none', (value) => {
    const signature = `v1,${createHmac('sha256', key).update(`evt_1.${value}.`).update(body).digest('base64')}`;
    const headers = { ...headersOf(), 'webhook-timestamp': value, 'webhook-signature': signature };
    expect(verifyStandard({ body, headers, secrets: secret, now })).toEqual(refused(value === '' ? 'missing_header' : 'bad_timestamp'));
  });

  test('a forged request says nothing about the clock: the signature is looked at first', () => {
    const headers = { ...headersOf({ timestamp: now - 400 }), 'webhook-id': 'evt_2' };
    expect(verifyStandard({ body, headers, secrets: secret, now })).toEqual(refused('bad_signature'));
  });

  test('the clock of the machine is in use by default', () => {
    const timestamp = Math.floor(Date.now() / 1000);
    expect(verifyStandard({ body, headers: headersOf({ timestamp }), secrets: secret }).ok).toBe(true);
    expect(verifyStandard({ body, headers: headersOf({ timestamp: timestamp - 400 }), secrets: secret })).toEqual(refused('bad_timestamp'));
  });

  test.each([1.5, Number.NaN, -1, 2 ** 53])('signing refuses %d', (timestamp) => {
    expect(() => signStandard({ id: 'evt_1', timestamp, body, secrets: [secret] })).toThrow(RangeError);
  });
});

test('signing without a secret is refused', () => {
  expect(() => signStandard({ id: 'evt_1', timestamp: now, body, secrets: [] })).toThrow(RangeError);
});

describe('body', () => {
  test('text, a Uint8Array and one of another realm are the same bytes', () => {
    const foreign: Uint8Array = runInNewContext('new Uint8Array(bytes)', { bytes: [...body] });
    expect(foreign instanceof Uint8Array).toBe(false);
    for (const same of [body.toString(), new Uint8Array(body), foreign]) {
      expect(verifyX({ body: same, headers: headersOf(), secrets: secret }).ok).toBe(true);
      expect(verifyStandard({ body: same, headers: headersOf(), secrets: secret, now }).ok).toBe(true);
    }
  });

  // A request without a body leaves undefined behind express.raw, express.json leaves an object: a stranger must not make us throw.
  test.each([{ id: 'evt_1' }, [], undefined, null, 17])('%j is refused with words about the raw body', (parsed) => {
    const request = { body: parsed as unknown as Uint8Array, headers: headersOf(), secrets: secret, now };
    for (const result of [verifyX(request), verifyStandard(request)]) {
      expect(result).toEqual({ ok: false, code: 'bad_signature', message: expect.stringContaining('raw body') });
    }
  });
});
