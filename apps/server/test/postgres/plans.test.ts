/**
 * The plans of the hot statements while much waits: auto_explain writes down what the server really does for each, in the sessions of the store itself.
 *
 * POSTGRES_PLAN_ROWS=5000000 fills the queues for real (npm run test:postgres:plans).
 */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCipher } from '../../src/store/cipher.ts';
import { openPostgresStore, type PostgresStore } from '../../src/store/postgres/index.ts';
import { addEndpoint, attempt, CALM, event, lease, prepare, publish } from '../store/conformance/harness.ts';
import { PostgresServer } from './server.ts';

const ROWS = Number(process.env['POSTGRES_PLAN_ROWS'] ?? 20_000);
const LANES = 50;
const WEEKS = 4;
const WEEK_MS = 7 * 24 * 3_600_000;
const MARK = '@@plan@@ ';

interface Node {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Actual Loops'?: number;
  readonly Plans?: readonly Node[];
}

interface Plan {
  readonly 'Query Text': string;
  readonly Plan: Node;
}

const cipher = createCipher(randomBytes(32));
let server: PostgresServer;
let store: PostgresStore;
let log = '';
beforeAll(async () => {
  server = await PostgresServer.start({
    shared_buffers: '256MB',
    fsync: 'off',
    synchronous_commit: 'off',
    max_wal_size: '8GB',
    log_line_prefix: `'${MARK}'`,
    session_preload_libraries: "'auto_explain'",
    'auto_explain.log_format': 'json',
    'auto_explain.log_analyze': 'on',
    'auto_explain.log_timing': 'off',
    'auto_explain.log_min_duration': '-1',
  });
  server.onLog = (text) => {
    log += text;
  };
  store = await openPostgresStore({ url: server.url(), cipher });
  const acme = await prepare(store);
  for (let index = 0; index < LANES; index += 1) await addEndpoint(store, acme, { eventTypes: [`t${index}`] });
  await fill();
}, 3_600_000);
afterAll(async () => {
  await store.close();
  await server.remove();
});

/** ROWS that wait, over four weeks, and as many that were delivered. */
async function fill(): Promise<void> {
  const now = await store.now();
  // Who opens a store makes the partitions of its time.
  await (await openPostgresStore({ url: server.url(), cipher, now: () => now - WEEKS * WEEK_MS })).close();
  await (await openPostgresStore({ url: server.url(), cipher, now: () => now - WEEK_MS })).close();
  const instant = `(${now} - ((${2 * ROWS} - n) * ${WEEKS - 1}::numeric * ${WEEK_MS} / ${2 * ROWS})::bigint)`;
  const statements = [
    `CREATE TEMP TABLE made AS SELECT n, ${instant} AS at, (SELECT pk FROM posthorn.applications WHERE uid = 'acme') AS application, l.pk AS lane
     FROM generate_series(1, ${2 * ROWS}) n JOIN (SELECT pk, row_number() OVER (ORDER BY pk) AS place FROM posthorn.lanes) l ON l.place = 1 + n % ${LANES}`,
    `INSERT INTO posthorn.events SELECT n, at, application, 'sandbox', 1, 40, at, 'evt_' || n, 't' || n % ${LANES}, 'k' || n % 1000, '{"data":{}}' FROM made`,
    `INSERT INTO posthorn.deliveries (seq, published_at, event, application, endpoint, lane, environment, id)
     SELECT n, at, n, application, lane, lane, 'sandbox', 'dlv_' || n FROM made`,
    `INSERT INTO posthorn.attempts SELECT n, at, at, application, 1, 12, 200, false, false, 'att_' || n, '[]' FROM made WHERE n <= ${ROWS}`,
    `INSERT INTO posthorn.pending (seq, event, published_at, lane, application, environment, id, ordering_key, due_at, failures)
     SELECT n, n, at, lane, application, 'sandbox', 'dlv_' || n, 'k' || n % 1000, CASE WHEN n % 97 = 0 THEN ${now} + n END, (n % 97 = 0)::integer
     FROM made WHERE n > ${ROWS}`,
    `UPDATE posthorn.lanes SET first_at = 1`,
    `SELECT setval('posthorn.event_seq', ${2 * ROWS}), setval('posthorn.delivery_seq', ${2 * ROWS})`,
    'VACUUM ANALYZE',
  ];
  const client = new Client({ connectionString: server.url() });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Everything that publishing, dispatching and whoever watches them ask for. */
async function everything(): Promise<void> {
  const now = await store.now();
  await publish(store, ...Array.from({ length: 20 }, (_, index) => event({ type: `t${index}`, orderingKey: 'k1' })));
  await store.lanes.outlook();
  const [held] = await lease(store, now, { leaseMs: 60_000 });
  if (held === undefined) throw new Error('nothing was leased');
  const { lane } = held.lease;
  const { deliveries } = await store.lanes.scan({ lane, ordering: 'key', after: 0, limit: 256, gate: now });
  await store.lanes.scan({ lane, ordering: 'strict', after: 0, limit: 256, gate: 0 });
  await store.lanes.scan({ lane, ordering: 'key', after: 0, limit: 256, gate: 0 });
  await store.lanes.scanKey({ lane, orderingKey: 'k1', late: false, after: 0, limit: 32 });
  await store.lanes.scanKey({ lane, orderingKey: 'k1', late: true, after: 0, limit: 32 });
  await store.lanes.bodies(deliveries.map(({ seq }) => seq));
  const ends = [
    { status: 'succeeded' },
    { status: 'pending', failures: 1, dueAt: now + 5_000 },
    { status: 'failed', reason: 'attempts_exhausted' },
  ] as const;
  const attempts = deliveries.slice(0, 96).map(({ seq }, index) => attempt(seq, ends[index % ends.length] ?? ends[0]));
  expect(await store.lanes.settle([{ lease: held.lease, attempts, state: CALM, disable: null }])).toEqual(['settled']);
  await store.lanes.renew({ leases: [held.lease], leaseMs: 60_000 });
  await store.lanes.stirred({ holder: held.lease.holder, except: [], gates: new Map([['sandbox:', now]]) });
  await store.lanes.target(held.lease);
  await store.lanes.release([{ lease: held.lease, firstAt: 1, dueAt: null, notBefore: 0, state: CALM }]);
  await store.environments.backlog('sandbox', null);
  await store.figures();
  await store.lanes.upcoming();
}

function nodes(node: Node): Node[] {
  return [node, ...(node.Plans ?? []).flatMap(nodes)];
}

/** What is read only through an index. What a statement brings along, and the two rows of `environments`, may be walked. */
const LARGE = /^(events|deliveries|attempts|pending|lanes|endpoints|event_ids|idempotency_keys)(_\d{8})?$/;
/** By a piece of the statement's text: the indexes that it has to use. */
const INTENDED: readonly (readonly [string, readonly RegExp[]])[] = [
  ['FROM posthorn.pending d\n  WHERE (d.lane, d.seq) > ($1, $2)', [/^pending_pkey$/]],
  ['(d.lane, d.ordering_key, d.seq) > ($1, $2, $3)', [/^pending_(late_)?key$/]],
  ['d.by_hand > 0', [/^pending_by_hand$/]],
  ['(d.lane, d.due_at) <= ($1, $2)', [/^pending_due$/]],
  ['(d.lane, d.due_at) > ($1, $2)', [/^pending_due$/]],
  ["convert_from(e.body, 'UTF8')", [/^pending_seq$/, /^events_\d{8}_(pkey|environment_published_at_seq_idx)$/]],
  ['WITH ended AS', [/^pending_(pkey|seq)$/]],
  ['WITH kept AS', [/^pending_(pkey|seq)$/]],
  ['WITH gates (name, gate) AS', [/^lanes_wish$/, /^lanes_held$/, /^lanes_due$/, /^lanes_first$/]],
  ['WITH chosen AS MATERIALIZED', [/^lanes_pkey$/]],
  ['WITH due AS MATERIALIZED', [/^lanes_stirred$/]],
  ['ORDER BY pk FOR KEY SHARE', [/^lanes_pkey$/]],
  ['SET first_at = $1 WHERE pk IN', [/^lanes_pkey$/]],
  ['coalesce(sum(waiting.count), 0)', [/^pending_(pkey|late_age)$/, /^pending_late_age$/]],
  ['SELECT e.environment, min(least(', [/^pending_pkey$/, /^pending_late_age$/]],
];
/** What counts endpoints and lanes may walk through those, but never through what waits. */
const COUNTS = /^SELECT\n? *(e\.environment, min|coalesce\(sum\(waiting|\(SELECT count)/;

test(`with ${ROWS} waiting, each hot statement goes through its index, and none walks through a table`, { timeout: 600_000 }, async () => {
  await server.query('ALTER SYSTEM SET auto_explain.log_min_duration = 0');
  await server.query('SELECT pg_reload_conf()');
  await everything();
  // The log is written by another process: until the last statement is there.
  for (const until = performance.now() + 10_000; !log.includes('cadence_group') && performance.now() < until; )
    await new Promise((resolve) => setTimeout(resolve, 20));
  const plans = log.split(MARK).flatMap((entry): Plan[] => {
    const json = /plan:\n([\s\S]*)$/.exec(entry)?.[1];
    return json === undefined ? [] : [JSON.parse(json.replaceAll('\n\t', '\n')) as Plan];
  });
  expect(plans.length).toBeGreaterThan(INTENDED.length);
  const walks = plans.flatMap(({ 'Query Text': text, Plan: plan }) =>
    nodes(plan)
      .filter((node) => node['Node Type'] === 'Seq Scan' && LARGE.test(node['Relation Name'] ?? '') && (node['Actual Loops'] ?? 0) > 0)
      .filter((node) => !(COUNTS.test(text) && /^(endpoints|lanes)$/.test(node['Relation Name'] ?? '')))
      .map((node) => `${node['Relation Name']}: ${text.slice(0, 120)}`),
  );
  expect(walks).toEqual([]);
  const passedOver = plans.flatMap(({ 'Query Text': text, Plan: plan }) =>
    nodes(plan)
      .filter((node) => (node['Rows Removed by Filter'] ?? 0) * (node['Actual Loops'] ?? 1) > 2_000)
      .map((node) => `${node['Rows Removed by Filter']} of ${node['Relation Name']}: ${text.slice(0, 120)}`),
  );
  expect(passedOver).toEqual([]);
  for (const [piece, indexes] of INTENDED) {
    const found = plans.filter(({ 'Query Text': text }) => text.includes(piece));
    expect(found.length, piece).toBeGreaterThan(0);
    for (const { Plan: plan } of found) {
      const used = nodes(plan).flatMap((node) => node['Index Name'] ?? []);
      for (const index of indexes)
        expect(
          used.some((name) => index.test(name)),
          `${piece}: ${index} is not among ${used.join(', ')}`,
        ).toBe(true);
    }
  }
});
