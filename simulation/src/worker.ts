/** One process of the simulator: runs the seeds that its parent sends, one after the other. */
import { loadMutated, mutantNamed } from './mutate.ts';

export type WorkerRequest = { readonly seeds: readonly number[] };

const [mutant] = process.argv.slice(2);
if (mutant !== undefined) loadMutated(mutantNamed(mutant));
// Loaded only now, with the fault in it.
const { runHistory, uncaught } = await import('./history.ts');

process.on('uncaughtException', (error) => {
  if (uncaught(error)) return;
  console.error(error);
  process.exit(1);
});

let work = Promise.resolve();
process.on('message', ({ seeds }: WorkerRequest) => {
  work = work.then(async () => {
    for (const seed of seeds) process.send?.(await runHistory(seed, { notes: false }));
  });
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
