/** The adapter for Express 4 and 5, and for whatever else hands over Node's own request and response: Connect, NestJS, bare `node:http`. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyTakenError, isBytes } from './bytes.ts';
import { createReceiver, type ReceiverOptions, type RefusalAnswer, type Webhook } from './receiver.ts';

export type { ReceiverOptions, Refusal, Webhook } from './receiver.ts';

/** As much of Express's response as most handlers need. Naming it keeps the package free of dependencies; annotate yours with Express's own type for more. */
export interface ExpressResponse extends ServerResponse {
  status(code: number): this;
  type(type: string): this;
  send(body?: unknown): this;
  json(body?: unknown): this;
  sendStatus(code: number): this;
}

/**
 * A request handler that calls yours with verified webhooks only. Anything else it answers itself: 403 `Invalid signature`, or 413. It reads the
 * body's bytes itself, so it needs no body parser, and none may have taken the body before it (bytes left by `express.raw`, or in `rawBody`, will do).
 *
 * Answer with a 2xx within 30 seconds. If your handler throws or rejects, `next` hears of it, in Express 4 too; with bare `node:http` that is a function
 * of yours which logs the error and answers 500.
 *
 * @throws TypeError, RangeError on options that cannot work: above all a secret that is unset
 */
export function receiveWebhooks<
  Data = unknown,
  Request extends IncomingMessage = IncomingMessage,
  Response extends ServerResponse = ExpressResponse,
>(
  options: ReceiverOptions,
  handler: (webhook: Webhook<Data>, request: Request, response: Response) => unknown,
): (request: Request, response: Response, next: (error?: unknown) => void) => Promise<void> {
  const receiver = createReceiver<Data>(options);

  return async (request, response, next) => {
    try {
      const body = await bodyOf(request, receiver.limitBytes);
      if (body === 'aborted') return;
      if (body === 'too_large') {
        // What is still under way is not read into the next request.
        response.setHeader('Connection', 'close');
        refuse(response, receiver.tooLarge());
        return;
      }
      const reception = receiver.receive(body, request.headers);
      if (reception.ok) await handler(reception.webhook, request, response);
      else refuse(response, reception);
    } catch (error) {
      next(error);
    }
  };
}

function refuse(response: ServerResponse, { status, text }: RefusalAnswer): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.end(text);
}

/** The bytes as they came, from the socket or from where a framework kept them. */
function bodyOf(request: IncomingMessage, limitBytes: number): Promise<Uint8Array | 'too_large' | 'aborted'> | Uint8Array {
  const { rawBody, body }: { rawBody?: unknown; body?: unknown } = request as object;
  for (const kept of [rawBody, body]) if (isBytes(kept)) return kept;
  if (request.readableDidRead) {
    throw bodyTakenError('Put this handler before app.use(express.json()) and other body parsers, or give this route express.raw().');
  }
  return read(request, limitBytes);
}

/** Reads to the end, or to the limit; counts while it reads, since a chunked body does not say its length. */
function read(request: IncomingMessage, limitBytes: number): Promise<Uint8Array | 'too_large' | 'aborted'> {
  return new Promise((resolve) => {
    // Its sender gave up while something before this handler waited: no event would come any more.
    if (request.destroyed) resolve('aborted');
    const chunks: Buffer[] = [];
    let length = 0;
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length <= limitBytes) chunks.push(chunk);
      else stop();
    };
    const stop = (): void => {
      request.off('data', onData);
      // Goes on reading, into nothing: a client that is still sending would not see the answer otherwise.
      request.resume();
      resolve('too_large');
    };
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', () => resolve('aborted'));
    request.on('close', () => resolve('aborted'));
    request.on('data', onData);
    if (Number(request.headers['content-length']) > limitBytes) stop();
  });
}
