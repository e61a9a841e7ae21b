/**
 * Hints between processes, by LISTEN and NOTIFY. They save waiting and nothing else: one that is lost (the connection broke, the queue was full) is
 * made good by the next look, since every dispatcher looks by itself every few seconds.
 *
 * A NOTIFY is sent after the commit that it tells of, in a transaction of its own: within one it would make all committing transactions of the server queue
 * behind each other. And never more than one at a time.
 */
import type { Client } from 'pg';
import type { StoreHint } from '../store.ts';
import type { Connector } from './connection.ts';
import type { Database } from './database.ts';

const CHANNEL = 'posthorn';
const RECONNECT_MS = 1_000;
/** PostgreSQL takes 8,000 bytes. */
const MOST_LANES = 400;

export class Hints {
  readonly #connector: Connector;
  readonly #db: Database;
  /** Tells our own notifications apart: whoever caused them heard of them at once. */
  readonly #self: string;
  readonly #listeners = new Set<(hint: StoreHint) => void>();
  #client: Client | null = null;
  #listening = false;
  #closed = false;
  #retry: NodeJS.Timeout | null = null;
  readonly #words = new Set<Exclude<StoreHint['kind'], 'endpoint'>>();
  readonly #lanes = new Set<number>();
  #sending = false;

  constructor(connector: Connector, db: Database, self: string) {
    this.#connector = connector;
    this.#db = db;
    this.#self = self;
  }

  subscribe(listener: (hint: StoreHint) => void): () => void {
    this.#listeners.add(listener);
    if (!this.#listening) {
      this.#listening = true;
      this.#listen();
    }
    return () => this.#listeners.delete(listener);
  }

  send(...hints: readonly StoreHint[]): void {
    for (const hint of hints) {
      this.#tell(hint);
      if (hint.kind === 'endpoint') this.#lanes.add(hint.lane);
      else this.#words.add(hint.kind);
    }
    if (!this.#sending) this.#flush();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    if (this.#retry !== null) clearTimeout(this.#retry);
    await this.#client?.end();
  }

  #tell(hint: StoreHint): void {
    for (const listener of this.#listeners) listener(hint);
  }

  #flush(): void {
    if (this.#closed || (this.#words.size === 0 && this.#lanes.size === 0)) return;
    const lanes = [...this.#lanes].slice(0, MOST_LANES);
    for (const lane of lanes) this.#lanes.delete(lane);
    const payload = [this.#self, [...this.#words].join(','), lanes.join(',')].join(' ');
    this.#words.clear();
    this.#sending = true;
    this.#db
      .run('SELECT pg_notify($1, $2)', CHANNEL, payload)
      .catch(() => {})
      .finally(() => {
        this.#sending = false;
        this.#flush();
      });
  }

  #heed(payload: string): void {
    const [from, words = '', lanes = ''] = payload.split(' ');
    if (from === this.#self) return;
    for (const lane of lanes.split(',')) if (lane !== '') this.#tell({ kind: 'endpoint', lane: Number(lane) });
    for (const word of words.split(',')) if (word === 'work' || word === 'job' || word === 'notice') this.#tell({ kind: word });
  }

  #listen(): void {
    this.#connect().catch(() => this.#listenAgain());
  }

  #listenAgain(): void {
    this.#client = null;
    if (this.#closed) return;
    this.#retry = setTimeout(() => {
      this.#connect().then(
        // Something may have been missed while nobody listened.
        () => {
          for (const kind of ['work', 'job', 'notice'] as const) this.#tell({ kind });
        },
        () => this.#listenAgain(),
      );
    }, RECONNECT_MS);
  }

  async #connect(): Promise<void> {
    const client = await this.#connector.connectPlain();
    if (this.#closed) {
      await client.end();
      return;
    }
    this.#client = client;
    client.on('notification', ({ payload = '' }) => this.#heed(payload));
    client.once('end', () => this.#listenAgain());
    await client.query(`LISTEN ${CHANNEL}`);
  }
}
