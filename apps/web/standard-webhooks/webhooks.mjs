import express from 'express';
import { Webhook } from 'standardwebhooks';

const { WEBHOOK_SECRET: secret, HOST = '127.0.0.1', PORT = '4000' } = process.env;
const webhook = new Webhook(secret); // throws without a secret

const app = express();
// The bytes as they came: no JSON parser in front of this route, and more room than the usual 100 kB.
app.post('/webhooks', express.raw({ type: () => true, limit: '1mb' }), (request, response) => {
  try {
    const event = webhook.verify(request.body, request.headers);
    console.log(event.id, event.type); // the same id may come twice: remember it
    response.status(200).type('text/plain').send('Valid signature');
  } catch {
    response.status(403).type('text/plain').send('Invalid signature');
  }
});
app.listen(Number(PORT), HOST, () => console.log(`listening on http://${HOST}:${PORT}`));
