import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

export interface ProcessOptions {
  /** For messages. */
  readonly name: string;
  /** What comes after `node`. */
  readonly args: readonly string[];
  /** All that it sees of the environment besides PATH: a DATABASE_URL of yours is none of a demo's business. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly onLine?: (line: string) => void;
  /** Called if it ends before `stop`; the error has the last lines that it wrote. */
  readonly onUnexpectedEnd: (error: Error) => void;
}

export interface RunningProcess {
  /** SIGTERM, and SIGKILL for one that does not listen. Done when it is gone. */
  stop(): Promise<void>;
}

const patienceMs = 5_000;

/** Starts a Node program. */
export function startProcess({ name, args, env, cwd, onLine = () => undefined, onUnexpectedEnd }: ProcessOptions): RunningProcess {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // out of the terminal's reach: Ctrl-C is the demo's to act on, and it stops what it started
  });
  const lastLines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lastLines.push(line);
      if (lastLines.length > 20) lastLines.shift();
      if (stream === child.stdout) onLine(line);
    });
  }
  let stopping = false;
  const gone = Promise.withResolvers<void>();
  child.on('error', (error) => lastLines.push(error.message));
  child.on('close', (code, signal) => {
    gone.resolve();
    if (!stopping)
      onUnexpectedEnd(new Error([`${name} ended (${signal ?? `exit code ${code}`}). Its last lines:`, ...lastLines].join('\n  ')));
  });
  return {
    stop: async () => {
      stopping = true;
      if (isGone(child)) return;
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), patienceMs);
      await gone.promise;
      clearTimeout(force);
    },
  };
}

function isGone(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** A TCP port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no TCP port is free');
  return address.port;
}
