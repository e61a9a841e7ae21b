/** `npm run bench -- <name>`: each benchmark prints ratios within one run, since machines differ and are noisy. */
import { drain } from './drain.ts';

const benchmarks: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = { drain };

const [name = '', ...args] = process.argv.slice(2);
const benchmark = benchmarks[name];
if (benchmark === undefined) {
  console.error(`usage: npm run bench -- <${Object.keys(benchmarks).join(' | ')}>`);
  process.exit(2);
}
await benchmark(args);
