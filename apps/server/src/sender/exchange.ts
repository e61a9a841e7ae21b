import type { AttemptResult, Outcome, Timings } from '@posthorn/core';
import type { AnswerHead } from './answer-head.ts';
import { BodyPrefix } from './body-prefix.ts';
import type { Connection, Passenger } from './connection.ts';
import type { Deadlines, Timed } from './deadlines.ts';
import type { Failure } from './failures.ts';
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
  /** Head and body. */
  readonly bytes: Buffer;
  readonly target: Target;
}

/**
 * One request and its answer.
 *
 * waiting for a connection -> (onWrite) written -> (onHead) final headers, which decide the outcome -> (onEnd) whole body -> settled. The deadline or
 * a failure settles it from any state: before the final headers as a transport error, after them with the status and as much of the body as had come.
 */
export class Exchange implements Passenger, Timed {
  readonly beganAt = performance.now();
  readonly #target: Target;
  readonly #settings: ExchangeSettings;
  readonly #completion: Completion;
  readonly #startedAt: number;
  readonly #body: BodyPrefix;
  readonly #connection: Connection;
  #bytes: Buffer;
  #writtenAt: number | null = null;
  #firstByteAt: number | null = null;
  #headersAt: number | null = null;
  #head: AnswerHead | null = null;
  #settled = false;

  constructor({ bytes, target }: ExchangeRequest, settings: ExchangeSettings, completion: Completion) {
    this.#bytes = bytes;
    this.#target = target;
    this.#settings = settings;
    this.#completion = completion;
    this.#startedAt = settings.clock();
    this.#body = new BodyPrefix(settings.maxBodyBytes);
    this.#connection = settings.pool.take(target, this.beganAt);
  }

  /** See `Connection.carry` for when. */
  start(): void {
    this.#settings.deadlines.add(this);
    this.#connection.carry(this);
  }

  onWrite(): Buffer {
    this.#writtenAt = performance.now();
    const bytes = this.#bytes;
    this.#bytes = NOTHING;
    return bytes;
  }

  onBytes(): void {
    this.#firstByteAt ??= performance.now();
  }

  onHead(head: AnswerHead): void {
    const now = performance.now();
    // A busy process may read late what came in time, or late; only its own clock at the moment of reading is certain.
    if (now - this.beganAt >= this.#settings.deadlineMs) return this.onDeadline();
    this.#headersAt = now;
    this.#head = head;
  }

  onBody(data: Buffer): void {
    if (!this.#body.append(data)) this.#answer({ truncated: true, reusable: false });
  }

  onEnd(reusable: boolean): void {
    this.#answer({ truncated: false, reusable });
  }

  onFailure(failure: Failure): void {
    const kept = this.#connection.dial === null;
    if (kept && this.#firstByteAt === null && failure.code === 'connection_reset') this.#settings.pool.distrust(this.#target.origin);
    if (this.#head === null) this.#fail(failure);
    else this.#answer({ truncated: true, reusable: false });
  }

  onDeadline(): void {
    const phase = this.#connection.dial?.phase ?? 'answer';
    this.onFailure({ code: 'timeout', detail: `Not done within ${this.#settings.deadlineMs / 1000} s: ${UNFINISHED[phase]}.` });
  }

  #answer({ truncated, reusable }: { readonly truncated: boolean; readonly reusable: boolean }): void {
    const { status, headers } = this.#head ?? NO_HEAD;
    const accepted = status >= 200 && status < 300;
    this.#settle(
      accepted ? { kind: 'accepted', status } : { kind: 'refused', status, retryAfter: headers['retry-after'] ?? null },
      { status, headers, body: this.#body.bytes(), bodyTruncated: truncated },
      reusable,
    );
  }

  #fail(failure: Failure): void {
    this.#settle({ kind: 'transport_error', ...failure }, null, false);
  }

  #settle(outcome: Outcome, response: AttemptResult['response'], reusable: boolean): void {
    if (this.#settled) return;
    this.#settled = true;
    const now = performance.now();
    const timings = this.#timings(now);
    this.#settings.deadlines.delete(this);
    if (reusable) this.#settings.pool.release(this.#connection, now);
    else this.#settings.pool.discard(this.#connection);
    this.#completion.resolve({ startedAt: this.#startedAt, durationMs: rounded(now - this.beganAt), outcome, response, timings });
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

const NOTHING = Buffer.alloc(0);
const NO_HEAD = { status: 0, headers: {} as Readonly<Record<string, string>> };

function span(ms: number | null | undefined): number | null {
  return ms === null || ms === undefined ? null : rounded(ms);
}

/** To the hundredth of a millisecond: performance.now() knows no more, and nobody reads more. */
function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
