/** better-auth's connections: however many people open the web app at once, publishing and dispatching keep theirs. */
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { workbench } from '../api/workbench.ts';
import { testDatabase } from './database.ts';

/** What docs/scaling.md counts on: 10, 2 for accounts, one for LISTEN. */
const MOST_CONNECTIONS = 13;

test('a hundred sessions at once take two connections more, and all are answered', { timeout: 30_000 }, async () => {
  const database = await testDatabase();
  const bench = await workbench({ database });
  const watcher = new Client({ connectionString: database });
  await watcher.connect();
  try {
    const ada = await bench.person('ada@example.com');
    let ended = false;
    const asked = Array.from({ length: 100 }, () => bench.call('GET', '/v1/session', { by: ada }));
    const answers = Promise.all(asked).finally(() => {
      ended = true;
    });
    let most = 0;
    while (!ended) {
      const { rows } = await watcher.query(
        `SELECT count(*)::integer AS open FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'posthorn'`,
      );
      most = Math.max(most, (rows[0] as { open: number }).open);
    }
    expect(new Set((await answers).map(({ status }) => status))).toEqual(new Set([200]));
    expect(most).toBeLessThanOrEqual(MOST_CONNECTIONS);
  } finally {
    await watcher.end();
    await bench.close();
  }
});
