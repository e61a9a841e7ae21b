/** `posthorn copy` in this process: what it brings over, and what it refuses. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyCommand } from '../../src/cli/copy.ts';
import { createCipher, SealError } from '../../src/store/cipher.ts';
import { type CopyOptions, type CopyResult, copyInstallation } from '../../src/store/copy/copy.ts';
import { CopyError } from '../../src/store/copy/error.ts';
import { type SourcePlace, sourcePlace } from '../../src/store/copy/source.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { StoreUnavailable } from '../../src/store/store.ts';
import { PASSWORD, type Workbench, workbench } from '../api/workbench.ts';
import { type Arrival, openStage, stageOn } from '../dispatcher/stage.ts';
import { query, testDatabase } from '../postgres/database.ts';
import { InFlight } from '../postgres/in-flight.ts';
import { event, prepare, publish } from '../store/conformance/harness.ts';
import { answersOf, fillInstallation, type Installation } from './installation.ts';

const encryptionKey = randomBytes(32);
const cipher = createCipher(encryptionKey);
const MINUTE_MS = 60_000;
let folder: string;
let from: SourcePlace;
let installation: Installation;
let before: Record<string, unknown>;
let time: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthorn-copy-'));
  const bench = await workbench({ path: join(folder, 'posthorn.db'), encryptionKey });
  installation = await fillInstallation(bench);
  before = await answersOf(bench, installation);
  time = bench.clock.time;
  expect(bench.errors).toEqual([]);
  await bench.close();
  from = sourcePlace(`sqlite:${folder}`);
});
afterAll(async () => rm(folder, { recursive: true }));

const copyTo = (to: string, more: Partial<CopyOptions> = {}): Promise<CopyResult> =>
  copyInstallation({ from, to, cipher, now: () => time, ...more });

/** All that a database holds, by table: how many rows, and a digest of them. */
async function contents(url: string): Promise<object[]> {
  return query(
    url,
    `SELECT c.relname, query_to_xml(format('SELECT count(*), md5(string_agg(t::text, '''' ORDER BY t::text)) FROM posthorn.%I t', c.relname), true, true, '')::text
     FROM pg_class c WHERE c.relnamespace = 'posthorn'::regnamespace AND c.relkind = 'r' ORDER BY 1`,
  );
}

describe('an installation with a bit of everything', () => {
  let url: string;
  let result: CopyResult;
  let bench: Workbench;
  beforeAll(async () => {
    url = await testDatabase();
    result = await copyTo(url);
    bench = await workbench({ database: url, encryptionKey });
    bench.clock.time = time;
  });
  afterAll(async () => bench.close());

  test('has rows in every table that is copied, or the rest would prove little', () => {
    expect(result).toMatchObject({ kind: 'finished', at: time, resumed: false });
    expect(result.tables.filter(({ rows }) => rows === 0)).toEqual([]);
  });

  test('answers every list, and everything in it, as before', async () => {
    const after = await answersOf(bench, installation);
    expect(Object.keys(after).length).toBeGreaterThan(100);
    for (const [path, answer] of Object.entries(before)) expect({ path, answer: after[path] }).toEqual({ path, answer });
    expect(Object.keys(after)).toEqual(Object.keys(before));
  });

  test('lets people sign in as before, and knows whose session is whose', async () => {
    const json = { email: 'ada@example.com', password: PASSWORD };
    expect((await bench.call('POST', '/auth/sign-in/email', { key: null, json })).body.person.id).toBe(installation.ada.id);
    const session = await bench.call('GET', '/v1/session', { by: installation.ada });
    expect(session.body).toMatchObject({ operator: true, person: { email: 'ada@example.com' } });
  });

  test('knows a repeated publish, by its key and by its id', async () => {
    const { json, headers, answer } = installation.repeated;
    const key = installation.service.sandbox;
    expect((await bench.call('POST', '/v1/events', { key, json, headers })).body).toEqual(answer);
    expect((await bench.call('POST', '/v1/events', { key, json })).body).toEqual(answer);
    expect((await bench.call('POST', '/v1/events', { key, json: { ...json, data: {} } })).body.code).toBe('event_id_conflict');
  });

  test('numbers what is new behind what was copied, even where the last of it is gone', async () => {
    const source = new DatabaseSync(from.file, { readOnly: true });
    const kept = source.prepare('SELECT name, seq FROM sqlite_sequence').all() as { name: string; seq: number }[];
    source.close();
    const last = new Map(kept.map(({ name, seq }) => [name, seq]));
    const sequences = await query<{ name: string; next: string }>(
      url,
      `SELECT n AS name, nextval(CASE n WHEN 'events' THEN 'posthorn.event_seq' WHEN 'deliveries' THEN 'posthorn.delivery_seq'
         ELSE pg_get_serial_sequence('posthorn.' || n, CASE WHEN n IN ('jobs', 'inbox_requests') THEN 'pk' ELSE 'seq' END) END) AS next
       FROM unnest(ARRAY['events', 'deliveries', 'jobs', 'inbox_requests', 'rollup_deltas']) AS n`,
    );
    expect(sequences.map(({ name, next }) => ({ name, next: Number(next) }))).toEqual(
      sequences.map(({ name }) => ({ name, next: (last.get(name) ?? 0) + 1 })),
    );
    // The keys that the bench made for itself are the first of theirs.
    const [applications] = await query<{ most: number }>(url, 'SELECT max(pk) AS most FROM posthorn.applications');
    await bench.tenant('new');
    expect(await query(url, `SELECT pk FROM posthorn.applications WHERE uid = 'new'`)).toEqual([{ pk: (applications?.most ?? 0) + 1 }]);
  });
});

test('what waited is delivered afterwards: each key in publish order, and what a killed process held at once', async () => {
  const url = await testDatabase();
  await copyTo(url);
  const inFlight = new InFlight();
  stageOn({
    open: async (clock) => inFlight.watch(await openPostgresStore({ url, cipher, now: clock.now, sweep: false })),
    quiet: () => inFlight.quiet(),
    longestSleepMs: MINUTE_MS,
  });
  const stage = await openStage(time);
  try {
    stage.dispatcher.start();
    await stage.clock.advanceTo(time + 6 * MINUTE_MS);
    const waiting = (before['sandbox /v1/deliveries?status=pending&limit=100'] as { data: Waiting[] }).data;
    const first = waiting.filter(({ endpoint, created_at }) => endpoint === installation.held && Date.parse(created_at) <= time);
    expect(first.length).toBe(4);
    const arrivals = stage.arrivals.filter(({ url: at }) => at === 'https://example.com/held');
    expect(arrivals.map(({ id }) => id)).toEqual(first.map(({ event: id }) => id).reverse());
    const hook = stage.arrivals.filter(({ url: at, late }) => at === 'https://example.com/hook' && !late);
    expect(hook.length).toBeGreaterThan(3);
    expectPublishOrder(hook);
    const drained = stage.dispatcher.drain();
    await stage.clock.advanceTo(stage.clock.time + 1_000);
    await drained;
  } finally {
    await stage.close();
  }
});

interface Waiting {
  readonly event: string;
  readonly endpoint: string;
  readonly created_at: string;
}

/** Per key, by the API's own list of events: newest first. */
function expectPublishOrder(arrivals: readonly Arrival[]): void {
  const events = (before['sandbox /v1/events?limit=100'] as { data: { id: string; ordering_key: string | null }[] }).data;
  const keyOf = new Map(events.map(({ id, ordering_key }) => [id, ordering_key]));
  const published = events.map(({ id }) => id).reverse();
  for (const [key, ofKey] of Map.groupBy(arrivals, ({ id }) => keyOf.get(id))) {
    const places = ofKey.map(({ id }) => published.indexOf(id));
    expect({ key, places }).toEqual({ key, places: places.toSorted((a, b) => a - b) });
  }
}

describe('refused, with nothing written:', () => {
  test('a database in use', async () => {
    const url = await testDatabase();
    const store = await openPostgresStore({ url, cipher });
    await prepare(store);
    await publish(store, event());
    await store.close();
    const held = await contents(url);
    await expect(copyTo(url)).rejects.toThrow(/--to: this database holds an installation already \(there are rows in posthorn\.\w+\)/);
    expect(await contents(url)).toEqual(held);
  });

  test('the wrong encryption key', async () => {
    const url = await testDatabase();
    const held = await contents(url);
    await expect(copyTo(url, { cipher: createCipher(randomBytes(32)) })).rejects.toBeInstanceOf(SealError);
    expect(await contents(url)).toEqual(held);
  });

  test('a copy of another installation; a source that was worked on since; and a finished copy says so', async () => {
    const url = await testDatabase();
    await copyTo(url);
    const held = await contents(url);
    expect(await copyTo(url)).toMatchObject({ kind: 'already', at: time });
    const other = await mkdtemp(join(tmpdir(), 'posthorn-copy-'));
    const options = { path: join(other, 'posthorn.db'), cipher, now: () => time, random: Math.random };
    await (await openSqliteStore(options)).close();
    await expect(copyTo(url, { from: sourcePlace(`sqlite:${other}`) })).rejects.toThrow(/holds the copy of another installation/);
    await cp(from.file, options.path);
    const store = await openSqliteStore(options);
    await publish(store, event());
    await store.close();
    await expect(copyTo(url, { from: sourcePlace(`sqlite:${other}`) })).rejects.toThrow(
      /a server has worked on .* since the copy of it was finished/,
    );
    expect(await contents(url)).toEqual(held);
    await rm(other, { recursive: true });
  });
});

test('a database that is lost on the way says so, and the next run goes on', async () => {
  const url = await testDatabase();
  const onStep: CopyOptions['onStep'] = async ({ table }) => {
    if (table === 'events')
      await query(
        url,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      );
  };
  await expect(copyTo(url, { onStep })).rejects.toBeInstanceOf(StoreUnavailable);
  expect(await copyTo(url)).toMatchObject({ kind: 'finished', resumed: true });
});

describe('a source of another version', () => {
  async function ofVersion(version: number, work: (db: DatabaseSync) => void): Promise<SourcePlace> {
    const other = await mkdtemp(join(folder, 'version-'));
    const db = new DatabaseSync(join(other, 'posthorn.db'));
    work(db);
    db.exec(`PRAGMA user_version = ${version}`);
    db.close();
    return sourcePlace(`sqlite:${other}`);
  }

  test('that is older is brought up to date first', async () => {
    const place = await ofVersion(1, (db) => {
      db.exec(readFileSync(join(import.meta.dirname, '../../src/store/sqlite/migrations/0001-initial.sql'), 'utf8'));
      db.exec(`INSERT INTO applications (id, name, created_at, updated_at) VALUES ('app_1', 'Acme', 1, 1)`);
    });
    const { tables } = await copyTo(await testDatabase(), { from: place });
    expect(tables.filter(({ rows }) => rows > 0).map(({ table, rows }) => ({ table, rows }))).toEqual([{ table: 'applications', rows: 1 }]);
  });

  test('that is newer is refused', async () => {
    const place = await ofVersion(999, (db) => db.exec('CREATE TABLE environments (name TEXT)'));
    await expect(copyTo(await testDatabase(), { from: place })).rejects.toThrow(/the database has schema 999, .*: start a newer Posthorn/);
  });
});

test.each([
  [[], '--from is missing: see posthorn copy --help'],
  [['--from', 'sqlite:FOLDER'], '--to is missing, and so is DATABASE_URL: see posthorn copy --help'],
  [['--from', 'sqlite:FOLDER', '--to', 'sqlite:FOLDER'], '--to must be a postgres:// URL'],
  [['--from', 'URL', '--to', 'URL'], '--from must be sqlite: and the path of a data folder, or of the posthorn.db in it'],
  [['--from', 'sqlite:/nowhere', '--to', 'URL'], '--from: there is no file /nowhere'],
  [['--from', `sqlite:${import.meta.filename}`, '--to', 'URL'], `--from: ${import.meta.filename} is not a database of Posthorn`],
  [['--from', 'sqlite:FOLDER', '--to', 'postgres://127.0.0.1:1/x'], 'PostgreSQL cannot be reached'],
  [['--from', 'sqlite:FOLDER', '--to', 'URL'], "POSTHORN_ENCRYPTION_KEY is not the key that this installation's secrets are sealed with"],
  [['--from', 'sqlite:FOLDER', '--into', 'URL'], "Unknown option '--into'"],
])('the command refuses %j in one line', async (args, message) => {
  const url = await testDatabase();
  const given = args.map((text) => text.replace('FOLDER', folder).replace('URL', url));
  const key = message.startsWith('POSTHORN') ? randomBytes(32) : encryptionKey;
  const env = { POSTHORN_ENCRYPTION_KEY: key.toString('base64') };
  const error = await copyCommand(given, { env, dotEnvFile: 'none' }).catch((reason: unknown) => reason);
  expect((error as Error).message).toContain(message);
  expect((error as Error).message).not.toContain('\n');
  expect(await query(url, 'SELECT FROM posthorn.copies')).toEqual([]);
});

describe('comparing what PostgreSQL holds finds', () => {
  const SUCCEEDED = 'the row with application 1, environment sandbox, published_at';
  test.each([
    [
      'a row that was changed',
      `UPDATE posthorn.events SET body = body || 'x' WHERE id = 'shp-1_created'`,
      `events: ${SUCCEEDED}`,
      'has another body',
    ],
    [
      'a secret that was changed',
      `UPDATE posthorn.endpoints SET secrets = 'x' WHERE pk = 1`,
      'endpoints: the row with pk 1, application 1',
      'has another secrets',
    ],
    [
      'a row that is gone',
      'DELETE FROM posthorn.pending WHERE seq = (SELECT max(seq) FROM posthorn.pending)',
      'pending: the row with lane',
      'is missing',
    ],
    [
      'a row too many',
      `INSERT INTO posthorn.operator_links VALUES ('x', 1)`,
      'operator_links: PostgreSQL has 2 rows, the source 1',
      'token_hash 78 is not in the source',
    ],
    [
      'a row that is there twice',
      'INSERT INTO posthorn.attempts SELECT * FROM posthorn.attempts LIMIT 1',
      'attempts: the row with delivery',
      'is there more than once',
    ],
  ])('%s, and no server starts on it', async (_what, tamper, row, how) => {
    const url = await testDatabase();
    let tampered = false;
    const onStep: CopyOptions['onStep'] = async ({ phase }) => {
      if (phase === 'copying' || tampered) return;
      tampered = true;
      await query(url, tamper);
    };
    const error = await copyTo(url, { onStep }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CopyError);
    expect((error as Error).message).toContain(row);
    expect((error as Error).message).toContain(how);
    await expect(openPostgresStore({ url, cipher })).rejects.toThrow(/holds a copy of .*posthorn\.db that is not finished/);
  });
});

describe('nothing of either schema can be forgotten:', () => {
  test.each([
    ['a table', 'CREATE TABLE posthorn.things (pk integer)', 'things of PostgreSQL'],
    ['a column', 'ALTER TABLE posthorn.lanes ADD COLUMN mood text', 'lanes.mood of PostgreSQL'],
  ])('%s of PostgreSQL without a rule stops the copy', async (_what, change, gap) => {
    const url = await testDatabase();
    await query(url, change);
    await expect(copyTo(url)).rejects.toThrow(`copy has no rule for ${gap}`);
  });

  test.each([
    ['a table', 'CREATE TABLE things (pk INTEGER)', 'things of SQLite'],
    ['a column', 'ALTER TABLE deliveries ADD COLUMN mood TEXT', 'deliveries.mood of SQLite'],
  ])('%s of SQLite without a rule stops the copy', async (_what, change, gap) => {
    const other = await mkdtemp(join(tmpdir(), 'posthorn-copy-'));
    await cp(from.file, join(other, 'posthorn.db'));
    const db = new DatabaseSync(join(other, 'posthorn.db'));
    db.exec(change);
    db.close();
    await expect(copyTo(await testDatabase(), { from: sourcePlace(`sqlite:${other}`) })).rejects.toThrow(`copy has no rule for ${gap}`);
    await rm(other, { recursive: true });
  });
});
