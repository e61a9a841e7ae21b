/** The operator: whoever opens a link of the first start. */
import type { OperatorStore } from '../store.ts';
import { recordChange } from './audit.ts';
import type { SharedContext } from './context.ts';
import { exists, now, type Recipe, run } from './recipe.ts';

export function operatorStore(context: SharedContext): OperatorStore {
  const any = (): Recipe<boolean> => exists('SELECT 1 AS one FROM operators LIMIT 1');

  function* isLink(tokenHash: Uint8Array): Recipe<boolean> {
    return !(yield* any()) && (yield* exists('SELECT 1 AS one FROM operator_links WHERE token_hash = ?', tokenHash));
  }

  return {
    any: () => context.read(any),
    async addLink(tokenHash) {
      await context.transaction(function* () {
        yield* run('INSERT INTO operator_links (token_hash, created_at) VALUES (?, ?)', tokenHash, yield* now());
      });
    },
    isLink: (tokenHash) => context.read(() => isLink(tokenHash)),
    claim(tokenHash, person) {
      return context.transaction(function* () {
        if (!(yield* isLink(tokenHash))) return false;
        yield* run('INSERT INTO operators (person, created_at) VALUES (?, ?)', person, yield* now());
        yield* run('DELETE FROM operator_links');
        const target = { kind: 'person', id: person };
        yield* recordChange(context, { action: 'operator.claim', application: null, environment: null, target });
        return true;
      });
    },
  };
}
