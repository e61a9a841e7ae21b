/** The adapters, each in its framework over a real socket: the same answers everywhere. */
import { request as httpRequest } from 'node:http';
import { signX } from '@posthorn/receiver';
import type { ReceiverOptions, Refusal, Webhook } from '@posthorn/receiver/express';
import { afterEach, describe, expect, test } from 'vitest';
import { isEvent, type VectorCase, vectors } from '../../../packages/receiver/test/vectors.ts';
import { APPS, type OnWebhook, type RunningApp, type StartApp } from './apps.ts';

const secret = 'your_secret_key';
const event = {
  id: 'evt_1',
  type: 'shipment.created',
  timestamp: '2026-11-23T10:00:00.000Z',
  environment: 'sandbox',
  data: { name: 'Gọ́ld', weight_kg: 17 },
};
const body = Buffer.from(JSON.stringify(event).replace('17', '17.0'));

const running: RunningApp[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((app) => app.close()));
});

/** Starts an app and notes what it took and refused. */
async function start(startApp: StartApp, options: Partial<ReceiverOptions> = {}, onWebhook: OnWebhook = () => undefined) {
  const taken: Webhook[] = [];
  const refused: Refusal[] = [];
  const app = await startApp(
    { secrets: secret, scheme: 'x-signature', onRefused: (refusal) => refused.push(refusal), ...options },
    (webhook) => {
      taken.push(webhook);
      return onWebhook(webhook);
    },
  );
  running.push(app);
  return { url: app.url, taken, refused };
}

interface Sent {
  readonly body: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** In chunks, without a Content-Length. */
  readonly chunked?: boolean;
}

/** Posts with Node's own client, which takes any header bytes and sends no Content-Type of its own. */
function post(url: string, { body: sent, headers = {}, chunked = false }: Sent): Promise<string> {
  const length = chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(sent.length) };
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method: 'POST', headers: { ...length, ...headers }, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(`${response.statusCode} ${text}`));
    });
    // A server that refuses by the length closes while the body is still under way; the answer, if it came, has come by then.
    request.on('error', reject);
    request.end(sent);
  });
}

const signed = (sent: Uint8Array) => ({ 'x-signature': signX(sent, secret) });

/** Header values as bytes: Node's client writes latin1. */
const wireHeaders = (headers: VectorCase['headers']) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value).toString('latin1')]));

/** What the kit makes of a vector: a body that is well signed but no event of Posthorn's is `bad_body`. */
function codeOf(expected: string, sent: Buffer): string {
  return expected === 'valid' && !isEvent(sent) ? 'bad_body' : expected;
}

describe.each(APPS)('%s', (_name, startApp) => {
  test.each(['x-signature', 'standard'] as const)('answers every vector of %s', async (scheme) => {
    for (const vector of vectors) {
      const sent = Buffer.from(vector.body_base64, 'base64');
      const expected = codeOf(scheme === 'standard' ? vector.standard : vector.x_signature, sent);
      const options = { secrets: vector.secrets ?? vector.secret, scheme, now: () => vector.now };
      if (expected === 'no_secret') {
        expect(() => startApp(options, () => undefined), vector.name).toThrow('secret');
        continue;
      }
      const { url, refused } = await start(startApp, options);
      // What HTTP itself trims off a header never reaches anybody.
      const trimmed = vector.headers['webhook-timestamp'] === ' ' && scheme === 'standard';
      const answer = await post(url, { body: sent, headers: wireHeaders(vector.headers) });
      expect([answer, ...refused.map(({ code }) => code)], vector.name).toEqual(
        expected === 'valid' ? ['200 Valid signature'] : ['403 Invalid signature', trimmed ? 'missing_header' : expected],
      );
    }
    expect(vectors.length).toBeGreaterThanOrEqual(43);
  });

  test('the handler gets the event and the very bytes', async () => {
    const { url, taken } = await start(startApp);
    expect(await post(url, { body, headers: signed(body) })).toBe('200 Valid signature');
    expect(taken.map((webhook) => webhook.event)).toEqual([event]);
    expect(Buffer.from(taken[0]?.body ?? '').equals(body)).toBe(true);
  });

  test.each(['application/json', 'text/plain; charset=utf-16', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded'])(
    'a Content-Type of %s changes nothing',
    async (type) => {
      const { url } = await start(startApp);
      expect(await post(url, { body, headers: { ...signed(body), 'content-type': type } })).toBe('200 Valid signature');
    },
  );

  test('a body of the limit is taken, one byte more is 413, in chunks too; the handler hears of none of it', async () => {
    const limitBytes = body.length;
    const { url, taken, refused } = await start(startApp, { limitBytes });
    const longer = Buffer.concat([body, Buffer.from(' ')]);
    for (const chunked of [false, true]) {
      expect(await post(url, { body, headers: signed(body), chunked })).toBe('200 Valid signature');
      expect(await post(url, { body: longer, headers: signed(longer), chunked })).toBe('413 Payload too large');
    }
    expect(taken).toHaveLength(2);
    expect(refused.map(({ code }) => code)).toEqual(['too_large', 'too_large']);
  });

  test('a body without an end is answered as soon as it is too large', async () => {
    const { url } = await start(startApp, { limitBytes: 1_000 });
    const status = await new Promise((resolve) => {
      const request = httpRequest(url, { method: 'POST', agent: false }, (response) => {
        resolve(response.statusCode);
        request.destroy();
      });
      request.on('error', () => undefined);
      request.write(Buffer.alloc(1_001));
    });
    expect(status).toBe(413);
  });

  test('by default there is room for 1 MiB', async () => {
    const { url } = await start(startApp);
    const large = Buffer.from(JSON.stringify({ ...event, data: '' }).replace('""', `"${'x'.repeat(1_048_576 - 117)}"`));
    expect(large.length).toBeGreaterThan(1_048_000);
    expect(large.length).toBeLessThanOrEqual(1_048_576);
    expect(await post(url, { body: large, headers: signed(large) })).toBe('200 Valid signature');
  });

  test('nothing but well-signed requests reaches the handler', async () => {
    const { url, taken } = await start(startApp);
    const good = signX(body, secret);
    for (const signature of ['', good.slice(1), `${good}0`, good.toUpperCase(), 'é'.repeat(64), `${good}, ${good}`]) {
      expect(await post(url, { body, headers: { 'x-signature': signature } })).toBe('403 Invalid signature');
    }
    expect(await post(url, { body })).toBe('403 Invalid signature');
    expect(await post(url, { body: Buffer.alloc(0) })).toBe('403 Invalid signature');
    expect(taken).toEqual([]);
  });

  test('a handler that fails becomes an error of the framework, and the next webhook is taken', async () => {
    let fails = true;
    const { url } = await start(startApp, {}, async () => {
      await Promise.resolve();
      if (fails) throw new Error('the database is away');
    });
    expect(await post(url, { body, headers: signed(body) })).toMatch(/^500 /);
    fails = false;
    expect(await post(url, { body, headers: signed(body) })).toBe('200 Valid signature');
  });

  test('a sender that gives up in the middle of the body disturbs nobody', async () => {
    const { url, taken } = await start(startApp);
    await new Promise<void>((resolve) => {
      const request = httpRequest(url, { method: 'POST', headers: { 'content-length': '100' }, agent: false });
      request.on('error', () => resolve());
      request.write('{', () => request.destroy(new Error('gone')));
    });
    expect(await post(url, { body, headers: signed(body) })).toBe('200 Valid signature');
    expect(taken).toHaveLength(1);
  });

  const unusable = [undefined, null, '', [], [undefined, ''], 'tiny', 'whsec_', [secret, 'whsec_spoilt']];
  test.each(unusable.map((secrets) => ({ secrets })))('$secrets refuses to start, without repeating it', ({ secrets }) => {
    const starting = () => startApp({ secrets }, () => undefined);
    expect(starting).toThrow(/^(No|The) signing secret/);
    expect(starting).not.toThrow(/tiny|spoilt|your_secret_key/);
  });

  test('a next secret that is empty is none', async () => {
    const { url } = await start(startApp, { secrets: [secret, ''] });
    expect(await post(url, { body, headers: signed(body) })).toBe('200 Valid signature');
  });

  test('a scheme or a limit that cannot be refuses to start', () => {
    expect(() => startApp({ secrets: secret, scheme: 'x_signature' as 'x-signature' }, () => undefined)).toThrow(TypeError);
    expect(() => startApp({ secrets: secret, limitBytes: Number.NaN }, () => undefined)).toThrow(RangeError);
  });
});
