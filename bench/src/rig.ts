/** What the benchmarks of the engine stand on: the real dispatcher, store (SQLite on disk) and sending thread in this process, receivers in others. */
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApplicationId, type Clock, parseAllowList } from '@posthorn/core';
import { generateSecret } from '@posthorn/receiver';
import { createDispatcher } from '../../apps/server/src/dispatcher/dispatcher.ts';
import { createThreadedSender } from '../../apps/server/src/sender/threaded-sender.ts';
import { createCipher } from '../../apps/server/src/store/cipher.ts';
import { openSqliteStore } from '../../apps/server/src/store/sqlite/index.ts';
import type { Endpoint, EventToPublish, Store } from '../../apps/server/src/store/store.ts';
import { systemClock } from '../../apps/server/src/system-clock.ts';

const EVENTS_PER_PUBLISH = 1_000;

export interface Rig {
  readonly store: Store;
  addEndpoint(settings: { readonly url: string; readonly eventTypes: readonly string[] }): Promise<Endpoint>;
  /** Publishes `count` events of this type. They wait: only `open` lets them go. */
  fill(type: string, count: number): Promise<void>;
  /** Starts the dispatcher and opens the gate. */
  open(): Promise<void>;
  /** Requests in flight are cut, not awaited. */
  close(): Promise<void>;
}

export async function openRig(options: { readonly clock?: Clock } = {}): Promise<Rig> {
  const { clock = systemClock } = options;
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-bench-'));
  const store = await openSqliteStore({
    path: join(folder, 'posthorn.db'),
    cipher: createCipher(randomBytes(32)),
    now: clock.now,
    random: Math.random,
  });
  await store.environments.setCadence('production', 'every 30m');
  // Far away: only `open` lets anything go.
  await store.environments.setCadence('sandbox', 'cron 0 0 1 1 *');
  const { application } = await store.applications.upsert({ uid: 'bench', name: 'bench' });
  const loopback = parseAllowList('127.0.0.0/8');
  if (!loopback.ok) throw new Error(loopback.message);
  const sender = createThreadedSender({ allowList: loopback.list });
  const dispatcher = createDispatcher({
    store,
    sender,
    clock,
    random: Math.random,
    randomBytes,
    holder: 'bench',
    concurrency: 256,
    // The receivers all are this machine: its share would be measured instead of the endpoints'.
    hostConcurrency: 256,
    userAgent: 'Posthorn/bench',
  });
  return {
    store,
    addEndpoint: (settings) => addEndpoint(store, application.id, settings),
    async fill(type, count) {
      for (let done = 0; done < count; done += EVENTS_PER_PUBLISH) {
        const events = Array.from({ length: Math.min(EVENTS_PER_PUBLISH, count - done) }, (_, index) => event(type, done + index));
        await store.publish({ environment: 'sandbox', events, idempotency: null });
      }
    },
    async open() {
      dispatcher.start();
      await store.environments.open('sandbox');
    },
    async close() {
      await dispatcher.drain();
      await sender.close();
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}

async function addEndpoint(
  store: Store,
  application: ApplicationId,
  { url, eventTypes }: { readonly url: string; readonly eventTypes: readonly string[] },
): Promise<Endpoint> {
  const endpoint = await store.endpoints.create({
    application,
    environment: 'sandbox',
    secret: generateSecret(),
    settings: {
      url,
      description: '',
      eventTypes,
      headers: {},
      cadence: null,
      ordering: 'key',
      rateLimit: null,
      maxInFlight: 8,
      retrySchedule: null,
    },
  });
  if (endpoint === null || endpoint === 'limit') throw new Error('the application is gone');
  return endpoint;
}

function event(type: string, index: number): EventToPublish {
  const data = JSON.stringify({ shipment: { id: `shp_${index % 4999}`, status: 'picked_up', carrier: 'GIG Logistics' } });
  return { application: 'bench', type, data, orderingKey: `shp_${index % 4999}`, id: null };
}

interface Message {
  readonly kind: string;
  readonly port?: number;
  readonly count?: number;
  readonly ms?: number;
  readonly cpuMs?: number;
  /** Bytes. */
  readonly peak?: number;
  readonly heap?: number;
}

export interface Receiver {
  readonly origin: string;
  /** Resolves once it has had `count` requests whose path begins with `path`. */
  reached(path: string, count: number): Promise<void>;
  /** Requests so far, since it was last told what to count. */
  count(): Promise<number>;
  stop(): void;
}

/** A receiver in a process of its own. @param behaviour `hang` never answers, `fail` answers 500 */
export async function startReceiver(behaviour: 'accept' | 'hang' | 'fail' = 'accept'): Promise<Receiver> {
  const child = fork(join(import.meta.dirname, 'receiver.ts'), [behaviour]);
  const { port = 0 } = await message(child, 'listening');
  return {
    origin: `http://127.0.0.1:${port}`,
    async reached(path, count) {
      const reached = message(child, 'reached');
      child.send({ kind: 'expect', count, path });
      await message(child, 'expecting');
      await reached;
    },
    async count() {
      const answer = message(child, 'usage');
      child.send({ kind: 'usage' });
      return (await answer).count ?? Number.NaN;
    },
    stop: () => void child.kill(),
  };
}

/** The next message of this kind; fails when the process ends first. */
export function message(child: ChildProcess, kind: string): Promise<Message> {
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error(`a process of the benchmark ended while "${kind}" was awaited`));
    const heard = (sent: unknown): void => {
      if ((sent as Message).kind !== kind) return;
      child.off('message', heard);
      child.off('exit', gone);
      resolve(sent as Message);
    };
    child.on('message', heard);
    child.once('exit', gone);
  });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** `--name <number>` among the arguments. */
export function option(args: readonly string[], name: string, standard: number): number {
  const at = args.indexOf(`--${name}`);
  const value = at === -1 ? standard : Number(args[at + 1]);
  if (!Number.isInteger(value) || value < 1) throw new RangeError(`--${name} takes a whole number of at least 1`);
  return value;
}
