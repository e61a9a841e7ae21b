/** The server that the drains measure: the real program in a process of its own, with 50 endpoints that all belong to one receiver. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { PostgresServer } from '../../apps/server/test/postgres/server.ts';
import { message } from './rig.ts';

export const ENDPOINTS = 50;
const SERVER = join(import.meta.dirname, '../../apps/server/src/main.ts');
const MEMORY_REPORT = join(import.meta.dirname, 'memory-report.ts');

/** With what an operator would set on a machine like this; everything is synced to disk. */
export function startPostgres(): Promise<PostgresServer> {
  return PostgresServer.start({ shared_buffers: '512MB', max_wal_size: '4GB', checkpoint_timeout: "'15min'" });
}

export interface Server {
  readonly pid: number;
  /** Makes the application and its endpoints. */
  prepare(origin: string, secret: string): Promise<void>;
  fill(total: number): Promise<void>;
  /** Opens the gate. */
  dispatch(): Promise<void>;
  pending(): Promise<number>;
  /** Of the program itself, after its garbage was collected. */
  memory(): Promise<Memory>;
  stop(): Promise<void>;
}

/** In bytes. */
interface Memory {
  /** The most that was resident so far, all threads together. */
  readonly peak: number;
  /** Of the main thread, in use. */
  readonly heap: number;
}

/** The same for all servers of a run: one may go on with what another left. */
const key = `sk_sandbox_${randomBytes(32).toString('base64url')}`;
const encryptionKey = randomBytes(32).toString('base64');

interface ServerOptions {
  readonly slots: number;
  /** Of PostgreSQL; empty: SQLite in the folder. */
  readonly url: string;
  /** Of the sandbox; null: the one that is stored. Far away by default: only dispatch-now opens the gate. */
  readonly cadence?: string | null;
}

export async function startServer(folder: string, { slots, url, cadence = 'cron 0 0 1 1 *' }: ServerOptions): Promise<Server> {
  const log = await open(join(folder, 'server.log'), 'w');
  const port = await freePort();
  const child = spawn(process.execPath, ['--expose-gc', '--import', MEMORY_REPORT, SERVER, 'serve'], {
    stdio: ['ignore', log.fd, log.fd, 'ipc'],
    env: {
      ...process.env,
      PORT: String(port),
      POSTHORN_DATA_DIR: join(folder, 'data'),
      POSTHORN_SERVICE_KEY_SANDBOX: key,
      ...(cadence === null ? {} : { POSTHORN_CADENCE_SANDBOX: cadence }),
      POSTHORN_ALLOW_ADDRESSES: '127.0.0.0/8',
      POSTHORN_CONCURRENCY: String(slots),
      DATABASE_URL: url,
      POSTHORN_ENCRYPTION_KEY: encryptionKey,
      POSTHORN_HOST_CONCURRENCY: String(slots), // all endpoints are one host here
    },
  });
  const base = `http://127.0.0.1:${port}`;
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(base + path, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  await ready(base, child);
  return {
    pid: child.pid ?? 0,
    async prepare(origin, secret) {
      await call('PUT', '/v1/applications/bench', { name: 'bench' });
      for (let index = 0; index < ENDPOINTS; index += 1) {
        await call('POST', '/v1/endpoints', {
          application: 'bench',
          url: `${origin}/hook/${index}`,
          secret,
          event_types: [`bench.e${index}`],
        });
      }
    },
    async fill(total) {
      for (let done = 0; done < total; done += 1000) {
        const events = Array.from({ length: Math.min(1000, total - done) }, (_, index) => ({
          application: 'bench',
          type: `bench.e${(done + index) % ENDPOINTS}`,
          ordering_key: `shp_${(done + index) % 4999}`,
          data: payload(done + index),
        }));
        await call('POST', '/v1/events/batch', { events });
      }
    },
    async dispatch() {
      await call('POST', '/v1/dispatch');
    },
    async pending() {
      const { pending } = (await call('GET', '/v1/dispatch')) as { pending: number };
      return pending;
    },
    async memory() {
      const report = message(child, 'memory');
      child.send('memory');
      const { peak = Number.NaN, heap = Number.NaN } = await report;
      return { peak, heap };
    },
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => {
          log.close().then(resolve, resolve);
        });
        child.kill('SIGTERM');
      }),
  };
}

export function payload(index: number): unknown {
  return {
    shipment: {
      id: `shp_${index % 4999}`,
      reference: `ORD-2026-${index}`,
      status: 'picked_up',
      carrier: 'GIG Logistics',
      tracking_number: `GIG${1_203_394_857 + index}`,
      estimated_delivery: '2026-11-26',
    },
    previous_status: 'in_progress',
    carrier_message: 'Collected from sender',
    history: [
      { status: 'pending', at: '2026-11-23T09:12:04.120Z', place: 'Lagos, NG' },
      { status: 'in_progress', at: '2026-11-23T09:40:51.003Z', place: 'Lagos, NG' },
    ],
  };
}

async function ready(base: string, child: ChildProcess): Promise<void> {
  for (const until = Date.now() + 10_000; Date.now() < until && child.exitCode === null; ) {
    const answered = await fetch(`${base}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('the server did not get ready: see server.log in the benchmark folder');
}

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
