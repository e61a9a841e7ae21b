/**
 * better-auth's own connections to the same database: a statement of its never ends up in a transaction of ours. They follow a failover like all others,
 * which the driver's own pool, made for one host, does not.
 *
 * Each is lent for one statement. Whoever finds none free waits its turn: a web app that many open at once must not take the connections that
 * publishing and dispatching live on.
 */
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import { type Client, DatabaseError } from 'pg';
import type { AccountsDatabase } from '../store.ts';
import type { Connector } from './connection.ts';
import { storeError } from './database.ts';
import { Lending } from './lending.ts';

const MOST = 2;

export function accountsPool(connector: Connector): { open(): Promise<AccountsDatabase>; close(): Promise<void> } {
  const lending = new Lending({ most: MOST, connect: async () => new PlainConnection(await connector.connectPlain()) });

  const pool: PostgresPool = {
    options: {},
    async connect() {
      const connection = await lending.acquire();
      return lent(connection, (discard) => {
        if (discard || lending.closed) connection.broken = true;
        lending.giveBack(connection);
      });
    },
    async end() {},
  };

  return {
    async open() {
      const { PostgresDialect } = await import('kysely');
      return { dialect: new PostgresDialect({ pool }), type: 'postgres', transaction: false };
    },
    async close() {
      lending.refuseAll();
      await lending.endIdle();
    },
  };
}

class PlainConnection {
  readonly client: Client;
  broken = false;

  constructor(client: Client) {
    this.client = client;
    client.once('end', () => {
      this.broken = true;
    });
  }

  /** Not awaited: the server that is to hear of its end may be the one that does not answer. */
  destroy(): void {
    this.client.end().catch(() => {});
  }

  async end(): Promise<void> {
    await this.client.end();
  }
}

/** What kysely asks of a client. */
function lent(connection: PlainConnection, release: (discard: boolean) => void): PostgresPoolClient {
  const client = {
    async query(sql: string, parameters: readonly unknown[]) {
      try {
        return await connection.client.query(sql, [...parameters]);
      } catch (error) {
        // What the server refused leaves its connection as it was; after anything else nobody knows what the next answer belongs to.
        connection.broken ||= !(error instanceof DatabaseError);
        throw storeError(error);
      }
    },
    release: (destroy?: boolean) => release(destroy === true),
  };
  // The interface has a second `query` for cursors, of which there are none here.
  return client as unknown as PostgresPoolClient;
}
