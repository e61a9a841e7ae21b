import type { Socket } from 'node:net';
import type { AnswerHead } from './answer-head.ts';
import { type AnswerListener, AnswerReader } from './answer-reader.ts';
import { type Destination, Dial, type DialSettings } from './dial.ts';
import { brokenConnection, DialError, type Failure, HEADERS_TOO_LARGE, invalidAnswer } from './failures.ts';

/** Most servers keep an idle connection for 5 s or longer; a request on one that just closed is a failed attempt. */
const IDLE_MS = 4_000;
/** How long a server's own `Keep-Alive: timeout=` is followed. */
const IDLE_MAX_MS = 15_000;
/** The server begins to count before we do. */
const IDLE_MARGIN_MS = 2_000;

/** The request that a connection carries. */
export interface Passenger {
  /** It is being written now. @returns head and body; asked for once, so that a large one is not kept until the answer comes */
  onWrite(): Buffer;
  /** Bytes of its answer have come; what they hold follows. */
  onBytes(): void;
  onHead(head: AnswerHead): void;
  /** A view of what was read. */
  onBody(data: Buffer): void;
  /** The whole answer is there. */
  onEnd(reusable: boolean): void;
  /** There will be no answer, or no more of it. */
  onFailure(failure: Failure): void;
}

/**
 * One TCP or TLS connection, which carries one request at a time: opened for its first, kept open between requests.
 * Written for this purpose instead of a general client: plain requests of one kind, whose answers' bodies hardly matter (docs/decisions/0006).
 */
export class Connection implements AnswerListener {
  readonly origin: string;
  readonly #destination: Destination;
  readonly #dialSettings: DialSettings;
  readonly #onIdleClose: (connection: Connection) => void;
  readonly #reader: AnswerReader;
  #passenger: Passenger | null = null;
  #dial: Dial | null = null;
  #socket: Socket | null = null;
  #idleUntil = 0;
  #keptForMs = IDLE_MS;

  constructor(target: { readonly origin: string; readonly destination: Destination }, options: ConnectionOptions) {
    this.origin = target.origin;
    this.#destination = target.destination;
    this.#dialSettings = options.dialSettings;
    this.#onIdleClose = options.onIdleClose;
    // Chunked framing may cost six bytes for each byte of a body; what costs more is sent to keep us busy.
    this.#reader = new AnswerReader(this, { maxBodyWireBytes: options.maxBodyBytes * 8 });
  }

  /** To be called after sockets were read and before they are again: a connection that broke meanwhile is then known to have, and is opened anew. */
  carry(passenger: Passenger): void {
    this.#passenger = passenger;
    if (this.#socket !== null) this.#write(this.#socket, passenger);
    else this.#open();
  }

  /** The passenger has its whole answer. @param now by `performance.now()` */
  leave(now: number): void {
    this.#passenger = null;
    this.#dial = null;
    this.#idleUntil = now + this.#keptForMs;
    if (this.#isWriting) setImmediate(this.#endIfWriting);
  }

  isIdleAt(now: number): boolean {
    return this.#socket !== null && now < this.#idleUntil && !this.#isWriting;
  }

  /** The dial made for the present passenger; null when it rides on a connection that was there. */
  get dial(): Dial | null {
    return this.#dial;
  }

  destroy(): void {
    this.#passenger = null;
    this.#reader.stop();
    this.#dial?.cancel();
    const socket = this.#socket;
    this.#socket = null;
    socket?.destroy();
  }

  onHead(head: AnswerHead): void {
    this.#keptForMs = keptForMs(head.keepAliveSeconds);
    this.#passenger?.onHead(head);
  }

  onBody(data: Buffer): void {
    this.#passenger?.onBody(data);
  }

  onEnd(reusable: boolean): void {
    this.#passenger?.onEnd(reusable && this.#keptForMs > 0);
  }

  onExcess(): void {
    this.#passenger?.onFailure({ code: 'response_too_large', detail: HEADERS_TOO_LARGE });
  }

  onInvalid(problem: string): void {
    this.#passenger?.onFailure(invalidAnswer(this.#destination.hostname, problem));
  }

  #open(): void {
    const dial = new Dial(this.#destination, this.#dialSettings);
    this.#dial = dial;
    dial.open().then(
      (socket) => {
        // Given up meanwhile, and so perhaps another passenger's by now.
        if (this.#dial !== dial || this.#passenger === null) socket.destroy();
        else this.#adopt(socket, this.#passenger);
      },
      (error: Error) => {
        if (this.#dial === dial) this.#passenger?.onFailure(error instanceof DialError ? error.failure : this.#broken(error));
      },
    );
  }

  #adopt(socket: Socket, passenger: Passenger): void {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#hear(socket, bytes));
    socket.on('end', () => this.#hearEnd(socket));
    socket.on('error', (error) => this.#hearBreak(socket, error));
    socket.on('close', () => this.#hearBreak(socket, null));
    this.#write(socket, passenger);
  }

  #write(socket: Socket, passenger: Passenger): void {
    this.#reader.begin();
    socket.write(passenger.onWrite());
  }

  /** A request that is still being written when its answer is complete leaves the connection in the middle of something. */
  get #isWriting(): boolean {
    return (this.#socket?.writableLength ?? 0) > 0;
  }

  /** Not asked at once: with TLS Node tells only in the next immediates that something was written, and a quick answer comes before them. */
  readonly #endIfWriting = (): void => {
    if (this.#passenger === null && this.#isWriting) this.#onIdleClose(this);
  };

  #hear(socket: Socket, bytes: Buffer): void {
    if (socket !== this.#socket) return;
    if (this.#passenger === null) return this.#onIdleClose(this);
    this.#passenger.onBytes();
    this.#reader.read(bytes);
  }

  #hearEnd(socket: Socket): void {
    if (socket !== this.#socket) return;
    if (this.#passenger === null || !this.#reader.end()) this.#hearBreak(socket, null);
  }

  #hearBreak(socket: Socket, error: NodeJS.ErrnoException | null): void {
    if (socket !== this.#socket) return;
    this.#socket = null;
    socket.destroy();
    if (this.#passenger === null) this.#onIdleClose(this);
    else this.#passenger.onFailure(this.#broken(error));
  }

  #broken(error: NodeJS.ErrnoException | null): Failure {
    return brokenConnection(this.#destination.hostname, error);
  }
}

export interface ConnectionOptions {
  readonly dialSettings: DialSettings;
  readonly maxBodyBytes: number;
  readonly onIdleClose: (connection: Connection) => void;
}

/** 0 or less: not at all. */
function keptForMs(serverSeconds: number | null): number {
  return serverSeconds === null ? IDLE_MS : Math.min(IDLE_MAX_MS, serverSeconds * 1000 - IDLE_MARGIN_MS);
}
