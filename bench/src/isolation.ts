/**
 * What healthy endpoints lose by their neighbours: 100 of them with and without 25 that hang for 30 s and 25 that refuse the connection, in turns.
 * `npm run bench -- isolation [--deliveries 50000] [--rounds 3]`
 */
import { createServer } from 'node:net';
import { median, openRig, option, type Receiver, startReceiver } from './rig.ts';

const HEALTHY = 100;
const HANGING = 25;
const REFUSING = 25;
const GOAL = 0.9;

export async function isolation(args: readonly string[]): Promise<void> {
  const total = option(args, 'deliveries', 50_000);
  const rounds = option(args, 'rounds', 3);
  const healthy = await startReceiver();
  const hanging = await startReceiver('hang');
  const refusing = await closedPort();
  const rates: { alone: number[]; beside: number[] } = { alone: [], beside: [] };
  try {
    for (let round = 0; round < rounds; round += 1) {
      rates.alone.push(await drainRate(healthy, [], total));
      rates.beside.push(await drainRate(healthy, hostileUrls(hanging.origin, refusing), total));
      console.log(`round ${round + 1}: alone ${Math.round(rates.alone.at(-1) ?? 0)}/s, beside ${Math.round(rates.beside.at(-1) ?? 0)}/s`);
    }
  } finally {
    healthy.stop();
    hanging.stop();
  }
  const ratio = median(rates.beside) / median(rates.alone);
  console.log(`\n${HEALTHY} healthy endpoints, ${total} deliveries; beside them ${HANGING} that hang and ${REFUSING} that refuse`);
  console.log(`ratio ${ratio.toFixed(2)} (goal ${GOAL})`);
  process.exitCode = ratio >= GOAL ? 0 : 1;
}

function hostileUrls(hanging: string, refusing: string): string[] {
  return [
    ...Array.from({ length: HANGING }, (_, index) => `${hanging}/hang/${index}`),
    ...Array.from({ length: REFUSING }, (_, index) => `${refusing}/refuse/${index}`),
  ];
}

/** Deliveries per second to the healthy endpoints. The hostile ones have as many waiting each. */
async function drainRate(healthy: Receiver, hostile: readonly string[], total: number): Promise<number> {
  const rig = await openRig();
  for (let index = 0; index < HEALTHY; index += 1) await rig.addEndpoint({ url: `${healthy.origin}/ok/${index}`, eventTypes: [] });
  for (const url of hostile) await rig.addEndpoint({ url, eventTypes: [] });
  await rig.fill('bench.all', total / HEALTHY);
  const reached = healthy.reached('/ok/', total);
  const startedAt = performance.now();
  await rig.open();
  await reached;
  const seconds = (performance.now() - startedAt) / 1000;
  await rig.close();
  return total / seconds;
}

async function closedPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}
