/** A receiver with the kit and Express 5. */
import { receiveWebhooks } from '@posthorn/receiver/express';
import express from 'express';
import { HOST, PORT, receiverOptions } from './settings.js';

const app = express();

app.post(
  '/webhooks',
  receiveWebhooks(receiverOptions, ({ event }, _request, response) => {
    console.log(`${event.type} ${event.id}`);
    response.type('text/plain').send('Valid signature');
  }),
);
// Body parsers come after the webhooks: they would take the bytes that the signature covers.
app.use(express.json());

const server = app.listen(PORT, HOST, () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
