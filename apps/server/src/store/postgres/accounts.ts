/**
 * better-auth's own connections to the same database: a statement of its never ends up in a transaction of ours. They follow a failover like all others,
 * which the driver's own pool, made for one host, does not.
 */
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import type { Client } from 'pg';
import type { AccountsDatabase } from '../store.ts';
import type { Connector } from './connection.ts';

const MOST_IDLE = 2;

export function accountsPool(connector: Connector): { open(): Promise<AccountsDatabase>; close(): Promise<void> } {
  const idle: Client[] = [];
  let closed = false;

  function release(client: Client, discard: boolean): void {
    if (closed || discard || idle.length >= MOST_IDLE) client.end().catch(() => {});
    else idle.push(client);
  }

  const pool: PostgresPool = {
    options: {},
    async connect() {
      const client = idle.pop() ?? (await openClient());
      return lend(client, (discard) => release(client, discard));
    },
    async end() {},
  };

  async function openClient(): Promise<Client> {
    const client = await connector.connectPlain();
    client.once('end', () => {
      const at = idle.indexOf(client);
      if (at !== -1) idle.splice(at, 1);
    });
    return client;
  }

  return {
    async open() {
      const { PostgresDialect } = await import('kysely');
      return { dialect: new PostgresDialect({ pool }), type: 'postgres', transaction: false };
    },
    async close() {
      closed = true;
      await Promise.all(idle.splice(0).map((client) => client.end()));
    },
  };
}

/** What kysely asks of a client. */
function lend(client: Client, release: (discard: boolean) => void): PostgresPoolClient {
  const lent = {
    query: (sql: string, parameters: readonly unknown[]) => client.query(sql, [...parameters]),
    release: (destroy?: boolean) => release(destroy === true),
  };
  // The interface has a second `query` for cursors, of which there are none here.
  return lent as unknown as PostgresPoolClient;
}
