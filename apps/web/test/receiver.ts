/** A customer's own server, with the published kit: it verifies each request in both schemes, and can be made to fail. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { verifyWebhook } from '@posthorn/receiver';

export interface Receiver {
  /** Where its webhooks are; anything else is no POST route. */
  readonly url: string;
  /** What it verifies with: the secrets it has been told. */
  secrets: string[];
  /** What it answers a valid request with; 500 makes it fail. */
  answers: number;
  /** One for each request: the event's type, or why it was refused. */
  readonly received: string[];
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const received: string[] = [];
  const server = createServer((request, response) => {
    bytesOf(request).then(
      (body) => answer(request, response, body),
      () => response.destroy(),
    );
  });
  function answer(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    if (request.url !== '/webhooks') {
      response.writeHead(405, { allow: 'GET', 'content-type': 'text/plain' }).end('Method Not Allowed');
      return;
    }
    const verdicts = (['x-signature', 'standard'] as const).map((scheme) => {
      if (receiver.secrets.length === 0) return 'no secret';
      const verified = verifyWebhook({ body, headers: request.headers, secrets: receiver.secrets, scheme });
      return verified.ok ? 'valid' : verified.code;
    });
    const valid = verdicts.every((verdict) => verdict === 'valid');
    received.push(valid ? (JSON.parse(body.toString()) as { type: string }).type : verdicts.join(', '));
    const status = valid ? receiver.answers : 403;
    const text = !valid ? 'Invalid signature' : status === 200 ? 'Valid signature' : 'the order database is down';
    response.writeHead(status, { 'content-type': 'text/plain' }).end(text);
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const receiver: Receiver = {
    url: `http://127.0.0.1:${port}/webhooks`,
    secrets: [],
    answers: 200,
    received,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return receiver;
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
