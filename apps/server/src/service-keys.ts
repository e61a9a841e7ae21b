/** The first service keys: preset by settings, or made on the first start and written down for the operator. */
import { createHash } from 'node:crypto';
import { newToken, tokenHint } from './api/auth.ts';
import type { Config } from './config.ts';
import { hasServiceKey, noteServiceKey } from './data-folder.ts';
import { ENVIRONMENTS, type Environment, type Store } from './store/store.ts';

/**
 * Makes sure that each environment has a service key. A preset one is added beside those that exist; those stay valid.
 * @returns the environments for which a key was made and written down, and those that have one that neither the settings nor this folder know
 */
export async function ensureServiceKeys(store: Store, config: Config): Promise<{ made: Environment[]; elsewhere: Environment[] }> {
  const made: Environment[] = [];
  const elsewhere: Environment[] = [];
  const preset: Record<Environment, string | null> = { production: config.serviceKeyProduction, sandbox: config.serviceKeySandbox };
  for (const environment of ENVIRONMENTS) {
    const given = preset[environment];
    if (given !== null) {
      await addKey(store, environment, { token: given, name: 'preset by the settings' });
      continue;
    }
    if (await store.keys.anyServiceKey(environment)) {
      if (!hasServiceKey(config.dataDir, environment)) elsewhere.push(environment);
      continue;
    }
    const token = newToken({ environment, kind: 'service' });
    // Written down first: a key that nobody can read any more would be worse than one that was never stored.
    noteServiceKey(config.dataDir, environment, token);
    await addKey(store, environment, { token, name: 'made at the first start' });
    made.push(environment);
    if (process.stdout.isTTY) console.log(`Service key of ${environment}: ${token}`);
  }
  return { made, elsewhere };
}

async function addKey(
  store: Store,
  environment: Environment,
  { token, name }: { readonly token: string; readonly name: string },
): Promise<void> {
  const tokenHash = createHash('sha256').update(token).digest();
  await store.keys.create({ environment, application: null, name, tokenHash, hint: tokenHint(token) });
}
