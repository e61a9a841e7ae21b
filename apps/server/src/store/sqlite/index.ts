/** The SQLite store, put together: one file (or memory), one process. */
import { pooledRandomBytes } from '../../random-bytes.ts';
import type { Cipher } from '../cipher.ts';
import { auditStore } from '../shared/audit.ts';
import { Deletions } from '../shared/deletions.ts';
import { type EndpointRow, secretState } from '../shared/endpoints.ts';
import { environmentStore } from '../shared/environments.ts';
import { type KeyUses, keyUses } from '../shared/keys.ts';
import { noticeStore } from '../shared/notices.ts';
import { sharedParts } from '../shared/parts.ts';
import { statsStore } from '../shared/stats.ts';
import type { Actor, Audited, OutboxStore, Store, StoreHint } from '../store.ts';
import { accountsConnection } from './accounts.ts';
import { sqliteBacklog } from './backlog.ts';
import type { SqliteContext } from './context.ts';
import { Database } from './database.ts';
import { deletionSteps, resumeDeletions } from './deletions.ts';
import { sqliteDeliveries } from './deliveries.ts';
import { sqliteEvents } from './events.ts';
import { figures } from './figures.ts';
import { sqliteLanes } from './lanes.ts';
import { voidLeases } from './lease.ts';
import { SELECT_NOTICES } from './notices.ts';
import { sqlitePublish } from './publish.ts';
import { sharedContext } from './recipes.ts';
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
 * Opens the database, brings its schema up to date, voids the leases of a process that is gone and goes on with deletions it left undone.
 * The caller holds the folder's lock.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const db = new Database(options.path);
  const listeners = new Set<(hint: StoreHint) => void>();
  const soon = options.soon ?? setImmediate;
  const context: SqliteContext = {
    db,
    now: options.now,
    random: options.random,
    randomBytes: options.randomBytes ?? pooledRandomBytes(),
    cipher: options.cipher,
    actor: null,
    soon,
    deletions: new Deletions(deletionSteps({ db, soon })),
    hint(hint) {
      for (const listener of listeners) listener(hint);
    },
  };
  checkKey(context);
  voidLeases(context);
  const shared = sharedContext(context);
  const uses = keyUses(shared);
  const accounts = accountsConnection(options.path);
  resumeDeletions(context, context.deletions);
  return {
    ...auditedParts(context, uses),
    as: (actor: Actor) => auditedParts({ ...context, actor }, uses),
    audit: auditStore(shared),
    accounts: () => accounts.open(),
    events: sqliteEvents(context),
    lanes: sqliteLanes(context),
    stats: statsStore(shared),
    notices: noticeStore(shared, SELECT_NOTICES),
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
      await uses.flush();
      await context.deletions.close();
      listeners.clear();
      accounts.close();
      db.close();
    },
  };
}

/** Nobody else writes into this file. */
const NO_OUTBOX: OutboxStore = {
  take: async () => null,
  refused: async () => ({ data: [], nextCursor: null }),
  retry: async () => false,
  discard: async () => false,
};

function auditedParts(context: SqliteContext, uses: KeyUses): Audited {
  const shared = sharedContext(context);
  return {
    ...sharedParts(shared, uses),
    environments: { ...environmentStore(shared), backlog: sqliteBacklog(context) },
    deliveries: sqliteDeliveries(context),
    outbox: NO_OUTBOX,
  };
}

/** A wrong encryption key shows now, not with the first delivery. @throws {SealError} */
function checkKey(context: SqliteContext): void {
  const row = context.db.get<Pick<EndpointRow, 'id' | 'secrets'>>('SELECT id, secrets FROM endpoints WHERE deleted_at IS NULL LIMIT 1');
  if (row !== undefined) secretState(context, row);
}
