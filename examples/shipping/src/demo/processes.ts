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
}

export interface RunningProcess {
  readonly pid: number | undefined;
  /** Rejects, with the last lines that it wrote, if the process ends before `stop`. */
  readonly ended: Promise<never>;
  /** SIGTERM, and SIGKILL for one that does not listen. Done when it is gone. */
  stop(): Promise<void>;
}

const patienceMs = 5_000;

/** Starts a Node program. */
export function startProcess({ name, args, env, cwd, onLine = () => undefined }: ProcessOptions): RunningProcess {
  const child = spawn(process.execPath, args, { cwd, env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const lastLines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lastLines.push(line);
      if (lastLines.length > 10) lastLines.shift();
      if (stream === child.stdout) onLine(line);
    });
  }
  const gone = once(child, 'close');
  let stopping = false;
  const ended = gone.then(([code, signal]) => {
    if (stopping) return new Promise<never>(() => undefined);
    throw new Error([`${name} ended unasked (${signal ?? `exit ${code}`}). Its last lines:`, ...lastLines].join('\n  '));
  });
  // Whoever waits for something of this process races it against `ended`; between two waits nobody listens, which is no crash.
  ended.catch(() => undefined);
  return {
    pid: child.pid,
    ended,
    stop: async () => {
      stopping = true;
      if (isGone(child)) return;
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), patienceMs);
      await gone;
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
