/** One of the receivers' servers as a process of its own, and requests to it, byte for byte. */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../../apps/server/test/process/server-process.ts';
import { type Language, PATH, type ServerProgram } from './languages.ts';

export interface Settings {
  readonly WEBHOOK_SECRET?: string;
  readonly WEBHOOK_SECRET_NEXT?: string;
  readonly WEBHOOK_SCHEME?: 'x-signature' | 'standard';
}

export interface RunningReceiver {
  readonly url: string;
  output(): string;
  /** SIGTERM, and its end. */
  end(): Promise<void>;
}

const running = new Set<ChildProcess>();

interface RunningProgram {
  output(): string;
  /** The first match in what it wrote, once it is there; null if it ended before. */
  says(what: RegExp): Promise<RegExpExecArray | null>;
  /** Its exit code, once it has ended; null after a signal, or if it could not be started. */
  readonly ended: Promise<number | null>;
  /** SIGTERM, and its end. */
  end(): Promise<void>;
}

/** Runs a program beside the test. */
export function startProgram(
  [command, ...args]: readonly [string, ...string[]],
  cwd: string,
  env: Readonly<Record<string, string | undefined>> = {},
): RunningProgram {
  // A group of its own: whatever a program starts beside itself is found again.
  const child = spawn(command, args, { cwd, env: { ...environment(), PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  running.add(child);
  let output = '';
  let look = (): void => undefined;
  for (const channel of [child.stdout, child.stderr]) {
    channel.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      look();
    });
  }
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', (error) => {
      output += error.message;
      resolve(null);
    });
    child.once('close', resolve);
  });
  return {
    output: () => output,
    says: (what) =>
      new Promise((resolve) => {
        look = () => {
          const found = what.exec(output);
          if (found !== null) resolve(found);
        };
        look();
        ended.then(
          () => resolve(null),
          () => resolve(null),
        );
      }),
    ended,
    async end() {
      child.kill('SIGTERM');
      await ended;
      running.delete(child);
    },
  };
}

/** Runs a receiver until it listens; if it ends before, that is what this gives. */
export async function startReceiver(
  language: Language,
  program: ServerProgram,
  settings: Settings,
): Promise<RunningReceiver | { readonly ended: number | null; output(): string }> {
  const server = startProgram(program.command, join(language.folder, program.cwd), {
    HOST: '127.0.0.1',
    PORT: String(await freePort()),
    ...settings,
  });
  const url = (await server.says(/listening on (http:\/\/\S+)/))?.[1];
  if (url === undefined) return { ended: await server.ended, output: server.output };
  return { url: `${url}/webhooks`, output: server.output, end: server.end };
}

/** The environment without a developer's own secret, which would make the tests about a missing one pass or fail by chance. */
function environment(): NodeJS.ProcessEnv {
  const { WEBHOOK_SECRET, WEBHOOK_SECRET_NEXT, WEBHOOK_SCHEME, ...rest } = process.env;
  return rest;
}

/** Ends what a failed test left running. */
export function endAll(): void {
  for (const child of running) {
    if (child.pid === undefined) continue;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // Its group has ended by itself.
    }
  }
  running.clear();
}

/** The answer to a request, or how the connection ended without one. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

/**
 * Posts exactly these bytes: header values as no client library would let them pass, several of one name, a body of any kind.
 *
 * @param headers names and values; `Host`, `Content-Length` and `Connection` are added
 */
export async function post(
  url: string,
  { headers, body }: { readonly headers: readonly (readonly [string, Uint8Array | string])[]; readonly body: Uint8Array },
): Promise<Answer> {
  const { hostname, port, pathname, host } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    // Some servers close only after their client did.
    if (isWhole(Buffer.concat(chunks).toString('latin1'))) socket.destroy();
  });
  // A server that refuses by the length closes while the body is under way. What it answered, it answered before.
  socket.on('error', () => undefined);
  const head: readonly (readonly [string, Uint8Array | string])[] = [
    ['Host', host],
    ['Content-Length', String(body.length)],
    ['Connection', 'close'],
    ...headers,
  ];
  const lines = head.flatMap(([name, value]) => [Buffer.from(`${name}: `), Buffer.from(value), Buffer.from('\r\n')]);
  socket.write(Buffer.concat([Buffer.from(`POST ${pathname} HTTP/1.1\r\n`), ...lines, Buffer.from('\r\n'), body]));
  await new Promise((resolve) => socket.once('close', resolve));
  return parseAnswer(Buffer.concat(chunks).toString('latin1'));
}

function isWhole(received: string): boolean {
  const [head = '', ...rest] = received.split('\r\n\r\n');
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) return rest.length > 0 && received.length >= head.length + 4 + Number(length);
  return /\r\ntransfer-encoding: chunked/i.test(head) && /(^|\r\n)0\r\n\r\n$/.test(received.slice(head.length + 4));
}

function parseAnswer(received: string): Answer {
  const [, status] = /^HTTP\/1\.[01] (\d{3})/.exec(received) ?? [];
  const at = received.indexOf('\r\n\r\n');
  if (status === undefined || at < 0) return { status: 0, text: '' };
  const body = received.slice(at + 4);
  return { status: Number(status), text: /\r\ntransfer-encoding: chunked/i.test(received.slice(0, at)) ? unchunked(body) : body };
}

function unchunked(body: string): string {
  const size = Number.parseInt(body, 16);
  if (!(size > 0)) return '';
  const start = body.indexOf('\r\n') + 2;
  return body.slice(start, start + size) + unchunked(body.slice(start + size + 2));
}
