/**
 * Moving an installation from SQLite to PostgreSQL, with fsync on: half of the deliveries have succeeded, half wait. Rows of a second, copied, and then read back and
 * compared. `npm run bench -- copy [--deliveries 200000]`
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCipher } from '../../apps/server/src/store/cipher.ts';
import { type CopyStep, copyInstallation } from '../../apps/server/src/store/copy/copy.ts';
import { sourcePlace } from '../../apps/server/src/store/copy/source.ts';
import { openSqliteStore } from '../../apps/server/src/store/sqlite/index.ts';
import { systemClock } from '../../apps/server/src/system-clock.ts';
import { PostgresServer } from '../../apps/server/test/postgres/server.ts';
import { addEndpoint, endAll, event, prepare, publish } from '../../apps/server/test/store/conformance/harness.ts';
import { option } from './rig.ts';

const EVENTS_PER_PUBLISH = 1_000;
/** With the envelope, a body of about 500 bytes. */
const DATA = JSON.stringify({ text: 'x'.repeat(370) });

export async function copy(args: readonly string[]): Promise<void> {
  const count = option(args, 'deliveries', 200_000);
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-bench-'));
  const server = await PostgresServer.start();
  try {
    const cipher = createCipher(randomBytes(32));
    const store = await openSqliteStore({ path: join(folder, 'posthorn.db'), cipher, now: systemClock.now, random: Math.random });
    await addEndpoint(store, await prepare(store));
    for (let done = 0; done < count; done += EVENTS_PER_PUBLISH) {
      await publish(store, ...Array.from({ length: EVENTS_PER_PUBLISH }, (_, n) => event({ data: DATA, orderingKey: `shp_${n % 97}` })));
    }
    let succeeded = 0;
    while (succeeded < count / 2) succeeded += await endAll(store, { status: 'succeeded' });
    await store.close();

    const took = { copying: 0, verifying: 0 };
    let last = performance.now();
    const onStep = ({ phase }: CopyStep): void => {
      took[phase] += performance.now() - last;
      last = performance.now();
    };
    const { tables } = await copyInstallation({ from: sourcePlace(`sqlite:${folder}`), to: server.url(), cipher, onStep });
    const rows = tables.reduce((sum, table) => sum + table.rows, 0);
    const rate = (ms: number): string => `${Math.round((rows * 1_000) / ms).toLocaleString('en')} rows/s, ${(ms / 1_000).toFixed(1)} s`;
    console.log(
      `${rows.toLocaleString('en')} rows: ${tables.flatMap(({ table, rows: n }) => (n >= 1_000 ? [`${n} ${table}`] : [])).join(', ')}`,
    );
    console.log(`copied: ${rate(took.copying)}\nread back and compared: ${rate(took.verifying)}`);
  } finally {
    await server.remove();
    await rm(folder, { recursive: true });
  }
}
