import type { Socket } from 'node:net';

/** Bytes on the wire from the request to the end of the final headers, interim (1xx) answers included. */
export const MAX_HEADER_BYTES = 16 * 1024;

/**
 * Stands between a connection and undici's parser, because that parser
 * - counts header names and values but not the rest, and starts anew with each 1xx: an endless status line, a million empty
 *   headers or endless 1xx answers would pass;
 * - takes `100 Continue` for an error, where RFC 9110, section 15.2, has clients accept a 1xx that they did not ask for.
 * So the gate counts raw bytes, and lets no 1xx through (101 aside, which undici rightly refuses).
 *
 * States: idle (between exchanges) -> start (at the first byte of a status line) -> head (within final headers) -> body.
 */
export class ReadGate {
  readonly #maxBodyWireBytes: number;
  readonly #onExcess: () => void;
  #state: 'idle' | 'start' | 'head' | 'body' = 'idle';
  #seen = 0;
  #held: Buffer | null = null;

  /** `onExcess` is called when a limit is passed; it is expected to destroy the connection. */
  constructor(socket: Socket, options: { readonly maxBodyWireBytes: number; readonly onExcess: () => void }) {
    this.#maxBodyWireBytes = options.maxBodyWireBytes;
    this.#onExcess = options.onExcess;
    // undici pulls: it calls read() until that gives null. Wrapping that one method costs a call per chunk.
    const read: (size?: number) => Buffer | null = socket.read.bind(socket);
    socket.read = (size?: number) => this.#pass(read(size));
  }

  /** A request is about to be written: what comes next is its answer. */
  beginAnswer(): void {
    this.#state = 'start';
    this.#seen = 0;
    this.#held = null;
  }

  /** The final headers are complete. */
  beginBody(): void {
    this.#state = 'body';
    this.#seen = 0;
  }

  endAnswer(): void {
    this.#state = 'idle';
  }

  #pass(chunk: Buffer | null): Buffer | null {
    if (this.#state === 'idle') return chunk;
    // Asked before the new bytes are added: a chunk may hold the end of the headers and much of the body.
    if (this.#seen > (this.#state === 'body' ? this.#maxBodyWireBytes : MAX_HEADER_BYTES)) {
      this.#onExcess();
      return null;
    }
    if (chunk === null) return null;
    this.#seen += chunk.length;
    return this.#state === 'start' ? this.#withoutInterim(chunk) : chunk;
  }

  /** Drops complete 1xx answers, holds an incomplete one back, and passes on whatever begins anything else. */
  #withoutInterim(chunk: Buffer): Buffer | null {
    let rest = this.#held === null ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = null;
    while (rest.length > 0) {
      const start = interimStart(rest);
      if (start === 'no') {
        this.#state = 'head';
        return rest;
      }
      const end = start === 'yes' ? rest.indexOf('\r\n\r\n') : -1;
      if (end === -1) {
        this.#held = rest;
        return null;
      }
      rest = rest.subarray(end + 4);
    }
    return null;
  }
}

const INTERIM = Buffer.from('HTTP/1.');

/** Do these bytes begin `HTTP/1.x 1yz` with a status other than 101? `unsure` while there are too few to tell. */
function interimStart(bytes: Buffer): 'yes' | 'no' | 'unsure' {
  const known = Math.min(bytes.length, INTERIM.length);
  for (let i = 0; i < known; i++) if (bytes[i] !== INTERIM[i]) return 'no';
  if (bytes.length > 8 && bytes[8] !== 0x20) return 'no';
  if (bytes.length > 9 && bytes[9] !== 0x31) return 'no';
  if (bytes.length < 12) return 'unsure';
  return bytes[10] === 0x30 && bytes[11] === 0x31 ? 'no' : 'yes';
}
