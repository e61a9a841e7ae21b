/** `posthorn copy` as its operator meets it: real processes, killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { query, testDatabase } from '../postgres/database.ts';
import { freePort, KEYS, type ServerProcess, startServer } from '../process/server-process.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const EVENTS = 12_000;
let folder: string;
let dataDir: string;
let url: string;
const started = new Set<ChildProcess>();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthorn-copy-'));
  dataDir = join(folder, 'data');
  url = await testDatabase();
});
afterEach(async () => {
  for (const child of started) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  started.clear();
  await rm(folder, { recursive: true, force: true });
});

interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<{
    readonly code: number | null;
    readonly signal: NodeJS.Signals | null;
    readonly out: string;
    readonly err: string;
  }>;
}

function posthorn(args: readonly string[], env: Readonly<Record<string, string>> = {}): Run {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], ...env },
  });
  started.add(child);
  let out = '';
  let err = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  return { child, ended: new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal, out, err }))) };
}

const copy = (env: Readonly<Record<string, string>> = {}): Run => posthorn(['copy', '--from', `sqlite:${dataDir}`, '--to', url], env);
/** The same program over PostgreSQL; with the key that the data folder made. */
const onPostgres = (): Record<string, string> => ({
  DATABASE_URL: url,
  POSTHORN_ENCRYPTION_KEY: readFileSync(join(dataDir, 'encryption.key'), 'utf8').trim(),
});

/** A session of a copy that waits for somebody's lock. */
const WAITS = `datname = current_database() AND application_name = 'posthorn' AND wait_event_type = 'Lock'`;

/** Nobody writes into the table until it is released. */
async function lock(table: string): Promise<{ release(): Promise<void> }> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`BEGIN; LOCK TABLE posthorn.${table} IN SHARE MODE`);
  return {
    async release() {
      await client.query('COMMIT');
      await client.end();
    },
  };
}

/** Until so many do. */
async function waiting(count: number): Promise<void> {
  while ((await query(url, `SELECT FROM pg_stat_activity WHERE ${WAITS}`)).length !== count) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function killed({ child, ended }: Run): Promise<NodeJS.Signals | null> {
  child.kill('SIGKILL');
  return (await ended).signal;
}

async function serve(env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
  const server = await startServer({ dataDir, port: await freePort(), env: { POSTHORN_CADENCE_SANDBOX: 'every 1h', ...env } });
  started.add(server.child);
  return server;
}

async function fill(server: ServerProcess, events: number): Promise<{ readonly endpoint: string; readonly secret: string }> {
  await server.call('PUT', '/v1/applications/acme', { name: 'Acme' });
  const { body } = await server.call<{ id: string; secret: string }>('POST', '/v1/endpoints', {
    application: 'acme',
    url: 'http://127.0.0.1:9/',
  });
  for (let done = 0; done < events; done += 1_000) {
    const batch = Array.from({ length: 1_000 }, (_, n) => ({
      application: 'acme',
      type: 'a.b',
      ordering_key: `k${n % 7}`,
      data: { n: done + n },
    }));
    expect((await server.call('POST', '/v1/events/batch', { events: batch })).status).toBe(202);
  }
  return { endpoint: body.id, secret: body.secret };
}

test('killed while it writes, it goes on where it was; no server starts on half a copy, and one does on the whole', {
  timeout: 60_000,
}, async () => {
  const server = await serve();
  const { endpoint, secret } = await fill(server, EVENTS);
  const listed = async (from: ServerProcess) => (await from.call('GET', '/v1/deliveries?limit=100&status=pending')).body;
  const before = await listed(server);

  const refused = await copy().ended;
  expect(refused).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^posthorn: --from: a posthorn process works on .*: stop it first\n$/),
  });
  // What it wrote last is still in the write-ahead log then.
  await server.end('SIGKILL');

  // It waits for these locks on its way, and is killed there. What the first had asked for is done all the same, and the second waits for that.
  const [early, late] = [await lock('endpoints'), await lock('deliveries')];
  const first = copy();
  await waiting(1);
  expect(await killed(first)).toBe('SIGKILL');
  const second = copy();
  await waiting(2);
  await early.release();
  // What the second one asks for goes with it.
  await waiting(1);
  expect(await killed(second)).toBe('SIGKILL');
  await query(url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${WAITS}`);
  await waiting(0);

  const half = await posthorn(['serve', '--port', String(await freePort())], onPostgres()).ended;
  expect(half.code).toBe(1);
  expect(half.err).toMatch(/^posthorn: the database holds a copy of .*posthorn\.db that is not finished: run the same posthorn copy again/);
  const [copied] = await query<{ events: string }>(url, 'SELECT count(*) AS events FROM posthorn.events');
  expect(Number(copied?.events)).toBe(EVENTS);

  const third = copy();
  await late.release();
  const finished = await third.ended;
  expect(finished.err).toBe('');
  expect(finished.code).toBe(0);
  expect(finished.out).toMatch(/each read back and compared; what was left of it took/);
  expect(finished.out).toMatch(/deliveries +12,000 {2}[0-9a-f]{16}\n/);
  expect(finished.out).toContain(`POSTHORN_ENCRYPTION_KEY="$(cat '${join(dataDir, 'encryption.key')}')"`);
  expect((await query<{ n: number }>(url, 'SELECT count(*)::integer AS n FROM posthorn.deliveries'))[0]?.n).toBe(EVENTS);

  const again = await copy().ended;
  expect(again).toMatchObject({ code: 0, out: expect.stringMatching(/was copied already: .* There is nothing to do\./) });

  const moved = await serve(onPostgres());
  expect(await listed(moved)).toEqual(before);
  expect((await moved.call('GET', `/v1/endpoints/${endpoint}/secret`)).body).toMatchObject({ secret });
  expect((await moved.call('GET', '/v1/keys', undefined, KEYS.production)).status).toBe(200);
  expect(await moved.end('SIGTERM')).toBe(0);
});
