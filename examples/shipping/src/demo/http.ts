export interface JsonClientOptions {
  readonly url: string;
  readonly key?: string;
  readonly signal: AbortSignal;
}

/** Calls a JSON API; the answer's fields are taken on trust by whoever names `Answer`. */
export type JsonClient = <Answer>(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown) => Promise<Answer>;

/**
 * A client whose calls reject, with the whole answer in the message, on anything but a 2xx.
 */
export function jsonClient({ url, key, signal }: JsonClientOptions): JsonClient {
  return async <Answer>(method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(new URL(path, url), {
      method,
      headers: { 'Content-Type': 'application/json', ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(40_000)]),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as Answer;
  };
}
