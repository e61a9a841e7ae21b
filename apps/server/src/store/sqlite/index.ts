/** The SQLite store, put together: one file (or memory), one process. */
import { pooledRandomBytes } from '../../random-bytes.ts';
import type { Cipher } from '../cipher.ts';
import type { Actor, Audited, Store, StoreHint } from '../store.ts';
import { accountsConnection } from './accounts.ts';
import { sqliteApplications } from './applications.ts';
import { sqliteAudit } from './audit.ts';
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
import { sqliteInboxes } from './inboxes.ts';
import { sqliteInvitations } from './invitations.ts';
import { sqliteJobs } from './jobs.ts';
import { type KeyUses, keyUses, sqliteKeys } from './keys.ts';
import { sqliteLanes, voidLeases } from './lanes.ts';
import { sqliteNotices } from './notices.ts';
import { sqliteOperators } from './operators.ts';
import { sqlitePeople } from './people.ts';
import { sqlitePortal } from './portal.ts';
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
    actor: null,
    soon: options.soon ?? setImmediate,
    hint(hint) {
      for (const listener of listeners) listener(hint);
    },
  };
  checkKey(context);
  voidLeases(context);
  const uses = keyUses(context);
  const accounts = accountsConnection(options.path);
  await resumeDeletions(context);
  return {
    ...auditedParts(context, uses),
    as: (actor: Actor) => auditedParts({ ...context, actor }, uses),
    audit: sqliteAudit(context),
    accounts: () => accounts.open(),
    events: sqliteEvents(context),
    lanes: sqliteLanes(context),
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
      uses.flush();
      listeners.clear();
      accounts.close();
      db.close();
    },
  };
}

function auditedParts(context: SqliteContext, uses: KeyUses): Audited {
  return {
    applications: sqliteApplications(context),
    endpoints: sqliteEndpoints(context),
    eventTypes: sqliteEventTypes(context),
    keys: sqliteKeys(context, uses),
    environments: sqliteEnvironments(context),
    brakes: sqliteBrakes(context),
    deliveries: sqliteDeliveries(context),
    jobs: sqliteJobs(context),
    people: sqlitePeople(context),
    invitations: sqliteInvitations(context),
    operators: sqliteOperators(context),
    portal: sqlitePortal(context),
    inboxes: sqliteInboxes(context),
  };
}

/** A wrong encryption key shows now, not with the first delivery. @throws {SealError} */
function checkKey(context: SqliteContext): void {
  const row = context.db.get<Pick<EndpointRow, 'id' | 'secrets'>>('SELECT id, secrets FROM endpoints WHERE deleted_at IS NULL LIMIT 1');
  if (row !== undefined) secretState(context, row);
}
