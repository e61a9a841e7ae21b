/** What a group of publishes has to know before it can be written, read in one round trip; two when an application's endpoints changed. */
import type { ApplicationId } from '@posthorn/core';
import { idTime } from '@posthorn/core';
import type { Environment, EventToPublish, PublishedEvent, PublishRequest } from '../store.ts';
import { int4s, int8s, texts } from './arrays.ts';
import type { Statement } from './connection.ts';
import type { PostgresContext } from './context.ts';

/** An endpoint as a publish sees it. */
export interface Target {
  readonly lane: number;
  readonly endpoint: number;
  readonly environment: Environment;
  readonly eventTypes: readonly string[];
  /** Null: the environment's. */
  readonly cadence: string | null;
}

export interface Tenant {
  readonly pk: number;
  readonly id: ApplicationId;
  readonly targets: readonly Target[];
}

/** An event that was published before. */
export interface EarlierEvent {
  readonly published: PublishedEvent;
  readonly orderingKey: string | null;
  readonly data: string;
}

export interface KeptResult {
  readonly fingerprint: string;
  readonly events: readonly PublishedEvent[];
}

/** What is known, by the names that requests use. */
export interface Known {
  readonly tenants: ReadonlyMap<string, Tenant>;
  readonly cadences: ReadonlyMap<Environment, string>;
  /** By `earlierName`. */
  readonly earlier: ReadonlyMap<string, EarlierEvent>;
  /** By `keyName`. */
  readonly kept: ReadonlyMap<string, KeptResult>;
}

export function earlierName(environment: Environment, application: number, id: string): string {
  return `${environment} ${application} ${id}`;
}

export function keyName({ scope, key }: { readonly scope: string; readonly key: string }): string {
  return `${scope}\n${key}`;
}

const TENANTS = `SELECT pk, id, uid, targets_epoch FROM posthorn.applications WHERE (id = ANY ($1::text[]) OR uid = ANY ($1::text[])) AND deleted_at IS NULL`;
const CADENCES = 'SELECT name, cadence FROM posthorn.environments';
const KEPT = `SELECT k.scope, k.key, k.fingerprint, k.result FROM unnest($1::text[], $2::text[]) AS w (scope, key)
  JOIN posthorn.idempotency_keys k ON k.scope = w.scope AND k.key = w.key WHERE k.expires_at > $3`;
const TARGETS = `SELECT e.application, l.pk AS lane, e.pk AS endpoint, e.environment, e.event_types, e.cadence
  FROM posthorn.endpoints e JOIN posthorn.lanes l ON l.endpoint = e.pk AND l.shard = 0
  WHERE e.application = ANY ($1::integer[]) AND e.deleted_at IS NULL ORDER BY e.pk`;

const EARLIER_COLUMNS = `e.id, e.application, a.id AS application_id, e.environment, e.type, e.ordering_key, e.published_at, e.deliveries, e.dispatch_at,
    convert_from(substr(e.body, e.data_start + 1, length(e.body) - e.data_start - 1), 'UTF8') AS data`;
/** Ids that publishers brought, and ids of our own making ($4 their time) that somebody brings again. */
const EARLIER = `SELECT ${EARLIER_COLUMNS}
  FROM unnest($1::text[], $2::text[], $3::text[]) AS w (id, environment, application)
  JOIN posthorn.applications a ON (a.id = w.application OR a.uid = w.application) AND a.deleted_at IS NULL
  JOIN posthorn.event_ids i ON i.id = w.id AND i.application = a.pk AND i.environment = w.environment::posthorn.environment
  JOIN posthorn.events e ON e.application = i.application AND e.environment = i.environment AND e.published_at = i.published_at AND e.seq = i.seq`;
const EARLIER_OF_OURS = `SELECT ${EARLIER_COLUMNS}
  FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS w (id, environment, application, time)
  JOIN posthorn.applications a ON (a.id = w.application OR a.uid = w.application) AND a.deleted_at IS NULL
  JOIN posthorn.events e ON e.application = a.pk AND e.environment = w.environment::posthorn.environment AND e.published_at = w.time AND e.id = w.id`;

interface TenantRow {
  readonly pk: number;
  readonly id: ApplicationId;
  readonly uid: string | null;
  readonly targets_epoch: number;
}

interface EarlierRow {
  readonly id: string;
  readonly application: number;
  readonly application_id: ApplicationId;
  readonly environment: Environment;
  readonly type: string;
  readonly ordering_key: string | null;
  readonly published_at: number;
  readonly deliveries: number;
  readonly dispatch_at: number | null;
  readonly data: string;
}

/** Far more than publish within a while; a bound all the same. */
const MOST_CACHED = 20_000;

export class PublishLookup {
  readonly #context: PostgresContext;
  /** By application. Good as long as the application's epoch is the one it was read at. */
  readonly #targets = new Map<number, { readonly epoch: number; readonly targets: readonly Target[] }>();

  constructor(context: PostgresContext) {
    this.#context = context;
  }

  async look(requests: readonly PublishRequest[], now: number): Promise<Known> {
    const names = new Set<string>();
    const brought: { readonly event: EventToPublish; readonly id: string; readonly environment: Environment }[] = [];
    const keys = requests.flatMap(({ idempotency }) => (idempotency === null ? [] : [idempotency]));
    for (const { environment, events } of requests) {
      for (const event of events) {
        names.add(event.application);
        if (event.id !== null) brought.push({ event, id: event.id, environment });
      }
    }
    const arrays = (of: typeof brought): Buffer[] => [
      texts(of.map(({ id }) => id)),
      texts(of.map(({ environment }) => environment)),
      texts(of.map(({ event }) => event.application)),
    ];
    const ours = brought.filter(({ id }) => id.startsWith('evt_') && idTime(id) !== null);
    const statements: Statement[] = [
      { sql: TENANTS, values: [texts([...names])] },
      { sql: CADENCES },
      ...(brought.length === 0 ? [] : [{ sql: EARLIER, values: arrays(brought) }]),
      ...(ours.length === 0 ? [] : [{ sql: EARLIER_OF_OURS, values: [...arrays(ours), int8s(ours.map(({ id }) => idTime(id)))] }]),
      ...(keys.length === 0
        ? []
        : [{ sql: KEPT, values: [texts(keys.map(({ scope }) => scope)), texts(keys.map(({ key }) => key)), now] }]),
    ];
    const [tenants = [], cadences = [], ...rest] = await this.#context.hot.batch(statements);
    const kept = keys.length === 0 ? [] : (rest.pop() ?? []);
    const earlier = rest.flat() as unknown as EarlierRow[];
    return {
      tenants: await this.#tenants(tenants as unknown as TenantRow[]),
      cadences: new Map(cadences.map((row) => [row['name'] as Environment, row['cadence'] as string])),
      earlier: new Map(earlier.map((row) => [earlierName(row.environment, row.application, row.id), earlierEvent(row)])),
      kept: new Map(
        (kept as unknown as { scope: string; key: string; fingerprint: string; result: string }[]).map((row) => [
          keyName(row),
          { fingerprint: row.fingerprint, events: JSON.parse(row.result) as PublishedEvent[] },
        ]),
      ),
    };
  }

  /** By id and by uid; an id wins over another's uid. */
  async #tenants(rows: readonly TenantRow[]): Promise<Map<string, Tenant>> {
    const unknown = rows.filter(({ pk, targets_epoch }) => this.#targets.get(pk)?.epoch !== targets_epoch);
    if (unknown.length > 0) await this.#readTargets(unknown);
    const tenants = new Map<string, Tenant>();
    for (const { pk, id, uid } of rows) {
      const tenant = { pk, id, targets: this.#targets.get(pk)?.targets ?? [] };
      if (uid !== null && !tenants.has(uid)) tenants.set(uid, tenant);
      tenants.set(id, tenant);
    }
    return tenants;
  }

  /** Read after the epochs: what changes in between is newer than its epoch says, and read once more than it would have to be. */
  async #readTargets(rows: readonly TenantRow[]): Promise<void> {
    if (this.#targets.size + rows.length > MOST_CACHED) this.#targets.clear();
    const found = await this.#context.hot.all<{
      application: number;
      lane: number;
      endpoint: number;
      environment: Environment;
      event_types: string;
      cadence: string | null;
    }>(TARGETS, int4s(rows.map(({ pk }) => pk)));
    const byApplication = Map.groupBy(found, ({ application }) => application);
    for (const { pk, targets_epoch: epoch } of rows) {
      const targets = (byApplication.get(pk) ?? []).map(({ lane, endpoint, environment, event_types, cadence }): Target => {
        return { lane, endpoint, environment, eventTypes: JSON.parse(event_types) as string[], cadence };
      });
      this.#targets.set(pk, { epoch, targets });
    }
  }
}

function earlierEvent(row: EarlierRow): EarlierEvent {
  return {
    published: {
      id: row.id,
      application: row.application_id,
      environment: row.environment,
      type: row.type,
      timestamp: row.published_at,
      deliveries: row.deliveries,
      dispatchAt: row.dispatch_at,
    },
    orderingKey: row.ordering_key,
    data: row.data,
  };
}
