/**
 * The ways in which Posthorn talks to PostgreSQL: single statements, batches (one transaction, one round trip), and transactions that go on by what
 * they read. A few connections are kept open; whoever finds none free waits its turn.
 */
import { DatabaseError, type QueryResult } from 'pg';
import { StoreUnavailable } from '../store.ts';
import type { Connection, Connector, Statement } from './connection.ts';
import { Lending } from './lending.ts';

export type Row = Record<string, unknown>;

/** A transaction that is under way. */
export interface Transaction {
  all<T extends object = Row>(sql: string, ...values: readonly unknown[]): Promise<T[]>;
  get<T extends object = Row>(sql: string, ...values: readonly unknown[]): Promise<T | undefined>;
  /** @returns how many rows changed */
  run(sql: string, ...values: readonly unknown[]): Promise<number>;
}

/** Deadlock, serialization failure, lock not got in time: the same again usually works. */
const WORTH_REPEATING = new Set(['40P01', '40001', '55P03']);
const MOST_TRIES = 4;
/** Says only that an earlier statement of the transaction failed. */
const ABORTED = '25P02';
/**
 * "cached plan must not change result type": a newer program added a column to a table of which a prepared statement gives all. Nothing was done, and it fails
 * on that connection forever; a new one prepares it anew.
 */
const STALE_STATEMENT = { code: '0A000', routine: 'RevalidateCachedQuery' };
/** The server became a standby under us. */
const READ_ONLY = '25006';

export class Database implements Transaction {
  readonly #lending: Lending<Connection>;

  /** @param options.connections how many are kept open at the most */
  constructor(connector: Connector, options: { readonly connections: number }) {
    this.#lending = new Lending({ most: options.connections, connect: () => connector.connect() });
  }

  async all<T extends object = Row>(sql: string, ...values: readonly unknown[]): Promise<T[]> {
    return (await this.#single({ sql, values })).rows as T[];
  }

  async get<T extends object = Row>(sql: string, ...values: readonly unknown[]): Promise<T | undefined> {
    return (await this.all<T>(sql, ...values))[0];
  }

  async run(sql: string, ...values: readonly unknown[]): Promise<number> {
    return (await this.#single({ sql, values })).rowCount ?? 0;
  }

  /**
   * Runs the statements as one transaction, in one round trip.
   * @returns the rows of each
   * @throws {StoreUnavailable} nothing of it took effect, or that is in doubt
   * @throws {DatabaseError} a constraint refused it: nothing took effect
   */
  async batch(statements: readonly Statement[]): Promise<Row[][]> {
    const [only, ...more] = statements;
    if (only === undefined) return [];
    if (more.length === 0) return [(await this.#single(only)).rows as Row[]];
    return this.#repeating((connection) => sendBatch(connection, statements));
  }

  /** Runs `work` as one transaction; it is on disk when this resolves. Whatever `work` throws rolls it back. It may run more than once. */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#repeating((connection) => runTransaction(connection, work));
  }

  /** Statements of one connection, without a transaction around them: for those that cannot be within one. */
  session<T>(work: (session: Transaction) => Promise<T>): Promise<T> {
    return this.#repeating((connection) => work(statementsOf(connection)));
  }

  /** Refuses what comes from now on. */
  refuse(): void {
    this.#lending.refuse();
  }

  /** Refuses what comes from now on, and resolves once what is under way has ended. */
  async close(): Promise<void> {
    this.#lending.refuseAll();
    await this.#lending.settled();
    await this.#lending.endIdle();
  }

  #single(statement: Statement): Promise<QueryResult> {
    return this.#repeating(async (connection) => {
      connection.takeWarning();
      const result = await connection.send(statement);
      refuseWarning(connection);
      return result;
    });
  }

  async #repeating<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      const connection = await this.#lending.acquire();
      connection.freshenPlans();
      try {
        return await work(connection);
      } catch (error) {
        if (error instanceof DatabaseError) {
          if (error.code === READ_ONLY) connection.destroy();
          if (error.code === STALE_STATEMENT.code && error.routine === STALE_STATEMENT.routine) {
            // Not one of the tries: each of these takes away a connection that is older than the column.
            connection.destroy();
            tries -= 1;
            continue;
          }
          if (WORTH_REPEATING.has(error.code ?? '') && tries < MOST_TRIES) continue;
        }
        throw storeError(error);
      } finally {
        this.#lending.giveBack(connection);
      }
    }
  }
}

async function sendBatch(connection: Connection, statements: readonly Statement[]): Promise<Row[][]> {
  connection.takeWarning();
  const sent = connection.together(() => [
    connection.command('BEGIN'),
    ...statements.map((statement) => connection.send(statement)),
    connection.command('COMMIT'),
  ]);
  const settled = await Promise.allSettled(sent);
  const errors = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as Error] : []));
  const cause = errors.find((error) => !(error instanceof DatabaseError && error.code === ABORTED));
  if (cause !== undefined) throw cause;
  const results = settled.map((each) => (each.status === 'fulfilled' ? each.value : null));
  if (results.at(-1)?.command !== 'COMMIT') throw new StoreUnavailable('PostgreSQL rolled the transaction back');
  refuseWarning(connection);
  return results.slice(1, -1).map((result) => (result?.rows ?? []) as Row[]);
}

function statementsOf(connection: Connection): Transaction {
  return {
    all: async <R extends object>(sql: string, ...values: readonly unknown[]) => (await connection.send({ sql, values })).rows as R[],
    get: async <R extends object>(sql: string, ...values: readonly unknown[]) => ((await connection.send({ sql, values })).rows as R[])[0],
    run: async (sql, ...values) => (await connection.send({ sql, values })).rowCount ?? 0,
  };
}

async function runTransaction<T>(connection: Connection, work: (transaction: Transaction) => Promise<T>): Promise<T> {
  connection.takeWarning();
  const transaction = statementsOf(connection);
  // Not awaited by itself: it travels with the first statement, which fails where it does.
  const begun = connection.command('BEGIN');
  begun.catch(() => {});
  let value: T;
  try {
    value = await work(transaction);
    await begun;
  } catch (error) {
    await connection.command('ROLLBACK').catch(() => connection.destroy());
    throw error;
  }
  const { command } = await connection.command('COMMIT');
  if (command !== 'COMMIT') throw new StoreUnavailable('PostgreSQL rolled the transaction back');
  refuseWarning(connection);
  return value;
}

/** "canceling wait for synchronous replication": committed here, perhaps nowhere else. Such a commit is in doubt, and nothing is acknowledged. */
function refuseWarning(connection: Connection): void {
  const warning = connection.takeWarning();
  if (warning !== null) throw new StoreUnavailable(`PostgreSQL warned: ${warning}`);
}

/** A refused constraint (class 23) is the caller's business; all else means that the database does not work, or not now. */
export function storeError(error: unknown): unknown {
  if (error instanceof StoreUnavailable) return error;
  if (error instanceof DatabaseError) {
    if (error.code?.startsWith('23') === true) return error;
    return new StoreUnavailable(`PostgreSQL: ${error.message} (${error.code ?? 'no code'})`, { cause: error });
  }
  // Whatever a driver says of a broken connection has no class of its own.
  if (error instanceof Error && isConnectionError(error)) return new StoreUnavailable(`PostgreSQL: ${error.message}`, { cause: error });
  return error;
}

function isConnectionError(error: Error): boolean {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return (
    /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_)/.test(code) ||
    /connection|Query read timeout|not queryable|timeout/i.test(error.message)
  );
}
