/** The same receiver with Express 4. */
import { receiveWebhooks } from '@posthorn/receiver/express';
import express from 'express4';
import { HOST, PORT, receiverOptions } from './settings.js';

const app = express();

app.post(
  '/webhooks',
  receiveWebhooks(receiverOptions, ({ event }, _request, response) => {
    console.log(`${event.type} ${event.id}`);
    response.type('text/plain').send('Valid signature');
  }),
);
app.use(express.json());

const server = app.listen(PORT, HOST, () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
