/** Enough for the endpoints that a dispatcher works on at a time. */
const MAX_KEPT = 1_000;

/** What was derived from a text, kept for the last thousand texts: preparing a secret costs 5 µs, parsing a URL 1. */
export class Recent<T> {
  readonly #derive: (text: string) => T;
  readonly #kept = new Map<string, T>();

  constructor(derive: (text: string) => T) {
    this.#derive = derive;
  }

  get(text: string): T {
    const kept = this.#kept.get(text);
    if (kept !== undefined) return kept;
    const derived = this.#derive(text);
    if (this.#kept.size >= MAX_KEPT) {
      const [oldest] = this.#kept.keys();
      if (oldest !== undefined) this.#kept.delete(oldest);
    }
    this.#kept.set(text, derived);
    return derived;
  }
}
