/**
 * How fast does a whole server drain a backlog, beside undici alone?
 *
 * Posthorn: the real program (`posthorn serve`, SQLite on disk, its log lines on) gets 50,000 events for 50 endpoints over its API, then `POST /v1/dispatch`;
 * counted from that call until the receiver has seen the last request. Bare: one undici loop that POSTs the same bytes with signatures made beforehand, over as
 * many connections, at its best concurrency. Both send to the same receiver process, in turns; the figure is the ratio of the medians. The goal is held against
 * undici's lowest level, `dispatch`; against a loop over `request` the ratio is told as well.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSecret, signStandard, signX } from '@posthorn/receiver';
import { ENDPOINTS, payload, type Server, startPostgres, startServer } from './drain-server.ts';
import { drainWaiting } from './drain-waiting.ts';
import { median, message, option } from './rig.ts';
import { cpuPerUnit, threadCpu } from './thread-cpu.ts';

const SWEEP = [16, 32, 64, 128, 256, 400];
const WAYS = ['dispatch', 'request'] as const;
type Way = (typeof WAYS)[number];
/** The goal of the project, and what it wants to reach. */
const GOAL = 0.6;

/** `npm run bench -- drain [--store postgres] [--deliveries 50000] [--rounds 5] [--concurrency 256] [--waiting 5000000]` */
export async function drain(args: readonly string[]): Promise<void> {
  if (args.includes('--waiting')) return drainWaiting(args);
  const total = option(args, 'deliveries', 50_000);
  const rounds = option(args, 'rounds', 5);
  const slots = option(args, 'concurrency', 256);
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-bench-'));
  const receiver = fork(join(import.meta.dirname, 'receiver.ts'));
  const { port } = await message(receiver, 'listening');
  const origin = `http://127.0.0.1:${port}`;
  const secret = generateSecret();
  await writeFile(join(folder, 'requests.json'), JSON.stringify(signedRequests(secret)));
  const bare = fork(join(import.meta.dirname, 'bare.ts'), [join(folder, 'requests.json'), origin]);
  await message(bare, 'ready');
  const database = args.includes('postgres') ? await startPostgres() : null;
  const server = await startServer(folder, { slots, url: database?.url() ?? '' });
  try {
    await server.prepare(origin, secret);
    const best: Record<Way, number> = { dispatch: 0, request: 0 };
    for (const way of WAYS) best[way] = await bestConcurrency({ bare, receiver, way }, Math.min(total, 20_000));
    const rates: Record<Way | 'posthorn' | 'receiverCpu', number[]> = { dispatch: [], request: [], posthorn: [], receiverCpu: [] };
    for (let round = 0; round < rounds; round += 1) {
      for (const way of WAYS) rates[way].push(await bareRound({ bare, receiver, way }, { total, concurrency: best[way] }));
      await server.fill(total);
      const { rate, receiverCpu, cpu } = await posthornRound(server, receiver, total);
      rates.posthorn.push(rate);
      rates.receiverCpu.push(receiverCpu);
      console.log(
        `round ${round + 1}: bare ${WAYS.map((way) => `${Math.round(rates[way].at(-1) ?? 0)}/s (${way})`).join(', ')}, posthorn ${Math.round(rate)}/s, receiver at ${Math.round(receiverCpu * 100)} % of a core`,
      );
      if (cpu !== '') console.log(`         µs of processor a delivery: ${cpu}`);
    }
    const ratio = median(rates.posthorn) / median(rates.dispatch);
    console.log(
      `\n${total} deliveries, ${ENDPOINTS} endpoints, store ${database === null ? 'sqlite' : 'postgres'}, ${rounds} rounds in turns`,
    );
    for (const way of WAYS)
      console.log(
        `bare undici   ${Math.round(median(rates[way]))}/s (${way}; median; at its best of ${SWEEP.join(', ')} at once: ${best[way]})`,
      );
    console.log(`posthorn      ${Math.round(median(rates.posthorn))}/s (median; ${slots} slots)`);
    console.log(
      `ratio         ${ratio.toFixed(2)} to dispatch, ${(median(rates.posthorn) / median(rates.request)).toFixed(2)} to request (goal ${GOAL}, receiver at most ${Math.round(Math.max(...rates.receiverCpu) * 100)} % of a core)`,
    );
    if (Math.max(...rates.receiverCpu) > 0.8) console.log('the receiver was above 80 % of a core: the figures are not to be used');
    process.exitCode = ratio >= GOAL ? 0 : 1;
  } finally {
    receiver.kill();
    bare.kill();
    await server.stop();
    await database?.remove();
    await rm(folder, { recursive: true });
  }
}

interface Bare {
  readonly bare: ChildProcess;
  readonly receiver: ChildProcess;
  readonly way: Way;
}

async function bareRound({ bare, receiver, way }: Bare, run: { readonly total: number; readonly concurrency: number }): Promise<number> {
  receiver.send({ kind: 'expect', count: run.total });
  await message(receiver, 'expecting');
  const done = message(bare, 'done');
  bare.send({ way, ...run });
  const { ms = Number.NaN } = await done;
  return (run.total / ms) * 1000;
}

async function posthornRound(
  server: Server,
  receiver: ChildProcess,
  total: number,
): Promise<{ rate: number; receiverCpu: number; cpu: string }> {
  receiver.send({ kind: 'expect', count: total });
  await message(receiver, 'expecting');
  const before = await usage(receiver);
  const reached = message(receiver, 'reached');
  const threads = threadCpu(server.pid);
  const startedAt = performance.now();
  await server.dispatch();
  await reached;
  const ms = performance.now() - startedAt;
  const receiverCpu = ((await usage(receiver)) - before) / ms;
  // Every delivery has to be settled as well, or the next round would begin with leftovers.
  while ((await server.pending()) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  return { rate: (total / ms) * 1000, receiverCpu, cpu: cpuPerUnit(threads, threadCpu(server.pid), total) };
}

async function bestConcurrency(by: Bare, total: number): Promise<number> {
  let best = { concurrency: 0, rate: 0 };
  for (const concurrency of SWEEP) {
    await bareRound(by, { total: 2_000, concurrency });
    const rate = median([await bareRound(by, { total, concurrency }), await bareRound(by, { total, concurrency })]);
    console.log(`bare undici (${by.way}) at ${concurrency}: ${Math.round(rate)}/s`);
    if (rate > best.rate) best = { concurrency, rate };
  }
  return best.concurrency;
}

async function usage(receiver: ChildProcess): Promise<number> {
  const answer = message(receiver, 'usage');
  receiver.send({ kind: 'usage' });
  return (await answer).cpuMs ?? Number.NaN;
}

function signedRequests(secret: string): unknown[] {
  return Array.from({ length: 1000 }, (_, index) => {
    const id = `evt_${String(index).padStart(26, '0')}`;
    const timestamp = Math.floor(Date.now() / 1000);
    const body = JSON.stringify({
      id,
      type: `bench.e${index % ENDPOINTS}`,
      timestamp: new Date().toISOString(),
      environment: 'sandbox',
      data: payload(index),
    });
    return {
      path: `/hook/${index % ENDPOINTS}`,
      body,
      headers: {
        'Content-Type': 'application/json',
        'User-Agent': 'Posthorn/0.1.0',
        'X-Signature': signX(body, secret),
        'webhook-id': id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': signStandard({ id, timestamp, body, secrets: [secret] }),
      },
    };
  });
}
