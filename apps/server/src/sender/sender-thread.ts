/** A sending thread: an ordinary sender, fed by messages. The other side is `SendingThread`. */
import { parentPort, workerData } from 'node:worker_threads';
import { type AttemptResult, isAllowedAddress, parseAllowList } from '@posthorn/core';
import { type Completion, createDirectSender, type DeliverRequest } from './sender.ts';
import { type EndpointPart, type FromThread, ResultPack, readRequests, type ThreadData, type ToThread } from './thread-messages.ts';

const port = parentPort;
if (port === null) throw new Error('sender-thread.ts is the entry of a worker thread.');

const { allowList, options }: ThreadData = workerData;
const allowed = parseAllowList(allowList);
if (!allowed.ok) throw new TypeError(allowed.message);

const sender = createDirectSender({ ...options, isAllowed: (ip) => isAllowedAddress(ip, allowed.list) });
const endpoints = new Map<number, EndpointPart>();
/** Taken and not yet among the results. */
let unanswered = 0;
let closed = false;
const results = new ResultPack();
let others: [number, AttemptResult][] = [];
let rejected: [number, unknown][] = [];
let postScheduled = false;

/** Takes the outcome of one request. */
class Answer implements Completion {
  readonly #request: number;
  #isGiven = false;

  constructor(request: number) {
    this.#request = request;
    unanswered += 1;
  }

  resolve(result: AttemptResult): void {
    if (!this.#begin()) return;
    if (!results.add(this.#request, result)) others.push([this.#request, result]);
    schedulePost();
  }

  reject(error: unknown): void {
    if (!this.#begin()) return;
    rejected.push([this.#request, error]);
    schedulePost();
  }

  /** As with a promise, only the first counts: the other side gives the request's number away again. */
  #begin(): boolean {
    if (this.#isGiven) return false;
    this.#isGiven = true;
    unanswered -= 1;
    return true;
  }
}

/** One delivery, and where its outcome goes. */
class Delivery extends Answer implements DeliverRequest {
  readonly url: string;
  readonly secrets: DeliverRequest['secrets'];
  readonly customHeaders: DeliverRequest['customHeaders'];
  readonly userAgent: string;
  readonly eventId: string;
  readonly late: boolean;
  readonly body: Uint8Array;

  constructor(request: number, part: EndpointPart, { eventId, late, body }: Pick<DeliverRequest, 'eventId' | 'late' | 'body'>) {
    super(request);
    this.url = part.url;
    this.secrets = part.secrets;
    this.customHeaders = part.customHeaders;
    this.userAgent = part.userAgent;
    this.eventId = eventId;
    this.late = late;
    this.body = body;
  }
}

port.on('message', (message: ToThread) => {
  switch (message.kind) {
    case 'deliver':
      return accept(message);
    case 'send':
      return send(message);
    case 'close':
      closeSender();
  }
});
post({ kind: 'ready' });

function accept({ added, requests, forgotten }: Extract<ToThread, { kind: 'deliver' }>): void {
  for (const [number, part] of added) endpoints.set(number, part);
  readRequests(requests, (request, number, content) => {
    const part = endpoints.get(number);
    if (part === undefined) throw new Error(`endpoint ${number} is not known here`);
    const delivery = new Delivery(request, part, content);
    sender.deliver(delivery, delivery);
  });
  for (const number of forgotten) endpoints.delete(number);
}

function send({ request, content }: Extract<ToThread, { kind: 'send' }>): void {
  sender.send(content, new Answer(request));
}

function closeSender(): void {
  sender.close().then(() => {
    closed = true;
    endIfDone();
  }, fail);
}

function schedulePost(): void {
  if (postScheduled) return;
  postScheduled = true;
  // After all sockets that are readable in this turn of the loop have been read.
  setImmediate(postResults);
}

function postResults(): void {
  postScheduled = false;
  const packed = results.take();
  post({ kind: 'results', packed, others, rejected }, [packed.bodies.buffer]);
  others = [];
  rejected = [];
  endIfDone();
}

function endIfDone(): void {
  if (closed && unanswered === 0 && !postScheduled) post({ kind: 'closed' });
}

function post(message: FromThread, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer);
}

/** An exception that nobody catches ends the thread, and the other side hears of it. */
function fail(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
