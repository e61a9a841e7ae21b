import type { Outcome, Timings } from '@posthorn/core';
import type { Dispatcher } from 'undici';
import { BodyPrefix } from './body-prefix.ts';
import type { Connection, Passenger } from './connection.ts';
import type { Deadlines, Timed } from './deadlines.ts';
import { DialError, type Failure, HEADERS_TOO_LARGE, responseFailure } from './failures.ts';
import type { Pool, Target } from './pool.ts';
import type { Completion } from './sender.ts';

export interface ExchangeSettings {
  readonly pool: Pool;
  /** Of the same length. */
  readonly deadlines: Deadlines;
  readonly deadlineMs: number;
  readonly maxBodyBytes: number;
  /** Epoch milliseconds. */
  readonly clock: () => number;
}

export interface ExchangeRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/**
 * One request and its answer; the handler that undici calls.
 *
 * waiting for a connection -> (onRequestStart) written -> (onResponseStart) final headers, which decide the outcome ->
 * (onResponseEnd) whole body -> settled. The deadline, an error or an excess settle it from any state: before the final
 * headers as a transport error, after them with the status and as much of the body as had come.
 */
export class Exchange implements Passenger, Timed {
  readonly beganAt = performance.now();
  readonly #target: Target;
  readonly #settings: ExchangeSettings;
  readonly #dispatchOptions: Dispatcher.DispatchOptions;
  readonly #completion: Completion;
  readonly #startedAt: number;
  readonly #body: BodyPrefix;
  #connection: Connection;
  #startedAnew = false;
  #writtenAt: number | null = null;
  #firstByteAt: number | null = null;
  #headersAt: number | null = null;
  #status = 0;
  #headers: Readonly<Record<string, string>> = {};
  #settled = false;

  constructor(
    { request, target }: { readonly request: ExchangeRequest; readonly target: Target },
    settings: ExchangeSettings,
    completion: Completion,
  ) {
    this.#target = target;
    this.#settings = settings;
    this.#completion = completion;
    this.#startedAt = settings.clock();
    this.#body = new BodyPrefix(settings.maxBodyBytes);
    this.#dispatchOptions = { method: 'POST', path: target.path, headers: request.headers, body: request.body };
    this.#connection = settings.pool.take(target, { fresh: false });
  }

  start(): void {
    this.#settings.deadlines.add(this);
    this.#connection.carry(this, this.#dispatchOptions);
  }

  onRequestStart(): void {
    this.#writtenAt = performance.now();
    this.#connection.beginAnswer();
  }

  onResponseStarted(): void {
    this.#firstByteAt ??= performance.now();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200 || this.#settled) return;
    const now = performance.now();
    // A busy process may read late what came in time, or late; only its own clock at the moment of reading is certain.
    if (now - this.beganAt >= this.#settings.deadlineMs) {
      this.onDeadline();
      return;
    }
    this.#headersAt = now;
    this.#status = status;
    this.#headers = joined(headers);
    this.#connection.beginBody();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (!this.#settled && !this.#body.append(chunk)) this.#answer({ truncated: true });
  }

  onResponseEnd(): void {
    if (!this.#settled) this.#answer({ truncated: false });
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#settled) return;
    const kept = this.#connection.dial === null;
    if (this.#headersAt !== null) {
      this.#answer({ truncated: true });
    } else if (error instanceof DialError) {
      this.#fail(error.failure);
    } else if (kept && this.#writtenAt === null) {
      this.#startAnew(error);
    } else {
      if (kept && this.#firstByteAt === null) this.#settings.pool.distrust(this.#target.origin);
      this.#fail(responseFailure(this.#target.destination.hostname, error));
    }
  }

  onExcess(): void {
    if (this.#headersAt !== null) this.#answer({ truncated: true });
    else this.#fail({ code: 'response_too_large', detail: HEADERS_TOO_LARGE });
  }

  onDeadline(): void {
    if (this.#headersAt !== null) {
      this.#answer({ truncated: true });
    } else {
      const phase = this.#connection.dial?.phase ?? 'answer';
      this.#fail({ code: 'timeout', detail: `Not done within ${this.#settings.deadlineMs / 1000} s: ${UNFINISHED[phase]}.` });
    }
  }

  /**
   * Nothing was written and nothing dialed: a kept-alive connection broke just before this request, so another one is opened.
   * If that does not even dial, undici refused the request itself, and the caller should hear of it.
   */
  #startAnew(error: Error): void {
    if (this.#startedAnew) {
      this.#end({ reusable: false });
      this.#completion.reject(error);
    } else {
      this.#startedAnew = true;
      this.#settings.pool.discard(this.#connection);
      this.#connection = this.#settings.pool.take(this.#target, { fresh: true });
      this.#connection.carry(this, this.#dispatchOptions);
    }
  }

  #answer({ truncated }: { readonly truncated: boolean }): void {
    const status = this.#status;
    const accepted = status >= 200 && status < 300;
    this.#settle(accepted ? { kind: 'accepted', status } : { kind: 'refused', status, retryAfter: this.#headers['retry-after'] ?? null }, {
      truncated,
      reusable: !truncated,
    });
  }

  #fail(failure: Failure): void {
    this.#settle({ kind: 'transport_error', ...failure }, { truncated: false, reusable: false });
  }

  #settle(outcome: Outcome, { truncated, reusable }: { readonly truncated: boolean; readonly reusable: boolean }): void {
    const now = performance.now();
    const timings = this.#timings(now);
    this.#end({ reusable });
    this.#completion.resolve({
      startedAt: this.#startedAt,
      durationMs: rounded(now - this.beganAt),
      outcome,
      response:
        this.#headersAt === null
          ? null
          : { status: this.#status, headers: this.#headers, body: this.#body.bytes(), bodyTruncated: truncated },
      timings,
    });
  }

  #end({ reusable }: { readonly reusable: boolean }): void {
    this.#settled = true;
    this.#settings.deadlines.delete(this);
    if (reusable) this.#settings.pool.release(this.#connection);
    else this.#settings.pool.discard(this.#connection);
  }

  #timings(now: number): Timings {
    const dial = this.#connection.dial?.timings();
    return {
      dns: span(dial?.dns),
      connect: span(dial?.connect),
      tls: span(dial?.tls),
      first_byte: this.#writtenAt !== null && this.#firstByteAt !== null ? rounded(this.#firstByteAt - this.#writtenAt) : null,
      body: this.#headersAt !== null ? rounded(now - this.#headersAt) : null,
    };
  }
}

const UNFINISHED = {
  dns: 'the name was not resolved',
  connect: 'the connection was not accepted',
  tls: 'the TLS handshake was not complete',
  answer: 'the answer had not come',
} as const;

function joined(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) result[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return result;
}

function span(ms: number | null | undefined): number | null {
  return ms === null || ms === undefined ? null : rounded(ms);
}

/** To the hundredth of a millisecond: performance.now() knows no more, and nobody reads more. */
function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
