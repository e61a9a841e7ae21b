/**
 * The first bytes of a body, copied into one growing buffer: a body that drips in one byte at a time would otherwise pin
 * thousands of small chunks, and a small body the 64 KiB it was read into. The first chunk, often the only one, is given just
 * the room it needs; up to 64 bytes then need no memory outside of V8's heap.
 */
export class BodyPrefix {
  readonly #limit: number;
  #buffer = EMPTY;
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False once there was more than the limit; the excess is dropped. */
  append(chunk: Uint8Array): boolean {
    const fitting = Math.min(chunk.length, this.#limit - this.#length);
    const needed = this.#length + fitting;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.min(this.#limit, Math.max(needed, this.#buffer.length * 2)));
      grown.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = grown;
    }
    this.#buffer.set(fitting === chunk.length ? chunk : chunk.subarray(0, fitting), this.#length);
    this.#length = needed;
    return fitting === chunk.length;
  }

  bytes(): Uint8Array {
    return this.#length === this.#buffer.length ? this.#buffer : this.#buffer.slice(0, this.#length);
  }
}

const EMPTY = new Uint8Array(0);
