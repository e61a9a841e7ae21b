/** A sending thread: an ordinary sender, fed by messages. The other side is `SendingThread`. */
import { parentPort, workerData } from 'node:worker_threads';
import { type AttemptResult, isAllowedAddress, parseAllowList } from '@posthorn/core';
import { createSender, type DeliverRequest } from './sender.ts';
import { type EndpointPart, type FromThread, joinBodies, resultRow, type ThreadData, type ToThread } from './thread-messages.ts';

/**
 * Requests started in one turn of the loop, before answers are read and results posted. Without it everything that is out ends up in one lump that
 * goes to and fro, and the two threads work in turns instead of together: with 256 out and 25 µs of other work for each in the main thread, 21,000/s
 * unsliced, 27,000 at 64, 30,000 at 32 and at 16 (measured, two cores).
 */
const SLICE = 32;

const port = parentPort;
if (port === null) throw new Error('sender-thread.ts is the entry of a worker thread.');

const { allowList, options }: ThreadData = workerData;
const allowed = parseAllowList(allowList);
if (!allowed.ok) throw new TypeError(allowed.message);

const sender = createSender({ ...options, isAllowed: (ip) => isAllowedAddress(ip, allowed.list) });
const endpoints = new Map<number, EndpointPart>();
const inbox: { readonly request: number; readonly content: DeliverRequest }[] = [];
let sendScheduled = false;
/** Taken and not yet in `rows` or `rejected`. */
let unanswered = 0;
let closing = false;
let closed = false;
let rows: ReturnType<typeof resultRow>[] = [];
let bodies: Uint8Array[] = [];
let bodiesSize = 0;
let rejected: [number, unknown][] = [];
let postScheduled = false;

port.on('message', (message: ToThread) => {
  switch (message.kind) {
    case 'deliver':
      return accept(message);
    case 'send':
      unanswered += 1;
      return answer(message.request, sender.send(message.content));
    case 'close':
      closing = true;
      if (!sendScheduled) closeSender();
  }
});
post({ kind: 'ready' });

function accept(message: Extract<ToThread, { kind: 'deliver' }>): void {
  for (const [number, part] of message.added) endpoints.set(number, part);
  const { buffer, byteOffset } = message.bodies;
  let offset = byteOffset;
  for (const [request, number, eventId, late, size] of message.rows) {
    const part = endpoints.get(number);
    if (part === undefined) throw new Error(`endpoint ${number} is not known here`);
    const { url, secrets, customHeaders, userAgent } = part;
    const body = Buffer.from(buffer, offset, size);
    offset += size;
    inbox.push({ request, content: { url, secrets, customHeaders, userAgent, body, eventId, late } });
  }
  unanswered += message.rows.length;
  for (const number of message.forgotten) endpoints.delete(number);
  if (!sendScheduled) sendSlice();
}

function sendSlice(): void {
  for (const { request, content } of inbox.splice(0, SLICE)) answer(request, sender.deliver(content));
  sendScheduled = inbox.length > 0;
  if (sendScheduled) setImmediate(sendSlice);
  else if (closing) closeSender();
}

/** Once the inbox is empty, since a closed sender takes no requests. */
function closeSender(): void {
  sender.close().then(() => {
    closed = true;
    endIfDone();
  }, fail);
}

function answer(request: number, outcome: Promise<AttemptResult>): void {
  outcome.then(
    (result) => {
      unanswered -= 1;
      rows.push(resultRow(request, result));
      if (result.response !== null) {
        bodies.push(result.response.body);
        bodiesSize += result.response.body.length;
      }
      schedulePost();
    },
    (error: unknown) => {
      unanswered -= 1;
      rejected.push([request, error]);
      schedulePost();
    },
  );
}

function schedulePost(): void {
  if (postScheduled) return;
  postScheduled = true;
  // After all sockets that are readable in this turn of the loop have been read.
  setImmediate(postResults);
}

function postResults(): void {
  postScheduled = false;
  const joined = joinBodies(bodies, bodiesSize);
  post({ kind: 'results', rows, bodies: joined, rejected }, [joined.buffer]);
  rows = [];
  bodies = [];
  bodiesSize = 0;
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
