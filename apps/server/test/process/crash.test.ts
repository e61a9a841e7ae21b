/**
 * `kill -9` at random moments while events are published and delivered. The judges are the publisher's own log of 202s and the receiver's own log,
 * each written by another process.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { statSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, KEYS, type ServerProcess, startServer } from './server-process.ts';

const KILLS = Number(process.env['CRASH_KILLS'] ?? 12);
const SECRET = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';

let folder: string;
const children: ChildProcess[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthorn-crash-'));
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

test(`${KILLS} kills: nothing lost, nothing out of order, duplicates only of what was sent and not yet settled`, {
  timeout: 300_000,
}, async () => {
  const dataDir = join(folder, 'data');
  const port = await freePort();
  const published = join(folder, 'published.log');
  const received = join(folder, 'received.log');
  const start = async (): Promise<ServerProcess> => {
    const server = await startServer({ dataDir, port, env: { POSTHORN_CADENCE_SANDBOX: 'immediate', POSTHORN_LOG_LEVEL: 'warn' } });
    children.push(server.child);
    return server;
  };

  let server = await start();
  const receiver = fork(join(import.meta.dirname, 'crash-receiver.ts'), [received, SECRET]);
  children.push(receiver);
  const receiverPort = await new Promise<number>((resolve) => receiver.once('message', (sent) => resolve(Number(sent))));
  await server.call('PUT', '/v1/applications/crash', { name: 'Crash' });
  const created = await server.call('POST', '/v1/endpoints', {
    application: 'crash',
    url: `http://127.0.0.1:${receiverPort}/`,
    secret: SECRET,
    max_in_flight: 100,
  });
  expect(created.status).toBe(201);
  const publisher = fork(join(import.meta.dirname, 'crash-publisher.ts'), [server.base, KEYS.sandbox, published]);
  children.push(publisher);

  const kills: number[] = [];
  /** Per kill: what had been received while its delivery was not settled on disk. Only these may come twice. */
  const unsettled: Set<string>[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    await flowing(received);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 500));
    kills.push(Date.now());
    await server.end('SIGKILL');
    const pending = pendingEvents(join(dataDir, 'posthorn.db'));
    unsettled.push(new Set((await lines(received, 'got')).filter((id) => pending.has(id))));
    server = await start();
  }
  const stopped = new Promise((resolve) => publisher.once('exit', resolve));
  publisher.send('stop');
  await stopped;
  await drained(server);
  expect(await server.end('SIGTERM')).toBe(0);

  const acknowledged = await lines(published, '202');
  const got = await lines(received, 'got');
  const first = [...new Set(got)];
  const firstSet = new Set(first);
  const lost = acknowledged.filter((id) => !firstSet.has(id));
  const outOfOrder = outOfOrderIds(first);
  const times = new Map<string, number>();
  for (const id of got) times.set(id, (times.get(id) ?? 0) + 1);
  const duplicates = [...times].filter(([, count]) => count > 1);
  const allowed = new Map<string, number>();
  for (const set of unsettled) for (const id of set) allowed.set(id, (allowed.get(id) ?? 0) + 1);
  const undue = duplicates.filter(([id, count]) => count - 1 > (allowed.get(id) ?? 0));
  const broken = (await lines(published, 'broken')).map(Number);
  const cut = (await lines(received, 'cut')).map(Number);
  const during = (instants: readonly number[], at: number): boolean => instants.some((instant) => instant >= at - 5 && instant < at + 400);
  const publishing = kills.filter((at) => during(broken, at)).length;
  const sending = kills.filter((at) => during(cut, at)).length;
  const both = kills.filter((at) => during(broken, at) && during(cut, at)).length;
  const forged = (await lines(received, 'forged')).length;
  console.log(
    [
      `kills ${KILLS}, of them with publishes and requests in flight ${both} (publishes ${publishing}, requests ${sending})`,
      `events answered 202: ${acknowledged.length}; lost ${lost.length}; out of order ${outOfOrder.length}; forged ${forged}`,
      `duplicates ${got.length - first.length}; sent and not yet settled at a kill ${[...allowed.values()].reduce((a, b) => a + b, 0)}; beyond that ${undue.length}`,
    ].join('\n'),
  );
  expect({ lost, outOfOrder, undue, forged }).toEqual({ lost: [], outOfOrder: [], undue: [], forged: 0 });
  expect(both).toBeGreaterThanOrEqual(Math.floor(KILLS * 0.8));
  expect(acknowledged.length).toBeGreaterThan(KILLS * 10);
});

/** Until more has been received than so far: the server that was started last delivers. */
async function flowing(log: string): Promise<void> {
  const sizeOf = (): number => statSync(log, { throwIfNoEntry: false })?.size ?? 0;
  for (const before = sizeOf(); sizeOf() === before; ) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function lines(path: string, kind: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line === kind || line.startsWith(`${kind} `))
    .map((line) => line.slice(kind.length + 1));
}

/** Event ids whose delivery is pending on disk, read while no server runs. */
function pendingEvents(path: string): Set<string> {
  const db = new DatabaseSync(path);
  const rows = db.prepare(`SELECT e.id FROM deliveries d JOIN events e ON e.seq = d.event WHERE d.status = 'pending'`).all();
  db.close();
  return new Set(rows.map((row) => String(row['id'])));
}

/** Ids `<key>-<number>` whose number is not above all that came before for their key. */
function outOfOrderIds(ids: readonly string[]): string[] {
  const newest = new Map<string, number>();
  return ids.filter((id) => {
    const [key = '', number = ''] = id.split('-');
    const before = newest.get(key) ?? -1;
    newest.set(key, Math.max(before, Number(number)));
    return Number(number) <= before;
  });
}

async function drained(server: ServerProcess): Promise<void> {
  for (;;) {
    const { body } = await server.call<{ pending: number }>('GET', '/v1/dispatch');
    if (body.pending === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
