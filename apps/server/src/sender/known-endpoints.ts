import type { DeliverRequest } from './sender.ts';
import type { EndpointPart } from './thread-messages.ts';

/** More than a dispatcher holds lanes at a time. */
const MAX_KNOWN = 2_000;

/**
 * The endpoints that a sending thread knows by number. A changed endpoint gets a new number; beyond 2,000 the one known longest is forgotten.
 * `added` and `forgotten` wait for the next message.
 */
export class KnownEndpoints {
  readonly #byKey = new Map<string, Known>();
  /** The same by the request's own `secrets` object: making and hashing the key cost 0.6 µs for each request (measured). */
  readonly #bySecrets = new WeakMap<DeliverRequest['secrets'], { readonly request: EndpointPart; readonly known: Known }>();
  #lastNumber = 0;
  #added: (readonly [number, EndpointPart])[] = [];
  #forgotten: number[] = [];

  numberOf(request: DeliverRequest): number {
    const last = this.#bySecrets.get(request.secrets);
    if (last !== undefined && !last.known.forgotten && isUnchanged(last.request, request)) return last.known.number;
    const known = this.#find(request);
    const { url, secrets, customHeaders, userAgent } = request;
    this.#bySecrets.set(secrets, { request: { url, secrets, customHeaders, userAgent }, known });
    return known.number;
  }

  #find(request: DeliverRequest): Known {
    // Both, because several endpoints may share a URL, or a secret.
    const key = `${request.url}\n${request.secrets.current}`;
    const known = this.#byKey.get(key);
    if (known !== undefined && isSame(known.part, request)) return known;
    if (known !== undefined) this.#forget(key, known);
    return this.#add(key, request);
  }

  /** What the thread has to be told before it gets requests with the numbers given since the last call. */
  takeChanges(): { readonly added: readonly (readonly [number, EndpointPart])[]; readonly forgotten: readonly number[] } {
    const changes = { added: this.#added, forgotten: this.#forgotten };
    if (changes.added.length > 0) this.#added = [];
    if (changes.forgotten.length > 0) this.#forgotten = [];
    return changes;
  }

  #add(key: string, { url, secrets, customHeaders, userAgent }: DeliverRequest): Known {
    if (this.#byKey.size >= MAX_KNOWN) {
      const [oldest] = this.#byKey;
      if (oldest !== undefined) this.#forget(...oldest);
    }
    this.#lastNumber += 1;
    const known = { number: this.#lastNumber, part: { url, secrets, customHeaders, userAgent }, forgotten: false };
    this.#byKey.set(key, known);
    this.#added.push([known.number, known.part]);
    return known;
  }

  #forget(key: string, known: Known): void {
    known.forgotten = true;
    this.#byKey.delete(key);
    this.#forgotten.push(known.number);
  }
}

interface Known {
  readonly number: number;
  readonly part: EndpointPart;
  forgotten: boolean;
}

/** By identity, where that is enough; the secrets are the same already. */
function isUnchanged(last: EndpointPart, request: DeliverRequest): boolean {
  return last.url === request.url && last.customHeaders === request.customHeaders && last.userAgent === request.userAgent;
}

/** URL and current secret are the key, so they are the same already. */
function isSame(known: EndpointPart, request: DeliverRequest): boolean {
  return (
    known.userAgent === request.userAgent &&
    isSameList(known.secrets.others, request.secrets.others) &&
    (known.customHeaders === request.customHeaders ||
      isSameList(Object.entries(known.customHeaders).flat(), Object.entries(request.customHeaders).flat()))
  );
}

function isSameList(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((text, index) => text === others[index]);
}
