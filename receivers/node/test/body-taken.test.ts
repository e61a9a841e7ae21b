/** Apps in which something reads the body before the kit can: bytes are good, anything else is said aloud. */
import { createServer, request as httpRequest } from 'node:http';
import { signX } from '@posthorn/receiver';
import { receiveWebhooks as inExpress } from '@posthorn/receiver/express';
import { receiveWebhooks as inFetch } from '@posthorn/receiver/fetch';
import express, { type RequestHandler } from 'express';
import { afterEach, expect, test } from 'vitest';
import { type RunningApp, runningServer } from './apps.ts';

const secret = 'your_secret_key';
const options = { secrets: secret, scheme: 'x-signature' } as const;
const body =
  '{"id":"evt_1","type":"shipment.created","timestamp":"2026-11-23T10:00:00.000Z","environment":"sandbox","data":{"weight_kg":17.0}}';
const headers = { 'content-type': 'application/json', 'x-signature': signX(body, secret) };

let running: RunningApp | null = null;
afterEach(async () => {
  await running?.close();
  running = null;
});

/** Posts a good webhook to an Express app with this in front. */
async function postThrough(inFront: RequestHandler): Promise<string> {
  const app = express();
  app.use(inFront);
  app.post(
    '/webhooks',
    inExpress(options, (_webhook, _request, response) => {
      response.send('Valid signature');
    }),
  );
  const tell: express.ErrorRequestHandler = (error: Error, _request, response, _next) => {
    response.status(500).send(error.message);
  };
  app.use(tell);
  running = await runningServer(app.listen(0, '127.0.0.1'));
  const response = await fetch(running.url, { method: 'POST', headers, body });
  return `${response.status} ${await response.text()}`;
}

test('express.raw leaves bytes, which will do', async () => {
  expect(await postThrough(express.raw({ type: () => true }))).toBe('200 Valid signature');
});

test('so does a parser that keeps rawBody', async () => {
  const keeping = express.json({ verify: (request, _response, bytes) => Object.assign(request, { rawBody: bytes }) });
  expect(await postThrough(keeping)).toBe('200 Valid signature');
});

test('a parser that lets the request pass unread disturbs nothing', async () => {
  expect(await postThrough(express.json({ type: 'application/xml' }))).toBe('200 Valid signature');
});

test.each([
  ['express.json', express.json()],
  ['express.text', express.text({ type: () => true })],
])('%s takes the bytes: an error that says where to put the handler, not a 403', async (_name, parser) => {
  expect(await postThrough(parser)).toMatch(/^500 The body was read before .* Put this handler before app\.use\(express\.json\(\)\)/);
});

test('a request that was given up while a middleware waited comes to an end', async () => {
  const receive = inExpress(options, () => undefined);
  const received = new Promise<unknown>((resolve, reject) => {
    const server = createServer((request, response) => {
      request.once('close', () => {
        receive(request, response as never, reject).then(resolve, reject);
      });
    });
    server.listen(0, '127.0.0.1');
    runningServer(server).then((app) => {
      running = app;
      const sending = httpRequest(app.url, { method: 'POST', headers: { 'content-length': '100' }, agent: false });
      sending.on('error', () => undefined);
      sending.write('{', () => sending.destroy());
    }, reject);
  });
  expect(await received).toBeUndefined();
});

test('a fetch handler that reads the request first is told', async () => {
  const receive = inFetch(options, () => new Response('Valid signature'));
  const request = new Request('http://localhost/webhooks', { method: 'POST', headers, body });
  await request.clone().text();
  expect(await (await receive(request)).text()).toBe('Valid signature');
  await expect(receive(request)).rejects.toThrow('Call this before request.json()');
});
