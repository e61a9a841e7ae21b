import type { DatabaseSync } from 'node:sqlite';

/** An event on its way to Posthorn. */
export interface OutboxEvent {
  /** 1 to 64 of `A-Z a-z 0-9 _ -`, made with the change. Posthorn takes an id once, so publishing it again is harmless. */
  readonly id: string;
  readonly type: string;
  /** Events with the same key reach an endpoint in the order of the outbox. */
  readonly orderingKey: string;
  /** JSON text, rendered once: what is sent is what was true when it happened, digit for digit. */
  readonly data: string;
}

/**
 * The events that a database has decided on and Posthorn may not know yet. States of a row:
 *
 *     waiting -> published            Posthorn answered 202
 *     waiting -> set_aside            Posthorn will never take it as it is; a person decides
 *     set_aside -> waiting | skipped  sent again, or given up
 *
 * While a row is set aside, the later ones with its ordering key are held: a receiver sees a shipment's story in order or not yet,
 * never with a hole that nobody decided on.
 */
export interface Outbox {
  /** Call it inside the transaction that makes the change: both are kept, or neither. */
  add(event: OutboxEvent): void;
  /** The next events to publish, oldest first. */
  next(limit: number): OutboxEvent[];
  markPublished(ids: readonly string[]): void;
  setAside(id: string, reason: string): void;
  /** What a person says about an event that was set aside. False if no such event is. */
  decide(id: string, decision: 'waiting' | 'skipped'): boolean;
  status(): OutboxStatus;
}

export interface OutboxStatus {
  /** Not published yet, those held behind a set-aside event included. */
  readonly waiting: number;
  readonly set_aside: readonly { readonly id: string; readonly ordering_key: string; readonly reason: string; readonly held: number }[];
}

/** Opens the outbox table in a database of one's own, making it if it is not there. */
export function openOutbox(database: DatabaseSync): Outbox {
  database.exec(`
    CREATE TABLE IF NOT EXISTS outbox (
      position     INTEGER PRIMARY KEY AUTOINCREMENT,
      id           TEXT NOT NULL UNIQUE,
      type         TEXT NOT NULL,
      ordering_key TEXT NOT NULL,
      data         TEXT NOT NULL,
      state        TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'published', 'set_aside', 'skipped')),
      reason       TEXT
    ) STRICT;
    CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (position) WHERE state = 'waiting';
    CREATE INDEX IF NOT EXISTS outbox_set_aside ON outbox (ordering_key) WHERE state = 'set_aside';
  `);
  const add = database.prepare('INSERT INTO outbox (id, type, ordering_key, data) VALUES (?, ?, ?, ?)');
  const next = database.prepare(`
    SELECT id, type, ordering_key AS orderingKey, data FROM outbox
    WHERE state = 'waiting' AND ordering_key NOT IN (SELECT ordering_key FROM outbox WHERE state = 'set_aside')
    ORDER BY position LIMIT ?`);
  const publish = database.prepare("UPDATE outbox SET state = 'published' WHERE id IN (SELECT value FROM json_each(?))");
  const setAside = database.prepare("UPDATE outbox SET state = 'set_aside', reason = ? WHERE id = ?");
  const decide = database.prepare("UPDATE outbox SET state = ? WHERE id = ? AND state = 'set_aside'");
  const countWaiting = database.prepare("SELECT count(*) AS waiting FROM outbox WHERE state = 'waiting'");
  const listSetAside = database.prepare(`
    SELECT id, ordering_key, reason,
      (SELECT count(*) FROM outbox AS later WHERE later.ordering_key = outbox.ordering_key AND later.state = 'waiting') AS held
    FROM outbox WHERE state = 'set_aside' ORDER BY position`);

  // The table is STRICT, so a row has the types that its statement names.
  return {
    add: ({ id, type, orderingKey, data }) => {
      add.run(id, type, orderingKey, data);
    },
    next: (limit) => next.all(limit) as unknown as OutboxEvent[],
    markPublished: (ids) => {
      publish.run(JSON.stringify(ids));
    },
    setAside: (id, reason) => {
      setAside.run(reason, id);
    },
    decide: (id, decision) => decide.run(decision, id).changes > 0,
    status: () => ({
      waiting: Number(countWaiting.get()?.['waiting']),
      set_aside: listSetAside.all() as unknown as OutboxStatus['set_aside'],
    }),
  };
}

/** Runs `work` in one transaction: all that it wrote is kept, or, if it throws, none of it. */
export function transaction<Result>(database: DatabaseSync, work: () => Result): Result {
  // IMMEDIATE takes the write lock before the first read, so that what `work` read is still true when it writes.
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
