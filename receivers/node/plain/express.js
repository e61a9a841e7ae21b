import { createHmac, timingSafeEqual } from 'node:crypto';
import express from 'express';

const { WEBHOOK_SECRET: secret = '', HOST = '127.0.0.1', PORT = '4000' } = process.env;
if (secret.length < 12) throw new Error('WEBHOOK_SECRET is unset or too short: anyone could forge webhooks.');

const app = express();
// The bytes as they came: no JSON parser in front of this route, and more room than the usual 100 kB.
app.post('/webhooks', express.raw({ type: () => true, limit: '1mb' }), (request, response) => {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const expected = Buffer.from(createHmac('sha256', secret).update(body).digest('hex'));
  const given = Buffer.from(request.get('X-Signature') ?? '');
  // timingSafeEqual throws on unequal lengths, and 64 characters may be 128 bytes.
  const valid = given.length === expected.length && timingSafeEqual(given, expected);
  response
    .status(valid ? 200 : 403)
    .type('text/plain')
    .send(valid ? 'Valid signature' : 'Invalid signature');
});
app.listen(Number(PORT), HOST, () => console.log(`listening on http://${HOST}:${PORT}`));
