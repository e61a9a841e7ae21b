import type { Socket } from 'node:net';
import { Client, type Dispatcher } from 'undici';
import { type Destination, Dial, type DialSettings } from './dial.ts';
import { MAX_HEADER_BYTES, ReadGate } from './read-gate.ts';

/** Most servers keep an idle connection for 5 s or longer; a request on one that just closed is a failed attempt. */
const IDLE_MS = 4_000;
/** How long a server's own `Keep-Alive: timeout=` is followed. */
const IDLE_MAX_MS = 15_000;

/** The request that a connection carries. */
export interface Passenger extends Dispatcher.DispatchHandler {
  /** The answer is larger than anybody needs: end it. */
  onExcess(): void;
}

/**
 * One undici client, so one connection, carrying one request at a time. undici's own Pool would do the same work, but there
 * a request does not know its connection: it can be neither timed nor given up while that connection is being opened.
 */
export class Connection {
  readonly origin: string;
  readonly #client: Client;
  readonly #onIdleClose: (connection: Connection) => void;
  #passenger: Passenger | null = null;
  #dial: Dial | null = null;
  #gate: ReadGate | null = null;

  constructor(target: { readonly origin: string; readonly destination: Destination }, options: ConnectionOptions) {
    this.origin = target.origin;
    this.#onIdleClose = options.onIdleClose;
    this.#client = new Client(target.origin, {
      // Runs within carry(), or later when the server closed the kept-alive connection just as a request was given to it.
      connect: (_options, callback) => {
        const dial = new Dial(target.destination, options.dialSettings);
        this.#dial = dial;
        dial.open().then(
          (socket) => {
            this.#gate = this.#gateFor(socket, options.maxBodyBytes);
            callback(null, socket);
          },
          (error: Error) => callback(error, null),
        );
      },
      pipelining: 1,
      maxHeaderSize: MAX_HEADER_BYTES,
      // The sender's own deadline covers both, and is exact.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MAX_MS,
      allowH2: false,
    });
    this.#client.on('disconnect', () => {
      if (this.#passenger === null) this.#onIdleClose(this);
    });
  }

  carry(passenger: Passenger, options: Dispatcher.DispatchOptions): void {
    this.#passenger = passenger;
    this.#dial = null;
    this.#client.dispatch(options, passenger);
  }

  /** The passenger's request is being written now. */
  beginAnswer(): void {
    this.#gate?.beginAnswer();
  }

  beginBody(): void {
    this.#gate?.beginBody();
  }

  /** The passenger has its whole answer. */
  leave(): void {
    this.#passenger = null;
    this.#gate?.endAnswer();
  }

  /** The dial made for the present passenger; null when it rides on a connection that was there. */
  get dial(): Dial | null {
    return this.#dial;
  }

  destroy(): void {
    this.#passenger = null;
    this.#dial?.cancel();
    this.#client.destroy(null, ignore);
  }

  #gateFor(socket: Socket, maxBodyBytes: number): ReadGate {
    return new ReadGate(socket, {
      // Chunked framing may cost six bytes for each byte of a body; what costs more is sent to keep us busy.
      maxBodyWireBytes: maxBodyBytes * 8,
      onExcess: () => this.#passenger?.onExcess(),
    });
  }
}

export interface ConnectionOptions {
  readonly dialSettings: DialSettings;
  readonly maxBodyBytes: number;
  readonly onIdleClose: (connection: Connection) => void;
}

const ignore = () => undefined;
