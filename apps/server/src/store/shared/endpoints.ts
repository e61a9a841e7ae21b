/** Endpoints, each with its lane. Custom headers and secrets are sealed: both are credentials. */
import { type ApplicationId, type EndpointId, newId, type Ordering } from '@posthorn/core';
import { type Action, endpointChanges } from '../audit.ts';
import { Conditions, pageOf, readCursor } from '../page.ts';
import { firstSecret, promote, rotate, type SecretState, secretsAt } from '../secrets.ts';
import type { DisabledReason, Endpoint, EndpointSettings, EndpointStatus, EndpointStore, Environment } from '../store.ts';
import { recordChange } from './audit.ts';
import { enableLanes, isBraked } from './brakes.ts';
import type { SharedContext } from './context.ts';
import { type HealthRow, healthFromRow, LANE_HEALTH, startHealthAnew } from './lane-state.ts';
import { all, get, now, type Recipe, run, type SqlValue } from './recipe.ts';

export interface EndpointRow extends HealthRow {
  readonly pk: number;
  readonly application: number;
  readonly id: EndpointId;
  readonly application_id: ApplicationId;
  readonly environment: Environment;
  readonly url: string;
  readonly description: string;
  readonly event_types: string;
  readonly headers: Uint8Array;
  readonly cadence: string | null;
  readonly ordering: Ordering;
  readonly rate_limit: number | null;
  readonly max_in_flight: number;
  readonly retry_schedule: string | null;
  readonly status: EndpointStatus;
  readonly disabled_reason: DisabledReason | null;
  readonly secrets: Uint8Array;
  readonly created_at: number;
  readonly updated_at: number;
}

/** The columns of EndpointRow: of an endpoint `e`, its application `a` and its lane `l`. */
export const ENDPOINT_COLUMNS = `e.pk, e.id, e.application, a.id AS application_id, e.environment, e.url, e.description, e.event_types, e.headers, e.cadence,
  e.ordering, e.rate_limit, e.max_in_flight, e.retry_schedule, e.status, e.disabled_reason, e.secrets, e.created_at, e.updated_at, ${LANE_HEALTH}`;
/** Endpoints as EndpointRow has them; a condition follows. */
export const SELECT_ENDPOINTS = `SELECT ${ENDPOINT_COLUMNS}
  FROM endpoints e JOIN applications a ON a.pk = e.application JOIN lanes l ON l.endpoint = e.pk AND l.shard = 0`;

export function endpointFromRow({ cipher }: Pick<SharedContext, 'cipher'>, row: EndpointRow): Endpoint {
  return {
    id: row.id,
    application: row.application_id,
    environment: row.environment,
    url: row.url,
    description: row.description,
    eventTypes: JSON.parse(row.event_types) as string[],
    headers: row.headers.length === 0 ? {} : (JSON.parse(cipher.open(row.headers, `endpoint:${row.id}:headers`)) as Record<string, string>),
    cadence: row.cadence,
    ordering: row.ordering,
    rateLimit: row.rate_limit,
    maxInFlight: row.max_in_flight,
    retrySchedule: row.retry_schedule === null ? null : (JSON.parse(row.retry_schedule) as number[]),
    status: row.status,
    disabledReason: row.disabled_reason,
    health: healthFromRow(row),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export function secretState({ cipher }: Pick<SharedContext, 'cipher'>, row: Pick<EndpointRow, 'id' | 'secrets'>): SecretState {
  return JSON.parse(cipher.open(row.secrets, `endpoint:${row.id}:secrets`)) as SecretState;
}

export function endpointStore(context: SharedContext): EndpointStore {
  const { cipher } = context;

  const find = (environment: Environment, id: string): Recipe<EndpointRow | undefined> =>
    get<EndpointRow>(`${SELECT_ENDPOINTS} WHERE e.id = ? AND e.environment = ? AND e.deleted_at IS NULL`, id, environment);
  const sealSecrets = (id: EndpointId, state: SecretState): Uint8Array => cipher.seal(JSON.stringify(state), `endpoint:${id}:secrets`);

  /** The endpoint as it stays until the end of the transaction, whoever leases or settles its lane. */
  function* lock(environment: Environment, id: string): Recipe<EndpointRow | undefined> {
    const row = yield* find(environment, id);
    if (row === undefined) return undefined;
    yield* context.lanes.lock({ endpoint: row.pk });
    return yield* find(environment, id);
  }

  /** The columns that an owner or the provider sets, in the order of INSERT and UPDATE. */
  function columns(id: EndpointId, settings: EndpointSettings): SqlValue[] {
    return [
      settings.url,
      settings.description,
      JSON.stringify(settings.eventTypes),
      cipher.seal(JSON.stringify(settings.headers), `endpoint:${id}:headers`),
      settings.cadence,
      settings.ordering,
      settings.rateLimit,
      settings.maxInFlight,
      settings.retrySchedule === null ? null : JSON.stringify(settings.retrySchedule),
    ];
  }

  function* record(action: Action, before: Endpoint | null, after: Endpoint | null): Recipe<void> {
    const endpoint = after ?? before;
    if (endpoint === null) return;
    const { id, application, environment } = endpoint;
    const changes = endpointChanges(before, after);
    yield* recordChange(context, { action, application, environment, target: { kind: 'endpoint', id }, changes });
  }

  /** Whoever holds the lane looks at its target again; whoever sleeps looks for work. */
  function changed(lane: number): void {
    context.hint({ kind: 'endpoint', lane }, { kind: 'work' });
  }

  async function changeSecrets(
    action: 'endpoint.rotate_secret' | 'endpoint.promote_secret',
    { environment, id }: { readonly environment: Environment; readonly id: EndpointId },
    change: (state: SecretState, at: number) => SecretState | null,
  ) {
    const result = await context.transaction(function* () {
      const row = yield* lock(environment, id);
      if (row === undefined) return null;
      const at = yield* now();
      const state = change(secretState(context, row), at);
      if (state === null) return 'conflict' as const;
      yield* run('UPDATE endpoints SET secrets = ?, updated_at = ? WHERE pk = ?', sealSecrets(id, state), at, row.pk);
      const endpoint = endpointFromRow(context, row);
      yield* record(action, endpoint, endpoint);
      // A wrong secret may have been what it failed of.
      yield* startHealthAnew(row.pk);
      return { lane: row.pk, secrets: secretsAt(state, at) };
    });
    if (result === null || result === 'conflict') return result;
    changed(result.lane);
    return result.secrets;
  }

  return {
    create({ application, environment, settings, secret, most = null }) {
      return context.transaction(function* () {
        const tenant = yield* get<{ pk: number }>('SELECT pk FROM applications WHERE id = ? AND deleted_at IS NULL', application);
        if (tenant === undefined) return null;
        if (most !== null && (yield* endpointCount(environment, tenant.pk)) >= most) return 'limit';
        const at = yield* now();
        const id = newId('ep_', at, context.randomBytes(10));
        const { pk } = (yield* get<{ pk: number }>(
          `INSERT INTO endpoints (id, application, environment, url, description, event_types, headers, cadence, ordering, rate_limit,
             max_in_flight, retry_schedule, status, secrets, created_at, updated_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'enabled', ?, ?, ?) RETURNING pk`,
          id,
          tenant.pk,
          environment,
          ...columns(id, settings),
          sealSecrets(id, firstSecret(secret)),
          at,
          at,
        )) as { pk: number };
        const group = `${environment}:${settings.cadence ?? ''}`;
        const enabled = !(yield* isBraked(environment, tenant.pk));
        yield* context.lanes.add({ endpoint: pk, application: tenant.pk, group, enabled });
        yield* context.lanes.targetsChanged(tenant.pk);
        const endpoint = endpointFromRow(context, (yield* find(environment, id)) as EndpointRow);
        yield* record('endpoint.create', null, endpoint);
        return endpoint;
      });
    },
    async get(environment, id) {
      const row = await context.read(() => find(environment, id));
      return row === undefined ? null : endpointFromRow(context, row);
    },
    async list(environment, { application, limit, cursor }) {
      const after = readCursor(cursor, 1);
      const where = new Conditions().add('e.environment = ? AND e.deleted_at IS NULL', environment);
      if (application !== null) where.add('e.application = (SELECT pk FROM applications WHERE id = ?)', application);
      if (after !== null) where.add('e.pk < ?', ...after);
      const rows = await context.read(() =>
        all<EndpointRow>(`${SELECT_ENDPOINTS} WHERE ${where.sql} ORDER BY e.pk DESC LIMIT ?`, ...where.parameters, limit + 1),
      );
      return pageOf(rows, { limit, read: (row) => endpointFromRow(context, row), cursor: (row) => [row.pk] });
    },
    async update(environment, id, change) {
      const updated = await context.transaction(function* () {
        const row = yield* lock(environment, id);
        if (row === undefined) return null;
        if (Object.keys(change).length === 0) return { lane: null, endpoint: endpointFromRow(context, row) };
        const at = yield* now();
        const { status = row.status, ...settings } = change;
        const next = { ...endpointFromRow(context, row), ...settings };
        yield* run(
          `UPDATE endpoints SET url = ?, description = ?, event_types = ?, headers = ?, cadence = ?, ordering = ?, rate_limit = ?,
             max_in_flight = ?, retry_schedule = ?, status = ?, disabled_reason = ?, updated_at = ? WHERE pk = ?`,
          ...columns(id, next),
          status,
          status === 'disabled' ? row.disabled_reason : null,
          at,
          row.pk,
        );
        yield* run('UPDATE lanes SET cadence_group = ? WHERE pk = ?', `${environment}:${next.cadence ?? ''}`, row.pk);
        yield* enableLanes('e.pk = ?', row.pk);
        yield* context.lanes.targetsChanged(row.application);
        const reenabled = status === 'enabled' && row.status !== 'enabled';
        if (next.url !== row.url || reenabled) yield* startHealthAnew(row.pk);
        // What stood behind a retry may go at once in another order, but the lane's marks only know the heads of the old one.
        if (next.ordering !== row.ordering) {
          yield* wakeLane(row.pk, at);
          yield* run('UPDATE lanes SET wish_at = ? WHERE pk = ?', at, row.pk);
        }
        const endpoint = endpointFromRow(context, (yield* find(environment, id)) as EndpointRow);
        yield* record('endpoint.update', endpointFromRow(context, row), endpoint);
        return { lane: row.pk, endpoint };
      });
      if (updated === null) return null;
      if (updated.lane !== null) changed(updated.lane);
      return updated.endpoint;
    },
    async delete(environment, id) {
      const lane = await context.transaction(function* () {
        const row = yield* find(environment, id);
        if (row === undefined) return null;
        yield* record('endpoint.delete', endpointFromRow(context, row), null);
        yield* context.lanes.close({ endpoint: row.pk });
        const nothing = new Uint8Array();
        yield* run('UPDATE endpoints SET deleted_at = ?, secrets = ?, headers = ? WHERE pk = ?', yield* now(), nothing, nothing, row.pk);
        yield* context.lanes.targetsChanged(row.application);
        return row.pk;
      });
      if (lane === null) return false;
      context.hint({ kind: 'endpoint', lane });
      await context.deletions.cancel([lane], 'endpoint_deleted');
      return true;
    },
    secrets(environment, id) {
      return context.read(function* () {
        const row = yield* find(environment, id);
        return row === undefined ? null : secretsAt(secretState(context, row), yield* now());
      });
    },
    async rotateSecret(environment, id, input) {
      return changeSecrets('endpoint.rotate_secret', { environment, id }, (state, at) => rotate(state, at, input));
    },
    async promoteSecret(environment, id) {
      return changeSecrets('endpoint.promote_secret', { environment, id }, promote);
    },
    async open(environment, id) {
      const opened = await context.transaction(function* () {
        const row = yield* lock(environment, id);
        if (row === undefined) return null;
        const at = yield* now();
        const pending = yield* context.lanes.pending(row.pk);
        yield* run('UPDATE lanes SET opened_at = ? WHERE pk = ? AND opened_at < ?', at, row.pk, at);
        const endpoint = endpointFromRow(context, row);
        yield* record('endpoint.dispatch', endpoint, endpoint);
        if (pending > 0) yield* wakeLane(row.pk, at);
        return { lane: row.pk, pending, openedAt: at };
      });
      if (opened === null) return null;
      changed(opened.lane);
      return { pending: opened.pending, openedAt: opened.openedAt };
    },
  };
}

function* endpointCount(environment: Environment, application: number): Recipe<number> {
  const row = yield* get<{ count: number }>(
    'SELECT count(*) AS count FROM endpoints WHERE application = ? AND environment = ? AND deleted_at IS NULL',
    application,
    environment,
  );
  return row?.count ?? 0;
}

/** The lane has to be looked at again: something in it may go now. */
function* wakeLane(lane: number, at: number): Recipe<void> {
  yield* run('UPDATE lanes SET due_at = ? WHERE pk = ? AND (due_at IS NULL OR due_at > ?)', at, lane, at);
}
