/** The real program as a process of its own, started, asked and killed by tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { join } from 'node:path';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

export interface ServerProcess {
  readonly child: ChildProcess;
  readonly base: string;
  /** Milliseconds from its start to the first good /readyz. */
  readonly readyAfterMs: number;
  /** What it wrote to standard output and standard error so far. */
  output(): string;
  /** Calls the API with the service key of the sandbox (or another key) and gives the answer's JSON. */
  call<T = unknown>(method: string, path: string, body?: unknown, key?: string): Promise<{ status: number; body: T }>;
  /** Sends the signal and waits for the end. @returns exit code, or the signal's name */
  end(signal: NodeJS.Signals): Promise<number | string>;
}

export interface Settings {
  readonly dataDir: string;
  readonly port: number;
  /** main.ts of another version. */
  readonly program?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export const KEYS = {
  production: `sk_production_${randomBytes(32).toString('base64url')}`,
  sandbox: `sk_sandbox_${randomBytes(32).toString('base64url')}`,
};

/** Starts `posthorn serve` and waits until it is ready. */
export async function startServer(settings: Settings, command: readonly string[] = []): Promise<ServerProcess> {
  const startedAt = performance.now();
  const [runner = process.execPath, ...before] = command;
  const node = command.length > 0 ? [process.execPath] : [];
  const child = spawn(runner, [...before, ...node, settings.program ?? MAIN, 'serve'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      PORT: String(settings.port),
      POSTHORN_DATA_DIR: settings.dataDir,
      POSTHORN_ALLOW_ADDRESSES: '127.0.0.0/8,::1/128',
      POSTHORN_SERVICE_KEY_PRODUCTION: KEYS.production,
      POSTHORN_SERVICE_KEY_SANDBOX: KEYS.sandbox,
      ...settings.env,
    },
  });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const base = `http://127.0.0.1:${settings.port}`;
  while (!(await answers(`${base}/readyz`))) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the server ended before it was ready:\n${output}`);
    if (performance.now() - startedAt > 30_000) throw new Error(`the server did not get ready:\n${output}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return {
    child,
    base,
    readyAfterMs: performance.now() - startedAt,
    output: () => output,
    async call<T>(method: string, path: string, body?: unknown, key: string = KEYS.sandbox) {
      const response = await fetch(base + path, {
        method,
        headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as T };
    },
    end: (signal) =>
      new Promise((resolve) => {
        child.once('exit', (code, by) => resolve(code ?? by ?? 'unknown'));
        child.kill(signal);
      }),
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no free port');
  return address.port;
}
