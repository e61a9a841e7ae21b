/**
 * better-auth's own connections to the same database: a statement of its never ends up in a transaction of ours. They follow a failover like all others,
 * which the driver's own pool, made for one host, does not.
 *
 * Each is lent for one statement. Whoever finds none free waits its turn: a web app that many open at once must not take the connections that
 * publishing and dispatching live on.
 */
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import { type Client, DatabaseError } from 'pg';
import { type AccountsDatabase, StoreUnavailable } from '../store.ts';
import type { Connector } from './connection.ts';
import { noneFree, PATIENCE_MS, storeError } from './database.ts';

const MOST = 2;

interface Slot {
  readonly client: Client;
  gone: boolean;
}

interface Waiting {
  readonly resolve: (slot: Slot) => void;
  readonly reject: (error: unknown) => void;
  readonly giveUp: NodeJS.Timeout;
}

export function accountsPool(connector: Connector): { open(): Promise<AccountsDatabase>; close(): Promise<void> } {
  const idle: Slot[] = [];
  const waiting: Waiting[] = [];
  let open = 0;
  let closed = false;

  function acquire(): Promise<Slot> {
    if (closed) return Promise.reject(new StoreUnavailable('the store is closed'));
    const free = idle.pop();
    if (free !== undefined) return Promise.resolve(free);
    if (open < MOST) return openOne();
    return new Promise((resolve, reject) => {
      const giveUp = setTimeout(() => {
        waiting.splice(waiting.indexOf(turn), 1);
        reject(noneFree());
      }, PATIENCE_MS);
      const turn: Waiting = { resolve, reject, giveUp };
      waiting.push(turn);
    });
  }

  async function openOne(): Promise<Slot> {
    open += 1;
    try {
      const slot: Slot = { client: await connector.connectPlain(), gone: false };
      slot.client.once('end', () => drop(slot));
      return slot;
    } catch (error) {
      open -= 1;
      serveNext();
      throw error;
    }
  }

  /** Counts it no more at once: the server that is to hear of its end may be the one that does not answer. */
  function drop(slot: Slot): void {
    if (slot.gone) return;
    slot.gone = true;
    open -= 1;
    const at = idle.indexOf(slot);
    if (at !== -1) idle.splice(at, 1);
    slot.client.end().catch(() => {});
    serveNext();
  }

  function release(slot: Slot, discard: boolean): void {
    if (closed || discard) drop(slot);
    else if (!slot.gone) {
      idle.push(slot);
      serveNext();
    }
  }

  /** Whoever waits longest gets what became free. */
  function serveNext(): void {
    const next = waiting.shift();
    if (next === undefined) return;
    clearTimeout(next.giveUp);
    acquire().then(next.resolve, next.reject);
  }

  const pool: PostgresPool = {
    options: {},
    async connect() {
      const slot = await acquire();
      return lend(slot.client, (discard) => release(slot, discard));
    },
    async end() {},
  };

  return {
    async open() {
      const { PostgresDialect } = await import('kysely');
      return { dialect: new PostgresDialect({ pool }), type: 'postgres', transaction: false };
    },
    async close() {
      closed = true;
      for (const { reject, giveUp } of waiting.splice(0)) {
        clearTimeout(giveUp);
        reject(new StoreUnavailable('the store is closed'));
      }
      await Promise.all(idle.splice(0).map(({ client }) => client.end()));
    },
  };
}

/** What kysely asks of a client. */
function lend(client: Client, release: (discard: boolean) => void): PostgresPoolClient {
  let broken = false;
  const lent = {
    async query(sql: string, parameters: readonly unknown[]) {
      try {
        return await client.query(sql, [...parameters]);
      } catch (error) {
        // What the server refused leaves its connection as it was; after anything else nobody knows what the next answer belongs to.
        broken ||= !(error instanceof DatabaseError);
        throw storeError(error);
      }
    },
    release: (destroy?: boolean) => release(destroy === true || broken),
  };
  // The interface has a second `query` for cursors, of which there are none here.
  return lent as unknown as PostgresPoolClient;
}
