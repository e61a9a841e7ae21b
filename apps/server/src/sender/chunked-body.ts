const CR = 0x0d;
const LF = 0x0a;
const BLANK = 0x20;
const TAB = 0x09;
const SEMICOLON = 0x3b;
/** 15 hexadecimal digits are more than anybody sends; beyond 2^53 a number is not exact, but nobody reads that far. */
const MAX_SIZE_DIGITS = 15;

type State =
  | 'size'
  | 'extension'
  | 'size_lf'
  | 'data'
  | 'data_cr'
  | 'data_lf'
  | 'trailer_start'
  | 'trailer'
  | 'trailer_lf'
  | 'last_lf'
  | 'done';

/** What a line break in this state leads to. */
const AFTER_LF = { data_lf: 'size', trailer_lf: 'trailer_start', last_lf: 'done' } as const;

/** A chunked body (RFC 9112, section 7.1): gives the bytes of its chunks; extensions and trailers are passed over. How long they may be, the caller counts. */
export class ChunkedBody {
  #state: State = 'size';
  #size = 0;
  #digits = 0;

  get isDone(): boolean {
    return this.#state === 'done';
  }

  /**
   * @param give gets the bytes as they come, as views of `bytes`; false ends the reading
   * @returns how many of the bytes belong to the body (all, until it is done); -1 where they are no chunked body
   */
  read(bytes: Buffer, give: (data: Buffer) => boolean): number {
    let at = 0;
    while (at < bytes.length && this.#state !== 'done') {
      if (this.#state === 'data') {
        const end = Math.min(bytes.length, at + this.#size);
        if (!give(bytes.subarray(at, end))) return end;
        this.#size -= end - at;
        at = end;
        if (this.#size === 0) this.#state = 'data_cr';
      } else if (this.#state === 'extension' || this.#state === 'trailer') {
        const end = bytes.indexOf(CR, at);
        if (end === -1) return bytes.length;
        at = end + 1;
        this.#state = this.#state === 'extension' ? 'size_lf' : 'trailer_lf';
      } else {
        if (!this.#takeByte(bytes[at] ?? -1)) return -1;
        at += 1;
      }
    }
    return at;
  }

  /** @returns false where this byte cannot stand here */
  #takeByte(byte: number): boolean {
    switch (this.#state) {
      case 'size':
        return this.#takeOfSize(byte);
      case 'size_lf':
        this.#state = this.#size === 0 ? 'trailer_start' : 'data';
        return byte === LF;
      case 'data_cr':
        this.#state = 'data_lf';
        return byte === CR;
      case 'trailer_start':
        this.#state = byte === CR ? 'last_lf' : 'trailer';
        return true;
      case 'data_lf':
      case 'trailer_lf':
      case 'last_lf':
        this.#state = AFTER_LF[this.#state];
        this.#size = 0;
        this.#digits = 0;
        return byte === LF;
      default:
        return false;
    }
  }

  #takeOfSize(byte: number): boolean {
    const digit = hexDigit(byte);
    if (digit !== -1) {
      this.#size = this.#size * 16 + digit;
      this.#digits += 1;
      return this.#digits <= MAX_SIZE_DIGITS;
    }
    if (byte === CR) this.#state = 'size_lf';
    else if (byte === SEMICOLON || byte === BLANK || byte === TAB) this.#state = 'extension';
    else return false;
    return this.#digits > 0;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}
