/** The named cases of the dispatcher once more, on PostgreSQL. */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { describe } from 'vitest';
import { createCipher } from '../../src/store/cipher.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { type CaseEngine, namedCases } from '../dispatcher/named-cases.ts';
import { openStageStore, stageOn } from '../dispatcher/stage.ts';
import { publish } from '../store/conformance/harness.ts';
import { emptyDatabase, testDatabase } from './database.ts';
import { InFlight } from './in-flight.ts';

const url = await testDatabase();
const inFlight = new InFlight();

stageOn({
  async open(clock) {
    await emptyDatabase(url);
    return inFlight.watch(await openPostgresStore({ url, cipher: createCipher(randomBytes(32)), now: clock.now }));
  },
  quiet: () => inFlight.quiet(),
  longestSleepMs: 60_000,
});

// Each file in a block of its own, with what it does before each of its cases.
describe('the breaker and the long view', async () => {
  await import('../dispatcher/breaker.test.ts');
});
describe('the dispatcher', async () => {
  await import('../dispatcher/dispatcher.test.ts');
});
describe('what people do while a request is out', async () => {
  await import('../dispatcher/meanwhile.test.ts');
});

/** With a second connection for what no store's interface does. */
async function openEngine(): Promise<CaseEngine> {
  const beside = new Client({ connectionString: url });
  await beside.connect();
  return {
    openStore: openStageStore,
    async publishUnseen({ store, clock }, unseen) {
      await publish(store, unseen);
      const moved = await beside.query<{ seq: string; lane: number }>(
        'UPDATE posthorn.pending p SET lane = -1 FROM (SELECT seq, lane FROM posthorn.pending ORDER BY seq DESC LIMIT 1) last WHERE p.seq = last.seq RETURNING last.seq, last.lane',
      );
      const [hidden] = moved.rows;
      return async () => {
        await beside.query('UPDATE posthorn.pending SET lane = $2 WHERE seq = $1', [hidden?.seq, hidden?.lane]);
        await beside.query('UPDATE posthorn.lanes SET first_at = LEAST(first_at, $1) WHERE pk = $2', [clock.time, hidden?.lane]);
      };
    },
    async fill(_stage, endpoint, { orderingKey, count }) {
      await beside.query(
        `INSERT INTO posthorn.pending (seq, event, published_at, lane, application, environment, id, ordering_key)
         SELECT nextval('posthorn.delivery_seq'), one.event, one.published_at, one.lane, one.application, one.environment, 'dlv_filled_' || n, $3
         FROM generate_series(1, $1::integer) n,
           (SELECT p.* FROM posthorn.pending p JOIN posthorn.lanes l ON l.pk = p.lane JOIN posthorn.endpoints e ON e.pk = l.endpoint WHERE e.id = $2 LIMIT 1) one`,
        [count, endpoint, orderingKey],
      );
      await beside.query('ANALYZE posthorn.pending');
    },
    async dispose() {
      await beside.end();
    },
  };
}

namedCases('PostgreSQL', openEngine);
