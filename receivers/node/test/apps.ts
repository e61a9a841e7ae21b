/** One receiver in each framework, on a socket of its own, with what its handler got. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { receiveWebhooks as inExpress, type ReceiverOptions, type Webhook } from '@posthorn/receiver/express';
import { receiveWebhooks as inFastify } from '@posthorn/receiver/fastify';
import { receiveWebhooks as inFetch } from '@posthorn/receiver/fetch';
import express, { type Express } from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';

// Express 4 has no types of its own, and those of Express 5 fit what is used here.
const { default: express4 }: { default: typeof express } = await import('express4' as string);

export interface RunningApp {
  readonly url: string;
  close(): Promise<void>;
}

/** Hears of each webhook; what it throws is the handler's failure. */
export type OnWebhook = (webhook: Webhook) => unknown;

export type StartApp = (options: ReceiverOptions, onWebhook: OnWebhook) => Promise<RunningApp>;

export function runningServer(server: Server): Promise<RunningApp> {
  return new Promise((resolve) => {
    server.once('listening', () =>
      resolve({
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      }),
    );
  });
}

function expressApp(create: () => Express): StartApp {
  return (options, onWebhook) => {
    const app = create();
    app.post(
      '/webhooks',
      inExpress(options, async (webhook, _request, response) => {
        await onWebhook(webhook);
        response.type('text/plain').send('Valid signature');
      }),
    );
    // Express logs an error by itself unless a handler takes it.
    app.use((_error: unknown, _request: unknown, response: { sendStatus(code: number): void }, _next: unknown) => response.sendStatus(500));
    return runningServer(app.listen(0, '127.0.0.1'));
  };
}

const startFastify: StartApp = (options, onWebhook) => {
  const app = fastify();
  // A parser that the rest of the app has must not touch the webhooks.
  app.addContentTypeParser('multipart/form-data', (_request, _payload, done) => done(new Error('parsed')));
  app.register(
    inFastify({ ...options, path: '/webhooks' }, async (webhook, _request, reply) => {
      await onWebhook(webhook);
      return reply.type('text/plain').send('Valid signature');
    }),
  );
  return app.listen({ port: 0, host: '127.0.0.1' }).then((url) => ({ url: `${url}/webhooks`, close: () => app.close() }));
};

const startHono: StartApp = (options, onWebhook) => {
  const receive = inFetch(options, async (webhook) => {
    await onWebhook(webhook);
    return new Response('Valid signature');
  });
  const app = new Hono();
  app.post('/webhooks', (context) => receive(context.req.raw));
  app.onError((_error, context) => context.text('', 500));
  return runningServer(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server);
};

export const APPS: readonly (readonly [string, StartApp])[] = [
  ['Express 5', expressApp(express)],
  ['Express 4', expressApp(express4)],
  ['Fastify', startFastify],
  ['fetch, in Hono', startHono],
];
