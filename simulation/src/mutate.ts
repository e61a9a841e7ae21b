/** Loads the engine with one fault put in. To be called before the first of its files is loaded. */
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MUTANTS, type Mutant } from './mutants.ts';

const ROOT = join(import.meta.dirname, '../..');

/** @throws {RangeError} no mutant has this name */
export function mutantNamed(name: string): Mutant {
  const mutant = MUTANTS.find((each) => each.name === name);
  if (mutant === undefined)
    throw new RangeError(`no mutant is called "${name}"; there are: ${MUTANTS.map((each) => each.name).join(', ')}`);
  return mutant;
}

export function loadMutated(mutant: Mutant): void {
  const url = pathToFileURL(join(ROOT, mutant.file)).href;
  registerHooks({
    load(loading, context, nextLoad) {
      const loaded = nextLoad(loading, context);
      if (loading !== url) return loaded;
      return { ...loaded, source: mutated(mutant, Buffer.from(loaded.source as Uint8Array).toString()) };
    },
  });
}

/** @throws {Error} the searched text is not there exactly once: the engine has changed, and the mutant must follow it */
export function mutated({ name, file, search, replace }: Mutant, source: string): string {
  const [before, after, ...more] = source.split(search);
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(`mutant ${name}: the text that it replaces is ${after === undefined ? 'not' : 'more than once'} in ${file}`);
  }
  return before + replace + after;
}
