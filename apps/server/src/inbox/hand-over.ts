/**
 * A sender that hands what goes to an inbox of this very server over within the process. So an inbox works wherever the server listens, on loopback
 * or behind a proxy, and no exception is made to which addresses requests may go to. Everything else is as with any endpoint: the same headers, the
 * same signatures, an attempt with its outcome.
 */
import type { AttemptResult } from '@posthorn/core';
import { deliveryHeaders } from '../sender/headers.ts';
import type { DeliverRequest, Sender } from '../sender/sender.ts';
import { type InboxOptions, inboxToken, receive } from './inbox.ts';

export interface HandOverOptions extends InboxOptions {
  /** Where this server is reached, without a slash at the end. */
  readonly baseUrl: () => string;
}

export function withInboxes(sender: Sender, options: HandOverOptions): Sender {
  return {
    send: (request) => sender.send(request),
    deliver(request) {
      const token = inboxToken(request.url, options.baseUrl());
      return token === null ? sender.deliver(request) : handOver(token, request, options);
    },
    close: () => sender.close(),
  };
}

async function handOver(token: string, request: DeliverRequest, options: HandOverOptions): Promise<AttemptResult> {
  const { secrets, eventId, body, customHeaders, late, userAgent } = request;
  const startedAt = options.clock.now();
  const timestampSeconds = Math.floor(startedAt / 1000);
  const headers = deliveryHeaders({ eventId, body, timestampSeconds, secrets, customHeaders, late, userAgent });
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const timings = { dns: null, connect: null, tls: null, first_byte: null, body: null };
  try {
    const untried = [secrets.current, ...secrets.others];
    const answer = await receive(token, { method: 'POST', headers: lower, body }, { ...options, untried });
    const durationMs = Math.max(0, options.clock.now() - startedAt);
    const response = {
      status: answer.status,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body: new TextEncoder().encode(answer.text),
      bodyTruncated: false,
    };
    const outcome =
      answer.status === 200
        ? ({ kind: 'accepted', status: 200 } as const)
        : ({ kind: 'refused', status: answer.status, retryAfter: null } as const);
    return { startedAt, durationMs, outcome, response, timings: { ...timings, first_byte: durationMs, body: 0 } };
  } catch (error) {
    // As with any endpoint, whatever goes wrong there is an outcome.
    const detail = `The inbox could not keep the request: ${error instanceof Error ? error.message : String(error)}`;
    const outcome = { kind: 'transport_error', code: 'connection_reset', detail } as const;
    return { startedAt, durationMs: Math.max(0, options.clock.now() - startedAt), outcome, response: null, timings };
  }
}
