/** A receiver with the kit and Fastify 5. */
import { receiveWebhooks } from '@posthorn/receiver/fastify';
import fastify from 'fastify';
import { HOST, PORT, receiverOptions } from './settings.js';

const app = fastify();

app.register(
  receiveWebhooks({ ...receiverOptions, path: '/webhooks' }, ({ event }, _request, reply) => {
    console.log(`${event.type} ${event.id}`);
    return reply.type('text/plain').send('Valid signature');
  }),
);

await app.listen({ port: PORT, host: HOST });
console.log(`listening on http://127.0.0.1:${app.server.address().port}`);
