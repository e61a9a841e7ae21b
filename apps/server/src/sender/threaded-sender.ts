import { Worker } from 'node:worker_threads';
import type { AllowList, AttemptResult } from '@posthorn/core';
import { KnownEndpoints } from './known-endpoints.ts';
import type { DeliverRequest, Sender, SenderOptions, SendRequest } from './sender.ts';
import { type FromThread, type GiveResult, RequestPack, ResultReader, type ThreadData, type ToThread } from './thread-messages.ts';

export interface ThreadedSenderOptions extends Omit<SenderOptions, 'isAllowed' | 'clock'> {
  /** Special addresses that requests may go to. */
  readonly allowList: AllowList;
  /** 1, which is more than the rest of a process on SQLite can feed. Each has connections of its own. */
  readonly threads?: number;
  /** Told what broke a thread. A warning of the process if it is left out. */
  readonly onThreadLost?: (error: Error) => void;
}

/**
 * A sender that signs and sends in a thread of its own, so that a synchronous transaction and its fsync delay no request and no reading of an answer.
 * The same promises as `createSender`; time is the system's.
 *
 * A thread that breaks takes what was out with it: each such request resolves as `connection_reset`, since the endpoint may or may not have
 * had it. So the delivery is retried, at worst as a duplicate, and never lost; not resending it at once keeps a request that breaks threads from
 * doing so in a loop. The next request starts a new thread. Only if a thread ends before it has even begun to work (the program is damaged) do
 * requests reject.
 */
export function createThreadedSender({ allowList, threads = 1, onThreadLost = warn, ...options }: ThreadedSenderOptions): Sender {
  const data: ThreadData = { allowList: allowList.map(({ network, prefixLength }) => `${network}/${prefixLength}`).join(), options };
  const running = new Set<SendingThread>();
  let closed: Promise<void> | null = null;

  const start = (): SendingThread => {
    const thread = new SendingThread(data, (error) => {
      running.delete(thread);
      if (error !== null) onThreadLost(error);
    });
    running.add(thread);
    return thread;
  };
  const idlest = (): SendingThread => {
    let best: SendingThread | null = null;
    for (const thread of running) if (best === null || thread.outstanding < best.outstanding) best = thread;
    return best !== null && running.size >= threads ? best : start();
  };
  for (let index = 0; index < threads; index += 1) start();

  return {
    send(request) {
      return closed === null ? idlest().send(request) : Promise.reject(new Error('The sender is closed.'));
    },
    deliver(request) {
      return closed === null ? idlest().deliver(request) : Promise.reject(new Error('The sender is closed.'));
    },
    close() {
      closed ??= Promise.all([...running].map((thread) => thread.close())).then(() => undefined);
      return closed;
    },
  };
}

function warn(error: Error): void {
  process.emitWarning(error);
}

/** A batch's buffer lives as long as the slowest request in it, so batches are cut here; a larger body has one to itself. */
const MAX_BATCH_BYTES = 64 * 1024;

/**
 * So many results are given, and what they lead to is done, before the next: after a settle all that was out may be answered, and the thread has nothing
 * to do until the first places are filled again (a fifth of a drain, measured).
 */
const RESULTS_AT_ONCE = 32;

interface Waiting {
  readonly resolve: (result: AttemptResult) => void;
  readonly reject: (error: unknown) => void;
  /** When it was handed over: epoch milliseconds. */
  readonly since: number;
}

/** One worker, from its start to its end: starting -> ready -> (closing ->) ended. Requests may be given from the first moment on. */
class SendingThread {
  readonly #worker: Worker;
  readonly #endpoints = new KnownEndpoints();
  /** By the number of the request, which is its place; a place is given anew once its answer is there. */
  readonly #waiting: (Waiting | null)[] = [];
  readonly #freePlaces: number[] = [];
  readonly #ended: Promise<void>;
  readonly #pack = new RequestPack();
  readonly #results = new ResultReader();
  #ready = false;
  #closing = false;
  #error: Error | null = null;

  /** `onEnd` gets what broke the thread; null if it was closed. */
  constructor(data: ThreadData, onEnd: (error: Error | null) => void) {
    this.#worker = new Worker(new URL('./sender-thread.ts', import.meta.url), { workerData: data, name: 'posthorn-sender' });
    this.#worker.on('message', (message: FromThread) => this.#hear(message));
    this.#worker.on('error', (error: Error) => {
      this.#error = error;
    });
    this.#ended = new Promise((resolve) => {
      // Comes after everything that the thread had posted.
      this.#worker.once('exit', (code) => {
        const error =
          this.#closing && this.outstanding === 0 ? null : (this.#error ?? new Error(`A sending thread ended with code ${code}.`));
        onEnd(error);
        if (error !== null) this.#giveUp(error);
        resolve();
      });
    });
  }

  get outstanding(): number {
    return this.#waiting.length - this.#freePlaces.length;
  }

  deliver(request: DeliverRequest): Promise<AttemptResult> {
    const { bodiesSize } = this.#pack;
    if (bodiesSize > 0 && bodiesSize + request.body.length > MAX_BATCH_BYTES) this.#postDeliveries();
    if (this.#pack.isEmpty) queueMicrotask(this.#postLater);
    return new Promise((resolve, reject) => {
      this.#pack.add(this.#expect(resolve, reject), this.#endpoints.numberOf(request), request);
    });
  }

  send({ url, headers, body }: SendRequest): Promise<AttemptResult> {
    return new Promise((resolve, reject) => {
      // Copied, because cloning a view clones the whole buffer behind it.
      const content = { url, headers, body: new Uint8Array(body) };
      this.#post({ kind: 'send', request: this.#expect(resolve, reject), content }, [content.body.buffer]);
    });
  }

  /** Resolves when what is out has ended, and the thread with it. */
  close(): Promise<void> {
    this.#closing = true;
    this.#postDeliveries();
    this.#post({ kind: 'close' });
    return this.#ended;
  }

  #expect(resolve: Waiting['resolve'], reject: Waiting['reject']): number {
    const place = this.#freePlaces.pop() ?? this.#waiting.length;
    this.#waiting[place] = { resolve, reject, since: Date.now() };
    return place;
  }

  /** With whatever else the caller hands over before it waits for anything. */
  readonly #postLater = (): void => this.#postDeliveries();

  #postDeliveries(): void {
    if (this.#pack.isEmpty) return;
    const requests = this.#pack.take();
    this.#post({ kind: 'deliver', ...this.#endpoints.takeChanges(), requests }, [requests.bodies.buffer]);
  }

  #post(message: ToThread, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #hear(message: FromThread): void {
    switch (message.kind) {
      case 'ready':
        this.#ready = true;
        return;
      case 'results':
        this.#giveSome(this.#results.open(message.packed));
        for (const [request, result] of message.others) this.#give(request, result);
        for (const [request, error] of message.rejected) this.#take(request)?.reject(error);
        return;
      case 'closed':
        this.#worker.terminate().catch(() => undefined);
    }
  }

  /** The next once all is done that follows from these, down to the message with the requests that take their places. */
  #giveSome(next: (most: number, give: GiveResult) => boolean): void {
    // A tick that is asked for by a microtask comes when the microtasks are done.
    if (next(RESULTS_AT_ONCE, this.#give)) queueMicrotask(() => process.nextTick(() => this.#giveSome(next)));
  }

  readonly #give = (request: number, result: AttemptResult): void => this.#take(request)?.resolve(result);

  #take(request: number): Waiting | null {
    const waiting = this.#waiting[request] ?? null;
    this.#waiting[request] = null;
    this.#freePlaces.push(request);
    return waiting;
  }

  #giveUp(error: Error): void {
    for (const waiting of this.#waiting.splice(0)) {
      if (waiting === null) continue;
      if (this.#ready) waiting.resolve(lost(waiting.since, Date.now()));
      else waiting.reject(error);
    }
    this.#freePlaces.length = 0;
  }
}

function lost(since: number, now: number): AttemptResult {
  const detail = 'The sending thread ended before the answer had come; the endpoint may have got the request.';
  return {
    startedAt: since,
    durationMs: Math.max(0, now - since),
    outcome: { kind: 'transport_error', code: 'connection_reset', detail },
    response: null,
    timings: { dns: null, connect: null, tls: null, first_byte: null, body: null },
  };
}
