import { Connection } from './connection.ts';
import type { Destination, DialSettings } from './dial.ts';

/** Idle connections kept at most: a dispatch to thousands of endpoints must not use up the process's file descriptors. */
const MAX_IDLE = 512;

/** How long the connections of a server that closed one under a request are not kept. */
const DISTRUST_MS = 60_000;

/** How often idle connections are looked through for those whose time is over. */
const SWEEP_MS = 1_000;

export interface Target {
  readonly origin: string;
  readonly destination: Destination;
  /** See `requestStart`. */
  readonly requestStart: string;
}

/**
 * Connections by origin, the most recently used first. It sets no limit on those in use: how many requests run at a time,
 * and how many of them to one endpoint, is the dispatcher's business.
 */
export class Pool {
  readonly #dialSettings: DialSettings;
  readonly #maxBodyBytes: number;
  readonly #idleByOrigin = new Map<string, Connection[]>();
  /** All idle connections, in the order in which they became so. */
  readonly #idle = new Set<Connection>();
  readonly #inUse = new Set<Connection>();
  readonly #distrustedUntil = new Map<string, number>();
  #sweeper: NodeJS.Timeout | null = null;
  #closing: (() => void) | null = null;

  constructor(dialSettings: DialSettings, maxBodyBytes: number) {
    this.#dialSettings = dialSettings;
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** A connection for one request: an idle one where there is one. @param now by `performance.now()` */
  take(target: Target, now: number): Connection {
    const connection = this.#takeIdle(target.origin, now) ?? this.#newConnection(target);
    this.#inUse.add(connection);
    return connection;
  }

  /** Gives a connection back after a complete answer. @param now by `performance.now()` */
  release(connection: Connection, now: number): void {
    connection.leave(now);
    if (this.#closing !== null || this.#isDistrusted(connection.origin)) this.discard(connection);
    else this.#keep(connection);
  }

  /** Ends a connection, in whatever state it is. */
  discard(connection: Connection): void {
    this.#forgetIdle(connection);
    connection.destroy();
    this.#inUse.delete(connection);
    if (this.#inUse.size === 0) this.#closing?.();
  }

  /**
   * A kept-alive connection was closed under a request that it did not answer. Whether the endpoint has read that request
   * nobody knows, so it is not sent again within the attempt: one attempt is one request. But some servers close after each
   * answer without saying so, and every second request to them would end like this; so theirs are not kept for a while.
   */
  distrust(origin: string): void {
    const now = performance.now();
    for (const [other, until] of this.#distrustedUntil) if (until <= now) this.#distrustedUntil.delete(other);
    this.#distrustedUntil.set(origin, now + DISTRUST_MS);
    for (const connection of [...(this.#idleByOrigin.get(origin) ?? [])]) this.discard(connection);
  }

  /** Ends idle connections now, and resolves when the last of those in use has come back. */
  close(): Promise<void> {
    for (const connection of [...this.#idle]) this.discard(connection);
    clearTimeout(this.#sweeper ?? undefined);
    return new Promise((resolve) => {
      this.#closing = resolve;
      if (this.#inUse.size === 0) resolve();
    });
  }

  #isDistrusted(origin: string): boolean {
    const until = this.#distrustedUntil.get(origin);
    return until !== undefined && until > performance.now();
  }

  #keep(connection: Connection): void {
    this.#inUse.delete(connection);
    this.#idle.add(connection);
    const siblings = this.#idleByOrigin.get(connection.origin);
    if (siblings === undefined) this.#idleByOrigin.set(connection.origin, [connection]);
    else siblings.push(connection);
    this.#sweeper ??= setTimeout(this.#sweep, SWEEP_MS);
    if (this.#idle.size > MAX_IDLE) {
      const [oldest] = this.#idle;
      if (oldest !== undefined) this.discard(oldest);
    }
  }

  #newConnection(target: Target): Connection {
    return new Connection(target, {
      dialSettings: this.#dialSettings,
      maxBodyBytes: this.#maxBodyBytes,
      onIdleClose: (connection) => this.discard(connection),
    });
  }

  #takeIdle(origin: string, now: number): Connection | undefined {
    for (;;) {
      const connection = this.#idleByOrigin.get(origin)?.at(-1);
      if (connection === undefined) return undefined;
      this.#forgetIdle(connection);
      if (connection.isIdleAt(now)) return connection;
      connection.destroy();
    }
  }

  readonly #sweep = (): void => {
    this.#sweeper = null;
    const now = performance.now();
    for (const connection of [...this.#idle]) if (!connection.isIdleAt(now)) this.discard(connection);
    if (this.#idle.size > 0) this.#sweeper = setTimeout(this.#sweep, SWEEP_MS);
  };

  #forgetIdle(connection: Connection): void {
    if (!this.#idle.delete(connection)) return;
    const siblings = this.#idleByOrigin.get(connection.origin) ?? [];
    // The one to be used next is the last: no search, and no array of what was removed.
    if (siblings.at(-1) === connection) siblings.pop();
    else siblings.splice(siblings.indexOf(connection), 1);
    if (siblings.length === 0) this.#idleByOrigin.delete(connection.origin);
  }
}
