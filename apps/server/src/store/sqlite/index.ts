/** The SQLite store, put together: one file (or memory), one process. */
import { randomFillSync } from 'node:crypto';
import type { Cipher } from '../cipher.ts';
import type { Store, StoreHint } from '../store.ts';
import { sqliteApplications } from './applications.ts';
import { sqliteBrakes } from './brakes.ts';
import type { SqliteContext } from './context.ts';
import { Database } from './database.ts';
import { resumeDeletions } from './deletions.ts';
import { sqliteDeliveries } from './deliveries.ts';
import { type EndpointRow, secretState, sqliteEndpoints } from './endpoints.ts';
import { sqliteEnvironments } from './environments.ts';
import { sqliteEventTypes } from './event-types.ts';
import { sqliteEvents } from './events.ts';
import { figures } from './figures.ts';
import { sqliteJobs } from './jobs.ts';
import { sqliteKeys } from './keys.ts';
import { sqliteLanes, voidLeases } from './lanes.ts';
import { sqliteNotices } from './notices.ts';
import { sqlitePublish } from './publish.ts';
import { sqliteStats } from './stats.ts';
import { sqliteUpkeep } from './upkeep.ts';

export interface SqliteStoreOptions {
  /** A file's path, or `:memory:`. */
  readonly path: string;
  readonly cipher: Cipher;
  /** The store's clock, epoch milliseconds. */
  readonly now: () => number;
  /** Dice: [0, 1). */
  readonly random: () => number;
  readonly randomBytes?: (size: number) => Uint8Array;
  /** Runs `callback` in a later turn of the loop; setImmediate unless a simulation has a loop of its own. */
  readonly soon?: (callback: () => void) => void;
}

/**
 * Opens the database, brings its schema up to date, voids the leases of a process that is gone and finishes deletions it left undone.
 * The caller holds the folder's lock.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const db = new Database(options.path);
  const listeners = new Set<(hint: StoreHint) => void>();
  const context: SqliteContext = {
    db,
    now: options.now,
    random: options.random,
    randomBytes: options.randomBytes ?? pooledRandomBytes(),
    cipher: options.cipher,
    soon: options.soon ?? setImmediate,
    hint(hint) {
      for (const listener of listeners) listener(hint);
    },
  };
  checkKey(context);
  voidLeases(context);
  const keys = sqliteKeys(context);
  await resumeDeletions(context);
  return {
    applications: sqliteApplications(context),
    endpoints: sqliteEndpoints(context),
    eventTypes: sqliteEventTypes(context),
    keys,
    environments: sqliteEnvironments(context),
    brakes: sqliteBrakes(context),
    events: sqliteEvents(context),
    deliveries: sqliteDeliveries(context),
    lanes: sqliteLanes(context),
    jobs: sqliteJobs(context),
    stats: sqliteStats(context),
    notices: sqliteNotices(context),
    upkeep: sqliteUpkeep(context),
    publish: sqlitePublish(context),
    async figures() {
      return figures(context);
    },
    async now() {
      return context.now();
    },
    async check() {
      db.get('SELECT 1 FROM environments LIMIT 1');
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      keys.flush();
      listeners.clear();
      db.close();
    },
  };
}

/** A wrong encryption key shows now, not with the first delivery. @throws {SealError} */
function checkKey(context: SqliteContext): void {
  const row = context.db.get<Pick<EndpointRow, 'id' | 'secrets'>>('SELECT id, secrets FROM endpoints WHERE deleted_at IS NULL LIMIT 1');
  if (row !== undefined) secretState(context, row);
}

/** Ids take ten bytes each, by the thousand: asking the system once for many is ten times cheaper. */
function pooledRandomBytes(): (size: number) => Uint8Array {
  const pool = new Uint8Array(8192);
  let at = pool.length;
  return (size) => {
    if (at + size > pool.length) {
      randomFillSync(pool);
      at = 0;
    }
    at += size;
    return pool.subarray(at - size, at);
  };
}
