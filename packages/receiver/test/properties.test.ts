import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkSecret, prepareSecret, signStandard, signX, standardSecret, verifyStandard, verifyWebhook, verifyX } from '../src/index.ts';

/** 2,000 in `npm test`; RECEIVER_CASES=200000 is the long form. */
const numRuns = Number(process.env['RECEIVER_CASES'] ?? 2_000);
const LONG = { timeout: 300_000 };
const now = 1_795_428_000;
const secret = prepareSecret('whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=');
const HEADERS = ['x-signature', 'webhook-id', 'webhook-timestamp', 'webhook-signature'] as const;

const bytes = fc.uint8Array({ maxLength: 200 });
const text = fc.string({ unit: 'binary', maxLength: 80 });
const bodies = fc.oneof(bytes, text);

/** Anything a header could be, with a bias towards what gets past the first checks. */
const headerValue = fc.oneof(
  text,
  fc.constantFrom(String(now), 'v1,', `v1,${'A'.repeat(43)}=`, 'a'.repeat(64), 'é'.repeat(64)),
  fc.array(text, { maxLength: 3 }),
  fc.anything(),
);
const headerBag = fc.oneof(
  fc.record(Object.fromEntries(HEADERS.map((name) => [name, headerValue])), { requiredKeys: [] }),
  fc.dictionary(fc.oneof(text, fc.constantFrom(...HEADERS, 'X-Signature', 'get', '__proto__')), headerValue),
  fc.anything(),
);

test('no body, header or secret makes verifying throw, and none is taken for good', LONG, () => {
  const anySecret = fc.oneof(fc.constant(secret), text, fc.array(fc.oneof(text, fc.constant(null))));
  fc.assert(
    fc.property(fc.oneof(bodies, fc.anything()), headerBag, anySecret, (body, headers, secrets) => {
      const request = { body, headers, secrets, now } as Parameters<typeof verifyStandard>[0];
      expect(verifyX(request).ok).toBe(false);
      expect(verifyStandard(request).ok).toBe(false);
      expect(verifyWebhook(request).ok).toBe(false);
    }),
    { numRuns },
  );
});

const signedRequest = fc
  .record({
    body: fc.uint8Array({ minLength: 1, maxLength: 200 }),
    id: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
    age: fc.integer({ min: -300, max: 300 }),
  })
  .map(({ body, id, age }) => {
    const timestamp = now - age;
    const headers = {
      'x-signature': signX(body, secret),
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signStandard({ id, timestamp, body, secrets: [secret] }),
    };
    return { body, headers };
  });

test('what is signed verifies, whichever form of the secret is at hand', LONG, () => {
  const plainSecret = fc.string({ unit: 'grapheme-ascii', minLength: 12, maxLength: 256 });
  fc.assert(
    fc.property(bodies, plainSecret, (body, plain) => {
      expect(checkSecret(plain)).toBeNull();
      const headers = {
        'webhook-id': 'evt_1',
        'webhook-timestamp': String(now),
        'webhook-signature': signStandard({ id: 'evt_1', timestamp: now, body, secrets: [plain] }),
      };
      expect(verifyX({ body, signature: signX(body, plain), secrets: plain }).ok).toBe(true);
      expect(verifyStandard({ body, headers, secrets: standardSecret(plain), now }).ok).toBe(true);
    }),
    { numRuns },
  );
});

/** One byte of a request to change: where, and into what. */
const change = fc.record({ part: fc.constantFrom('body', ...HEADERS), at: fc.nat(), by: fc.integer({ min: 1, max: 255 }) });

/** The same bytes with one of them changed. */
function withByteChanged(value: Uint8Array, { at, by }: { readonly at: number; readonly by: number }): Buffer {
  const changed = Buffer.from(value);
  const index = at % changed.length;
  changed[index] = (changed[index] ?? 0) ^ by;
  return changed;
}

test('every change of one byte is refused', LONG, () => {
  fc.assert(
    fc.property(signedRequest, change, (request, { part, ...byte }) => {
      const verify = (changed: typeof request) => ({
        x: verifyX({ ...changed, secrets: secret }).ok,
        standard: verifyStandard({ ...changed, secrets: secret, now }).ok,
      });
      expect(verify(request)).toEqual({ x: true, standard: true });

      if (part === 'body') {
        expect(verify({ ...request, body: new Uint8Array(withByteChanged(request.body, byte)) })).toEqual({ x: false, standard: false });
        return;
      }
      const value = withByteChanged(Buffer.from(request.headers[part]), byte).toString('latin1');
      const expected = part === 'x-signature' ? { x: false, standard: true } : { x: true, standard: false };
      expect(verify({ ...request, headers: { ...request.headers, [part]: value } })).toEqual(expected);
    }),
    { numRuns },
  );
});

test('every change of one byte of one request is refused, without exception', LONG, () => {
  const [request] = fc.sample(signedRequest, { numRuns: 1, seed: 1 });
  if (request === undefined) throw new Error('no sample');
  const { body, headers } = request;
  const taken: string[] = [];
  let changes = 0;
  const eachChangeOf = (value: Uint8Array, verify: (changed: Buffer) => boolean) => {
    for (let at = 0; at < value.length; at++) {
      for (let by = 1; by < 256; by++) {
        changes++;
        if (verify(withByteChanged(value, { at, by }))) taken.push(`${at} ^ ${by}`);
      }
    }
  };
  eachChangeOf(body, (changed) => verifyX({ body: changed, headers, secrets: secret }).ok);
  eachChangeOf(body, (changed) => verifyStandard({ body: changed, headers, secrets: secret, now }).ok);
  for (const part of HEADERS) {
    const verify = part === 'x-signature' ? verifyX : verifyStandard;
    eachChangeOf(
      Buffer.from(headers[part]),
      (changed) => verify({ body, headers: { ...headers, [part]: changed.toString('latin1') }, secrets: secret, now }).ok,
    );
  }
  expect(taken).toEqual([]);
  expect(changes).toBe(255 * (2 * body.length + Object.values(headers).join('').length));
});
