/** What every part of the PostgreSQL store works with. */
import type { Cipher } from '../cipher.ts';
import type { Deletions } from '../shared/deletions.ts';
import type { Actor, StoreHint } from '../store.ts';
import type { StoreClock } from './clock.ts';
import type { Database } from './database.ts';

export interface PostgresContext {
  /** For what people ask for. */
  readonly db: Database;
  /** For publishing and dispatching: connections of their own, so that a long list holds up neither. */
  readonly hot: Database;
  readonly clock: StoreClock;
  readonly randomBytes: (size: number) => Uint8Array;
  readonly cipher: Cipher;
  /** In whose name changes are made; null: nobody's, and the audit log does not hear of them. */
  readonly actor: Actor | null;
  readonly deletions: Deletions;
  /** Tells the subscribers of this process, and those of all others, that something changed. Call it only after the commit. */
  readonly hint: (...hints: readonly StoreHint[]) => void;
}
