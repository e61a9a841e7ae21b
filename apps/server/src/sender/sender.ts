import { createSecureContext, type SecureContext } from 'node:tls';
import type { AttemptResult } from '@posthorn/core';
import { prepareSecret } from '@posthorn/receiver';
import { Deadlines } from './deadlines.ts';
import { Exchange } from './exchange.ts';
import { deliveryHeaders } from './headers.ts';
import { createNameResolver } from './names.ts';
import { Pool, type Target } from './pool.ts';
import { Recent } from './recent.ts';
import { requestBytes, requestStart } from './request-bytes.ts';
import { Turns } from './turns.ts';

export interface SendRequest {
  /** http: or https:. */
  readonly url: string;
  /** See `deliveryHeaders`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** One attempt of a delivery, still to be signed. */
export interface DeliverRequest {
  readonly url: string;
  /** See `SigningSecrets`. Never changed once it was given: a threaded sender knows an endpoint by this very object. */
  readonly secrets: { readonly current: string; readonly others: readonly string[] };
  /** The endpoint's own; those that `checkCustomHeaders` objects to are left out. */
  readonly customHeaders: Readonly<Record<string, string>>;
  readonly userAgent: string;
  readonly eventId: string;
  readonly body: Uint8Array;
  /** Re-sent by hand after its end. */
  readonly late: boolean;
}

export interface Sender {
  /**
   * Sends one POST request and tells what came of it. Whatever the network or the endpoint does is an outcome; it rejects only
   * for a caller's mistake: a header that is no header, or a sender that is closed.
   */
  send(request: SendRequest): Promise<AttemptResult>;
  /**
   * Signs for this instant and sends. Rejects like `send`, and for a secret that cannot sign. The request is not to be changed until the promise
   * is settled.
   */
  deliver(request: DeliverRequest): Promise<AttemptResult>;
  /** Ends idle connections at once and resolves when the requests in flight have ended (within the deadline). */
  close(): Promise<void>;
}

/** Where the outcome of one request goes: one of the two is called, once, possibly before the call that started it returns. */
export interface Completion {
  resolve(result: AttemptResult): void;
  reject(error: unknown): void;
}

/** A sender without promises, for the sending thread: a promise and its closures cost a microsecond for each request. */
export interface DirectSender {
  send(request: SendRequest, completion: Completion): void;
  deliver(request: DeliverRequest, completion: Completion): void;
  close(): Promise<void>;
}

export interface SenderOptions {
  /** May a request go to this address? Asked for each address of a name, and again for the one that was connected to. */
  readonly isAllowed: (ip: string) => boolean;
  /** From `send` to the last header of the answer; a body is read no longer either. 30 s. */
  readonly deadlineMs?: number;
  /** TCP and TLS together. 10 s. */
  readonly connectTimeoutMs?: number;
  /** 10 s. */
  readonly dnsTimeoutMs?: number;
  /** Name servers as `address:port`, instead of the machine's own. */
  readonly dnsServers?: readonly string[];
  /** How much of an answer's body is kept, and read. 16 KiB. */
  readonly maxBodyBytes?: number;
  /** Certificate authorities (PEM) to trust instead of Node's own. */
  readonly ca?: string | readonly string[];
  /** Epoch milliseconds, for `startedAt` and signatures. Durations are measured by the monotonic clock. */
  readonly clock?: () => number;
  readonly hostsFile?: string;
}

/** The one way out: every request to an endpoint goes through here. HTTP/1.1, over kept-alive connections. */
export function createSender(options: SenderOptions): Sender {
  const direct = createDirectSender(options);
  return {
    send: (request) => new Promise((resolve, reject) => direct.send(request, { resolve, reject })),
    deliver: (request) => new Promise((resolve, reject) => direct.deliver(request, { resolve, reject })),
    close: () => direct.close(),
  };
}

/** The same, its outcomes given to an object. */
export function createDirectSender(options: SenderOptions): DirectSender {
  const { isAllowed, deadlineMs = 30_000, connectTimeoutMs = 10_000, dnsTimeoutMs = 10_000, maxBodyBytes = 16 * 1024 } = options;
  const names = createNameResolver({ timeoutMs: dnsTimeoutMs, servers: options.dnsServers, hostsFile: options.hostsFile ?? '/etc/hosts' });
  const pool = new Pool({ names, isAllowed, connectTimeoutMs, secureContext: sharedSecureContext(options.ca) }, maxBodyBytes);
  const settings = { pool, deadlines: new Deadlines(deadlineMs), deadlineMs, maxBodyBytes, clock: options.clock ?? Date.now };
  const targets = new Recent(targetOf);
  const prepared = new Recent(prepareSecret);
  const turns = new Turns();
  let closed: Promise<void> | null = null;

  const begin = ({ url, headers, body }: SendRequest, completion: Completion): void => {
    const target = targets.get(url);
    if (target === null) completion.resolve(unsendable(settings.clock()));
    else new Exchange({ bytes: requestBytes(target, headers, body), target }, settings, completion).start();
  };
  const queue = (completion: Completion, request: () => SendRequest): void => {
    if (closed !== null) return completion.reject(new Error('The sender is closed.'));
    turns.add({
      begin() {
        try {
          begin(request(), completion);
        } catch (error) {
          completion.reject(error);
        }
      },
    });
  };

  return {
    send(request, completion) {
      queue(completion, () => request);
    },
    deliver({ url, secrets, customHeaders, userAgent, eventId, body, late }, completion) {
      queue(completion, () => {
        const timestampSeconds = Math.floor(settings.clock() / 1000);
        const keys = { current: prepared.get(secrets.current), others: secrets.others.map((secret) => prepared.get(secret)) };
        const headers = deliveryHeaders({ eventId, body, timestampSeconds, secrets: keys, customHeaders, late, userAgent });
        return { url, headers, body };
      });
    },
    close() {
      closed ??= turns
        .idle()
        .then(() => pool.close())
        .then(() => names.close());
      return closed;
    },
  };
}

/** Made once: reading all root certificates anew for each connection takes milliseconds. */
function sharedSecureContext(ca: string | readonly string[] | undefined): () => SecureContext {
  let context: SecureContext | null = null;
  return () => {
    context ??= createSecureContext(ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] });
    return context;
  };
}

/** The WHATWG parser reads 2130706433, 0x7f.1 and their like as the addresses that they are, before anything is vetted. */
function targetOf(text: string): Target | null {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return null;
  const secure = url.protocol === 'https:';
  const hostname = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  return { origin: url.origin, destination: { hostname, port, secure }, requestStart: requestStart(url.host, url.pathname + url.search) };
}

/** Such URLs are refused when an endpoint is saved; one that is met here all the same must not stop its lane with an exception. */
function unsendable(startedAt: number): AttemptResult {
  return {
    startedAt,
    durationMs: 0,
    outcome: { kind: 'transport_error', code: 'address_blocked', detail: 'Requests go to http: and https: URLs only.' },
    response: null,
    timings: { dns: null, connect: null, tls: null, first_byte: null, body: null },
  };
}
