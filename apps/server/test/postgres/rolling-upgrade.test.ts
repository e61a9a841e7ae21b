/**
 * A rolling upgrade: the schema moves on beneath servers that are at work, and what they do goes on.
 *
 * Once with migrations of the test's own, beneath this version. Once with the tagged version, taken out of git, on the schema of this tree. UPGRADE_CONFORMANCE=1
 * runs all of that version's conformance suite on the newer schema too (npm run test:postgres:upgrade).
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createCipher } from '../../src/store/cipher.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { MIGRATIONS, migrate, readMigrations } from '../../src/store/postgres/migrate.ts';
import { prepare } from '../store/conformance/harness.ts';
import { type ChaosStage, openChaos } from './chaos/stage.ts';
import { query, testDatabase } from './database.ts';
import { sampleMigrations } from './sample-migrations.ts';
import { PostgresServer } from './server.ts';
import tagged from './tagged-version.json' with { type: 'json' };
import { takeTaggedVersion } from './tagged-version.ts';

/** Published until the test has seen what it wants to see. */
const MOST_EVENTS = 1_000_000;
const BATCH = 100;
const ENDPOINTS = 20;
const PACE_MS = 250;
const migrations = readMigrations(MIGRATIONS);
const newer = [...migrations, ...sampleMigrations(migrations)];

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start({ shared_buffers: '64MB', fsync: 'off' });
});
afterAll(() => server.remove());

async function database(name: string): Promise<string> {
  await server.query(`CREATE DATABASE ${name}`);
  return server.url(name);
}

async function upgrade(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await migrate(client, newer);
  } finally {
    await client.end();
  }
}

/** Until so many more than now were made. */
async function moreAttempts(stage: ChaosStage): Promise<void> {
  const count = async (): Promise<number> =>
    (await stage.query<{ n: number }>('SELECT count(*)::integer AS n FROM posthorn.attempts'))[0]?.n ?? 0;
  const before = await count();
  while ((await count()) < before + BATCH) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** All of it arrived, once and in order, no request was turned away, and neither the servers nor PostgreSQL had anything to complain of. */
async function expectFlawless(stage: ChaosStage, logFrom: number): Promise<void> {
  const { acknowledged, lost, outOfOrder, duplicates, forged, unavailable } = await stage.verdict();
  expect({ lost, outOfOrder, duplicates, forged, unavailable }).toEqual({
    lost: [],
    outOfOrder: [],
    duplicates: 0,
    forged: 0,
    unavailable: [],
  });
  expect(acknowledged).toBeGreaterThan(2 * BATCH);
  expect(stage.apis.map((api) => api.output()).join('')).toBe('');
  const complaints = server.log
    .slice(logFrom)
    .split('\n')
    .filter((line) => /ERROR|FATAL|PANIC/.test(line));
  // The migrator let others pass and tried again; two that waited for each other, and one of them did it again.
  const expected = /canceling statement due to lock timeout|deadlock detected/;
  expect(complaints.filter((line) => !expected.test(line))).toEqual([]);
}

test('columns, tables and indexes are added beneath a server that publishes and delivers, and it starts again on the newer schema', {
  timeout: 60_000,
}, async () => {
  const url = await database('beneath');
  const stage = await openChaos({ url, endpoints: ENDPOINTS, dispatchers: 0, apis: 1, role: 'all' });
  onTestFinished(() => stage.close());
  const logFrom = server.log.length;
  const published = stage.publish(MOST_EVENTS, PACE_MS);
  await moreAttempts(stage);
  await upgrade(url);
  await moreAttempts(stage);
  expect(await stage.apis[0]?.end('SIGTERM')).toBe(0);
  await stage.restartApi(0);
  await moreAttempts(stage);
  stage.stopPublishing();
  await published;
  await stage.drained();
  await expectFlawless(stage, logFrom);
  expect(await stage.query('SELECT DISTINCT sample_attempts AS number, sample_attempts_note AS note FROM posthorn.attempts')).toEqual([
    { number: 7, note: null },
  ]);
});

test('a migration does not queue for a table behind a long reader: servers go on, and it gets its turn', { timeout: 30_000 }, async () => {
  const url = await testDatabase();
  const store = await openPostgresStore({ url, cipher: createCipher(randomBytes(32)) });
  onTestFinished(() => store.close());
  const reader = new Client({ connectionString: url });
  await reader.connect();
  onTestFinished(() => reader.end());
  await reader.query('BEGIN; SELECT count(*) FROM posthorn.applications');
  let done = false;
  const upgraded = upgrade(url).then(() => {
    done = true;
  });
  const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%ADD COLUMN%'`;
  while ((await query(url, waiting)).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const askedAt = performance.now();
  await prepare(store);
  // As long as the migration waits for a lock, and a few of them: it has ten tables to lock.
  expect(performance.now() - askedAt).toBeLessThan(8_000);
  expect(done).toBe(false);
  await reader.query('COMMIT');
  await upgraded;
});

test('ten processes of a newer version start at once: each migration runs once, and those that wait do not stop an index that is made concurrently', {
  timeout: 60_000,
}, async () => {
  const url = await testDatabase();
  await Promise.all(Array.from({ length: 10 }, () => upgrade(url)));
  expect(await query(url, 'SELECT number FROM posthorn.migrations ORDER BY number')).toEqual(newer.map(({ number }) => ({ number })));
  expect(await query(url, `SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = 'posthorn.pending_sample'::regclass`)).toEqual([
    { valid: true },
  ]);
});

test('a statement that was prepared for all columns of a table is prepared anew when there is one more', async () => {
  const url = await testDatabase();
  const store = await openPostgresStore({ url, cipher: createCipher(randomBytes(32)) });
  onTestFinished(() => store.close());
  await prepare(store);
  const all = (): Promise<unknown> => Promise.all(Array.from({ length: 20 }, () => store.environments.get('sandbox')));
  const before = await all();
  await upgrade(url);
  expect(await all()).toEqual(before);
});

test(`a server of ${tagged.tag} publishes and delivers beside one of this version, on the schema of this tree and of sample migrations after it`, {
  timeout: 120_000,
}, async ({ skip }) => {
  const version = await takeTaggedVersion();
  if ('absent' in version) return skip(`left out: ${version.absent}`);
  onTestFinished(() => version.remove());
  const known = readMigrations(version.migrations);
  expect(known.length).toBe(tagged.schema);
  // No statement of that version may find a name ambiguous that was its own.
  const added = migrations.slice(tagged.schema).flatMap(({ sql }) => [...sql.matchAll(/ADD COLUMN ([a-z_]+)/g)].map(([, name]) => name));
  const statements = await version.statements();
  expect(added.filter((name) => new RegExp(`\\b${name}\\b`).test(statements))).toEqual([]);

  const url = await database('beside');
  await upgrade(url);
  const stage = await openChaos({ url, endpoints: ENDPOINTS, dispatchers: 0, apis: 2, role: 'all', programs: [version.program] });
  onTestFinished(() => stage.close());
  const logFrom = server.log.length;
  const published = stage.publish(MOST_EVENTS, PACE_MS);
  await moreAttempts(stage);
  const dispatched = new Set<number>();
  while (dispatched.size < 2) {
    const held = await stage.query<{ holder: string }>('SELECT DISTINCT holder FROM posthorn.lanes WHERE holder IS NOT NULL');
    for (const { holder } of held) dispatched.add(Number.parseInt(holder, 10));
  }
  await moreAttempts(stage);
  stage.stopPublishing();
  await published;
  await stage.drained();
  await expectFlawless(stage, logFrom);
  expect(dispatched).toEqual(new Set(stage.apis.map(({ child }) => child.pid)));
});

const all = process.env['UPGRADE_CONFORMANCE'] !== undefined;
test.runIf(all)(
  `each statement of ${tagged.tag}: its conformance suite on the schema of this tree and of sample migrations after it`,
  {
    timeout: 600_000,
  },
  async ({ skip }) => {
    const version = await takeTaggedVersion();
    if ('absent' in version) return skip(`left out: ${version.absent}`);
    onTestFinished(() => version.remove());
    // Its own migrator makes the same schema of them: nobody else is at work.
    for (const { file, sql } of newer) await writeFile(join(version.migrations, file), sql.replaceAll(' CONCURRENTLY', ''));
    const vitest = join(version.root, 'node_modules/vitest/vitest.mjs');
    const written = join(version.root, 'report.json');
    const suite = ['run', 'apps/server/test/store/postgres.test.ts', '--reporter=json', `--outputFile=${written}`];
    await promisify(execFile)(process.execPath, [vitest, ...suite], { cwd: version.root });
    const report = JSON.parse(await readFile(written, 'utf8')) as { numPassedTests: number; numFailedTests: number };
    console.log(`${report.numPassedTests} tests of ${tagged.tag} passed on the newer schema`);
    expect(report.numFailedTests).toBe(0);
    expect(report.numPassedTests).toBeGreaterThan(100);
  },
);
