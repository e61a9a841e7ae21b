/** Twenty healthy endpoints beside hostile ones, on real sockets: what they lose by them. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDispatcher } from '../../src/dispatcher/dispatcher.ts';
import { createSender } from '../../src/sender/sender.ts';
import { createCipher } from '../../src/store/cipher.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { systemClock } from '../../src/system-clock.ts';
import { addEndpoint, event } from '../store/conformance/harness.ts';

const HEALTHY = 20;
const EACH = 150;
/** Long enough that waiting for answers sets the rate, not the processor that other tests share. */
const ANSWERS_AFTER_MS = 150;
const sockets = new Set<Socket>();
const servers: (Server | HttpServer)[] = [];

async function listen(server: Server | HttpServer): Promise<string> {
  servers.push(server);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const drip = (socket: Socket, text: string): void => {
  const timer = setInterval(() => socket.write(text), 50);
  socket.on('close', () => clearInterval(timer));
};

let hostile: string[];
let healthy: string;
let answered = (): void => {};

beforeAll(async () => {
  healthy = await listen(
    createHttpServer((request, response) => {
      request.resume();
      setTimeout(() => {
        response.end('ok');
        answered();
      }, ANSWERS_AFTER_MS);
    }),
  );
  const closed = await listen(createServer());
  servers.pop()?.close();
  hostile = [
    await listen(createServer(() => {})), // hangs
    await listen(createServer((socket) => drip(socket, 'H'))),
    await listen(
      createServer((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        drip(socket, 'X-Drip: 1\r\n');
      }),
    ),
    await listen(
      createServer((socket) => {
        socket.write('HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n');
        drip(socket, '1\r\nx\r\n');
      }),
    ),
    await listen(createServer((socket) => socket.resetAndDestroy())),
    await listen(createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n\r\n'))),
    await listen(createHttpServer((_request, response) => response.writeHead(500).end('no'))),
    await listen(createHttpServer((_request, response) => response.writeHead(301, { location: 'http://127.0.0.1/' }).end())),
    await listen(createHttpServer((_request, response) => response.writeHead(410).end())),
    closed,
  ];
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
});

/** Deliveries per second to the healthy endpoints, with or without the hostile ones beside them. */
async function rate(withHostile: boolean): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-isolation-'));
  const store = await openSqliteStore({
    path: join(folder, 'p.db'),
    cipher: createCipher(randomBytes(32)),
    now: Date.now,
    random: Math.random,
  });
  await store.environments.setCadence('production', 'every 30m');
  await store.environments.setCadence('sandbox', 'cron 0 0 1 1 *');
  const { application } = await store.applications.upsert({ uid: 'acme', name: 'Acme' });
  for (let index = 0; index < HEALTHY; index += 1) await addEndpoint(store, application.id, { url: `${healthy}${index}` });
  if (withHostile) for (const url of hostile) await addEndpoint(store, application.id, { url });
  for (let index = 0; index < EACH; index += 50) {
    await store.publish({ environment: 'sandbox', events: Array.from({ length: 50 }, () => event()), idempotency: null });
  }
  const sender = createSender({ isAllowed: () => true, deadlineMs: 4_000 });
  const dispatcher = createDispatcher({
    store,
    sender,
    clock: systemClock,
    random: Math.random,
    randomBytes,
    holder: 'one',
    concurrency: 256,
    userAgent: 'Posthorn/test',
  });
  dispatcher.start();
  let left = HEALTHY * EACH;
  const done = new Promise<void>((resolve) => {
    answered = () => {
      left -= 1;
      if (left === 0) resolve();
    };
  });
  const startedAt = performance.now();
  await store.environments.open('sandbox');
  await done;
  const seconds = (performance.now() - startedAt) / 1000;
  for (const socket of sockets) socket.destroy();
  await dispatcher.drain();
  await sender.close();
  await store.close();
  await rm(folder, { recursive: true });
  return (HEALTHY * EACH) / seconds;
}

test('twenty healthy endpoints keep at least 0.9 of their rate beside ten hostile ones', { timeout: 120_000 }, async () => {
  const without: number[] = [];
  const beside: number[] = [];
  for (let turn = 0; turn < 3; turn += 1) {
    without.push(await rate(false));
    beside.push(await rate(true));
  }
  const median = (values: number[]): number => values.sort((a, b) => a - b)[1] ?? Number.NaN;
  const ratio = median(beside) / median(without);
  console.log(
    `healthy alone ${Math.round(median(without))}/s, beside ${hostile.length} hostile endpoints ${Math.round(median(beside))}/s: ratio ${ratio.toFixed(2)}`,
  );
  expect(ratio).toBeGreaterThanOrEqual(0.9);
});
