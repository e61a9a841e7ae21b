/**
 * Publishes a number of events over several API processes, in a process of its own, and writes down every 202. For each ordering key the next event is
 * published only after the 202 of the one before; a request that broke or was answered with 503 is repeated with the same event id, elsewhere.
 *
 * Any message ends it early: what is out is brought to its 202.
 *
 * Log lines: `202 <id>` once answered, `503 <Retry-After>` for an answer while the database was lost, `broken <epoch ms>` for a connection that broke.
 */
import { appendFileSync } from 'node:fs';

const [bases = '', key = '', log = '', events = '1000', endpoints = '10', paceMs = '0'] = process.argv.slice(2);
const KEYS_PER_ENDPOINT = 5;
const AT_ONCE = 48;
const servers = bases.split(',');
const keys = Array.from({ length: Number(endpoints) * KEYS_PER_ENDPOINT }, (_, index) => ({ name: `k${index}`, next: 0 }));
let left = Number(events);
let turn = 0;
process.on('message', () => {
  left = 0;
});

async function publish(name: string, number: number): Promise<void> {
  const id = `${name}-${number}`;
  const type = `chaos.e${Number(name.slice(1)) % Number(endpoints)}`;
  const body = JSON.stringify({ application: 'chaos', type, ordering_key: name, id, data: { key: name, number } });
  for (;;) {
    turn += 1;
    try {
      const response = await fetch(`${servers[turn % servers.length]}/v1/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body,
        signal: AbortSignal.timeout(20_000),
      });
      await response.arrayBuffer();
      if (response.status === 202) break;
      if (response.status !== 503) throw new Error(`unexpected ${response.status}`);
      appendFileSync(log, `503 ${response.headers.get('retry-after')}\n`);
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('unexpected')) throw error;
      appendFileSync(log, `broken ${Date.now()}\n`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  appendFileSync(log, `202 ${id}\n`);
}

/** Takes one key after the other, so that each key has one event out at a time. */
async function work(): Promise<void> {
  while (left > 0) {
    const own = keys.shift();
    if (own === undefined) return;
    left -= 1;
    await publish(own.name, own.next);
    own.next += 1;
    keys.push(own);
    if (Number(paceMs) > 0) await new Promise((resolve) => setTimeout(resolve, Number(paceMs)));
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, work));
process.exit(0);
