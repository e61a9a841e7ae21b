/** The adapter for Fastify 4 and 5. */

import type { IncomingHttpHeaders } from 'node:http';
import { isBytes } from './bytes.ts';
import { createReceiver, type ReceiverOptions, type RefusalAnswer, type Webhook } from './receiver.ts';

export type { ReceiverOptions, Refusal, Webhook } from './receiver.ts';

export interface WebhookRoute extends ReceiverOptions {
  /** The route's path, such as `/webhooks`; a prefix that the plugin is registered with comes before it. */
  readonly path: string;
}

/** As much of Fastify as this needs; naming the parts keeps the package free of dependencies. */
interface Instance<Request, Reply> {
  removeAllContentTypeParsers(): unknown;
  addContentTypeParser(
    type: string,
    options: { parseAs: 'buffer'; bodyLimit: number },
    parser: (request: Request, body: Buffer, done: (error: Error | null, body?: unknown) => void) => void,
  ): unknown;
  route(options: {
    method: 'POST';
    url: string;
    bodyLimit: number;
    handler: (request: Request, reply: Reply) => unknown;
    errorHandler: (error: Error, request: Request, reply: Reply) => unknown;
  }): unknown;
}

export interface AnyRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** As much of Fastify's reply as most handlers need; annotate yours with Fastify's own type for more. */
export interface AnyReply {
  code(status: number): this;
  type(contentType: string): this;
  header(name: string, value: unknown): this;
  send(payload?: unknown): this;
}

/**
 * A plugin with one route, `POST path`, that calls your handler with verified webhooks only. Anything else it answers itself: 403 `Invalid signature`,
 * or 413. Within the plugin no body parser runs, whatever the rest of the app has.
 *
 * Your handler returns the answer, as in any Fastify route. Answer with a 2xx within 30 seconds.
 *
 * @throws TypeError, RangeError on options that cannot work: above all a secret that is unset
 */
export function receiveWebhooks<Data = unknown, Request extends AnyRequest = AnyRequest, Reply extends AnyReply = AnyReply>(
  options: WebhookRoute,
  handler: (webhook: Webhook<Data>, request: Request, reply: Reply) => unknown,
): (instance: Instance<Request, Reply>, pluginOptions: unknown, done: () => void) => void {
  const receiver = createReceiver<Data>(options);
  const bodyLimit = receiver.limitBytes;

  return (instance, _pluginOptions, done) => {
    instance.removeAllContentTypeParsers();
    instance.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit }, (_request, body, parsed) => parsed(null, body));
    instance.route({
      method: 'POST',
      url: options.path,
      bodyLimit,
      handler(request, reply) {
        // A request without a body leaves none here.
        const body = isBytes(request.body) ? request.body : new Uint8Array();
        const reception = receiver.receive(body, request.headers);
        return reception.ok ? handler(reception.webhook, request, reply) : refuse(reply, reception);
      },
      errorHandler(error, _request, reply) {
        if ('code' in error && error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return refuse(reply, receiver.tooLarge());
        throw error;
      },
    });
    done();
  };
}

function refuse(reply: AnyReply, { status, text }: RefusalAnswer): unknown {
  return reply.code(status).type('text/plain; charset=utf-8').send(text);
}
