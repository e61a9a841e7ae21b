import type { OutboxEvent } from './outbox.ts';

/** What became of a publish. */
export type PublishOutcome =
  | { readonly kind: 'published' }
  /** Posthorn read the request and will not take these events as they are, today or tomorrow. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Not now, or nobody knows: ask again with the same ids. */
  | { readonly kind: 'unavailable'; readonly reason: string; readonly retryAfterMs: number };

/** Publishes events in their order, all or nothing. Never throws for anything that Posthorn or the network does. */
export type Publish = (events: readonly OutboxEvent[], signal: AbortSignal) => Promise<PublishOutcome>;

export interface PosthornSettings {
  /** Where Posthorn listens, without a path. */
  readonly url: string;
  /** A service key; it picks the environment. */
  readonly key: string;
  /** The application (id or uid) whose endpoints get the events. */
  readonly application: string;
  /** From the connection to the end of the answer. */
  readonly timeoutMs?: number;
}

/** A `Publish` that sends `POST /v1/events/batch`. */
export function publishTo({ url, key, application, timeoutMs = 10_000 }: PosthornSettings): Publish {
  return async (events, signal) => {
    try {
      const response = await fetch(new URL('/v1/events/batch', url), {
        method: 'POST',
        headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
        body: renderBatch(events, application),
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      return readAnswer(response, await response.text());
    } catch (error) {
      // An answer that got lost says nothing about the publish: it may have happened.
      return { kind: 'unavailable', reason: describe(error), retryAfterMs: 0 };
    }
  };
}

/** `data` is spliced in as text: a round trip through JSON.parse would turn 17.0 into 17 and round a 19-digit id. */
function renderBatch(events: readonly OutboxEvent[], application: string): string {
  const rendered = events.map(({ id, type, orderingKey, data }) => {
    const head = JSON.stringify({ application, id, type, ordering_key: orderingKey });
    return `${head.slice(0, -1)},"data":${data}}`;
  });
  return `{"events":[${rendered.join(',')}]}`;
}

// These four speak of the key, the address, the clock or the load, not of the events: with the events set aside for them,
// a revoked key would empty the outbox.
const mendable = new Set([401, 403, 404, 408, 425, 429]);

function readAnswer(response: Response, body: string): PublishOutcome {
  const { status } = response;
  if (status === 202) return { kind: 'published' };
  const reason = `${status} ${body.slice(0, 500)}`.trim();
  // A 409 is no repeat of ours (that is answered 202 with the first result): another event has this id.
  if (status >= 400 && status < 500 && !mendable.has(status)) return { kind: 'refused', reason };
  const seconds = Number(response.headers.get('retry-after'));
  return { kind: 'unavailable', reason, retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : 0 };
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
