/** Processes for the chaos tests, what is done to them, and the judgement afterwards: by the publisher's log of 202s and the receiver's own log. */
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { freePort, KEYS, type ServerProcess, startServer } from '../../process/server-process.ts';

const SECRET = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
export const LEASE_MS = 3_000;

export interface ChaosStage {
  readonly apis: ServerProcess[];
  readonly dispatchers: ChildProcess[];
  /** Index of a dispatcher that holds lanes now. */
  busyDispatcher(): Promise<number>;
  restartApi(index: number): Promise<void>;
  restartDispatcher(index: number): Promise<void>;
  /** Publishes, and resolves once all is answered 202. @param paceMs how long each of 48 publishers rests between two events */
  publish(events: number, paceMs: number): Promise<void>;
  /** No more than is out already. */
  stopPublishing(): void;
  /** Events whose delivery was received but is not settled now. Only these may come twice. */
  noteUnsettled(): Promise<void>;
  query<T extends object>(sql: string): Promise<T[]>;
  /** Resolves once nothing waits any more. */
  drained(): Promise<void>;
  verdict(): Promise<Verdict>;
  close(): Promise<void>;
}

export interface Verdict {
  readonly acknowledged: number;
  readonly lost: string[];
  readonly outOfOrder: string[];
  readonly duplicates: number;
  /** Received more often than it was unsettled at an incident. */
  readonly undue: string[];
  readonly forged: number;
  readonly refused: number;
  readonly takenOver: number;
  readonly swept: number;
  /** Answers while the database was lost. */
  readonly unavailable: string[];
}

/**
 * @param options.url of the database, of one host or several
 * @param options.programs main.ts of each API process, where it is not this version's
 * @param options.role what the API processes do: `all` dispatches too
 * @param options.asked where the test itself asks: the same, unless that changes
 */
export async function openChaos(options: {
  readonly url: string;
  readonly endpoints: number;
  readonly dispatchers: number;
  readonly apis: number;
  readonly programs?: readonly string[];
  readonly role?: 'api' | 'all';
  readonly asked?: () => string;
}): Promise<ChaosStage> {
  const { url, endpoints, programs = [], role = 'api', asked = () => url } = options;
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-chaos-'));
  const files = { published: join(folder, 'published.log'), received: join(folder, 'received.log'), nodes: join(folder, 'nodes.log') };
  const key = randomBytes(32).toString('base64');
  const processes = new Set<ChildProcess>();
  const started = <T extends ChildProcess>(child: T): T => {
    processes.add(child);
    return child;
  };

  const startApi = async (port: number, index: number): Promise<ServerProcess> => {
    const program = programs[index];
    const env = {
      DATABASE_URL: url,
      POSTHORN_ROLE: role,
      POSTHORN_ENCRYPTION_KEY: key,
      POSTHORN_CADENCE_SANDBOX: 'immediate',
      POSTHORN_LOG_LEVEL: 'error',
    };
    const server = await startServer({ dataDir: join(folder, 'data'), port, env, ...(program === undefined ? {} : { program }) });
    started(server.child);
    return server;
  };
  const startDispatcher = async (): Promise<ChildProcess> => {
    const child = started(fork(join(import.meta.dirname, 'dispatcher.ts'), [url, key, files.nodes, String(LEASE_MS)]));
    await new Promise((resolve) => child.once('message', resolve));
    return child;
  };
  const end = (child: ChildProcess): Promise<void> =>
    new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) resolve();
      else child.once('exit', () => resolve());
      child.kill('SIGKILL');
    });

  const ports = await Promise.all(Array.from({ length: options.apis }, () => freePort()));
  const apis = await Promise.all(ports.map(startApi));
  const receiver = started(fork(join(import.meta.dirname, '../../process/crash-receiver.ts'), [files.received, SECRET]));
  const receiverPort = await new Promise<number>((resolve) => receiver.once('message', (sent) => resolve(Number(sent))));
  await apis[0]?.call('PUT', '/v1/applications/chaos', { name: 'Chaos' });
  for (let index = 0; index < endpoints; index += 1) {
    const endpoint = {
      application: 'chaos',
      url: `http://127.0.0.1:${receiverPort}/${index}`,
      secret: SECRET,
      event_types: [`chaos.e${index}`],
    };
    const made = await apis[0]?.call('POST', '/v1/endpoints', endpoint);
    if (made?.status !== 201) throw new Error(`no endpoint was made: ${JSON.stringify(made)}`);
  }
  const dispatchers = await Promise.all(Array.from({ length: options.dispatchers }, startDispatcher));

  const query = async <T extends object>(sql: string): Promise<T[]> => {
    for (;;) {
      const client = new Client({ connectionString: asked() });
      client.on('error', () => {});
      try {
        await client.connect();
        return (await client.query(sql)).rows as T[];
      } catch (error) {
        // The database is being killed and started: asked again until it answers.
        if (error instanceof Error && 'severity' in error && !/^(57|08)/.test(String('code' in error ? error.code : ''))) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      } finally {
        await client.end().catch(() => {});
      }
    }
  };
  const unsettled: Set<string>[] = [];
  let publisher: ChildProcess | null = null;

  return {
    apis,
    dispatchers,
    async busyDispatcher() {
      for (const until = performance.now() + 3_000; performance.now() < until; ) {
        const holders = await query<{ pid: string }>(
          `SELECT split_part(holder, '-', 1) AS pid FROM posthorn.lanes WHERE holder IS NOT NULL ORDER BY random()`,
        );
        const index = dispatchers.findIndex((dispatcher) => dispatcher.pid === Number(holders[0]?.pid));
        if (index !== -1) return index;
      }
      return 0;
    },
    async restartApi(index) {
      const port = ports[index];
      const api = apis[index];
      if (port === undefined || api === undefined) throw new Error(`there is no API process ${index}`);
      await end(api.child);
      apis[index] = await startApi(port, index);
    },
    async restartDispatcher(index) {
      const dispatcher = dispatchers[index];
      if (dispatcher === undefined) throw new Error(`there is no dispatcher ${index}`);
      await end(dispatcher);
      dispatchers[index] = await startDispatcher();
    },
    publish: (events, paceMs) =>
      new Promise((resolve, reject) => {
        const bases = ports.map((port) => `http://127.0.0.1:${port}`).join(',');
        const child = fork(join(import.meta.dirname, 'publisher.ts'), [
          bases,
          KEYS.sandbox,
          files.published,
          String(events),
          String(endpoints),
          String(paceMs),
        ]);
        publisher = child;
        started(child).once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`the publisher ended with ${code}`))));
      }),
    stopPublishing() {
      publisher?.send('enough');
    },
    async noteUnsettled() {
      const pending = await query<{ id: string }>(
        `SELECT e.id FROM posthorn.pending p JOIN posthorn.events e
           ON e.application = p.application AND e.environment = p.environment AND e.published_at = p.published_at AND e.seq = p.event`,
      );
      const waiting = new Set(pending.map(({ id }) => id));
      // A request that is out already arrives in a moment.
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      unsettled.push(new Set(lines(files.received, 'got').filter((id) => waiting.has(id))));
    },
    query,
    async drained() {
      while (((await query<{ n: number }>('SELECT count(*)::integer AS n FROM posthorn.pending'))[0]?.n ?? 0) > 0) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    async verdict() {
      // A settle that was refused: what it tells of was sent, not settled, and sent again by whoever took the lane over.
      const stale = await query<{ id: string }>(
        `SELECT e.id FROM posthorn.attempts a
         JOIN posthorn.deliveries d ON d.published_at = a.published_at AND d.seq = a.delivery
         JOIN posthorn.events e ON e.application = d.application AND e.environment = d.environment AND e.published_at = d.published_at AND e.seq = d.event
         WHERE a.stale`,
      );
      return judge(files, [...unsettled, ...stale.map(({ id }) => new Set([id]))]);
    },
    async close() {
      await Promise.all([...processes].map(end));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function lines(path: string, kind: string): string[] {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // Nothing was written yet.
  }
  return text
    .split('\n')
    .filter((line) => line === kind || line.startsWith(`${kind} `))
    .map((line) => line.slice(kind.length + 1));
}

function judge(
  files: { readonly published: string; readonly received: string; readonly nodes: string },
  unsettled: readonly ReadonlySet<string>[],
): Verdict {
  const acknowledged = lines(files.published, '202');
  const got = lines(files.received, 'got');
  const first = [...new Set(got)];
  const received = new Set(first);
  const times = new Map<string, number>();
  for (const id of got) times.set(id, (times.get(id) ?? 0) + 1);
  const allowed = new Map<string, number>();
  for (const set of unsettled) for (const id of set) allowed.set(id, (allowed.get(id) ?? 0) + 1);
  const newest = new Map<string, number>();
  const outOfOrder = first.filter((id) => {
    const [key = '', number = ''] = id.split('-');
    const before = newest.get(key) ?? -1;
    newest.set(key, Math.max(before, Number(number)));
    return Number(number) <= before;
  });
  return {
    acknowledged: acknowledged.length,
    lost: acknowledged.filter((id) => !received.has(id)),
    outOfOrder,
    duplicates: got.length - first.length,
    undue: [...times].filter(([id, count]) => count - 1 > (allowed.get(id) ?? 0)).map(([id]) => id),
    forged: lines(files.received, 'forged').length,
    refused: lines(files.nodes, 'refused').length,
    takenOver: lines(files.nodes, 'taken').length,
    swept: lines(files.nodes, 'swept').length,
    unavailable: lines(files.published, '503'),
  };
}
