/** The named cases of the dispatcher once more, on PostgreSQL. */
import { randomBytes } from 'node:crypto';
import { describe } from 'vitest';
import { createCipher } from '../../src/store/cipher.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { stageOn } from '../dispatcher/stage.ts';
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
