/** What the API's tests stand on: the real API over a real SQLite store in memory, and a real sender that may reach loopback. */
import { randomBytes } from 'node:crypto';
import { type AllowList, type Clock, DEFAULT_DISABLE_AFTER_MS, isAllowedAddress, parseAllowList } from '@posthorn/core';
import { type DestinationStream, pino } from 'pino';
import { hashToken, newToken, tokenHint } from '../../src/api/auth.ts';
import { type Api, buildApi } from '../../src/api/server.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { createSender } from '../../src/sender/sender.ts';
import { createCipher } from '../../src/store/cipher.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Application, Environment, Store } from '../../src/store/store.ts';
import { systemClock } from '../../src/system-clock.ts';

export interface Workbench {
  readonly api: Api;
  readonly store: Store;
  readonly clock: Clock & { time: number };
  /** Tokens of service keys. */
  readonly service: Readonly<Record<Environment, string>>;
  readonly log: string[];
  /** A new application with application keys of both environments. */
  tenant(uid: string): Promise<{ readonly application: Application; readonly keys: Readonly<Record<Environment, string>> }>;
  call(method: Method, url: string, options?: CallOptions): Promise<Answer>;
  close(): Promise<void>;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS' | 'HEAD';

export interface CallOptions {
  /** A token; the sandbox's service key unless said otherwise; null: none. */
  readonly key?: string | null;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is, instead of `json`. */
  readonly raw?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  // Answers are looked at field by field, in tests that fail when a field is not there.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly body: any;
}

export const LOOPBACK = '127.0.0.0/8,::1/128';

export function allowList(text: string): AllowList {
  const reading = parseAllowList(text);
  if (!reading.ok) throw new Error(reading.message);
  return reading.list;
}

export async function workbench(
  options: { readonly allow?: string; readonly path?: string; readonly metricsToken?: string; readonly metricsOpen?: boolean } = {},
): Promise<Workbench> {
  const clock = { ...systemClock, time: Date.parse('2026-11-23T10:01:00.000Z'), now: () => clock.time };
  const list = allowList(options.allow ?? LOOPBACK);
  const metrics = createMetrics({ version: '0.0.0' });
  const store = metrics.observe(
    await openSqliteStore({
      path: options.path ?? ':memory:',
      cipher: createCipher(randomBytes(32)),
      now: clock.now,
      random: Math.random,
    }),
  );
  metrics.watch({ store, dispatcher: null });
  await store.environments.setCadence('production', 'every 30m');
  await store.environments.setCadence('sandbox', 'every 5m');
  const sender = createSender({ isAllowed: (ip) => isAllowedAddress(ip, list), clock: clock.now });
  const log: string[] = [];
  const stream: DestinationStream = { write: (line) => void log.push(line) };
  const api = await buildApi({
    store,
    sender,
    clock,
    allowList: list,
    publicUrl: null,
    trustProxy: false,
    disableAfterMs: DEFAULT_DISABLE_AFTER_MS,
    userAgent: 'Posthorn/test',
    version: '0.0.0',
    metrics: { token: options.metricsToken ?? null, open: options.metricsOpen ?? true, text: () => metrics.text() },
    log: pino({}, stream),
  });
  const service = { production: await addKey(store, 'production', null), sandbox: await addKey(store, 'sandbox', null) };
  return {
    api,
    store,
    clock,
    service,
    log,
    async tenant(uid) {
      const { application } = await store.applications.upsert({ uid, name: uid });
      const keys = { production: await addKey(store, 'production', application), sandbox: await addKey(store, 'sandbox', application) };
      return { application, keys };
    },
    async call(method, url, { key = service.sandbox, json, raw, headers = {} } = {}) {
      const payload = raw ?? (json === undefined ? undefined : JSON.stringify(json));
      const response = await api.inject({
        method,
        url,
        headers: {
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(payload === undefined ? {} : { payload }),
      });
      const isJson = response.body !== '' && /json/.test(String(response.headers['content-type']));
      return {
        status: response.statusCode,
        headers: response.headers,
        text: response.body,
        body: isJson ? JSON.parse(response.body) : null,
      };
    },
    async close() {
      await api.close();
      await sender.close();
      await store.close();
    },
  };
}

async function addKey(store: Store, environment: Environment, application: Application | null): Promise<string> {
  const token = newToken({ environment, kind: application === null ? 'service' : 'application' });
  const key = await store.keys.create({
    environment,
    application: application?.id ?? null,
    name: 'a test',
    tokenHash: hashToken(token),
    hint: tokenHint(token),
  });
  if (key === null) throw new Error('the application of a key is gone');
  return token;
}
