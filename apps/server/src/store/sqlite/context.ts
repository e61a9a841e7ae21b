/** What every part of the SQLite store works with. */
import type { Cipher } from '../cipher.ts';
import type { Deletions } from '../shared/deletions.ts';
import type { Actor, StoreHint } from '../store.ts';
import type { Database } from './database.ts';

export interface SqliteContext {
  readonly db: Database;
  /** The store's clock, epoch milliseconds. */
  readonly now: () => number;
  /** Dice: [0, 1). */
  readonly random: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
  readonly cipher: Cipher;
  /** In whose name changes are made; null: nobody's, and the audit log does not hear of them. */
  readonly actor: Actor | null;
  /** Runs `callback` in a later turn of the loop. */
  readonly soon: (callback: () => void) => void;
  readonly deletions: Deletions;
  /** Tells the subscribers that something changed. Call it only after the commit. */
  readonly hint: (hint: StoreHint) => void;
}
