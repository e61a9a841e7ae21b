/** `npm run bench -- <name>`: each benchmark prints ratios within one run, since machines differ and are noisy. */
import { copy } from './copy.ts';
import { crowd } from './crowd.ts';
import { dead } from './dead.ts';
import { drain } from './drain.ts';
import { isolation } from './isolation.ts';
import { lists } from './lists.ts';

const benchmarks: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  drain,
  isolation,
  crowd,
  dead,
  lists,
  copy,
};

const [name = '', ...args] = process.argv.slice(2);
const benchmark = benchmarks[name];
if (benchmark === undefined) {
  console.error(`usage: npm run bench -- <${Object.keys(benchmarks).join(' | ')}>`);
  process.exit(2);
}
await benchmark(args);
