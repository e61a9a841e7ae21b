/** Processor time of another process by thread: on a machine that others use too, it says more than a rate. */
import { readdirSync, readFileSync } from 'node:fs';

/** Milliseconds by the thread's name (threads of one name together); empty where there is no Linux `/proc`. */
export function threadCpu(pid: number): Map<string, number> {
  const times = new Map<string, number>();
  let threads: string[] = [];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return times;
  }
  for (const thread of threads) {
    try {
      const name = readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').trim();
      const ms = processorMs(`/proc/${pid}/task/${thread}/schedstat`);
      times.set(name, (times.get(name) ?? 0) + ms);
    } catch {
      // It ended between the two looks.
    }
  }
  return times;
}

/** Milliseconds of these processes together; those that are gone count nothing, and so do all where there is no Linux `/proc`. */
export function processCpu(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    try {
      return sum + processorMs(`/proc/${pid}/schedstat`);
    } catch {
      return sum;
    }
  }, 0);
}

/** The first of three numbers: nanoseconds on a processor. */
function processorMs(schedstat: string): number {
  return Number.parseInt(readFileSync(schedstat, 'utf8'), 10) / 1e6;
}

/** As text: µs of each thread for each of `count`, those below a tenth left out. */
export function cpuPerUnit(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>, count: number): string {
  return [...after]
    .map(([name, ms]): [string, number] => [name, ((ms - (before.get(name) ?? 0)) * 1000) / count])
    .filter(([, us]) => us >= 0.1)
    .sort(([, a], [, b]) => b - a)
    .map(([name, us]) => `${name} ${us.toFixed(1)}`)
    .join(', ');
}
