/**
 * What the main thread and a sending thread say to each other. Structured cloning is what a message costs, so this was measured (Node 26, bodies of 400
 * bytes, 16 in a message; µs for each, sending side + receiving side): requests as objects with a body each 0.8 + 0.9, with bodies transferred one by
 * one 1.1 + 0.9, as one flat array of whole numbers, one of texts and one transferred buffer 0.2 + 0.2; results as they are 1.3 + 2.1, flat 0.3 + 0.3.
 * A message of one costs 3 + 2, so what arises in one turn of the loop shares a message.
 */
import type { AttemptResult } from '@posthorn/core';
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
      readonly requests: PackedRequests;
      /** No later message uses these; this one still may. */
      readonly forgotten: readonly number[];
    }
  | { readonly kind: 'send'; readonly request: number; readonly content: SendRequest }
  | { readonly kind: 'close' };

export type FromThread =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'results';
      readonly packed: PackedResults;
      /** What does not fit the pack: failures, and the first request over a connection. */
      readonly others: readonly (readonly [request: number, result: AttemptResult])[];
      readonly rejected: readonly (readonly [request: number, error: unknown])[];
    }
  /** The last message: all results are out. */
  | { readonly kind: 'closed' };

export interface PackedRequests {
  /** For each request: its number, its endpoint's, 1 if it is late, the size of its body. */
  readonly numbers: readonly number[];
  readonly eventIds: readonly string[];
  readonly bodies: Uint8Array<ArrayBuffer>;
}

const REQUEST_NUMBERS = 4;

/** Answers of 2xx over kept connections: the many. */
export interface PackedResults {
  /** For each result: its request's number, startedAt after `since`, duration, status, first byte, body (times in hundredths of a millisecond), body's size. */
  readonly numbers: readonly number[];
  /** Epoch milliseconds. */
  readonly since: number;
  /** Each a JSON object. */
  readonly headers: readonly string[];
  readonly bodies: Uint8Array<ArrayBuffer>;
}

const RESULT_NUMBERS = 7;

/** Gathers requests for one message. */
export class RequestPack {
  #numbers: number[] = [];
  #eventIds: string[] = [];
  #bodies: Uint8Array[] = [];
  #bodiesSize = 0;

  get bodiesSize(): number {
    return this.#bodiesSize;
  }

  get isEmpty(): boolean {
    return this.#eventIds.length === 0;
  }

  add(request: number, endpoint: number, { eventId, late, body }: DeliverRequest): void {
    this.#numbers.push(request, endpoint, late ? 1 : 0, body.length);
    this.#eventIds.push(eventId);
    this.#bodies.push(body);
    this.#bodiesSize += body.length;
  }

  take(): PackedRequests {
    const packed = { numbers: this.#numbers, eventIds: this.#eventIds, bodies: joinBodies(this.#bodies, this.#bodiesSize) };
    this.#numbers = [];
    this.#eventIds = [];
    this.#bodies = [];
    this.#bodiesSize = 0;
    return packed;
  }
}

/** Calls `give` with each request of a pack; its body is a view of the pack's. */
export function readRequests(
  { numbers, eventIds, bodies }: PackedRequests,
  give: (request: number, endpoint: number, content: Pick<DeliverRequest, 'eventId' | 'late' | 'body'>) => void,
): void {
  let offset = bodies.byteOffset;
  for (const [index, eventId] of eventIds.entries()) {
    const at = index * REQUEST_NUMBERS;
    const size = numbers[at + 3] ?? 0;
    const body = Buffer.from(bodies.buffer, offset, size);
    offset += size;
    give(numbers[at] ?? 0, numbers[at + 1] ?? 0, { eventId, late: numbers[at + 2] === 1, body });
  }
}

/** Gathers results for one message. */
export class ResultPack {
  #numbers: number[] = [];
  #since = Date.now();
  /** A connection gives the same object as long as its server answers with the same head. */
  readonly #texts = new WeakMap<Readonly<Record<string, string>>, string>();
  #headers: string[] = [];
  #bodies: Uint8Array[] = [];
  #bodiesSize = 0;

  /** @returns false where the result is of another kind */
  add(request: number, { startedAt, durationMs, outcome, response, timings }: AttemptResult): boolean {
    const { dns, connect, tls, first_byte, body } = timings;
    if (outcome.kind !== 'accepted' || response === null || response.bodyTruncated) return false;
    if (dns !== null || connect !== null || tls !== null || first_byte === null || body === null) return false;
    this.#numbers.push(
      request,
      startedAt - this.#since,
      hundredths(durationMs),
      response.status,
      hundredths(first_byte),
      hundredths(body),
      response.body.length,
    );
    this.#headers.push(this.#textOf(response.headers));
    this.#bodies.push(response.body);
    this.#bodiesSize += response.body.length;
    return true;
  }

  #textOf(headers: Readonly<Record<string, string>>): string {
    const known = this.#texts.get(headers);
    if (known !== undefined) return known;
    const text = JSON.stringify(headers);
    this.#texts.set(headers, text);
    return text;
  }

  take(): PackedResults {
    const packed = {
      numbers: this.#numbers,
      since: this.#since,
      headers: this.#headers,
      bodies: joinBodies(this.#bodies, this.#bodiesSize),
    };
    this.#numbers = [];
    this.#since = Date.now();
    this.#headers = [];
    this.#bodies = [];
    this.#bodiesSize = 0;
    return packed;
  }
}

/** Takes what came of one request. */
export type GiveResult = (request: number, result: AttemptResult) => void;

/** Reads packs of results. Servers answer with the same headers again and again, within a second even with the same `Date`, so the last are kept. */
export class ResultReader {
  readonly #headers = new Map<string, Readonly<Record<string, string>>>();

  /**
   * @returns gives the next `most` results each time it is called, and tells whether there are more; bodies are copies, so that one that is kept does
   *   not keep the others
   */
  open({ numbers, since, headers, bodies }: PackedResults): (most: number, give: GiveResult) => boolean {
    let index = 0;
    let offset = 0;
    return (most, give) => {
      for (const end = Math.min(headers.length, index + most); index < end; index += 1) {
        const at = index * RESULT_NUMBERS;
        const status = numbers[at + 3] ?? 0;
        const size = numbers[at + 6] ?? 0;
        const body = bodies.slice(offset, offset + size);
        offset += size;
        give(numbers[at] ?? 0, {
          startedAt: since + (numbers[at + 1] ?? 0),
          durationMs: (numbers[at + 2] ?? 0) / 100,
          outcome: { kind: 'accepted', status },
          response: { status, headers: this.#headersOf(headers[index] ?? '{}'), body, bodyTruncated: false },
          timings: { dns: null, connect: null, tls: null, first_byte: (numbers[at + 4] ?? 0) / 100, body: (numbers[at + 5] ?? 0) / 100 },
        });
      }
      return index < headers.length;
    };
  }

  #headersOf(text: string): Readonly<Record<string, string>> {
    const known = this.#headers.get(text);
    if (known !== undefined) return known;
    const headers = Object.freeze(JSON.parse(text) as Record<string, string>);
    if (this.#headers.size >= 64) this.#headers.clear();
    this.#headers.set(text, headers);
    return headers;
  }
}

/** Whole numbers are what structured cloning writes fastest; the sender rounds to hundredths anyway. */
function hundredths(ms: number): number {
  return Math.round(ms * 100);
}

/** Copies the bodies into one buffer that is nobody else's, so that it can be transferred. */
function joinBodies(bodies: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  // Not from Buffer's pool, and not zeroed first.
  const joined = Buffer.allocUnsafeSlow(size);
  let offset = 0;
  for (const body of bodies) {
    joined.set(body, offset);
    offset += body.length;
  }
  return joined;
}
