/**
 * A rolling upgrade: the schema becomes a later one under a server that knows nothing of it, which goes on, and starts again on it. Once with this tree's
 * server and a migration made up here, once with the server of the tagged version and this tree's schema.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrate } from '../../src/store/postgres/migrate.ts';
import { freePort, type ServerProcess, startServer } from '../process/server-process.ts';
import { query, testDatabase } from './database.ts';

const ROOT = join(import.meta.dirname, '../../../..');
const MIGRATIONS = join(ROOT, 'apps/server/src/store/postgres/migrations');
const TAGGED = JSON.parse(readFileSync(join(import.meta.dirname, 'tagged-version.json'), 'utf8')) as { tag: string; commit: string };

let folder: string;
let url: string;
let key: string;
let receiver: Server;
let received: Map<string, number>;
let look: () => void;
const running: ServerProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthorn-upgrade-'));
  url = await testDatabase();
  key = randomBytes(32).toString('base64');
  received = new Map();
  look = () => {};
  receiver = createServer((request, response) => {
    const id = String(request.headers['webhook-id']);
    received.set(id, (received.get(id) ?? 0) + 1);
    request.resume();
    response.end('ok');
    look();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  for (const server of running.splice(0))
    if (server.child.exitCode === null && server.child.signalCode === null) await server.end('SIGKILL');
  receiver.closeAllConnections();
  receiver.close();
  await rm(folder, { recursive: true, force: true });
});

/** A process of its own that does everything, over the test's database. @param main another version's program */
async function start(main?: string): Promise<ServerProcess> {
  const env = { DATABASE_URL: url, POSTHORN_ENCRYPTION_KEY: key, POSTHORN_CADENCE_SANDBOX: 'immediate' };
  const server = await startServer({ dataDir: join(folder, 'data'), port: await freePort(), env, ...(main === undefined ? {} : { main }) });
  running.push(server);
  return server;
}

async function addEndpoint(server: ServerProcess): Promise<void> {
  await server.call('PUT', '/v1/applications/acme', { name: 'Acme' });
  const { port } = receiver.address() as AddressInfo;
  expect((await server.call('POST', '/v1/endpoints', { application: 'acme', url: `http://127.0.0.1:${port}/` })).status).toBe(201);
}

/** Publishes one event and asks for what lists and pages ask for: whatever the program prepares, it has prepared. @returns the event's id */
async function publishAndLook(server: ServerProcess, data: unknown): Promise<string> {
  const event = { application: 'acme', type: 'shipment.created', ordering_key: 'shp_1', data };
  const { status, body } = await server.call<{ id: string }>('POST', '/v1/events', event);
  expect(status).toBe(202);
  for (const path of [
    `/v1/events/${body.id}`,
    `/v1/deliveries?event=${body.id}`,
    '/v1/endpoints',
    '/v1/events',
    '/v1/jobs',
    '/v1/outbox/refused',
    '/v1/audit-log',
  ]) {
    expect((await server.call('GET', path)).status, path).toBe(200);
  }
  const { body: found } = await server.call<{ data: { id: string }[] }>('GET', `/v1/deliveries?event=${body.id}`);
  expect((await server.call('GET', `/v1/deliveries/${found.data[0]?.id}`)).status).toBe(200);
  return body.id;
}

async function publishMany(server: ServerProcess, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) ids.push(await publishAndLook(server, { index }));
  return ids;
}

const arrived = (ids: readonly string[]): Promise<void> =>
  new Promise((resolve) => {
    look = () => {
      if (ids.every((id) => received.has(id))) resolve();
    };
    look();
  });

/** @returns what a server logged as wrong */
const complaints = (server: ServerProcess): string[] =>
  server
    .output()
    .split('\n')
    .filter((line) => /"level":(?:40|50|60)/.test(line));

async function migrateTo(migrations: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await migrate(client, migrations);
  await client.end();
}

/** This tree's migrations, and a later one that gives each table another column, makes an index and a table. */
async function laterMigrations(): Promise<string> {
  const later = join(folder, 'migrations');
  mkdirSync(later);
  const files = readdirSync(MIGRATIONS).filter((file) => file.endsWith('.sql'));
  for (const file of files) copyFileSync(join(MIGRATIONS, file), join(later, file));
  const tables = await query<{ name: string }>(
    url,
    `SELECT oid::regclass::text AS name FROM pg_class
     WHERE relnamespace = 'posthorn'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'migrations'`,
  );
  expect(tables.length).toBeGreaterThan(20);
  const newest = Math.max(...files.map((file) => Number.parseInt(file, 10)));
  const statements = [
    ...tables.map(({ name }, index) => `ALTER TABLE ${name} ADD COLUMN later ${index % 2 === 0 ? 'text' : 'integer NOT NULL DEFAULT 7'}`),
    'CREATE TABLE posthorn.later (pk integer PRIMARY KEY)',
    'CREATE INDEX lanes_later ON posthorn.lanes (later)',
  ];
  writeFileSync(join(later, `${String(newest + 1).padStart(4, '0')}-later.sql`), `-- requires: ${newest}\n${statements.join(';\n')};\n`);
  return later;
}

test('the schema becomes a later one under a server that publishes and sends: nothing fails, and it starts again on it', {
  timeout: 120_000,
}, async () => {
  let server = await start();
  await addEndpoint(server);
  const before = await publishMany(server, 5);
  let isMigrated = false;
  const migrated = laterMigrations()
    .then(migrateTo)
    .then(() => {
      isMigrated = true;
    });
  const during: string[] = [];
  while (!isMigrated) during.push(await publishAndLook(server, {}));
  await migrated;
  const after = await publishMany(server, 10);
  await arrived([...before, ...during, ...after]);
  expect(complaints(server)).toEqual([]);
  expect(await server.end('SIGTERM')).toBe(0);
  server = await start();
  const restarted = await publishMany(server, 5);
  await arrived(restarted);
  expect(complaints(server)).toEqual([]);
  expect([...received.values()].every((times) => times === 1)).toBe(true);
  expect(await query(url, 'SELECT 1 AS there FROM posthorn.later')).toEqual([]);
});

test('the server of the tagged version works on this tree’s schema, beside this tree’s server', { timeout: 120_000 }, async (context) => {
  const tagged = join(folder, 'tagged');
  try {
    mkdirSync(tagged);
    const tree = execFileSync('git', ['archive', TAGGED.commit], { cwd: ROOT, maxBuffer: 1e9, stdio: ['ignore', 'pipe', 'ignore'] });
    execFileSync('tar', ['x', '-C', tagged], { input: tree });
  } catch {
    context.skip(`left out: ${TAGGED.tag} (${TAGGED.commit}) is not in this copy's history`);
  }
  furnish(tagged);
  const ours = await start();
  await addEndpoint(ours);
  const first = await publishMany(ours, 3);
  const theirs = await start(join(tagged, 'apps/server/src/main.ts'));
  const second = await publishMany(theirs, 5);
  await arrived([...first, ...second]);
  // Alone, so that its dispatcher has all of it.
  expect(await ours.end('SIGTERM')).toBe(0);
  const third = await publishMany(theirs, 5);
  await arrived(third);
  expect(complaints(theirs)).toEqual([]);
  expect([...received.values()].every((times) => times === 1)).toBe(true);
});

/** Gives a tree out of git the packages that are installed here, and its own workspaces, the receiver's kit built. */
function furnish(tree: string): void {
  const modules = join(tree, 'node_modules');
  mkdirSync(join(modules, '@posthorn'), { recursive: true });
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name !== '@posthorn') symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  for (const name of readdirSync(join(tree, 'packages'))) symlinkSync(join(tree, 'packages', name), join(modules, '@posthorn', name));
  const own = join(ROOT, 'apps/server/node_modules');
  if (existsSync(own)) symlinkSync(own, join(tree, 'apps/server/node_modules'));
  execFileSync(process.execPath, [
    join(ROOT, 'node_modules/typescript/bin/tsc'),
    '-p',
    join(tree, 'packages/receiver/tsconfig.build.json'),
  ]);
}
