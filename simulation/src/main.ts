/**
 * npm run simulate -- [--seeds N] [--from K] [--seed S] [--lines L] [--mutant name]
 *
 *   --seeds N      runs the histories of N seeds (default 300), beginning with --from K (default 1)
 *   --seed S       runs one history, and prints its last lines (--lines L: how many, default 60)
 *   --mutant name  puts a fault into the engine first; `--mutant all` tries each of them, and says which seed caught it
 *
 * Exits with 1 where a history found a fault, or something rare never happened; with mutants, where one was not caught.
 */
import { parseArgs } from 'node:util';
import { runCrew, type Summary } from './crew.ts';
import type { HistoryResult } from './history.ts';
import { MUTANTS } from './mutants.ts';
import { loadMutated, mutantNamed } from './mutate.ts';
import { ENOUGH_HISTORIES, neverHappened, RARE } from './rare.ts';

const MUTANT_SEEDS = 200;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '300' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    lines: { type: 'string', default: '60' },
    mutant: { type: 'string' },
  },
});

/** @throws {RangeError} */
function whole(name: 'seeds' | 'from' | 'seed' | 'lines', text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`--${name} must be a whole number, not "${text}"`);
  return value;
}

try {
  if (values.mutant === 'all') process.exitCode = (await tryMutants()) ? 0 : 1;
  else if (values.seed !== undefined) process.exitCode = await replay(whole('seed', values.seed));
  else process.exitCode = await runMany();
} catch (error) {
  if (!(error instanceof RangeError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

async function replay(seed: number): Promise<number> {
  if (values.mutant !== undefined) loadMutated(mutantNamed(values.mutant));
  const { runHistory, uncaught } = await import('./history.ts');
  process.on('uncaughtException', (error) => {
    if (!uncaught(error)) throw error;
  });
  const result = await runHistory(seed, { notes: true });
  console.log(JSON.stringify(result.plan));
  console.log(result.notes.slice(-whole('lines', values.lines)).join('\n'));
  console.log(
    `\nseed ${seed}: ${result.deliveries} deliveries, ${result.attempts} attempts, ${simulated(result.simulatedMs)} simulated, digest ${result.digest}`,
  );
  console.log(result.fault === null ? 'no fault' : `FAULT (${result.fault.rule}): ${result.fault.message}`);
  return result.fault === null ? 0 : 1;
}

async function runMany(): Promise<number> {
  const seeds = whole('seeds', values.seeds);
  const mutant = values.mutant === undefined ? null : mutantNamed(values.mutant).name;
  const startedAt = performance.now();
  let told = startedAt;
  let ran = 0;
  const summary = await runCrew({
    from: whole('from', values.from),
    seeds,
    mutant,
    stopAtFault: mutant !== null,
    onResult(result) {
      ran += 1;
      if (result.fault !== null) console.log(faultText(result, mutant));
      if (performance.now() - told < 30_000) return;
      told = performance.now();
      console.log(`${ran} of ${seeds} histories`);
    },
  });
  const seconds = (performance.now() - startedAt) / 1000;
  print(summary, seconds);
  if (mutant !== null) return summary.faulty.length > 0 ? 0 : 1;
  const missed = summary.histories >= ENOUGH_HISTORIES ? neverHappened(summary.counts) : [];
  if (missed.length > 0) console.log(`\nNever happened: ${missed.join(', ')}`);
  return summary.faulty.length === 0 && missed.length === 0 ? 0 : 1;
}

async function tryMutants(): Promise<boolean> {
  let isCaught = true;
  for (const { name } of MUTANTS) {
    const { faulty, histories } = await runCrew({ from: 1, seeds: MUTANT_SEEDS, mutant: name, stopAtFault: true });
    const [first] = faulty;
    isCaught &&= first !== undefined;
    console.log(
      first === undefined ? `NOT CAUGHT in ${histories} seeds: ${name}` : `${name}: caught by seed ${first.seed} (${first.fault?.rule})`,
    );
  }
  return isCaught;
}

function print({ counts, ...summary }: Summary, seconds: number): void {
  const width = Math.max(...RARE.map((what) => what.length));
  console.log('\nHow often the rare things happened:');
  for (const what of RARE) console.log(`  ${what.padEnd(width)}  ${counts.get(what) ?? 0}`);
  console.log(
    `\n${summary.histories} histories in ${seconds.toFixed(1)} s: ${summary.deliveries} deliveries, ${summary.attempts} attempts, ` +
      `${simulated(summary.simulatedMs)} simulated; ${summary.faulty.length} found a fault`,
  );
}

function faultText({ seed, fault }: HistoryResult, mutant: string | null): string {
  const again = `npm run simulate -- --seed ${seed}${mutant === null ? '' : ` --mutant ${mutant}`}`;
  return `seed ${seed} FAULT (${fault?.rule}): ${fault?.message}\n  again, with its history: ${again}`;
}

function simulated(ms: number): string {
  const hours = ms / 3_600_000;
  return hours < 48 ? `${hours.toFixed(1)} hours` : `${Math.round(hours / 24)} days`;
}
