/** A few connections, opened as they are needed and lent in turn: whoever finds none free waits, the longest first, and gives up after a while. */
import { StoreUnavailable } from '../store.ts';

/** How long to wait for a free connection. */
const PATIENCE_MS = 10_000;

interface Lent {
  /** Of no use any more: it is not lent again. */
  readonly broken: boolean;
  /** At once, whether or not the server answers. */
  destroy(): void;
  /** In order. */
  end(): Promise<void>;
}

interface Waiting<C> {
  readonly resolve: (connection: C) => void;
  readonly reject: (error: unknown) => void;
  readonly giveUp: NodeJS.Timeout;
}

export class Lending<C extends Lent> {
  readonly #most: number;
  readonly #connect: () => Promise<C>;
  readonly #idle: C[] = [];
  readonly #waiting: Waiting<C>[] = [];
  #open = 0;
  #closed = false;
  #onSettled: (() => void) | null = null;

  /** @param options.most how many are open at a time */
  constructor(options: { readonly most: number; readonly connect: () => Promise<C> }) {
    this.#most = options.most;
    this.#connect = options.connect;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** @throws {StoreUnavailable} none was free in time, or it is closed */
  acquire(): Promise<C> {
    if (this.#closed) return Promise.reject(closedError());
    for (let free = this.#idle.pop(); free !== undefined; free = this.#idle.pop()) {
      if (!free.broken) return Promise.resolve(free);
      this.#open -= 1;
    }
    if (this.#open < this.#most) return this.#openOne();
    return new Promise((resolve, reject) => {
      const waiting: Waiting<C> = {
        resolve,
        reject,
        giveUp: setTimeout(() => {
          this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
          reject(new StoreUnavailable(`no connection to PostgreSQL was free within ${PATIENCE_MS / 1000} s`));
        }, PATIENCE_MS),
      };
      this.#waiting.push(waiting);
    });
  }

  giveBack(connection: C): void {
    if (connection.broken) {
      this.#open -= 1;
      connection.destroy();
    } else {
      this.#idle.push(connection);
    }
    this.#serveNext();
    if (this.#open === this.#idle.length) this.#onSettled?.();
  }

  /** Lends nothing from now on. */
  refuse(): void {
    this.#closed = true;
  }

  /** The same, and tells those who wait at once. */
  refuseAll(): void {
    this.refuse();
    for (const { reject, giveUp } of this.#waiting.splice(0)) {
      clearTimeout(giveUp);
      reject(closedError());
    }
  }

  /** Resolves once everything that is lent has come back. */
  async settled(): Promise<void> {
    if (this.#open === this.#idle.length) return;
    await new Promise<void>((resolve) => {
      this.#onSettled = resolve;
    });
  }

  async endIdle(): Promise<void> {
    const idle = this.#idle.splice(0);
    this.#open -= idle.length;
    await Promise.all(idle.map((connection) => connection.end()));
  }

  async #openOne(): Promise<C> {
    this.#open += 1;
    try {
      return await this.#connect();
    } catch (error) {
      this.#open -= 1;
      this.#serveNext();
      throw error;
    }
  }

  /** Whoever waits longest gets what became free. */
  #serveNext(): void {
    const next = this.#waiting.shift();
    if (next === undefined) return;
    clearTimeout(next.giveUp);
    this.acquire().then(next.resolve, next.reject);
  }
}

function closedError(): StoreUnavailable {
  return new StoreUnavailable('the store is closed');
}
