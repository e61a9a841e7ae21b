/**
 * The PostgreSQL database that an installation is copied into. One connection does everything, and holds a lock as long as it is there: so whoever goes
 * on with a copy that was killed does so once the server has ended what the killed one had asked for.
 */
import { type Client, DatabaseError, type QueryResult } from 'pg';
import { type DatabaseAddress, parseDatabaseUrl } from '../postgres/address.ts';
import { Connector } from '../postgres/connection.ts';
import { Database } from '../postgres/database.ts';
import { migrate } from '../postgres/migrate.ts';
import { ensurePartitions } from '../postgres/partitions.ts';
import { CopyError } from './error.ts';
import type { PostgresSchema, TablePlan } from './plan.ts';
import type { Progress } from './progress.ts';
import type { CopiedRow } from './rows.ts';
import { LEFT_OUT, type Value } from './rules.ts';

/** Held by whoever copies. */
const LOCK = '8101815670912281202';
/** A count, or statistics, of a table of any size. */
const PATIENCE_MS = 6 * 3_600_000;
const LOCK_NOT_AVAILABLE = '55P03';
/** Of a table's keys, while looking for one that is too many. */
const KEYS_AT_ONCE = 5_000;

export interface CopyRow {
  readonly installation: string;
  readonly state: string;
  readonly source: string;
  /** JSON. */
  readonly progress: string;
  readonly started_at: number;
  readonly finished_at: number | null;
}

export class Target {
  readonly #connector: Connector;
  readonly #client: Client;

  readonly #now: (() => number) | undefined;

  private constructor(connector: Connector, client: Client, now: (() => number) | undefined) {
    this.#connector = connector;
    this.#client = client;
    this.#now = now;
  }

  /**
   * @param now instead of the database's clock
   * @throws {StoreUnavailable} the database cannot be reached
   * @throws {CopyError} another copy is at work in it, or the URL does not do
   */
  static async open(url: string, now?: () => number): Promise<Target> {
    const connector = new Connector(address(url));
    const client = await connector.connectPlain();
    const target = new Target(connector, client, now);
    try {
      await client.query(`SELECT pg_advisory_lock(${LOCK})`);
      return target;
    } catch (error) {
      await target.close();
      if (!(error instanceof DatabaseError && error.code === LOCK_NOT_AVAILABLE)) throw error;
      throw new CopyError('--to: another posthorn copy is at work in this database', { cause: error });
    }
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => {});
  }

  /** The copy that was begun here, if one was. */
  async begun(): Promise<CopyRow | null> {
    if ((await this.#all<{ oid: string | null }>(`SELECT to_regclass('posthorn.copies')::text AS oid`))[0]?.oid == null) return null;
    return (await this.#all<CopyRow>('SELECT * FROM posthorn.copies'))[0] ?? null;
  }

  /** The first table that holds anything, whichever version made it; null: there is nothing. */
  async occupied(): Promise<string | null> {
    const tables = await this.#all<{ name: string }>(
      `SELECT relname AS name FROM pg_class
       WHERE relnamespace = to_regnamespace('posthorn') AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'migrations' ORDER BY oid`,
    );
    for (const { name } of tables) {
      if ((await this.#all(`SELECT FROM posthorn."${name}" LIMIT 1`)).length > 0) return name;
    }
    return null;
  }

  /** Makes the schema, or brings it up to date. @throws {StoreUnavailable} it belongs to a newer program */
  async prepare(): Promise<void> {
    await migrate(this.#client);
    // Until the end nothing is promised, so no batch waits for the disk. The last commit does, and with it all before it.
    await this.#client.query(`SET synchronous_commit = off`);
    await this.#client.query(`SET lock_timeout = '60s'`);
  }

  async begin({ installation, state, source, progress, started_at }: Omit<CopyRow, 'finished_at'>): Promise<void> {
    await this.#client.query(
      'INSERT INTO posthorn.copies (installation, state, source, progress, started_at) VALUES ($1, $2, $3, $4, $5)',
      [installation, state, source, progress, started_at],
    );
  }

  async now(): Promise<number> {
    if (this.#now !== undefined) return this.#now();
    const [row] = await this.#all<{ now: number }>('SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now');
    return row?.now ?? 0;
  }

  /** Partitions for these instants. */
  async makePartitions(instants: readonly number[]): Promise<void> {
    const db = new Database(this.#connector, { connections: 1 });
    try {
      await ensurePartitions(db, instants);
    } finally {
      await db.close();
    }
  }

  async schema(): Promise<PostgresSchema> {
    const rows = await this.#all<{ table: string; name: string; type: string; in_key: boolean }>(
      `SELECT c.relname AS "table", a.attname AS name, format_type(a.atttypid, NULL) AS type,
         coalesce(a.attnum = ANY (i.indkey), false) AS in_key
       FROM pg_class c
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
       WHERE c.relnamespace = 'posthorn'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
         AND c.relname !~ '^(events|deliveries|attempts)_[0-9]{8}$'
       ORDER BY c.oid, coalesce(array_position(i.indkey::smallint[], a.attnum), 1000), a.attnum`,
    );
    return new Map(
      [...Map.groupBy(rows, ({ table }) => table)].map(([table, columns]) => [
        table,
        {
          columns: columns.map(({ name, type }) => ({ name, type })),
          primaryKey: columns.flatMap((each) => (each.in_key ? [each.name] : [])),
        },
      ]),
    );
  }

  /** Writes the rows, and with them how far the copy has come: both or neither. */
  async write(plan: TablePlan, rows: readonly CopiedRow[], progress: Progress): Promise<void> {
    const columns = plan.columns.map(({ name }) => `"${name}"`).join(', ');
    const elements = plan.columns.map(({ form }, place) => `$${place + 2}::${form.element}[]`).join(', ');
    const values = plan.columns.map(({ name, form }) => `i."${name}"${form.cast}`).join(', ');
    const { rowCount } = await this.#prepared(
      `write ${plan.table}`,
      `WITH kept AS (UPDATE posthorn.copies SET progress = $1)
       INSERT INTO posthorn."${plan.table}" (${columns}) OVERRIDING SYSTEM VALUE SELECT ${values} FROM unnest(${elements}) AS i (${columns})`,
      [JSON.stringify(progress), ...plan.columns.map(({ form }, place) => form.array(rows.map((row) => row[place] ?? null)))],
    );
    if (rowCount !== rows.length) throw new Error(`${plan.table}: of ${rows.length} rows ${rowCount} were written`);
  }

  async keep(progress: Progress): Promise<void> {
    await this.#client.query('UPDATE posthorn.copies SET progress = $1', [JSON.stringify(progress)]);
  }

  /** What is stored under the keys of these rows: for each of them all that there is, which should be one. */
  async find(plan: TablePlan, rows: readonly CopiedRow[]): Promise<CopiedRow[][]> {
    const found: Value[][][] = rows.map(() => []);
    const columns = plan.find.map((place) => plan.columns[place]).filter((column) => column !== undefined);
    const keys = columns.map(({ form }, index) => `$${index + 1}::${form.element}[]`).join(', ');
    const names = columns.map((_, index) => `k${index}`).join(', ');
    const same = columns.map(({ name, form }, index) => `t."${name}" = k.k${index}${form.cast}`).join(' AND ');
    const read = plan.columns.map(({ name, form }, index) => `${form.read(`t."${name}"`)} AS c${index}`).join(', ');
    const result = await this.#prepared(
      `find ${plan.table}`,
      `SELECT k.place, ${read} FROM unnest(${keys}) WITH ORDINALITY AS k (${names}, place)
       CROSS JOIN LATERAL (SELECT * FROM posthorn."${plan.table}" t WHERE ${same} OFFSET 0) t`,
      plan.find.map((place) => plan.columns[place]?.form.array(rows.map((row) => row[place] ?? null))),
    );
    for (const row of result.rows as Record<string, Value>[]) {
      found[Number(row['place']) - 1]?.push(plan.columns.map((_, index) => row[`c${index}`] ?? null));
    }
    return found;
  }

  async count({ table }: TablePlan): Promise<number> {
    return Number((await this.#all<{ count: number }>(`SELECT count(*) AS count FROM posthorn."${table}"`))[0]?.count);
  }

  /** The values of `find` of all rows, in their order. Looked through only where one is too many. */
  async *keys({ table, columns, find }: TablePlan): AsyncGenerator<CopiedRow> {
    const names = find.map((place) => columns[place]).filter((column) => column !== undefined);
    const read = names.map(({ name, form }, index) => `${form.read(`"${name}"`)} AS k${index}`).join(', ');
    await this.#client.query('BEGIN');
    try {
      const order = names.map(({ name }) => `"${name}"`).join(', ');
      await this.#client.query(`SET LOCAL idle_in_transaction_session_timeout = 0`);
      await this.#client.query(`DECLARE looked CURSOR FOR SELECT ${read} FROM posthorn."${table}" ORDER BY ${order}`);
      for (;;) {
        const rows = await this.#all<Record<string, Value>>(`FETCH ${KEYS_AT_ONCE} FROM looked`);
        for (const row of rows) yield names.map((_, index) => row[`k${index}`] ?? null);
        if (rows.length < KEYS_AT_ONCE) return;
      }
    } finally {
      await this.#client.query('ROLLBACK');
    }
  }

  /** Sets what numbers the rows to come: behind `highest` of the rows that were copied. */
  async setSequences(highest: (table: string, column: string) => number): Promise<void> {
    const identities = await this.#all<{ table: string; column: string }>(
      `SELECT c.relname AS "table", a.attname AS "column" FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attidentity <> ''
       WHERE c.relnamespace = 'posthorn'::regnamespace AND NOT c.relispartition AND c.relname <> ALL ($1)`,
      LEFT_OUT.postgres,
    );
    const numbered = [
      ...identities.map(({ table, column }) => ({ sequence: `pg_get_serial_sequence('posthorn.${table}', '${column}')`, table, column })),
      { sequence: `'posthorn.event_seq'`, table: 'events', column: 'seq' },
      { sequence: `'posthorn.delivery_seq'`, table: 'deliveries', column: 'seq' },
    ];
    for (const { sequence, table, column } of numbered) {
      const last = highest(table, column);
      if (last > 0) await this.#client.query(`SELECT setval(${sequence}, $1)`, [last]);
    }
  }

  /** Statistics, so that the first statements are planned by what is there. */
  async analyze({ table }: TablePlan): Promise<void> {
    await this.#all(`ANALYZE posthorn."${table}"`);
  }

  /** From here on servers may work on it. On disk, with all that was copied, when this resolves. */
  async finish(progress: Progress, at: number): Promise<void> {
    await this.#client.query('SET synchronous_commit = on');
    await this.#client.query('UPDATE posthorn.copies SET progress = $1, finished_at = $2', [JSON.stringify(progress), at]);
  }

  async #all<T extends object>(text: string, ...values: readonly unknown[]): Promise<T[]> {
    const query = { text, values: [...values], query_timeout: PATIENCE_MS };
    return (await this.#client.query(query)).rows as T[];
  }

  /** The same for each batch of a table: prepared once, under a name. */
  #prepared(name: string, text: string, values: readonly unknown[]): Promise<QueryResult> {
    const query = { name, text, values: [...values], query_timeout: PATIENCE_MS };
    return this.#client.query(query);
  }
}

function address(url: string): DatabaseAddress {
  try {
    return parseDatabaseUrl(url);
  } catch (error) {
    throw error instanceof RangeError ? new CopyError(`--to ${error.message}`, { cause: error }) : error;
  }
}
