/**
 * Does a backlog slow the drain down? 50,000 deliveries are due, and 5,000,000, on the same 50 endpoints, in turns: the rate of the first 40,000, and the memory of
 * the server that sent them, a fresh process every time. Not of all 50,000: the last ones of an emptying lane go slower, and a server that is idle holds less.
 *
 * A tick opens the gate, and the time counts from it. Not `POST /v1/dispatch`: its answer says how many wait, and counting millions takes the database as long as
 * sending some thousands.
 *
 * Two databases of one PostgreSQL server; each is filled up to its number again before each of its rounds.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSecret } from '@posthorn/receiver';
import type { PostgresServer } from '../../apps/server/test/postgres/server.ts';
import { startPostgres, startServer } from './drain-server.ts';
import { fillUp, tickAt } from './fill-postgres.ts';
import { median, message, option } from './rig.ts';
import { cpuPerUnit, processCpu, threadCpu } from './thread-cpu.ts';

const GOAL = 1.1;
/** Of the smaller backlog. */
const MEASURED = 0.8;
/** From the start of a server until the tick: it is ready long before. */
const TICK_AFTER_MS = 8_000;

interface Case {
  readonly name: string;
  readonly waiting: number;
  readonly rounds: Round[];
}

interface Round {
  readonly rate: number;
  readonly peakMb: number;
  readonly heapMb: number;
  /** Processor time for each delivery: of the server, and of PostgreSQL's sessions. */
  readonly serverUs: number;
  readonly databaseUs: number;
}

/** `npm run bench -- drain --store postgres --waiting 5000000 [--deliveries 50000] [--rounds 3] [--concurrency 256]` */
export async function drainWaiting(args: readonly string[]): Promise<void> {
  if (!args.includes('postgres')) throw new RangeError('--waiting fills the queues of PostgreSQL: it goes with --store postgres');
  const waiting = option(args, 'waiting', 5_000_000);
  const few = option(args, 'deliveries', 50_000);
  const deliveries = Math.floor(few * MEASURED);
  if (waiting < few) throw new RangeError('--waiting takes no fewer than --deliveries');
  const rounds = option(args, 'rounds', 3);
  const slots = option(args, 'concurrency', 256);
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-bench-'));
  const receiver = fork(join(import.meta.dirname, 'receiver.ts'));
  const { port } = await message(receiver, 'listening');
  const postgres = await startPostgres();
  try {
    const cases: Case[] = [];
    for (const [name, count] of [
      ['few', few],
      ['many', waiting],
    ] as const) {
      await postgres.query(`CREATE DATABASE ${name}`);
      const server = await startServer(folder, { slots, url: postgres.url(name) });
      await server.prepare(`http://127.0.0.1:${port}`, generateSecret());
      await server.stop();
      cases.push({ name, waiting: count, rounds: [] });
    }
    for (let round = 0; round < rounds; round += 1)
      for (const each of cases) await measure(each, { folder, receiver, postgres, slots, deliveries });
    print(cases, deliveries);
  } finally {
    receiver.kill();
    await postgres.remove();
    await rm(folder, { recursive: true });
  }
}

interface Setting {
  readonly folder: string;
  readonly receiver: ChildProcess;
  readonly postgres: PostgresServer;
  readonly slots: number;
  readonly deliveries: number;
}

async function measure({ name, waiting, rounds }: Case, { folder, receiver, postgres, slots, deliveries }: Setting): Promise<void> {
  const fillingAt = performance.now();
  await fillUp(postgres, name, waiting);
  const filledIn = (performance.now() - fillingAt) / 1000;
  const tick = Math.ceil((Date.now() + TICK_AFTER_MS) / 1000) * 1000;
  await tickAt(postgres, name, tick);
  const server = await startServer(folder, { slots, url: postgres.url(name), cadence: null });
  try {
    receiver.send({ kind: 'expect', count: deliveries });
    await message(receiver, 'expecting');
    const reached = message(receiver, 'reached');
    const threads = threadCpu(server.pid);
    const databaseBefore = processCpu(await sessions(postgres, name));
    if (Date.now() >= tick) throw new Error('the server was not ready before the tick');
    await reached;
    const rate = (deliveries / (Date.now() - tick)) * 1000;
    const threadsAfter = threadCpu(server.pid);
    const cpu = cpuPerUnit(threads, threadsAfter, deliveries);
    const serverUs = ((sum(threadsAfter) - sum(threads)) * 1000) / deliveries;
    const databaseUs = ((processCpu(await sessions(postgres, name)) - databaseBefore) * 1000) / deliveries;
    const { peak, heap } = await server.memory();
    const result = { rate, peakMb: peak / 1e6, heapMb: heap / 1e6, serverUs, databaseUs };
    rounds.push(result);
    console.log(`${waiting} waiting (filled in ${filledIn.toFixed(0)} s): ${describe(result)}`);
    if (cpu !== '') console.log(`         µs of processor a delivery: ${cpu}`);
  } finally {
    await server.stop();
  }
}

function sum(threads: ReadonlyMap<string, number>): number {
  return [...threads.values()].reduce((total, ms) => total + ms, 0);
}

/** Process ids. */
async function sessions(postgres: PostgresServer, database: string): Promise<number[]> {
  const rows = await postgres.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE datname = '${database}' AND backend_type = 'client backend'`,
  );
  return rows.map(({ pid }) => pid);
}

function describe({ rate, peakMb, heapMb, serverUs, databaseUs }: Round): string {
  const memory = `${Math.round(peakMb)} MB resident at the most, ${heapMb.toFixed(1)} MB of heap in use`;
  return `${Math.round(rate)}/s, ${memory}, ${serverUs.toFixed(0)} µs of processor time each and ${databaseUs.toFixed(0)} of PostgreSQL's`;
}

function print(cases: readonly Case[], deliveries: number): void {
  const [few, many] = cases.map(({ waiting, rounds }) => {
    const of = (figure: (round: Round) => number): number => median(rounds.map(figure));
    return {
      waiting,
      rate: of(({ rate }) => rate),
      peakMb: of(({ peakMb }) => peakMb),
      heapMb: of(({ heapMb }) => heapMb),
      serverUs: of(({ serverUs }) => serverUs),
      databaseUs: of(({ databaseUs }) => databaseUs),
      best: Math.max(...rounds.map(({ rate }) => rate)),
    };
  });
  if (few === undefined || many === undefined) throw new TypeError('there are two cases');
  console.log(`\nthe first ${deliveries} deliveries out of so many that were due, medians`);
  for (const each of [few, many]) console.log(`${String(each.waiting).padStart(9)}  ${describe(each)}`);
  const ratios = { rate: few.rate / many.rate, memory: many.peakMb / few.peakMb, heap: many.heapMb / few.heapMb };
  console.log(
    `ratio      ${ratios.rate.toFixed(2)} in time, ${ratios.memory.toFixed(2)} in memory, ${ratios.heap.toFixed(2)} in heap (goal at most ${GOAL} each)`,
  );
  // On a machine that others use too, these two say more than the medians of rates.
  const processor = (many.serverUs + many.databaseUs) / (few.serverUs + few.databaseUs);
  const inProcessor = Number.isFinite(processor) ? `, ${processor.toFixed(2)} in processor time` : '';
  console.log(`           ${(few.best / many.best).toFixed(2)} in the best time of each${inProcessor}`);
  process.exitCode = Math.max(...Object.values(ratios)) <= GOAL ? 0 : 1;
}
