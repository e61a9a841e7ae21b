/** The program as its operator meets it: start, ticks in real time, restarts, signals, bad settings, durability. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { testDatabase } from '../postgres/database.ts';
import { freePort, type ServerProcess, type Settings, startServer } from './server-process.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
let folder: string;
let settings: Settings;
const running = new Set<ServerProcess>();
const receivers: Server[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthorn-process-'));
  settings = { dataDir: join(folder, 'data'), port: await freePort() };
});
afterEach(async () => {
  for (const server of running) if (server.child.exitCode === null && server.child.signalCode === null) await server.end('SIGKILL');
  running.clear();
  for (const receiver of receivers.splice(0)) {
    receiver.closeAllConnections();
    receiver.close();
  }
  await rm(folder, { recursive: true, force: true });
});

async function start(env: Record<string, string> = {}, command: readonly string[] = []): Promise<ServerProcess> {
  const server = await startServer({ ...settings, env }, command);
  running.add(server);
  return server;
}

interface Arrival {
  readonly at: number;
  readonly id: string;
}

/** A receiver that notes arrivals and answers after `delayMs`. */
async function receive(delayMs = 0): Promise<{ url: string; arrivals: Arrival[]; arrived(count: number): Promise<void> }> {
  const arrivals: Arrival[] = [];
  let look = (): void => {};
  const server = createServer((request, response) => {
    arrivals.push({ at: Date.now(), id: String(request.headers['webhook-id']) });
    look();
    request.resume();
    setTimeout(() => response.end('Valid signature'), delayMs);
  });
  receivers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    arrivals,
    arrived: (count) =>
      new Promise((resolve) => {
        look = () => {
          if (arrivals.length >= count) resolve();
        };
        look();
      }),
  };
}

async function prepare(server: ServerProcess, url: string): Promise<void> {
  await server.call('PUT', '/v1/applications/acme', { name: 'Acme' });
  expect((await server.call('POST', '/v1/endpoints', { application: 'acme', url })).status).toBe(201);
}

/** Starts a server that is refused. @returns the one line that says why */
function refused(args: readonly string[]): string {
  const result = spawnSync(process.execPath, [MAIN, 'serve', '--port', '0', ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] },
    timeout: 10_000,
  });
  expect(result).toMatchObject({ status: 1, stdout: '' });
  const [line = '', ...more] = result.stderr.trim().split('\n');
  expect(more).toEqual([]);
  return line;
}

const publish = (server: ServerProcess, data: unknown = {}) =>
  server.call<{ id: string; dispatch_at: string; timestamp: string }>('POST', '/v1/events', {
    application: 'acme',
    type: 'shipment.created',
    data,
  });

describe('ticks in real time, every 2 s', () => {
  const cadence = { POSTHORN_CADENCE_SANDBOX: 'every 2s' };

  test('nothing arrives before its tick, all within a second of it', async () => {
    const receiver = await receive();
    const server = await start(cadence);
    await prepare(server, receiver.url);
    const ticks = new Map<string, number>();
    for (let count = 0; count < 25; count += 1) {
      const { body } = await publish(server);
      ticks.set(body.id, Date.parse(body.dispatch_at));
      await new Promise((resolve) => setTimeout(resolve, 180));
    }
    await receiver.arrived(25);
    const delays = receiver.arrivals.map(({ at, id }) => at - (ticks.get(id) ?? Number.NaN));
    console.log(`25 events under every 2s: sent ${Math.min(...delays)} to ${Math.max(...delays)} ms after their tick`);
    expect([...ticks.values()].every((tick) => tick % 2000 === 0)).toBe(true);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...delays)).toBeLessThan(1000);
  });

  test('ten stops and starts within one interval change nothing', { timeout: 90_000 }, async () => {
    const receiver = await receive();
    const env = { POSTHORN_CADENCE_SANDBOX: 'every 30s' };
    let server = await start(env);
    await prepare(server, receiver.url);
    // Late enough in an interval that it holds all of it.
    const untilTick = 30_000 - (Date.now() % 30_000);
    if (untilTick < 25_000) await new Promise((resolve) => setTimeout(resolve, untilTick + 50));
    const { body } = await publish(server);
    const tick = Date.parse(body.dispatch_at);
    for (let round = 0; round < 10; round += 1) {
      expect(await server.end(round % 2 === 0 ? 'SIGTERM' : 'SIGKILL')).toBe(round % 2 === 0 ? 0 : 'SIGKILL');
      server = await start(env);
    }
    expect(Date.now()).toBeLessThan(tick);
    expect(receiver.arrivals).toEqual([]);
    await receiver.arrived(1);
    expect(receiver.arrivals[0]?.at).toBeGreaterThanOrEqual(tick);
    expect(receiver.arrivals[0]?.at).toBeLessThan(tick + 1000);
  });

  test('a server that was down at a tick sends what is due within 2 s of being ready', async () => {
    const receiver = await receive();
    let server = await start(cadence);
    await prepare(server, receiver.url);
    const { body } = await publish(server);
    await server.end('SIGKILL');
    const tick = Date.parse(body.dispatch_at);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, tick + 100 - Date.now())));
    server = await start({ POSTHORN_CADENCE_SANDBOX: 'every 30m' });
    const readyAt = Date.now();
    // Under the cadence now in force its tick is still to come; the old one's has passed.
    expect(receiver.arrivals).toEqual([]);
    await server.end('SIGKILL');
    server = await start(cadence);
    await receiver.arrived(1);
    expect((receiver.arrivals[0]?.at ?? 0) - readyAt).toBeLessThan(4000);
    expect(receiver.arrivals[0]?.at ?? 0).toBeGreaterThanOrEqual(tick);
  });
});

describe('start and stop', () => {
  test('a cadence that was set while it ran outlasts a restart, unless the start is given one', async () => {
    interface Dispatch {
      readonly cadence: string;
      readonly cadence_at_start: string | null;
    }
    let server = await start();
    const cadences = async () => {
      const { body } = await server.call<Dispatch>('GET', '/v1/dispatch');
      return [body.cadence, body.cadence_at_start];
    };
    const restart = async (env: Record<string, string>) => {
      await server.end('SIGKILL');
      server = await start(env);
      return cadences();
    };
    expect(await cadences()).toEqual(['every 5m', null]);
    expect((await server.call('PUT', '/v1/dispatch', { cadence: 'every 1h' })).status).toBe(200);
    expect(await restart({})).toEqual(['every 1h', null]);
    expect(await restart({ POSTHORN_CADENCE_SANDBOX: 'every 5s' })).toEqual(['every 5s', 'every 5s']);
  });

  test('ready within 2 s, keys and folder private, the first keys written down', async () => {
    const server = await startServer({ ...settings, env: { POSTHORN_SERVICE_KEY_SANDBOX: '', POSTHORN_SERVICE_KEY_PRODUCTION: '' } });
    running.add(server);
    console.log(`ready after ${Math.round(server.readyAfterMs)} ms`);
    expect(server.readyAfterMs).toBeLessThan(2000);
    const file = join(settings.dataDir, 'service-keys.txt');
    const key = /sk_sandbox_[A-Za-z0-9_-]+/.exec(readFileSync(file, 'utf8'))?.[0];
    expect((await server.call('GET', '/v1/applications', undefined, key)).status).toBe(200);
    for (const name of ['service-keys.txt', 'encryption.key', 'posthorn.db', 'posthorn.db-wal', 'posthorn.db-shm'])
      expect(statSync(join(settings.dataDir, name)).mode & 0o777).toBe(0o600);
    expect(server.output()).not.toContain(key);
  });

  test('SIGTERM finishes what is in flight, settles it and exits 0', async () => {
    const receiver = await receive(700);
    let server = await start({ POSTHORN_CADENCE_SANDBOX: 'immediate' });
    await prepare(server, receiver.url);
    const { body } = await publish(server);
    await receiver.arrived(1);
    expect(await server.end('SIGTERM')).toBe(0);
    server = await start();
    const { body: list } = await server.call<{ data: { status: string; attempt_count: number }[] }>(
      'GET',
      `/v1/deliveries?event=${body.id}`,
    );
    expect(list.data).toMatchObject([{ status: 'succeeded', attempt_count: 1 }]);
    expect(receiver.arrivals).toHaveLength(1);
  });

  test('a signal that comes twice at once is one, and a later one ends at once', { timeout: 20_000 }, async () => {
    const receiver = await receive(3_000);
    const begin = async (): Promise<ServerProcess> => {
      const server = await start({ POSTHORN_CADENCE_SANDBOX: 'immediate' });
      await prepare(server, receiver.url);
      await publish(server);
      await receiver.arrived(receiver.arrivals.length + 1);
      return server;
    };
    // As npm has it, that gets Ctrl-C from the terminal with us, and hands it on.
    const twice = await begin();
    const heard = new Promise<void>((resolve) => {
      twice.child.stdout?.on('data', (chunk: Buffer) => chunk.includes('stopping: finishing') && resolve());
    });
    const ended = twice.end('SIGINT');
    await heard;
    twice.child.kill('SIGINT');
    expect(await ended).toBe(0);
    const again = await begin();
    const insist = setInterval(() => again.child.kill('SIGINT'), 100);
    expect(await again.end('SIGINT')).toBe(1);
    clearInterval(insist);
    expect(again.output()).toContain('asked a second time');
  });

  test.each(['that is gone', 'that has stopped'])('SIGTERM ends a server with a log reader %s', async (what) => {
    const server = await start({ POSTHORN_CADENCE_SANDBOX: 'immediate' });
    if (what === 'that is gone') {
      server.child.stdout?.destroy();
      server.child.stderr?.destroy();
      // The line of the stop is the first one that nobody reads.
      expect(await server.end('SIGTERM')).toBe(0);
      return;
    }
    server.child.stdout?.pause();
    const receiver = await receive();
    await prepare(server, receiver.url);
    // Each attempt is a line of some 400 bytes; the pipe and what is read ahead hold 300 KB at most.
    const events = Array.from({ length: 1_000 }, () => ({ application: 'acme', type: 'shipment.created', data: {} }));
    for (let batch = 0; batch < 2; batch += 1) expect((await server.call('POST', '/v1/events/batch', { events })).status).toBe(202);
    await receiver.arrived(2_000);
    expect(await server.end('SIGTERM')).toBe(0);
  });

  test('a second process on the same folder is refused in one line', async () => {
    await start();
    const second = spawnSync(process.execPath, [MAIN, 'serve', '--data-dir', settings.dataDir, '--port', '0'], { encoding: 'utf8' });
    expect(second.status).toBe(1);
    expect(second.stderr.trim().split('\n')).toEqual([expect.stringContaining('is in use by another posthorn process')]);
  });

  test('a dispatcher serves its health and figures where it is given a port, and no API', async () => {
    const server = await start({
      POSTHORN_ROLE: 'dispatcher',
      DATABASE_URL: await testDatabase(),
      POSTHORN_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    });
    const get = async (path: string): Promise<[number, string]> => {
      const response = await fetch(server.base + path);
      return [response.status, await response.text()];
    };
    expect(await get('/healthz')).toEqual([200, '{"status":"ok"}']);
    expect(await get('/metrics')).toEqual([200, expect.stringContaining('posthorn_attempts_total')]);
    expect(await get('/v1/applications')).toEqual([404, expect.stringContaining('route_not_found')]);
    expect(await server.end('SIGTERM')).toBe(0);
  });

  test('a dispatcher whose port is taken ends before it takes anything to do', async () => {
    const { url } = await receive();
    const result = spawnSync(process.execPath, [MAIN, 'serve', '--role', 'dispatcher', '--port', new URL(url).port], {
      encoding: 'utf8',
      env: {
        PATH: process.env['PATH'],
        POSTHORN_DATA_DIR: settings.dataDir,
        DATABASE_URL: await testDatabase(),
        POSTHORN_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      },
    });
    expect(result.stderr).toMatch(/^posthorn: PORT \d+ on HOST 127\.0\.0\.1 cannot be listened on: .*EADDRINUSE/);
    expect([result.status, result.stdout.includes('"msg":"dispatching"')]).toEqual([1, false]);
  });

  test('with PostgreSQL, a start that finds service keys made elsewhere says so, and how to get one', async () => {
    const env = {
      DATABASE_URL: await testDatabase(),
      POSTHORN_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      POSTHORN_SERVICE_KEY_PRODUCTION: '',
      POSTHORN_SERVICE_KEY_SANDBOX: '',
    };
    const first = await start(env);
    await first.end('SIGTERM');
    const again = await start(env);
    await again.end('SIGTERM');
    const other = await startServer({ ...settings, dataDir: join(folder, 'other'), env });
    running.add(other);
    await other.end('SIGTERM');
    const told = 'service keys of production and sandbox exist';
    expect([first, again, other].map((server) => server.output().includes(told))).toEqual([false, false, true]);
  });

  test('the command of the package runs the program, and an older Node is told what is missing', () => {
    const command = join(MAIN, '../../posthorn.js');
    const run = (...args: string[]) => spawnSync(process.execPath, [...args, command, '--version'], { encoding: 'utf8' });
    expect(run()).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    // Not an older Node, but one that says so.
    const older = `data:text/javascript,Object.defineProperty(process.versions, 'node', { value: '20.20.2' })`;
    expect(run('--import', older)).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^posthorn: needs Node 24 or newer, and this is 20\.20\.2: .*\n$/),
    });
  });

  test('a lost encryption key stops the start, and no other one is left in its place', async () => {
    const server = await start();
    await prepare(server, 'http://127.0.0.1:9/');
    await server.end('SIGTERM');
    const path = join(settings.dataDir, 'encryption.key');
    const key = readFileSync(path);
    rmSync(path);
    expect(refused(['--data-dir', settings.dataDir])).toContain(`POSTHORN_ENCRYPTION_KEY is not set and ${path} is missing`);
    expect(existsSync(path)).toBe(false);
    writeFileSync(path, key);
    expect(await (await start()).end('SIGTERM')).toBe(0);
  });

  test('a start that cannot work says so in one line', () => {
    const garbage = (name: string): string => {
      const data = join(folder, name);
      mkdirSync(data);
      writeFileSync(join(data, name), 'this is not a database, however long one looks at it');
      return data;
    };
    const database = garbage('posthorn.db');
    expect(refused(['--data-dir', database])).toContain(`${database}/posthorn.db: file is not a database`);
    expect(readdirSync(database)).not.toContain('encryption.key');
    const lock = garbage('posthorn.lock');
    expect(refused(['--data-dir', lock])).toContain(`${lock}/posthorn.lock cannot be locked`);
    expect(refused(['--data-dir', '/dev/null/data'])).toContain('POSTHORN_DATA_DIR cannot be used');
    // Making it with its parents in one call would never come back.
    if (process.platform === 'linux') expect(refused(['--data-dir', '/proc/posthorn/data'])).toContain('POSTHORN_DATA_DIR cannot be used');
  });

  test('half of it alone on SQLite says what is left undone', async () => {
    const server = await start({ POSTHORN_ROLE: 'api' });
    await vi.waitFor(() => expect(server.output()).toContain('POSTHORN_ROLE api is for PostgreSQL'), 2_000);
  });

  test.each([
    ['PORT', 'http', ''],
    ['POSTHORN_CADENCE_SANDBOX', 'every now and then', ''],
    ['POSTHORN_CADENCE_PRODUCTION', 'cron 0 0 30 2 *', ''],
    ['POSTHORN_ALLOW_ADDRESSES', '10.0.0.0/99', ''],
    ['POSTHORN_ENCRYPTION_KEY', 'short', ''],
    ['POSTHORN_SERVICE_KEY_SANDBOX', 'sk_production_aaaaaaaaaaaaaaaaaaaaaaaaaaaa', ''],
    ['POSTHORN_ROLE', 'boss', ''],
    ['POSTHORN_CONCURRENCY', '0', ''],
    ['DATABASE_URL', 'mysql://localhost/x', ''],
    ['POSTHORN_RETENTION', 'forever', ''],
    ['POSTHORN_SMTP_URL', 'mail.example.com', ''],
    ['POSTHORN_MAIL_FROM', 'nobody', ''],
  ])('a bad %s stops the start with one line that names it', (name, value) => {
    const result = spawnSync(process.execPath, [MAIN, 'serve', '--data-dir', settings.dataDir], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], [name]: value },
    });
    expect(result.status).toBe(1);
    expect(result.stderr.trim().split('\n')).toEqual([expect.stringContaining(name)]);
    expect(result.stdout).toBe('');
  });
});

describe('what is on disk, and when', { timeout: 60_000 }, () => {
  const calls = 'write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync';
  const WRITTEN = /pwrite.*posthorn\.db-wal/;
  const SYNCED = /(fsync|fdatasync)\(.*posthorn\.db-wal/;

  /** Under CI a missing tool is a failure; elsewhere it is said. */
  function canTrace(): boolean {
    if (spawnSync('strace', ['-V']).error === undefined) return true;
    expect(process.env['CI'], 'strace is missing').toBeUndefined();
    console.log('left out: strace is not installed, so system calls cannot be traced');
    return false;
  }

  /** @returns a server, the lines of its system calls from now on, each of which begins with the id of its thread, and an end to it */
  async function traced(): Promise<{ server: ServerProcess; lines: () => string[]; end: (process: number) => Promise<void> }> {
    const trace = join(folder, 'trace.txt');
    const server = await start({ POSTHORN_LOG_LEVEL: 'silent' }, ['strace', '-f', '-yy', '-s', '64', '-e', `trace=${calls}`, '-o', trace]);
    return {
      server,
      lines: () => readFileSync(trace, 'utf8').split('\n'),
      // strace ends with it.
      async end(traced) {
        const ended = new Promise((resolve) => server.child.once('exit', resolve));
        process.kill(traced, 'SIGKILL');
        await ended;
      },
    };
  }

  test('the database is synced to disk before the 202 is written', async () => {
    if (!canTrace()) return;
    const { server, lines: all, end } = await traced();
    await server.call('PUT', '/v1/applications/acme', { name: 'Acme' });
    const before = all().length;
    expect((await publish(server)).status).toBe(202);
    const lines = all().slice(before - 1);
    const answered = lines.findIndex((line) => line.includes('HTTP/1.1 202'));
    // The main thread, which answers, has the id of the process.
    await end(Number.parseInt(lines[answered] ?? '', 10));
    const synced = lines.slice(0, answered).findLastIndex((line) => SYNCED.test(line));
    const written = lines.slice(0, answered).findLastIndex((line) => WRITTEN.test(line));
    console.log(['the last of it:', lines[written], lines[synced], lines[answered]].map((line) => line?.slice(0, 140)).join('\n'));
    expect(answered).toBeGreaterThan(-1);
    expect(written).toBeGreaterThan(-1);
    expect(synced).toBeGreaterThan(written);
  });

  test('what an attempt came to is written by the thread that serves, and synced by another', async () => {
    if (!canTrace()) return;
    const receiver = await receive();
    const { server, lines, end } = await traced();
    await prepare(server, receiver.url);
    expect((await publish(server)).status).toBe(202);
    const main = Number.parseInt(lines().find((line) => line.includes('HTTP/1.1 202')) ?? '', 10);
    await server.call('POST', '/v1/dispatch');
    await receiver.arrived(1);
    const sent = lines().findIndex((line) => line.includes('POST / HTTP/1.1'));
    const after = (): { by: number; call: string }[] =>
      lines()
        .slice(sent)
        .map((line) => ({ by: Number.parseInt(line, 10), call: line }));
    await vi.waitFor(() => expect(after().some(({ by, call }) => by !== main && SYNCED.test(call))).toBe(true), { timeout: 10_000 });
    const calls = after();
    await end(main);
    const synced = calls.findIndex(({ by, call }) => by !== main && SYNCED.test(call));
    const writers = calls.slice(0, synced).filter(({ call }) => WRITTEN.test(call));
    expect(sent).toBeGreaterThan(-1);
    expect(writers.length).toBeGreaterThan(0);
    expect(writers.map(({ by }) => by)).toEqual(writers.map(() => main));
  });
});
