import { connect as connectTcp, isIP, isIPv6, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import { classifyAddress } from '@posthorn/core';
import { connectFailure, DialError, type Failure, tlsFailure } from './failures.ts';
import type { NameResolver } from './names.ts';

export interface DialSettings {
  readonly names: NameResolver;
  /** Promise 8's rule: may a request go to this address? */
  readonly isAllowed: (ip: string) => boolean;
  /** TCP and TLS together, in milliseconds. */
  readonly connectTimeoutMs: number;
  readonly secureContext: () => SecureContext;
}

export interface Destination {
  /** As in `URL.hostname`, without the brackets of an IPv6 literal. */
  readonly hostname: string;
  readonly port: number;
  readonly secure: boolean;
}

/** Milliseconds of each phase that began, the unfinished one included. */
export type DialTimings = Record<Phase, number | null>;

type Phase = 'dns' | 'connect' | 'tls';

/** RFC 8305, section 5: the pause before the next address is tried beside one that has not answered yet. */
const NEXT_ADDRESS_AFTER_MS = 300;
/** A name with hundreds of addresses does not get hundreds of connections. */
const MAX_ADDRESSES = 6;

/**
 * Opens one guarded connection: name -> addresses, each vetted -> TCP to one of exactly those -> the peer's address checked
 * again -> TLS. Nothing is written before the last check. The connection goes to the vetted addresses themselves, never to
 * the name, so a name server that changes its mind in between (DNS rebinding) changes nothing.
 */
export class Dial {
  readonly #destination: Destination;
  readonly #settings: DialSettings;
  readonly #sockets = new Set<Socket>();
  readonly #timings: DialTimings = { dns: null, connect: null, tls: null };
  #phase: Phase | null = null;
  #phaseBeganAt = 0;
  #timedOut = false;
  #canceled = false;

  constructor(destination: Destination, settings: DialSettings) {
    this.#destination = destination;
    this.#settings = settings;
  }

  /** A connected socket; rejects with a `DialError`. Call it once. */
  async open(): Promise<Socket> {
    const { hostname, port, secure } = this.#destination;
    const where = isIPv6(hostname) ? `[${hostname}]:${port}` : `${hostname}:${port}`;
    const addresses = await this.#vettedAddresses(hostname);
    const timer = setTimeout(() => {
      this.#timedOut = true;
      this.#destroySockets();
    }, this.#settings.connectTimeoutMs);
    try {
      if (this.#canceled) throw new DialError({ code: 'timeout', detail: 'The attempt was over before a connection was opened.' });
      this.#begin('connect');
      let socket = await this.#raceAddresses(addresses, where);
      if (secure) {
        this.#begin('tls');
        socket = await this.#handshake(socket, where);
      }
      this.#begin(null);
      this.#sockets.clear();
      return socket;
    } catch (error) {
      this.#begin(null);
      if (!this.#timedOut) throw error;
      const detail = `${where} did not complete a connection within ${this.#settings.connectTimeoutMs / 1000} s.`;
      throw new DialError({ code: 'connect_timeout', detail });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Gives up; `open()` then rejects soon, in any case within the resolver's own time limit. */
  cancel(): void {
    this.#canceled = true;
    this.#destroySockets();
  }

  get phase(): Phase | null {
    return this.#phase;
  }

  timings(): DialTimings {
    if (this.#phase === null) return this.#timings;
    return { ...this.#timings, [this.#phase]: performance.now() - this.#phaseBeganAt };
  }

  #begin(phase: Phase | null): void {
    const now = performance.now();
    if (this.#phase !== null) this.#timings[this.#phase] = now - this.#phaseBeganAt;
    this.#phase = phase;
    this.#phaseBeganAt = now;
  }

  #destroySockets(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #vettedAddresses(hostname: string): Promise<readonly string[]> {
    if (isIP(hostname) === 0) this.#begin('dns');
    const resolution = await this.#settings.names.resolve(hostname);
    this.#begin(null);
    if (resolution.kind === 'failed') throw new DialError({ code: 'dns_failure', detail: resolution.detail });
    const { addresses, saidBy } = resolution;
    const allowed = addresses.filter(this.#settings.isAllowed);
    // The operator's own table may well name an address that is not allowed beside one that is (localhost: 127.0.0.1, ::1).
    // A customer's name that has a private address among public ones is an attack or a mistake; both are worth saying aloud.
    if (allowed.length === 0 || (saidBy === 'dns' && allowed.length < addresses.length)) {
      const blocked = addresses.find((address) => !this.#settings.isAllowed(address)) ?? '';
      throw new DialError(addressBlocked(hostname, blocked));
    }
    return familiesInTurn(allowed).slice(0, MAX_ADDRESSES);
  }

  /**
   * Happy Eyeballs (RFC 8305), over the vetted addresses. Not Node's `autoSelectFamily`: that abandons an address after
   * 250 ms, which a server on another continent may need.
   */
  #raceAddresses(addresses: readonly string[], where: string): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const codes: string[] = [];
      const waiting = [...addresses];
      let running = 0;
      let timer: NodeJS.Timeout | undefined;

      const conclude = (settle: () => void) => {
        clearTimeout(timer);
        waiting.length = 0;
        settle();
      };

      const startNext = () => {
        clearTimeout(timer);
        const address = waiting.shift();
        if (address === undefined) return;
        running += 1;
        if (waiting.length > 0) timer = setTimeout(startNext, NEXT_ADDRESS_AFTER_MS);
        const socket = this.#keep(connectTcp({ host: address, port: this.#destination.port, noDelay: true, keepAlive: true }));
        let code = 'closed';
        socket.once('error', (error: NodeJS.ErrnoException) => {
          code = error.code ?? error.message;
        });
        const onClose = () => {
          codes.push(code);
          running -= 1;
          if (!this.#canceled && !this.#timedOut && waiting.length > 0) startNext();
          else if (running === 0) conclude(() => reject(new DialError(connectFailure(where, codes))));
        };
        socket.once('close', onClose);
        socket.once('connect', () => {
          socket.off('close', onClose);
          const peer = socket.remoteAddress;
          for (const other of this.#sockets) if (other !== socket) other.destroy();
          // Cannot differ from the vetted address; checked all the same, since all of promise 8 hangs on it.
          if (peer === undefined || !this.#settings.isAllowed(peer)) {
            socket.destroy();
            const failure = peer === undefined ? connectFailure(where, ['ECONNRESET']) : addressBlocked(this.#destination.hostname, peer);
            return conclude(() => reject(new DialError(failure)));
          }
          conclude(() => resolve(socket));
        });
      };
      startNext();
    });
  }

  #handshake(tcp: Socket, where: string): Promise<Socket> {
    const { hostname } = this.#destination;
    return new Promise((resolve, reject) => {
      const socket = this.#keep(
        connectTls({
          socket: tcp,
          // Verified against `servername`, or against `host` where that is an address: RFC 6066 has no addresses in SNI.
          host: hostname,
          ...(isIP(hostname) !== 0 ? {} : { servername: hostname.replace(/\.$/, '') }),
          ALPNProtocols: ['http/1.1'],
          secureContext: this.#settings.secureContext(),
        }),
      );
      let failure: NodeJS.ErrnoException | null = null;
      socket.once('error', (error) => {
        failure = error;
      });
      const onClose = () => reject(new DialError(tlsFailure(where, failure)));
      socket.once('close', onClose);
      socket.once('secureConnect', () => {
        socket.off('close', onClose);
        resolve(socket);
      });
    });
  }

  #keep<S extends Socket>(socket: S): S {
    this.#sockets.add(socket);
    // Stays for the socket's life: an error nobody listens to would end the process.
    socket.on('error', ignore);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }
}

const ignore = () => undefined;

/** Which address a name has is not said: the operator's name servers may well tell a stranger's test request what is inside their network. */
function addressBlocked(hostname: string, address: string): Failure {
  const found = classifyAddress(address);
  const range = found.kind === 'special' ? ` (${found.range})` : '';
  const subject = hostname === address ? address : `${hostname} leads to what`;
  return {
    code: 'address_blocked',
    detail: `${subject} is not a public address${range}; requests go to public addresses only, unless the operator allows more.`,
  };
}

/** IPv4 first: where only one family works, it is that one. */
function familiesInTurn(addresses: readonly string[]): string[] {
  const four = addresses.filter((address) => !isIPv6(address));
  const six = addresses.filter(isIPv6);
  const ordered: string[] = [];
  for (let i = 0; i < Math.max(four.length, six.length); i++) {
    ordered.push(...four.slice(i, i + 1), ...six.slice(i, i + 1));
  }
  return ordered;
}
