/** The operator: whoever opens a link of the first start. */
import type { OperatorStore } from '../store.ts';
import { recordChange } from './audit.ts';
import type { SqliteContext } from './context.ts';

export function sqliteOperators(context: SqliteContext): OperatorStore {
  const { db } = context;
  const any = (): boolean => db.get('SELECT 1 FROM operators LIMIT 1') !== undefined;
  const isLink = (tokenHash: Uint8Array): boolean =>
    !any() && db.get('SELECT 1 FROM operator_links WHERE token_hash = ?', tokenHash) !== undefined;
  return {
    async any() {
      return any();
    },
    async addLink(tokenHash) {
      db.run('INSERT INTO operator_links (token_hash, created_at) VALUES (?, ?)', tokenHash, context.now());
    },
    async isLink(tokenHash) {
      return isLink(tokenHash);
    },
    async claim(tokenHash, person) {
      return db.transaction(() => {
        if (!isLink(tokenHash)) return false;
        db.run('INSERT INTO operators (person, created_at) VALUES (?, ?)', person, context.now());
        db.run('DELETE FROM operator_links');
        recordChange(context, { action: 'operator.claim', application: null, environment: null, target: { kind: 'person', id: person } });
        return true;
      });
    },
  };
}
