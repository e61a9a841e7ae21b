import { type AnswerHead, NO_STATUS_LINE, readHead } from './answer-head.ts';
import { ChunkedBody } from './chunked-body.ts';

/** Bytes on the wire from the request to the end of the final headers, interim (1xx) answers included. */
export const MAX_HEADER_BYTES = 16 * 1024;

/** Told what an answer holds, as it comes. */
export interface AnswerListener {
  /** The final head; interim ones are passed over, as RFC 9110, section 15.2, has clients do that did not ask for them. */
  onHead(head: AnswerHead): void;
  /** A view of what was read. */
  onBody(data: Buffer): void;
  /** The answer is complete. @param reusable another request may follow on this connection */
  onEnd(reusable: boolean): void;
  /** Larger than anybody needs: the head beyond 16 KiB, or what frames the body beyond all proportion. */
  onExcess(): void;
  /** No HTTP/1.x answer. @param problem in words of our own: nothing of what was read */
  onInvalid(problem: string): void;
}

/**
 * Reads the answers of one connection, one at a time.
 *
 * idle (between answers) -> head -> body -> idle. What comes while idle nobody has asked for: the caller hangs up on it.
 */
export class AnswerReader {
  readonly #listener: AnswerListener;
  readonly #maxBodyWireBytes: number;
  #state: 'idle' | 'head' | 'body' = 'idle';
  /** Of the head, or of the body. */
  #wireBytes = 0;
  /** A head that has begun and not ended, and room for more of it: one that drips in is neither copied nor searched anew with each byte. */
  #begun: Buffer = NOTHING;
  #begunBytes = 0;
  /** Servers answer with the same head again and again, within a second even with the same `Date`. */
  #lastText = '';
  #lastHead: AnswerHead | null = null;
  #head: AnswerHead | null = null;
  #left = 0;
  #chunked: ChunkedBody | null = null;

  constructor(listener: AnswerListener, options: { readonly maxBodyWireBytes: number }) {
    this.#listener = listener;
    this.#maxBodyWireBytes = options.maxBodyWireBytes;
  }

  /** A request is about to be written: what comes next is its answer. */
  begin(): void {
    this.#state = 'head';
    this.#wireBytes = 0;
    this.#forgetBegun();
  }

  /** Whatever is still to come is not wanted. */
  stop(): void {
    this.#state = 'idle';
    this.#forgetBegun();
    this.#chunked = null;
  }

  read(bytes: Buffer): void {
    if (this.#state === 'head') this.#readHeads(bytes);
    else if (this.#state === 'body') this.#readBody(bytes);
  }

  /** The other side will send no more. @returns false where the answer was not over */
  end(): boolean {
    if (this.#state !== 'body' || this.#head?.framing.kind !== 'until_close') return this.#state === 'idle';
    this.#finish({ surplus: true });
    return true;
  }

  #readHeads(bytes: Buffer): void {
    let from = Math.max(0, this.#begunBytes - HEAD_END.length + 1);
    let rest = this.#begunBytes === 0 ? bytes : this.#withBegun(bytes);
    while (rest.length > 0) {
      const end = rest.indexOf(HEAD_END, from);
      const size = end === -1 ? rest.length : end + HEAD_END.length;
      if (this.#wireBytes + size > MAX_HEADER_BYTES) return this.#listener.onExcess();
      if (end === -1) return this.#keepBegun(rest, from);
      const head = this.#headOf(rest.toString('latin1', 0, end));
      if (typeof head === 'string') return this.#listener.onInvalid(head);
      rest = rest.subarray(size);
      from = 0;
      this.#wireBytes += size;
      if (head.status >= 200) return this.#beginBody(head, rest);
      if (head.status === 101) return this.#listener.onInvalid('it switches to another protocol');
    }
    this.#forgetBegun();
  }

  /** What has begun, and these bytes behind it. */
  #withBegun(bytes: Buffer): Buffer {
    const size = this.#begunBytes + bytes.length;
    if (size > this.#begun.length) {
      const grown = Buffer.allocUnsafe(Math.max(size, this.#begun.length * 2));
      this.#begun.copy(grown, 0, 0, this.#begunBytes);
      this.#begun = grown;
    }
    bytes.copy(this.#begun, this.#begunBytes);
    return this.#begun.subarray(0, size);
  }

  /** Another protocol's greeting has no end that could be waited for, nor has a head that ends in its own way. @param from where the new bytes begin */
  #keepBegun(begun: Buffer, from: number): void {
    if (begun.compare(VERSION, 0, Math.min(begun.length, VERSION.length), 0, Math.min(begun.length, VERSION.length)) !== 0) {
      return this.#listener.onInvalid(NO_STATUS_LINE);
    }
    if (BARE_ENDS.some((end) => begun.includes(end, from))) return this.#listener.onInvalid('its lines end in bare line feeds');
    if (begun.buffer !== this.#begun.buffer || begun.byteOffset !== this.#begun.byteOffset) this.#begun = begun;
    this.#begunBytes = begun.length;
  }

  #forgetBegun(): void {
    this.#begun = NOTHING;
    this.#begunBytes = 0;
  }

  #headOf(text: string): AnswerHead | string {
    if (this.#lastHead !== null && text === this.#lastText) return this.#lastHead;
    const head = readHead(text);
    if (typeof head !== 'string') {
      this.#lastText = text;
      this.#lastHead = head;
    }
    return head;
  }

  #beginBody(head: AnswerHead, rest: Buffer): void {
    this.#state = 'body';
    this.#wireBytes = 0;
    this.#head = head;
    this.#left = head.framing.kind === 'length' ? head.framing.bytes : Number.POSITIVE_INFINITY;
    this.#chunked = head.framing.kind === 'chunked' ? new ChunkedBody() : null;
    this.#listener.onHead(head);
    if (this.#state === 'body' && (rest.length > 0 || this.#left === 0)) this.#readBody(rest);
  }

  #readBody(bytes: Buffer): void {
    // Asked before the new bytes are added: what was read already may as well be used.
    if (this.#wireBytes > this.#maxBodyWireBytes) return this.#listener.onExcess();
    this.#wireBytes += bytes.length;
    const used = this.#chunked === null ? this.#readPlain(bytes) : this.#chunked.read(bytes, this.#give);
    if (this.#state !== 'body') return;
    if (used === -1) this.#listener.onInvalid('its chunks are none');
    else if (this.#left === 0 || this.#chunked?.isDone === true) this.#finish({ surplus: used < bytes.length });
  }

  #readPlain(bytes: Buffer): number {
    const used = Math.min(bytes.length, this.#left);
    if (used > 0) this.#give(used === bytes.length ? bytes : bytes.subarray(0, used));
    this.#left -= used;
    return used;
  }

  /** @returns false where the listener has had enough */
  readonly #give = (data: Buffer): boolean => {
    this.#listener.onBody(data);
    return this.#state === 'body';
  };

  /** @param surplus more has come than belongs to the answer, or no more can come */
  #finish({ surplus }: { readonly surplus: boolean }): void {
    const reusable = !surplus && this.#head?.keepAlive === true;
    this.stop();
    this.#listener.onEnd(reusable);
  }
}

const HEAD_END = Buffer.from('\r\n\r\n');
/** The end of a head that was written without carriage returns, wholly or here and there. */
const BARE_ENDS = [Buffer.from('\n\n'), Buffer.from('\n\r\n')];
const VERSION = Buffer.from('HTTP/1.');
const NOTHING = Buffer.alloc(0);
