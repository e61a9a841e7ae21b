/**
 * A webhook receiver: it knows the endpoint's secret and nothing else of Posthorn. As a program, `node src/receiver.ts`, it takes its settings from the
 * environment.
 */
import { DatabaseSync } from 'node:sqlite';
import { verifyWebhook } from '@posthorn/receiver';
import express, { type Express } from 'express';

/** What became of one request. */
export type Reception =
  | { readonly kind: 'valid'; readonly id: string; readonly type: string; readonly body: string; readonly repeated: boolean }
  | { readonly kind: 'invalid'; readonly reason: string };

export interface ReceiverOptions {
  /** The endpoint's signing secret. */
  readonly secret: string;
  /** Where it remembers the events that it has: it forgets none when it restarts. */
  readonly database: DatabaseSync;
  readonly onReception?: (reception: Reception) => void;
}

/** An Express app that takes webhooks at `POST /webhooks`: 200 once the event is recorded, 403 if the signature does not fit. */
export function createReceiver({ secret, database, onReception = () => undefined }: ReceiverOptions): Express {
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS received (position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL) STRICT;
  `);
  // The same event may come twice. One statement sees and records it, so that two copies at once cannot both be the first.
  const record = database.prepare('INSERT INTO received (id, body) VALUES (?, ?) ON CONFLICT (id) DO NOTHING');

  const receiver = express();
  // The signature covers the bytes as they came: a JSON parser in front of this would lose them.
  receiver.post('/webhooks', express.raw({ type: () => true, limit: '1mb' }), (request, response) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const verified = verifyWebhook({ body, headers: request.headers, secrets: secret, scheme: 'x-signature' });
    if (!verified.ok) {
      onReception({ kind: 'invalid', reason: verified.message });
      response.status(403).type('text/plain').send('Invalid signature');
      return;
    }
    // Record first, answer then: after a crash in between Posthorn sends it again. Do the work (mails, bookings) later, from the table.
    const { id, type } = verified.event;
    const text = body.toString('utf8');
    const repeated = record.run(id, text).changes === 0;
    onReception({ kind: 'valid', id, type, body: text, repeated });
    response.status(200).type('text/plain').send('Valid signature');
  });
  return receiver;
}

if (import.meta.main) {
  const secret = process.env['WEBHOOK_SECRET'];
  if (secret === undefined || secret === '') {
    console.error("WEBHOOK_SECRET is not set: it is the endpoint's signing secret, shown when the endpoint is created.");
    process.exit(1);
  }
  const database = new DatabaseSync(process.env['RECEIVER_DATABASE'] ?? 'received.db');
  const receiver = createReceiver({ secret, database, onReception: (reception) => console.log(JSON.stringify(reception)) });
  const port = Number(process.env['PORT'] ?? 4000);
  const server = receiver.listen(port, '127.0.0.1', (error) => {
    if (error !== undefined) throw error;
    console.log(`Receiver: http://127.0.0.1:${port}/webhooks`);
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      server.close();
      server.closeAllConnections();
    });
  }
}
