/** What the API's tests stand on: the real API over a real SQLite store in memory, and a real sender that may reach loopback. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AllowList, type ApplicationId, type Clock, DEFAULT_DISABLE_AFTER_MS, isAllowedAddress, parseAllowList } from '@posthorn/core';
import { type DestinationStream, pino } from 'pino';
import { createAccounts } from '../../src/accounts/accounts.ts';
import { hashToken, newToken, tokenHint } from '../../src/api/auth.ts';
import { type Api, buildApi } from '../../src/api/server.ts';
import { readWebApp } from '../../src/api/web-app.ts';
import { withInboxes } from '../../src/inbox/hand-over.ts';
import type { Mailer } from '../../src/mail/mailer.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { createSender } from '../../src/sender/sender.ts';
import { createCipher } from '../../src/store/cipher.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Application, Environment, Person, Role, Store } from '../../src/store/store.ts';
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
  /** Signs up, from an address of its own, and joins the application, if one is given. */
  person(email: string, place?: { readonly application: ApplicationId; readonly role: Role }): Promise<SignedIn>;
  /** What better-auth could not do. */
  readonly errors: unknown[];
  close(): Promise<void>;
}

export interface SignedIn extends Person {
  /** The cookies of the session, as a browser sends them back. */
  readonly cookie: string;
}

export const PASSWORD = 'a few words in a row';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS' | 'HEAD';

export interface CallOptions {
  /** A token; the sandbox's service key unless said otherwise; null: none. */
  readonly key?: string | null;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is, instead of `json`. */
  readonly raw?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** A session instead of a key: in the sandbox, and from a page of the server, unless `headers` say otherwise. */
  readonly by?: { readonly cookie: string };
  /** Where the call comes from. */
  readonly ip?: string;
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

export interface WorkbenchOptions {
  readonly allow?: string;
  readonly path?: string;
  /** A postgres:// URL: stores there instead of SQLite. */
  readonly database?: string;
  readonly publicUrl?: string;
  readonly signUp?: 'open' | 'closed';
  readonly mailer?: Mailer;
  readonly webRoot?: string;
  readonly logoUrl?: string;
  readonly trustProxy?: boolean | number;
  readonly metricsToken?: string;
  readonly metricsOpen?: boolean;
  /** That of another workbench, whose installation this one opens. */
  readonly encryptionKey?: Uint8Array;
}

export async function workbench(options: WorkbenchOptions = {}): Promise<Workbench> {
  const clock = { ...systemClock, time: Date.parse('2026-11-23T10:01:00.000Z'), now: () => clock.time };
  const list = allowList(options.allow ?? LOOPBACK);
  // A file, since better-auth has a connection of its own to it.
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-api-'));
  const encryptionKey = options.encryptionKey ?? randomBytes(32);
  const metrics = createMetrics({ version: '0.0.0' });
  const cipher = createCipher(encryptionKey);
  const store = metrics.observe(
    options.database === undefined
      ? await openSqliteStore({ path: options.path ?? join(folder, 'posthorn.db'), cipher, now: clock.now, random: Math.random })
      : await openPostgresStore({ url: options.database, cipher, now: clock.now }),
  );
  metrics.watch({ store, dispatcher: null });
  await store.environments.setCadence('production', 'every 30m');
  await store.environments.setCadence('sandbox', 'every 5m');
  const log: string[] = [];
  const stream: DestinationStream = { write: (line) => void log.push(line) };
  const { publicUrl = null, mailer = null, logoUrl = null, webRoot } = options;
  const baseUrl = () => publicUrl ?? 'http://localhost';
  const people = { clock, mailer, baseUrl };
  const reaching = createSender({ isAllowed: (ip) => isAllowedAddress(ip, list), clock: clock.now });
  const sender = withInboxes(reaching, { inboxes: store.inboxes, clock, baseUrl });
  const errors: unknown[] = [];
  const api = await buildApi({
    ...people,
    store,
    sender,
    allowList: list,
    publicUrl,
    trustProxy: options.trustProxy ?? false,
    disableAfterMs: DEFAULT_DISABLE_AFTER_MS,
    userAgent: 'Posthorn/test',
    version: '0.0.0',
    metrics: { token: options.metricsToken ?? null, open: options.metricsOpen ?? true, text: () => metrics.text() },
    log: pino({}, stream),
    signUp: options.signUp ?? 'open',
    branding: { name: 'Posthorn', logoUrl, accentColor: null, egressAddresses: ['203.0.113.7'] },
    webApp: webRoot === undefined ? null : readWebApp(webRoot, { logoUrl }),
    accounts: createAccounts({
      ...people,
      database: () => store.accounts(),
      encryptionKey,
      secure: publicUrl?.startsWith('https:') === true,
      name: 'Posthorn',
      onError: (error) => errors.push(error),
    }),
  });
  const service = { production: await addKey(store, 'production', null), sandbox: await addKey(store, 'sandbox', null) };
  const bench: Workbench = {
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
    errors,
    async person(email, place) {
      const json = { name: email.split('@')[0], email, password: PASSWORD };
      strangers += 1;
      const ip = `198.51.${strangers >> 8}.${strangers & 255}`;
      const answer = await bench.call('POST', '/auth/sign-up/email', { key: null, json, ip });
      if (answer.status !== 200) throw new Error(`${email} could not sign up: ${answer.text}`);
      const person = { ...(answer.body.person as Person), cookie: cookiesOf(answer) };
      if (place !== undefined) await addMember(store, person, place);
      return person;
    },
    async call(method, url, { by, key = by === undefined ? service.sandbox : null, json, raw, headers = {}, ip } = {}) {
      const payload = raw ?? (json === undefined ? undefined : JSON.stringify(json));
      const response = await api.inject({
        method,
        url,
        ...(ip !== undefined && { remoteAddress: ip }),
        headers: {
          ...(by !== undefined && {
            cookie: by.cookie,
            origin: baseUrl(),
            'posthorn-environment': 'sandbox',
            host: new URL(baseUrl()).host,
          }),
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
      await rm(folder, { recursive: true });
    },
  };
  return bench;
}

let strangers = 0;

/** What a browser sends back after this answer. */
export function cookiesOf({ headers }: Answer): string {
  const set = [headers['set-cookie'] ?? []].flat() as string[];
  return set.map((cookie) => cookie.split(';', 1)[0]).join('; ');
}

/** By the way that members come: an invitation, accepted. */
async function addMember(store: Store, person: Person, place: { readonly application: ApplicationId; readonly role: Role }): Promise<void> {
  const tokenHash = hashToken(person.id + place.application);
  const { email } = person;
  const expiresAt = Number.MAX_SAFE_INTEGER;
  await store.invitations.create({ ...place, email, tokenHash, expiresAt });
  const accepted = await store.invitations.accept(tokenHash, person);
  if (accepted !== 'accepted') throw new Error(`${email} could not join: ${accepted}`);
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
