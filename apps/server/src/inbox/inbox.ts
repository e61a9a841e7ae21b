/**
 * The inbox: a receiver built in, so that the first webhook is seen without having a server. It does what any receiver should: checks both signatures
 * of the raw body with the published kit, and answers 200 or 403.
 */
import type { Clock } from '@posthorn/core';
import { verifyStandard, verifyX } from '@posthorn/receiver';
import type { EndpointSecrets, InboxStore } from '../store/store.ts';

export interface InboxOptions {
  readonly inboxes: InboxStore;
  readonly clock: Pick<Clock, 'now'>;
}

export interface IncomingRequest {
  readonly method: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface InboxAnswer {
  readonly status: 200 | 403 | 404;
  readonly text: string;
}

/** How many requests an inbox keeps. */
const KEPT = 100;
/** How much of a body is kept. */
const KEPT_BYTES = 64 * 1024;

const TOKEN = /^[A-Za-z0-9_-]{22}$/;

export const UNKNOWN_INBOX: InboxAnswer = { status: 404, text: 'Unknown inbox' };

/** Whether it has the form of one. */
export function isInboxToken(text: string): boolean {
  return TOKEN.test(text);
}

/** The token of an inbox's URL; null: it is not one of `base`'s. Nothing but the very URL counts: no other host, port, path or query. */
export function inboxToken(url: string, base: string): string | null {
  const prefix = `${base}/inbox/`;
  const token = url.startsWith(prefix) ? url.slice(prefix.length) : '';
  return isInboxToken(token) ? token : null;
}

/**
 * Takes a request in.
 * @param untried secrets to check by while no endpoint has the inbox's URL: those of a test request before it is saved
 */
export async function receive(
  token: string,
  request: IncomingRequest,
  { inboxes, clock, untried = [] }: InboxOptions & { readonly untried?: readonly string[] },
): Promise<InboxAnswer> {
  const found = isInboxToken(token) ? await inboxes.byToken(token) : null;
  if (found === null) return UNKNOWN_INBOX;
  const receivedAt = clock.now();
  const saved = found.secrets.flatMap(inForce);
  const secrets = saved.length > 0 ? saved : untried;
  const { body, headers } = request;
  const x = verifyX({ body, headers, secrets });
  const standard = verifyStandard({ body, headers, secrets, now: Math.floor(receivedAt / 1000) });
  const verdict = { xSignature: x.ok ? 'valid' : x.code, standard: standard.ok ? 'valid' : standard.code };
  const kept = await inboxes.keep(
    found.inbox.id,
    {
      receivedAt,
      method: request.method,
      headers,
      body: body.subarray(0, KEPT_BYTES),
      bodyTruncated: body.length > KEPT_BYTES,
      ...eventIn(body),
      ...verdict,
    },
    KEPT,
  );
  if (!kept) return UNKNOWN_INBOX;
  return isGood(verdict) ? { status: 200, text: 'Valid signature' } : { status: 403, text: 'Invalid signature' };
}

/** One good signature is enough for a receiver that checks one of them; a bad one beside it is not. */
function isGood({ xSignature, standard }: { readonly xSignature: string; readonly standard: string }): boolean {
  const verdicts = [xSignature, standard];
  return verdicts.includes('valid') && verdicts.every((verdict) => verdict === 'valid' || verdict === 'missing_header');
}

function inForce({ current, next, previous }: EndpointSecrets): string[] {
  return [current, next?.secret, previous?.secret].filter((secret) => secret !== undefined);
}

/** What the body says it is, for the list; nothing is taken for granted. */
function eventIn(body: Uint8Array): { readonly eventId: string | null; readonly eventType: string | null } {
  let event: unknown = null;
  try {
    event = JSON.parse(new TextDecoder().decode(body));
  } catch {
    // Anybody may send anything here. What is no JSON is no event.
  }
  const text = (name: string): string | null => {
    const value: unknown = typeof event === 'object' && event !== null ? Reflect.get(event, name) : null;
    return typeof value === 'string' && value.length <= 128 ? value : null;
  };
  return { eventId: text('id'), eventType: text('type') };
}
