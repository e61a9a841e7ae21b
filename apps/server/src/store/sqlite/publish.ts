/**
 * Publishing. Concurrent requests share a transaction (group commit), a savepoint each: one sync of the disk serves
 * them all, and a refused one undoes only itself.
 */
import { type ApplicationId, matchesEventTypes, newId, renderBody } from '@posthorn/core';
import { tickAfter } from '../cadences.ts';
import type { Environment, EventToPublish, PublishedEvent, PublishRequest, PublishResult } from '../store.ts';
import type { SqliteContext } from './context.ts';

/** How long an Idempotency-Key is remembered (CONTRACT §3). */
const IDEMPOTENCY_MS = 24 * 3_600_000;
/** Enough to share a sync widely; few enough that the loop is not held for long. */
const EVENTS_PER_TRANSACTION = 2_000;

interface Waiting {
  readonly request: PublishRequest;
  readonly resolve: (result: PublishResult) => void;
  readonly reject: (error: unknown) => void;
}

interface Target {
  readonly lane: number;
  readonly endpoint: number;
  readonly eventTypes: readonly string[];
  readonly cadence: string;
}

interface Tenant {
  readonly pk: number;
  readonly id: ApplicationId;
  readonly targets: readonly Target[];
}

interface EventRow {
  readonly seq: number;
  readonly id: string;
  readonly application_id: ApplicationId;
  readonly environment: Environment;
  readonly type: string;
  readonly ordering_key: string | null;
  readonly published_at: number;
  readonly deliveries: number;
  readonly dispatch_at: number | null;
}

const EVENT_COLUMNS = `e.seq, e.id, a.id AS application_id, e.environment, e.type, e.ordering_key, e.published_at, e.deliveries, e.dispatch_at`;

export function sqlitePublish(context: SqliteContext): (request: PublishRequest) => Promise<PublishResult> {
  let queue: Waiting[] = [];
  let scheduled = false;

  function flush(): void {
    scheduled = false;
    let events = 0;
    let count = 0;
    for (const { request } of queue) {
      if (count > 0 && events + request.events.length > EVENTS_PER_TRANSACTION) break;
      events += request.events.length;
      count += 1;
    }
    const group = queue.slice(0, count);
    queue = queue.slice(count);
    if (queue.length > 0) schedule();
    try {
      const results = publishGroup(
        context,
        group.map(({ request }) => request),
      );
      context.hint({ kind: 'work' });
      group.forEach(({ resolve }, index) => {
        resolve(results[index] as PublishResult);
      });
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    context.soon(flush);
  }

  return (request) =>
    new Promise((resolve, reject) => {
      queue.push({ request, resolve, reject });
      schedule();
    });
}

function publishGroup(context: SqliteContext, requests: readonly PublishRequest[]): PublishResult[] {
  return context.db.transaction(() => {
    const group = new PublishGroup(context);
    const results = requests.map((request) => group.publish(request));
    group.wakeLanes();
    return results;
  });
}

/** What the requests of one transaction share: the instant, and what was looked up already. */
class PublishGroup {
  readonly #context: SqliteContext;
  readonly #now: number;
  readonly #tenants = new Map<string, Tenant | null>();
  readonly #cadences = new Map<Environment, string>();
  /** Lanes that got a delivery. */
  #lanes = new Set<number>();

  constructor(context: SqliteContext) {
    this.#context = context;
    this.#now = context.now();
  }

  publish(request: PublishRequest): PublishResult {
    const { db } = this.#context;
    const before = new Set(this.#lanes);
    return db.savepoint<PublishResult>((rollback) => {
      const undo = (result: PublishResult): never => {
        this.#lanes = before;
        return rollback(result);
      };
      const first = this.#firstResult(request);
      if (first !== null) return first;
      const seqs: number[] = [];
      const events: PublishedEvent[] = [];
      let repeated = true;
      for (const [index, event] of request.events.entries()) {
        const tenant = this.#tenant(request.environment, event.application);
        if (tenant === null) return undo({ kind: 'unknown_application', index });
        const earlier = event.id === null ? undefined : this.#earlier(request.environment, tenant, event.id);
        if (earlier === undefined) repeated = false;
        else if (!isSameEvent(earlier, event)) return undo({ kind: 'id_conflict', index });
        const row = earlier ?? this.#insert(request.environment, tenant, { ...event });
        seqs.push(row.seq);
        events.push(publishedEvent(row));
      }
      this.#remember(request, seqs);
      return { kind: 'published', events, repeated: repeated && events.length > 0 };
    });
  }

  /** Marks the lanes as having a first attempt; a lane that has an earlier one already costs no write. */
  wakeLanes(): void {
    for (const lane of this.#lanes) {
      this.#context.db.run('UPDATE lanes SET first_at = ? WHERE pk = ? AND (first_at IS NULL OR first_at > ?)', this.#now, lane, this.#now);
    }
  }

  #firstResult({ idempotency }: PublishRequest): PublishResult | null {
    if (idempotency === null) return null;
    const { db } = this.#context;
    const kept = db.get<{ fingerprint: string; events: string }>(
      'SELECT fingerprint, events FROM idempotency_keys WHERE scope = ? AND key = ? AND expires_at > ?',
      idempotency.scope,
      idempotency.key,
      this.#now,
    );
    if (kept === undefined) return null;
    if (kept.fingerprint !== idempotency.fingerprint) return { kind: 'idempotency_conflict' };
    const rows = db.all<EventRow>(
      `SELECT ${EVENT_COLUMNS} FROM json_each(?) j JOIN events e ON e.seq = j.value JOIN applications a ON a.pk = e.application ORDER BY j.key`,
      kept.events,
    );
    return { kind: 'published', events: rows.map(publishedEvent), repeated: true };
  }

  #remember({ idempotency }: PublishRequest, seqs: readonly number[]): void {
    if (idempotency === null) return;
    const { db } = this.#context;
    db.run(
      'DELETE FROM idempotency_keys WHERE (scope, key) IN (SELECT scope, key FROM idempotency_keys WHERE expires_at <= ? LIMIT 50)',
      this.#now,
    );
    db.run(
      'INSERT OR REPLACE INTO idempotency_keys (scope, key, fingerprint, events, expires_at) VALUES (?, ?, ?, ?, ?)',
      idempotency.scope,
      idempotency.key,
      idempotency.fingerprint,
      JSON.stringify(seqs),
      this.#now + IDEMPOTENCY_MS,
    );
  }

  #tenant(environment: Environment, idOrUid: string): Tenant | null {
    const cacheKey = `${environment}:${idOrUid}`;
    const known = this.#tenants.get(cacheKey);
    if (known !== undefined) return known;
    const { db } = this.#context;
    const row =
      db.get<{ pk: number; id: ApplicationId }>('SELECT pk, id FROM applications WHERE id = ? AND deleted_at IS NULL', idOrUid) ??
      db.get<{ pk: number; id: ApplicationId }>('SELECT pk, id FROM applications WHERE uid = ? AND deleted_at IS NULL', idOrUid);
    let tenant: Tenant | null = null;
    if (row !== undefined) {
      const targets = db.all<{ lane: number; endpoint: number; event_types: string; cadence: string | null }>(
        `SELECT l.pk AS lane, e.pk AS endpoint, e.event_types, e.cadence
         FROM endpoints e JOIN lanes l ON l.endpoint = e.pk
         WHERE e.application = ? AND e.environment = ? AND e.deleted_at IS NULL ORDER BY e.pk`,
        row.pk,
        environment,
      );
      tenant = {
        pk: row.pk,
        id: row.id,
        targets: targets.map((target) => ({
          lane: target.lane,
          endpoint: target.endpoint,
          eventTypes: JSON.parse(target.event_types) as string[],
          cadence: target.cadence ?? this.#cadence(environment),
        })),
      };
    }
    this.#tenants.set(cacheKey, tenant);
    return tenant;
  }

  #cadence(environment: Environment): string {
    let cadence = this.#cadences.get(environment);
    if (cadence === undefined) {
      cadence =
        this.#context.db.get<{ cadence: string }>('SELECT cadence FROM environments WHERE name = ?', environment)?.cadence ?? 'immediate';
      this.#cadences.set(environment, cadence);
    }
    return cadence;
  }

  #earlier(environment: Environment, tenant: Tenant, id: string): (EventRow & { data: string }) | undefined {
    return this.#context.db.get<EventRow & { data: string }>(
      `SELECT ${EVENT_COLUMNS}, CAST(substr(e.body, e.data_start + 1, length(e.body) - e.data_start - 1) AS TEXT) AS data
       FROM events e JOIN applications a ON a.pk = e.application
       WHERE e.id = ? AND e.application = ? AND e.environment = ?`,
      id,
      tenant.pk,
      environment,
    );
  }

  #insert(environment: Environment, tenant: Tenant, event: EventToPublish): EventRow {
    const { db, randomBytes } = this.#context;
    const now = this.#now;
    const id = event.id ?? newId('evt_', now, randomBytes(10));
    const body = Buffer.from(renderBody({ id, type: event.type, timestamp: now, environment, data: event.data }), 'utf8');
    const targets = tenant.targets.filter((target) => matchesEventTypes(target.eventTypes, event.type));
    const dispatchAt = targets.length === 0 ? null : Math.min(...targets.map((target) => tickAfter(target.cadence, now)));
    const seq = db.insert(
      `INSERT INTO events (id, application, environment, type, ordering_key, published_at, deliveries, dispatch_at, data_start, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      tenant.pk,
      environment,
      event.type,
      event.orderingKey,
      now,
      targets.length,
      dispatchAt,
      body.length - 1 - Buffer.byteLength(event.data),
      body,
    );
    for (const target of targets) {
      db.run(
        `INSERT INTO deliveries (id, event, lane, endpoint, application, environment, ordering_key, status, published_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', ?)`,
        newId('dlv_', now, randomBytes(10)),
        seq,
        target.lane,
        target.endpoint,
        tenant.pk,
        environment,
        event.orderingKey,
        now,
      );
      this.#lanes.add(target.lane);
    }
    return {
      seq,
      id,
      application_id: tenant.id,
      environment,
      type: event.type,
      ordering_key: event.orderingKey,
      published_at: now,
      deliveries: targets.length,
      dispatch_at: dispatchAt,
    };
  }
}

function isSameEvent(earlier: EventRow & { readonly data: string }, event: EventToPublish): boolean {
  return earlier.type === event.type && earlier.ordering_key === event.orderingKey && earlier.data === event.data;
}

function publishedEvent(row: EventRow): PublishedEvent {
  return {
    id: row.id,
    application: row.application_id,
    environment: row.environment,
    type: row.type,
    timestamp: row.published_at,
    deliveries: row.deliveries,
    dispatchAt: row.dispatch_at,
  };
}
