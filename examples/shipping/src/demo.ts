/** The demo: a whole journey on this machine, and the proof that what arrived is what happened. See demo/options.ts for its options. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readChanges, readReceipt, readReceipts } from './demo/evidence.ts';
import { type JsonClient, jsonClient } from './demo/http.ts';
import { type DemoOptions, readOptions, usage } from './demo/options.ts';
import { freePort, type RunningProcess, startProcess } from './demo/processes.ts';
import { startSaboteur } from './demo/saboteur.ts';
import { openScreen, type Screen } from './demo/screen.ts';
import { judge, renderVerdict, type Verdict } from './demo/verdict.ts';
import { walk } from './demo/walk.ts';
import { sampleFile } from './lifecycle.ts';
import type { Reception } from './receiver.ts';

/** How long after the last dispatch a delivery may come: a retry starts 5 to 6 s after a failed first attempt. */
const lateMs = 12_000;
const application = 'shipping-demo';

const read = readOptions(process.argv.slice(2));
if (read.kind === 'help') {
  console.log(usage);
} else if (read.kind === 'error') {
  console.error(`${read.message}\n\n${usage}`);
  process.exitCode = 2;
} else {
  process.exitCode = await main(read.options);
}

/** Runs the demo and cleans up after it, whatever happens. The exit code: 0, 1, or 130 after Ctrl-C. */
async function main(options: DemoOptions): Promise<number> {
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopped.abort());
  const screen = openScreen(process.stdout, () => new Date());
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-demo-'));
  const stage: Stage = { ...options, folder, screen, signal: stopped.signal, processes: [], cleanups: [() => rmSync(folder, { recursive: true })] };
  try {
    const verdict = await play(stage);
    screen.close();
    console.log(`\n${renderVerdict(verdict)}`);
    return verdict.faults.length === 0 ? 0 : 1;
  } catch (error) {
    screen.close();
    if (stopped.signal.aborted) return 130;
    console.error(error instanceof Error ? error.message : error);
    return 1;
  } finally {
    await Promise.all(stage.processes.map((running) => running.stop()));
    for (const cleanup of stage.cleanups) cleanup();
  }
}

interface Stage extends DemoOptions {
  readonly folder: string;
  readonly screen: Screen;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
  /** What was started and must be stopped. */
  readonly processes: RunningProcess[];
  /** What comes after that. */
  readonly cleanups: (() => void)[];
}
