/**
 * Publishes without end, in a process of its own, and writes down every 202. For each ordering key the next event is published only after the 202 of
 * the one before; a request that broke is repeated with the same event id until it is answered, as a careful publisher does.
 *
 * Log lines: `202 <id>` once answered, `broken <epoch ms>` for a request that was out when its connection broke.
 */
import { appendFileSync } from 'node:fs';

const [base = '', key = '', log = '', keys = '16'] = process.argv.slice(2);
let stopping = false;

async function publishKey(name: string): Promise<void> {
  for (let number = 0; !stopping; number += 1) {
    const id = `${name}-${number}`;
    const body = JSON.stringify({ application: 'crash', type: 'crash.test', ordering_key: name, id, data: { key: name, number } });
    for (;;) {
      try {
        const response = await fetch(`${base}/v1/events`, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
          body,
        });
        await response.arrayBuffer();
        if (response.status === 202) break;
        if (response.status < 500) throw new Error(`unexpected ${response.status}`);
      } catch (error) {
        // Refused connections are the time between kill and start; anything else was out when the server died.
        const code = error instanceof Error && error.cause instanceof Error && 'code' in error.cause ? error.cause.code : '';
        if (code !== 'ECONNREFUSED') appendFileSync(log, `broken ${Date.now()}\n`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
    appendFileSync(log, `202 ${id}\n`);
  }
}

process.on('message', (message) => {
  if (message === 'stop') stopping = true;
});
await Promise.all(Array.from({ length: Number(keys) }, (_, index) => publishKey(`k${index}`)));
process.exit(0);
