/** Endpoints, each with its lane. Custom headers and secrets are sealed: both are credentials. */
import { type ApplicationId, type EndpointId, newId, type Ordering } from '@posthorn/core';
import { type Action, endpointChanges } from '../audit.ts';
import { firstSecret, promote, rotate, type SecretState, secretsAt } from '../secrets.ts';
import type { DisabledReason, Endpoint, EndpointSettings, EndpointStatus, EndpointStore, Environment } from '../store.ts';
import { recordChange } from './audit.ts';
import { enableLanes, isBraked } from './brakes.ts';
import type { SqliteContext } from './context.ts';
import { cancelDeleted } from './deletions.ts';
import { type HealthRow, healthFromRow, LANE_HEALTH, startHealthAnew } from './lane-state.ts';
import { Conditions, pageOf, readCursor } from './page.ts';

export interface EndpointRow extends HealthRow {
  readonly pk: number;
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

/** Endpoints `e` as EndpointRow has them; a condition follows. */
export const SELECT_ENDPOINTS = `SELECT e.*, a.id AS application_id, ${LANE_HEALTH}
  FROM endpoints e JOIN applications a ON a.pk = e.application JOIN lanes l ON l.endpoint = e.pk AND l.shard = 0`;

export function endpointFromRow(context: SqliteContext, row: EndpointRow): Endpoint {
  return {
    id: row.id,
    application: row.application_id,
    environment: row.environment,
    url: row.url,
    description: row.description,
    eventTypes: JSON.parse(row.event_types) as string[],
    headers:
      row.headers.length === 0
        ? {}
        : (JSON.parse(context.cipher.open(row.headers, `endpoint:${row.id}:headers`)) as Record<string, string>),
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

export function secretState(context: SqliteContext, row: Pick<EndpointRow, 'id' | 'secrets'>): SecretState {
  return JSON.parse(context.cipher.open(row.secrets, `endpoint:${row.id}:secrets`)) as SecretState;
}

export function sqliteEndpoints(context: SqliteContext): EndpointStore {
  const { db, cipher } = context;

  const find = (environment: Environment, id: string): EndpointRow | undefined =>
    db.get<EndpointRow>(`${SELECT_ENDPOINTS} WHERE e.id = ? AND e.environment = ? AND e.deleted_at IS NULL`, id, environment);
  const sealSecrets = (id: EndpointId, state: SecretState): Uint8Array => cipher.seal(JSON.stringify(state), `endpoint:${id}:secrets`);

  /** The columns that an owner or the provider sets, in the order of INSERT and UPDATE. */
  function columns(id: EndpointId, settings: EndpointSettings): (string | number | null | Uint8Array)[] {
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

  function record(action: Action, before: Endpoint | null, after: Endpoint | null): void {
    const endpoint = after ?? before;
    if (endpoint === null) return;
    const { id, application, environment } = endpoint;
    recordChange(context, { action, application, environment, target: { kind: 'endpoint', id }, changes: endpointChanges(before, after) });
  }

  /** Whoever holds the lane looks at its target again; whoever sleeps looks for work. */
  function changed(lane: number): void {
    context.hint({ kind: 'endpoint', lane });
    context.hint({ kind: 'work' });
  }

  function changeSecrets(
    action: 'endpoint.rotate_secret' | 'endpoint.promote_secret',
    { environment, id }: { readonly environment: Environment; readonly id: EndpointId },
    change: (state: SecretState, now: number) => SecretState | null,
  ) {
    const result = db.transaction(() => {
      const row = find(environment, id);
      if (row === undefined) return null;
      const now = context.now();
      const state = change(secretState(context, row), now);
      if (state === null) return 'conflict' as const;
      db.run('UPDATE endpoints SET secrets = ?, updated_at = ? WHERE pk = ?', sealSecrets(id, state), now, row.pk);
      const endpoint = endpointFromRow(context, row);
      record(action, endpoint, endpoint);
      // A wrong secret may have been what it failed of.
      startHealthAnew(context, row.pk);
      return { lane: row.pk, secrets: secretsAt(state, now) };
    });
    if (result === null || result === 'conflict') return result;
    changed(result.lane);
    return result.secrets;
  }

  return {
    async create({ application, environment, settings, secret }) {
      return db.transaction(() => {
        const tenant = db.get<{ pk: number }>('SELECT pk FROM applications WHERE id = ? AND deleted_at IS NULL', application);
        if (tenant === undefined) return null;
        const now = context.now();
        const id = newId('ep_', now, context.randomBytes(10));
        const { pk } = db.get<{ pk: number }>(
          `INSERT INTO endpoints (id, application, environment, url, description, event_types, headers, cadence, ordering, rate_limit,
             max_in_flight, retry_schedule, status, secrets, created_at, updated_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'enabled', ?, ?, ?) RETURNING pk`,
          id,
          tenant.pk,
          environment,
          ...columns(id, settings),
          sealSecrets(id, firstSecret(secret)),
          now,
          now,
        ) as { pk: number };
        db.run(
          'INSERT INTO lanes (pk, endpoint, cadence_group, enabled) VALUES (?, ?, ?, ?)',
          pk,
          pk,
          `${environment}:${settings.cadence ?? ''}`,
          isBraked(context, environment, tenant.pk) ? 0 : 1,
        );
        const endpoint = endpointFromRow(context, find(environment, id) as EndpointRow);
        record('endpoint.create', null, endpoint);
        return endpoint;
      });
    },
    async get(environment, id) {
      const row = find(environment, id);
      return row === undefined ? null : endpointFromRow(context, row);
    },
    async list(environment, { application, limit, cursor }) {
      const after = readCursor(cursor, 1);
      const where = new Conditions().add('e.environment = ? AND e.deleted_at IS NULL', environment);
      if (application !== null) where.add('e.application = (SELECT pk FROM applications WHERE id = ?)', application);
      if (after !== null) where.add('e.pk < ?', ...after);
      const rows = db.all<EndpointRow>(`${SELECT_ENDPOINTS} WHERE ${where.sql} ORDER BY e.pk DESC LIMIT ?`, ...where.parameters, limit + 1);
      return pageOf(rows, { limit, read: (row) => endpointFromRow(context, row), cursor: (row) => [row.pk] });
    },
    async update(environment, id, change) {
      const updated = db.transaction(() => {
        const row = find(environment, id);
        if (row === undefined) return null;
        const { status = row.status, ...settings } = change;
        const next = { ...endpointFromRow(context, row), ...settings };
        db.run(
          `UPDATE endpoints SET url = ?, description = ?, event_types = ?, headers = ?, cadence = ?, ordering = ?, rate_limit = ?,
             max_in_flight = ?, retry_schedule = ?, status = ?, disabled_reason = ?, updated_at = ? WHERE pk = ?`,
          ...columns(id, next),
          status,
          status === 'disabled' ? row.disabled_reason : null,
          context.now(),
          row.pk,
        );
        db.run('UPDATE lanes SET cadence_group = ? WHERE pk = ?', `${environment}:${next.cadence ?? ''}`, row.pk);
        enableLanes(context, 'e.pk = ?', row.pk);
        const reenabled = status === 'enabled' && row.status !== 'enabled';
        if (next.url !== row.url || reenabled) startHealthAnew(context, row.pk);
        // Disabled once more, its owner is told once more.
        if (reenabled) db.run('UPDATE lanes SET told = NULL WHERE pk = ?', row.pk);
        // What stood behind a retry may go at once in another order, but the lane's marks only know the heads of the old one.
        if (next.ordering !== row.ordering)
          db.run('UPDATE lanes SET due_at = min(coalesce(due_at, ?1), ?1), wish_at = ?1 WHERE pk = ?2', context.now(), row.pk);
        const endpoint = endpointFromRow(context, find(environment, id) as EndpointRow);
        record('endpoint.update', endpointFromRow(context, row), endpoint);
        return { lane: row.pk, endpoint };
      });
      if (updated === null) return null;
      changed(updated.lane);
      return updated.endpoint;
    },
    async delete(environment, id) {
      const lane = db.transaction(() => {
        const row = find(environment, id);
        if (row === undefined) return null;
        record('endpoint.delete', endpointFromRow(context, row), null);
        db.run(`UPDATE endpoints SET deleted_at = ?, secrets = x'', headers = x'' WHERE pk = ?`, context.now(), row.pk);
        db.run('UPDATE lanes SET enabled = 0 WHERE pk = ?', row.pk);
        return row.pk;
      });
      if (lane === null) return false;
      context.hint({ kind: 'endpoint', lane });
      await cancelDeleted(context, lane, 'endpoint_deleted');
      return true;
    },
    async secrets(environment, id) {
      const row = find(environment, id);
      return row === undefined ? null : secretsAt(secretState(context, row), context.now());
    },
    async rotateSecret(environment, id, input) {
      return changeSecrets('endpoint.rotate_secret', { environment, id }, (state, now) => rotate(state, now, input));
    },
    async promoteSecret(environment, id) {
      return changeSecrets('endpoint.promote_secret', { environment, id }, promote);
    },
    async open(environment, id) {
      const opened = db.transaction(() => {
        const row = find(environment, id);
        if (row === undefined) return null;
        const now = context.now();
        const { pending } = db.get<{ pending: number }>(
          `SELECT count(*) AS pending FROM deliveries WHERE lane = ? AND status = 'pending'`,
          row.pk,
        ) as { pending: number };
        db.run('UPDATE lanes SET opened_at = max(opened_at, ?) WHERE pk = ?', now, row.pk);
        const endpoint = endpointFromRow(context, row);
        record('endpoint.dispatch', endpoint, endpoint);
        if (pending > 0) db.run('UPDATE lanes SET due_at = min(coalesce(due_at, ?1), ?1) WHERE pk = ?2', now, row.pk);
        return { lane: row.pk, pending, openedAt: now };
      });
      if (opened === null) return null;
      changed(opened.lane);
      return { pending: opened.pending, openedAt: opened.openedAt };
    },
  };
}
