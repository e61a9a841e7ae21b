/** The adapter for handlers of a fetch `Request`: Hono, Next.js, Bun, Deno, and others that run Node's `crypto`. */

import { bodyTakenError } from './bytes.ts';
import { createReceiver, type ReceiverOptions, type Webhook } from './receiver.ts';

export type { ReceiverOptions, Refusal, Webhook } from './receiver.ts';

/**
 * A function from `Request` to `Response` that calls yours with verified webhooks only. Anything else it answers itself: 403 `Invalid signature`, or
 * 413. What else the framework passes (a context, parameters) reaches your handler unchanged.
 *
 * Answer with a 2xx within 30 seconds.
 *
 * @throws TypeError, RangeError on options that cannot work: above all a secret that is unset. The function itself rejects only if the body was read
 *   before it, if reading it breaks off, or if your handler rejects.
 */
export function receiveWebhooks<Data = unknown, Rest extends readonly unknown[] = []>(
  options: ReceiverOptions,
  handler: (webhook: Webhook<Data>, request: Request, ...rest: Rest) => Response | Promise<Response>,
): (request: Request, ...rest: Rest) => Promise<Response> {
  const receiver = createReceiver<Data>(options);

  return async (request, ...rest) => {
    if (request.bodyUsed)
      throw bodyTakenError('Call this before request.json() or request.text(); the handler gets the parsed event and the raw body.');
    const body = await read(request, receiver.limitBytes);
    const reception = body === null ? { ok: false as const, ...receiver.tooLarge() } : receiver.receive(body, request.headers);
    if (reception.ok) return handler(reception.webhook, request, ...rest);
    return new Response(reception.text, { status: reception.status, headers: { 'Content-Type': 'text/plain; charset=utf-8' } });
  };
}

/** The whole body, or null if it is larger than the limit. */
async function read(request: Request, limitBytes: number): Promise<Uint8Array | null> {
  if (Number(request.headers.get('content-length')) > limitBytes) return null;
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop cancels the rest of the body.
  for await (const chunk of request.body) {
    length += chunk.length;
    if (length > limitBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
