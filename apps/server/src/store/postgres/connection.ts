/**
 * One connection to a server that takes writes, and what Posthorn wants of a session.
 *
 * A client of pg in pipeline mode: statements that are asked for in one go travel in one go, so that a transaction of several statements takes one
 * round trip, and a process that is stopped in the middle of it leaves no transaction open.
 */
import { Socket } from 'node:net';
import { Client, DatabaseError, type QueryResult, TypeOverrides, types } from 'pg';
import { StoreUnavailable } from '../store.ts';
import type { DatabaseAddress } from './address.ts';

export interface Statement {
  readonly sql: string;
  readonly values?: readonly unknown[];
}

const CONNECT_TIMEOUT_MS = 5_000;
/** A statement that takes longer is given up together with its connection. The server is never asked to cancel: it might be committing. */
const STATEMENT_TIMEOUT_MS = 30_000;
const PLANS_GOOD_FOR_MS = 10_000;
const OLDEST_VERSION = 150_000;

/**
 * In force for each session:
 * - no timeout on the server's side ends a statement, since the same timeout would end a COMMIT that waits for its standby;
 * - a transaction that nobody goes on with (its process was stopped) gives back its locks after 10 s, and so does a wait for a lock;
 * - a commit is on disk when it returns, whatever the role's default says;
 * - names that the shared recipes use without their schema are Posthorn's;
 * - plans are made once, and anew every few seconds: each statement is written for one plan, and planning over many partitions costs more than running it;
 * - that plan goes through indexes, row by row, in their order. The planner is told so, since while a table is small or its statistics are old it
 *   prefers walks and sorts that no longer do when the backlog has come.
 */
const SESSION = `SELECT
  set_config('statement_timeout', '0', false),
  CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL THEN set_config('transaction_timeout', '0', false) END,
  set_config('idle_in_transaction_session_timeout', '10s', false),
  set_config('lock_timeout', '10s', false),
  set_config('client_connection_check_interval', '10s', false),
  CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', false) END,
  set_config('client_min_messages', 'warning', false),
  set_config('search_path', 'posthorn', false),
  set_config('bytea_output', 'hex', false),
  set_config('plan_cache_mode', 'force_generic_plan', false),
  set_config('jit', 'off', false),
  set_config('enable_seqscan', 'off', false),
  set_config('enable_bitmapscan', 'off', false),
  set_config('enable_hashjoin', 'off', false),
  set_config('enable_mergejoin', 'off', false),
  set_config('enable_sort', 'off', false),
  set_config('enable_incremental_sort', 'off', false),
  pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS read_only,
  current_setting('server_version_num')::integer AS version,
  current_setting('server_encoding') AS encoding`;

interface SessionRow {
  readonly read_only: boolean;
  readonly version: number;
  readonly encoding: string;
}

const TYPES = new TypeOverrides();
// Sequences and epoch milliseconds stay far below 2^53.
TYPES.setTypeParser(types.builtins.INT8, Number);
// json is kept for its text: parsing it would lose digits.
TYPES.setTypeParser(types.builtins.JSON, (text: string) => text);

/** Statements are prepared once per connection, under one name each. */
const names = new Map<string, string>();

function nameOf(sql: string): string {
  let name = names.get(sql);
  if (name === undefined) {
    name = `p${names.size}`;
    names.set(sql, name);
  }
  return name;
}

export class Connection {
  readonly #client: Client;
  readonly #socket: Socket;
  /** Warnings since the last look: a COMMIT that comes with one did not come to what it says. */
  #warning: string | null = null;
  #broken = false;
  #plannedAt = performance.now();

  constructor({ client, socket }: Connected) {
    this.#client = client;
    this.#socket = socket;
    client.on('error', () => {
      this.#broken = true;
    });
    client.on('end', () => {
      this.#broken = true;
    });
    client.on('notice', (notice) => {
      // Classes 01 (warning) and 57 (operator intervention); a NOTICE has 00000.
      if (notice.code !== undefined && /^(01|57)/.test(notice.code)) this.#warning = notice.message ?? notice.code;
    });
  }

  get broken(): boolean {
    return this.#broken;
  }

  /** What `ask` sends leaves in one piece. */
  together<T>(ask: () => T): T {
    this.#socket.cork();
    try {
      return ask();
    } finally {
      this.#socket.uncork();
    }
  }

  /** Sends it at once, behind whatever is still under way. */
  send({ sql, values = [] }: Statement): Promise<QueryResult> {
    return this.#client.query({ name: nameOf(sql), text: sql, values: values as unknown[] });
  }

  /** BEGIN, COMMIT, ROLLBACK and the like: without parameters, not prepared. */
  command(text: string): Promise<QueryResult> {
    return this.#client.query(text);
  }

  /**
   * Lets the server plan anew every few seconds. A plan is kept as long as its connection, and one that was made while the backlog was empty reads all of
   * it once it is not.
   */
  freshenPlans(): void {
    const now = performance.now();
    if (now - this.#plannedAt < PLANS_GOOD_FOR_MS) return;
    this.#plannedAt = now;
    this.command('DISCARD PLANS').catch(() => {});
  }

  takeWarning(): string | null {
    const warning = this.#warning;
    this.#warning = null;
    return warning;
  }

  /** Whoever waits for it gets an error; what the server was doing it goes on doing. */
  destroy(): void {
    this.#broken = true;
    this.#socket.destroy();
  }

  async end(): Promise<void> {
    this.#broken = true;
    await this.#client.end();
  }
}

interface ConnectOptions {
  readonly pipeline: boolean;
  readonly patient: boolean;
}

interface Connected {
  readonly client: Client;
  readonly socket: Socket;
}

/** It answers, and does not do. */
class Unfit extends Error {}

/** Connects to the first host that takes writes, the last good one first. */
export class Connector {
  readonly #urls: readonly string[];
  #good = 0;

  constructor({ urls }: DatabaseAddress) {
    this.#urls = urls;
  }

  /** @throws {StoreUnavailable} no host can be reached that takes writes */
  async connect(): Promise<Connection> {
    return new Connection(await this.#connect({ pipeline: true, patient: false }));
  }

  /**
   * A client for LISTEN, or for statements that come one by one.
   * @param options.patient whether a statement may take as long as it takes: a migration of a large table
   * @throws {StoreUnavailable} no host can be reached that takes writes
   */
  async connectPlain({ patient = false }: { readonly patient?: boolean } = {}): Promise<Client> {
    return (await this.#connect({ pipeline: false, patient })).client;
  }

  async #connect(options: ConnectOptions): Promise<Connected> {
    const first = this.#good;
    const reasons: string[] = [];
    let reached = false;
    for (let turn = 0; turn < this.#urls.length; turn += 1) {
      const index = (first + turn) % this.#urls.length;
      try {
        const connected = await connectTo(this.#urls[index] ?? '', options);
        this.#good = index;
        return connected;
      } catch (error) {
        reached ||= error instanceof Unfit || error instanceof DatabaseError;
        reasons.push(error instanceof Error ? describe(error) : String(error));
      }
    }
    throw new StoreUnavailable(`PostgreSQL cannot be ${reached ? 'used' : 'reached'}: ${reasons.join('; ')}`);
  }
}

async function connectTo(url: string, { pipeline, patient }: ConnectOptions): Promise<Connected> {
  const socket = new Socket();
  const client = new Client({
    connectionString: url,
    stream: () => socket,
    application_name: 'posthorn',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    ...(patient ? {} : { query_timeout: STATEMENT_TIMEOUT_MS }),
    keepAlive: true,
    types: TYPES,
    ...(pipeline ? { pipeline } : {}),
  });
  // Until its owner listens: an error without a listener would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<SessionRow>(SESSION);
    const [session] = rows;
    if (session === undefined || session.version < OLDEST_VERSION) throw new Unfit('the server is older than PostgreSQL 15');
    if (session.encoding !== 'UTF8') throw new Unfit(`the database has the encoding ${session.encoding}, Posthorn wants UTF8`);
    if (session.read_only) throw new Unfit('the server takes no writes: it is a standby, or read only');
    return { client, socket };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** What Node says of a certificate whose authority it does not know. */
const UNKNOWN_AUTHORITY = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Node joins the reasons of several addresses into an error whose own message is empty. */
function describe(error: Error): string {
  if ('code' in error && UNKNOWN_AUTHORITY.has(String(error.code)))
    return "the server's certificate is of an authority that is not known here: name that authority's by sslrootcert=<file> in the URL";
  const inner = error instanceof AggregateError ? error.errors : [];
  return inner.length > 0 ? inner.map((each: unknown) => (each instanceof Error ? each.message : String(each))).join(', ') : error.message;
}
