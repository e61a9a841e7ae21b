/**
 * What the main thread and a sending thread say to each other. Structured cloning is what a message costs, so this was measured (Node 26, bodies of 400
 * bytes, 16 in a message; µs for each, sending side + receiving side): requests as objects with a body each 0.8 + 0.9, with bodies transferred one by
 * one 1.1 + 0.9, as rows with all bodies in one transferred buffer 0.3 + 0.3; results as they are 1.3 + 2.1, as rows 0.3 + 0.9, their headers as
 * JSON text no better. A message of one costs 3 + 2, so what arises in one turn of the loop shares a message.
 */
import type { AttemptResponse, AttemptResult, Outcome, Timings } from '@posthorn/core';
import type { DeliverRequest, SenderOptions, SendRequest } from './sender.ts';

/** What a thread is started with. */
export interface ThreadData {
  /** In the spelling of `parseAllowList`: the list itself holds objects with methods, which cannot be cloned. */
  readonly allowList: string;
  readonly options: Omit<SenderOptions, 'isAllowed' | 'clock'>;
}

/** The part of a request that stays the same from delivery to delivery; it goes over once, and by its number afterwards. */
export type EndpointPart = Pick<DeliverRequest, 'url' | 'secrets' | 'customHeaders' | 'userAgent'>;

export type ToThread =
  | {
      readonly kind: 'deliver';
      readonly added: readonly (readonly [endpoint: number, part: EndpointPart])[];
      readonly rows: readonly DeliveryRow[];
      /** In the order of the rows. */
      readonly bodies: Uint8Array;
      /** No later message uses these; this one still may. */
      readonly forgotten: readonly number[];
    }
  | { readonly kind: 'send'; readonly request: number; readonly content: SendRequest }
  | { readonly kind: 'close' };

export type FromThread =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'results';
      readonly rows: readonly ResultRow[];
      /** Of the responses, in the order of the rows. */
      readonly bodies: Uint8Array;
      readonly rejected: readonly (readonly [request: number, error: unknown])[];
    }
  /** The last message: all results are out. */
  | { readonly kind: 'closed' };

export type DeliveryRow = readonly [request: number, endpoint: number, eventId: string, late: boolean, bodySize: number];

type ResultRow = readonly [
  request: number,
  startedAt: number,
  durationMs: number,
  outcome: Outcome,
  /** Null where there was no response. */
  headers: AttemptResponse['headers'] | null,
  bodySize: number,
  bodyTruncated: boolean,
  dns: Timings['dns'],
  connect: Timings['connect'],
  tls: Timings['tls'],
  firstByte: Timings['first_byte'],
  body: Timings['body'],
];

/** Copies the bodies into one buffer that is nobody else's, so that it can be transferred. */
export function joinBodies(bodies: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  // Not from Buffer's pool, and not zeroed first.
  const joined = Buffer.allocUnsafeSlow(size);
  let offset = 0;
  for (const body of bodies) {
    joined.set(body, offset);
    offset += body.length;
  }
  return joined;
}

export function resultRow(request: number, { startedAt, durationMs, outcome, response, timings }: AttemptResult): ResultRow {
  const { dns, connect, tls, first_byte, body } = timings;
  const size = response?.body.length ?? 0;
  const truncated = response?.bodyTruncated ?? false;
  return [request, startedAt, durationMs, outcome, response?.headers ?? null, size, truncated, dns, connect, tls, first_byte, body];
}

/** Calls `give` with each result of a message; bodies are copies, so that one that is kept does not keep the others. */
export function readResults(rows: readonly ResultRow[], bodies: Uint8Array, give: (request: number, result: AttemptResult) => void): void {
  let offset = 0;
  for (const row of rows) {
    const [request, startedAt, durationMs, outcome, headers, size, bodyTruncated, dns, connect, tls, first_byte, body] = row;
    const response =
      headers === null || outcome.kind === 'transport_error'
        ? null
        : { status: outcome.status, headers, body: bodies.slice(offset, offset + size), bodyTruncated };
    offset += size;
    give(request, { startedAt, durationMs, outcome, response, timings: { dns, connect, tls, first_byte, body } });
  }
}
