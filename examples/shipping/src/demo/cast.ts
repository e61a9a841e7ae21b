import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Reception } from '../receiver.ts';
import { type JsonClient, jsonClient } from './http.ts';
import { freePort, type ProcessOptions, type RunningProcess } from './processes.ts';

/** Where the demo's programs run. */
export interface Stage {
  /** For their databases. Removed at the end. */
  readonly folder: string;
  /** Aborts on Ctrl-C, and when one of the programs dies. */
  readonly signal: AbortSignal;
  /** Starts a Node program that ends with the demo. */
  start(program: Omit<ProcessOptions, 'cwd' | 'onUnexpectedEnd'>): RunningProcess;
}

export interface Posthorn {
  readonly url: string;
  /** The sandbox's service key. */
  readonly key: string;
  readonly call: JsonClient;
}

const posthornProgram = fileURLToPath(new URL('../../../../apps/server/src/main.ts', import.meta.url));
const shipmentsProgram = fileURLToPath(new URL('../main.ts', import.meta.url));
const receiverProgram = fileURLToPath(new URL('../receiver.ts', import.meta.url));
const startMs = 30_000;

/** Starts Posthorn with SQLite on a free port, and waits until it is ready. */
export async function startPosthorn({ folder, signal, start }: Stage, cadence: string): Promise<Posthorn> {
  const port = await freePort();
  const key = newServiceKey('sandbox');
  start({
    name: 'Posthorn',
    args: [posthornProgram, 'serve'],
    env: {
      PORT: String(port),
      POSTHORN_DATA_DIR: join(folder, 'posthorn'),
      POSTHORN_CADENCE_SANDBOX: cadence,
      POSTHORN_ALLOW_ADDRESSES: '127.0.0.0/8,::1/128',
      POSTHORN_SERVICE_KEY_SANDBOX: key,
      POSTHORN_SERVICE_KEY_PRODUCTION: newServiceKey('production'),
    },
  });
  const url = `http://127.0.0.1:${port}`;
  const tooLate = AbortSignal.timeout(startMs);
  while (!(await isReady(url))) {
    signal.throwIfAborted();
    if (tooLate.aborted) throw new Error(`Posthorn is not ready ${startMs / 1000} s after its start (${url}/readyz)`);
    await sleep(100);
  }
  return { url, key, call: jsonClient({ url, key, signal }) };
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(1_000) })).ok;
  } catch {
    return false;
  }
}

/** Starts the shipments API, which publishes through Posthorn. Resolves to a client of it, once it listens. */
export async function startShipments(
  { folder, signal, start }: Stage,
  posthorn: Posthorn & { readonly application: string },
): Promise<JsonClient> {
  const listening = Promise.withResolvers<string>();
  signal.addEventListener('abort', () => listening.reject(signal.reason));
  start({
    name: 'The shipments API',
    args: [shipmentsProgram],
    env: {
      PORT: '0',
      SHIPMENTS_DATABASE: join(folder, 'shipments.db'),
      POSTHORN_URL: posthorn.url,
      POSTHORN_KEY: posthorn.key,
      POSTHORN_APPLICATION: posthorn.application,
    },
    onLine: (line) => {
      const [, url] = /^Shipments API: (\S+)/.exec(line) ?? [];
      if (url !== undefined) listening.resolve(url);
    },
  });
  return jsonClient({ url: await listening.promise, signal });
}

export interface ReceiverOptions {
  readonly port: number;
  readonly secret: string;
  readonly onReception: (reception: Reception) => void;
}

/** Starts the webhook receiver and waits until it listens. */
export async function startReceiver(
  { folder, signal, start }: Stage,
  { port, secret, onReception }: ReceiverOptions,
): Promise<RunningProcess> {
  const listening = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => listening.reject(signal.reason));
  const running = start({
    name: 'The receiver',
    args: [receiverProgram],
    env: { PORT: String(port), RECEIVER_DATABASE: join(folder, 'received.db'), WEBHOOK_SECRET: secret },
    onLine: (line) => {
      if (line.startsWith('Receiver: ')) listening.resolve();
      else onReception(JSON.parse(line) as Reception);
    },
  });
  await listening.promise;
  return running;
}

function newServiceKey(environment: 'sandbox' | 'production'): string {
  return `sk_${environment}_${randomBytes(32).toString('base64url')}`;
}
