/** A receiver with the kit's fetch adapter, here in Hono. */
import { serve } from '@hono/node-server';
import { receiveWebhooks } from '@posthorn/receiver/fetch';
import { Hono } from 'hono';
import { HOST, PORT, receiverOptions } from './settings.js';

const receive = receiveWebhooks(receiverOptions, ({ event }) => {
  console.log(`${event.type} ${event.id}`);
  return new Response('Valid signature');
});

const app = new Hono();
app.post('/webhooks', (context) => receive(context.req.raw));

serve({ fetch: app.fetch, port: PORT, hostname: HOST }, ({ port }) => {
  console.log(`listening on http://127.0.0.1:${port}`);
});
