/** What the browser's tests stand on: the real program with the built app, and people made without the browser. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { freePort, KEYS, type ServerProcess, startServer } from '../../server/test/process/server-process.ts';

export interface Stage extends ServerProcess {
  /** What the first start printed for whoever is to be the operator. */
  operatorLink(): string;
  /** Calls with the service key of an environment. @throws for anything but 2xx */
  provider<T>(method: string, path: string, body?: unknown, environment?: 'production' | 'sandbox'): Promise<T>;
  close(): Promise<void>;
}

/** A dispatch of its own is far away, unless a test says otherwise: things wait until somebody lets them go. */
export async function openStage(env: Readonly<Record<string, string>> = {}): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-web-'));
  const server = await startServer({
    dataDir: join(folder, 'data'),
    port: await freePort(),
    env: { POSTHORN_CADENCE_SANDBOX: 'every 12h', POSTHORN_CADENCE_PRODUCTION: 'every 12h', POSTHORN_LOG_LEVEL: 'info', ...env },
  });
  return {
    ...server,
    operatorLink() {
      const link = /https?:\/\/\S+\/operator\/[\w-]+/.exec(server.output())?.[0];
      if (link === undefined) throw new Error(`no operator link in:\n${server.output()}`);
      return link;
    },
    async provider<T>(method: string, path: string, body?: unknown, environment: 'production' | 'sandbox' = 'sandbox') {
      const answer = await server.call<T>(method, path, body, KEYS[environment]);
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body;
    },
    async close() {
      await server.end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const PASSWORD = 'a few words in a row';

/** Makes an account in this window, without the pages, and signs in with it. @returns nothing: the window has the session */
export async function signUp(context: BrowserContext, base: string, email: string): Promise<void> {
  await post(context, `${base}/auth/sign-up/email`, { name: 'Ada Lovelace', email, password: PASSWORD });
}

/** Makes the business whose owner this window's person is. @returns its id */
export async function foundBusiness(context: BrowserContext, base: string, name: string): Promise<string> {
  return (await post<{ id: string }>(context, `${base}/v1/applications`, { name })).id;
}

export async function post<T>(context: BrowserContext, url: string, data: unknown): Promise<T> {
  const response = await context.request.post(url, {
    data,
    headers: { origin: new URL(url).origin, 'posthorn-environment': 'sandbox' },
  });
  if (!response.ok()) throw new Error(`POST ${url}: ${response.status()} ${await response.text()}`);
  return (await response.json()) as T;
}
