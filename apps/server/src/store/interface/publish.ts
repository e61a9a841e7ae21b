/** Publishing: over the API, and from the outbox of a database that is shared with the publisher. */
import type { ApplicationId } from '@posthorn/core';
import type { Environment, Page, PageRequest } from './basics.ts';

export interface EventToPublish {
  /** Id or uid. */
  readonly application: string;
  readonly type: string;
  /** JSON text, verbatim. */
  readonly data: string;
  readonly orderingKey: string | null;
  /** The publisher's own id; null: one is made. */
  readonly id: string | null;
}

export interface PublishRequest {
  readonly environment: Environment;
  /** All or nothing. */
  readonly events: readonly EventToPublish[];
  /** `scope` keeps the keys of different principals apart; `fingerprint` is a hash of the request. */
  readonly idempotency: { readonly scope: string; readonly key: string; readonly fingerprint: string } | null;
}

export interface PublishedEvent {
  readonly id: string;
  readonly application: ApplicationId;
  readonly environment: Environment;
  readonly type: string;
  readonly timestamp: number;
  /** How many deliveries it made. */
  readonly deliveries: number;
  /** The earliest tick at which one of them may leave; null where there are none. */
  readonly dispatchAt: number | null;
}

export type PublishResult =
  /** On disk. `repeated`: this was published before, and these are the first results. */
  | { readonly kind: 'published'; readonly events: PublishedEvent[]; readonly repeated: boolean }
  | { readonly kind: 'unknown_application'; readonly index: number }
  /** The id belongs to an event with other content. */
  | { readonly kind: 'id_conflict'; readonly index: number }
  /** The Idempotency-Key belongs to a request with another body. */
  | { readonly kind: 'idempotency_conflict' };

/** A row that a provider wrote in a transaction of its own. Nothing of it has been checked but that `data` is JSON. */
export interface OutboxRow {
  readonly application: string;
  readonly environment: string;
  readonly type: string;
  /** JSON text, verbatim; null: it is far too large to be looked at. */
  readonly data: string | null;
  /** Of `data`. */
  readonly bytes: number;
  readonly orderingKey: string | null;
}

/** What a row comes to: an event, or a reason in words why not. */
export type OutboxVerdict =
  | { readonly ok: true; readonly environment: Environment; readonly event: EventToPublish }
  | { readonly ok: false; readonly reason: string };

export interface RefusedRow extends OutboxRow {
  readonly id: string;
  readonly reason: string;
  readonly createdAt: number;
  readonly refusedAt: number;
}

/** Publish in your own transaction, where the database is PostgreSQL. With SQLite nobody else can write, and there is never anything. */
export interface OutboxStore {
  /**
   * Takes the next rows, in the order of their numbers, publishes those that do and sets aside those that do not; all in one transaction. One process at a time:
   * null while it is another's turn.
   * @returns how many events it published in each environment, how many rows it set aside, and whether there may be more
   */
  take(judge: (rows: readonly OutboxRow[]) => Promise<OutboxVerdict[]>): Promise<OutboxTaking | null>;
  /** Rows that were set aside: of this environment, or of none. */
  refused(environment: Environment, page: PageRequest): Promise<Page<RefusedRow>>;
  /** Puts a row back in, at the end. False: there is none with this id. */
  retry(environment: Environment, id: string): Promise<boolean>;
  discard(environment: Environment, id: string): Promise<boolean>;
}

export interface OutboxTaking {
  readonly published: Readonly<Record<Environment, number>>;
  readonly refused: number;
  readonly more: boolean;
}
