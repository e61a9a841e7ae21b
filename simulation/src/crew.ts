/** Runs many histories, on as many processes as there are cores. */
import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { HistoryResult } from './history.ts';

export interface CrewOptions {
  readonly from: number;
  readonly seeds: number;
  /** Null: the engine as it is. */
  readonly mutant: string | null;
  /** Ends with the first history that finds a fault. */
  readonly stopAtFault: boolean;
  readonly workers?: number;
  readonly onResult?: (result: HistoryResult) => void;
}

export interface Summary {
  readonly histories: number;
  readonly deliveries: number;
  readonly attempts: number;
  readonly simulatedMs: number;
  readonly counts: ReadonlyMap<string, number>;
  /** Histories that found a fault, by seed. */
  readonly faulty: readonly HistoryResult[];
}

/** Seeds that a worker is sent at once. */
const PORTION = 4;

/** @throws {Error} a worker ended by itself */
export async function runCrew(options: CrewOptions): Promise<Summary> {
  const { workers = availableParallelism() } = options;
  const results: HistoryResult[] = [];
  const end = options.from + options.seeds;
  let next = options.from;
  const portion = (): number[] => {
    if (options.stopAtFault && results.some(({ fault }) => fault !== null)) return [];
    const seeds = Array.from({ length: Math.min(PORTION, end - next) }, (_, index) => next + index);
    next += seeds.length;
    return seeds;
  };
  const crew = Array.from({ length: Math.min(workers, Math.ceil(options.seeds / PORTION)) }, () =>
    work(options, {
      portion,
      onResult(result) {
        results.push(result);
        options.onResult?.(result);
      },
    }),
  );
  await Promise.all(crew);
  return summary(results);
}

/** One worker, until there is nothing left for it. */
function work(
  { mutant, stopAtFault }: CrewOptions,
  { portion, onResult }: { readonly portion: () => number[]; readonly onResult: (result: HistoryResult) => void },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker: ChildProcess = fork(join(import.meta.dirname, 'worker.ts'), mutant === null ? [] : [mutant], { execArgv: [] });
    let out = 0;
    let done = false;
    const feed = (): void => {
      const seeds = portion();
      out = seeds.length;
      if (out > 0) worker.send({ seeds });
      else {
        done = true;
        worker.kill();
      }
    };
    worker.on('message', (message: HistoryResult | 'ready') => {
      if (message === 'ready') {
        feed();
        return;
      }
      onResult(message);
      out -= 1;
      if (out === 0 || (stopAtFault && message.fault !== null)) feed();
    });
    worker.on('error', reject);
    worker.on('exit', (code, signal) => {
      if (done) resolve();
      else reject(new Error(`a worker of the simulation ended (${signal ?? code})`));
    });
  });
}

function summary(results: readonly HistoryResult[]): Summary {
  const counts = new Map<string, number>();
  for (const result of results) {
    for (const [what, times] of Object.entries(result.counts)) counts.set(what, (counts.get(what) ?? 0) + times);
  }
  const sum = (of: (result: HistoryResult) => number): number => results.reduce((total, result) => total + of(result), 0);
  return {
    histories: results.length,
    deliveries: sum(({ deliveries }) => deliveries),
    attempts: sum(({ attempts }) => attempts),
    simulatedMs: sum(({ simulatedMs }) => simulatedMs),
    counts,
    faulty: results.filter(({ fault }) => fault !== null).sort((a, b) => a.seed - b.seed),
  };
}
