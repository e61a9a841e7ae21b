/** The PostgreSQL store, put together: any number of processes over one database. */
import { randomBytes as systemRandomBytes } from 'node:crypto';
import { pooledRandomBytes } from '../../random-bytes.ts';
import type { Cipher } from '../cipher.ts';
import { auditStore } from '../shared/audit.ts';
import { Deletions } from '../shared/deletions.ts';
import { environmentStore } from '../shared/environments.ts';
import { type KeyUses, keyUses } from '../shared/keys.ts';
import { noticeStore } from '../shared/notices.ts';
import { sharedParts } from '../shared/parts.ts';
import { statsStore } from '../shared/stats.ts';
import type { Actor, Audited, Store } from '../store.ts';
import { accountsPool } from './accounts.ts';
import { parseDatabaseUrl } from './address.ts';
import { postgresBacklog } from './backlog.ts';
import { databaseClock } from './clock.ts';
import { Connector } from './connection.ts';
import type { PostgresContext } from './context.ts';
import { Database } from './database.ts';
import { deletionSteps, resumeDeletions } from './deletions.ts';
import { postgresDeliveries } from './deliveries.ts';
import { postgresEvents } from './events.ts';
import { figures } from './figures.ts';
import { checkKey } from './key-check.ts';
import { postgresLanes } from './lanes.ts';
import { Hints } from './listener.ts';
import { exclusively, migrate, refuseUnfinishedCopy } from './migrate.ts';
import { SELECT_NOTICES } from './notices.ts';
import { postgresOutbox } from './outbox.ts';
import { postgresPublish } from './publish.ts';
import { sharedContext } from './recipes.ts';
import { makePartitions, startSweep } from './sweep.ts';
import { postgresUpkeep } from './upkeep.ts';

export interface PostgresStoreOptions {
  /** A postgres:// URL, of one host or several. */
  readonly url: string;
  readonly cipher: Cipher;
  /** Instead of the database's clock, epoch milliseconds: for tests that move the time. */
  readonly now?: () => number;
  readonly randomBytes?: (size: number) => Uint8Array;
  /** Whether to look for lanes that nobody would wake: on, unless a test proves that there are none. */
  readonly sweep?: boolean;
  /** Is told of such lanes. It would mean that a wake-up was lost, which is a fault. */
  readonly onSwept?: (lanes: readonly number[]) => void;
}

export interface PostgresStore extends Store {
  /** Runs `work` while no other process runs anything in the same way: for what the first start has to do once. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
}

/** Per process: a settle, a scan and bodies at the same time as a publish. */
const HOT_CONNECTIONS = 5;
const OTHER_CONNECTIONS = 5;

/**
 * Connects, brings the schema up to date, makes the partitions that are due and goes on with deletions that a process left undone.
 * @throws {StoreUnavailable} the database cannot be reached, belongs to a newer program, or holds a copy that is not finished
 * @throws {SealError} the installation has another encryption key
 * @throws {RangeError} the URL does not do
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<PostgresStore> {
  const connector = new Connector(parseDatabaseUrl(options.url));
  const client = await connector.connectPlain({ patient: true });
  try {
    await migrate(client);
    await refuseUnfinishedCopy(client);
  } finally {
    await client.end();
  }
  const db = new Database(connector, { connections: OTHER_CONNECTIONS });
  const hot = new Database(connector, { connections: HOT_CONNECTIONS });
  const hints = new Hints(connector, db, systemRandomBytes(6).toString('hex'));
  const { now } = options;
  const context: PostgresContext = {
    db,
    hot,
    clock: now === undefined ? databaseClock(hot) : { now: async () => now() },
    randomBytes: options.randomBytes ?? pooledRandomBytes(),
    cipher: options.cipher,
    actor: null,
    deletions: new Deletions(deletionSteps({ db })),
    hint: (...sent) => hints.send(...sent),
  };
  const shared = sharedContext(context);
  // Over the connections that stay open longest: what is noted at the end is written too.
  const uses = keyUses(sharedContext({ ...context, db: hot }));
  const accounts = accountsPool(connector);
  const lanes = postgresLanes(context);
  const close = async (): Promise<void> => {
    // What was asked for before this still gets its connection.
    await new Promise((resolve) => setImmediate(resolve));
    await context.deletions.close();
    db.refuse();
    await uses.flush().catch(() => {});
    await lanes.giveBack().catch(() => {});
    await hints.close();
    await accounts.close();
    await Promise.all([db.close(), hot.close()]);
  };
  try {
    await checkKey(context);
    await makePartitions(context);
    await resumeDeletions(context, context.deletions);
  } catch (error) {
    await close();
    throw error;
  }
  const stopSweep = startSweep(context, { sweep: options.sweep ?? true, onSwept: options.onSwept ?? (() => {}) });
  return {
    ...auditedParts(context, uses),
    as: (actor: Actor) => auditedParts({ ...context, actor }, uses),
    audit: auditStore(shared),
    accounts: () => accounts.open(),
    events: postgresEvents(context),
    lanes,
    stats: statsStore(shared),
    notices: noticeStore(shared, SELECT_NOTICES),
    upkeep: postgresUpkeep(context),
    publish: postgresPublish(context),
    figures: () => figures(context),
    now: () => context.clock.now(),
    async check() {
      await db.get('SELECT FROM posthorn.environments LIMIT 1');
    },
    subscribe: (listener) => hints.subscribe(listener),
    exclusively: (work) => exclusively(connector, work),
    async close() {
      stopSweep();
      await close();
    },
  };
}

function auditedParts(context: PostgresContext, uses: KeyUses): Audited {
  const shared = sharedContext(context);
  return {
    ...sharedParts(shared, uses),
    environments: { ...environmentStore(shared), backlog: postgresBacklog(context) },
    deliveries: postgresDeliveries(context),
    outbox: postgresOutbox(context),
  };
}
