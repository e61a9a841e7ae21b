/** A job of the real program, killed in the middle. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort, type ServerProcess, type Settings, startServer } from './server-process.ts';

const EVENTS = 10_000;

interface Job {
  readonly id: string;
  readonly state: string;
  readonly done: number;
  readonly total: number;
}

let folder: string;
let settings: Settings;
let server: ServerProcess | null = null;
let receiver: Server;
const arrived = new Map<string, { count: number; late: boolean }>();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthorn-jobs-'));
  settings = { dataDir: join(folder, 'data'), port: await freePort(), env: { POSTHORN_LOG_LEVEL: 'warn' } };
  receiver = createServer((request, response) => {
    const id = String(request.headers['webhook-id']);
    const before = arrived.get(id)?.count ?? 0;
    arrived.set(id, { count: before + 1, late: request.headers['posthorn-late'] === 'true' });
    request.resume();
    response.end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  if (server !== null && server.child.exitCode === null && server.child.signalCode === null) await server.end('SIGKILL');
  receiver.closeAllConnections();
  receiver.close();
  await rm(folder, { recursive: true, force: true });
});

test('kill -9 in the middle of replay-missing: it goes on after the start, and each delivery is made once', {
  timeout: 120_000,
}, async () => {
  server = await startServer(settings);
  await server.call('PUT', '/v1/applications/acme', { name: 'Acme' });
  const since = new Date(Date.now() - 60_000).toISOString();
  for (let done = 0; done < EVENTS; done += 1_000) {
    const events = Array.from({ length: 1_000 }, (_, index) => ({ application: 'acme', type: 'a.b', data: {}, id: `e${done + index}` }));
    expect((await server.call('POST', '/v1/events/batch', { events })).status).toBe(202);
  }
  // Nothing is sent before the endpoint is enabled: what was made can be counted in peace.
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  const { body: endpoint } = await server.call<{ id: string }>('POST', '/v1/endpoints', { application: 'acme', url });
  await server.call('PATCH', `/v1/endpoints/${endpoint.id}`, { status: 'paused' });
  let { body: job } = await server.call<Job>('POST', `/v1/endpoints/${endpoint.id}/replay-missing`, { since });
  while (job.done < 1_000) ({ body: job } = await server.call<Job>('GET', `/v1/jobs/${job.id}`));
  await server.end('SIGKILL');
  console.log(`killed after ${job.done} of ${job.total}`);
  expect(job.state).toBe('running');

  server = await startServer(settings);
  const started = server;
  await expect
    .poll(async () => (await started.call<Job>('GET', `/v1/jobs/${job.id}`)).body, { timeout: 60_000 })
    .toMatchObject({ state: 'done', done: EVENTS, total: EVENTS });
  expect((await server.call<{ pending: number }>('GET', '/v1/dispatch')).body.pending).toBe(EVENTS);
  await server.call('PATCH', `/v1/endpoints/${endpoint.id}`, { status: 'enabled' });
  await expect.poll(() => arrived.size, { timeout: 60_000 }).toBe(EVENTS);
  expect([...arrived.values()].filter(({ count, late }) => count !== 1 || !late)).toEqual([]);
});
