/** Endpoints, each with its lane. Custom headers and secrets are sealed: both are credentials. */
import { type ApplicationId, type EndpointId, newId, type Ordering } from '@posthorn/core';
import { pageOf, readCursor } from '../page.ts';
import { firstSecret, promote, rotate, type SecretState, secretsAt } from '../secrets.ts';
import type { DisabledReason, Endpoint, EndpointSettings, EndpointStatus, EndpointStore, Environment } from '../store.ts';
import { enableLanes, isBraked } from './brakes.ts';
import { Conditions } from './conditions.ts';
import type { PostgresContext } from './context.ts';
import type { Transaction } from './database.ts';
import { cancelDeleted } from './deletions.ts';
import { type HealthRow, healthFromRow, LANE_HEALTH, startHealthAnew } from './lane-state.ts';

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

/** The columns of EndpointRow, of an endpoint `e`, its application `a` and its lane `l`. */
export const ENDPOINT_COLUMNS = `e.pk, e.id, a.id AS application_id, e.environment, e.url, e.description, e.event_types, e.headers, e.cadence, e.ordering,
  e.rate_limit, e.max_in_flight, e.retry_schedule, e.status, e.disabled_reason, e.secrets, e.created_at, e.updated_at, ${LANE_HEALTH}`;
const SELECT = `SELECT ${ENDPOINT_COLUMNS}
  FROM posthorn.endpoints e JOIN posthorn.applications a ON a.pk = e.application JOIN posthorn.lanes l ON l.endpoint = e.pk AND l.shard = 0`;

export function endpointFromRow({ cipher }: Pick<PostgresContext, 'cipher'>, row: EndpointRow): Endpoint {
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

export function secretState({ cipher }: Pick<PostgresContext, 'cipher'>, row: Pick<EndpointRow, 'id' | 'secrets'>): SecretState {
  return JSON.parse(cipher.open(row.secrets, `endpoint:${row.id}:secrets`)) as SecretState;
}

export function postgresEndpoints(context: PostgresContext): EndpointStore {
  const { db, clock, cipher } = context;

  const find = (tx: Transaction, environment: Environment, id: string): Promise<EndpointRow | undefined> =>
    tx.get<EndpointRow>(`${SELECT} WHERE e.id = $1 AND e.environment = $2 AND e.deleted_at IS NULL`, id, environment);
  const sealSecrets = (id: EndpointId, state: SecretState): Uint8Array => cipher.seal(JSON.stringify(state), `endpoint:${id}:secrets`);

  /** Locks the endpoint's lane, which is the lock of both, and reads it as it is then. FOR UPDATE waits for whoever publishes into it. */
  async function lock(
    tx: Transaction,
    {
      environment,
      id,
      strength = 'NO KEY UPDATE',
    }: { readonly environment: Environment; readonly id: string; readonly strength?: 'NO KEY UPDATE' | 'UPDATE' },
  ): Promise<EndpointRow | undefined> {
    await tx.run(
      `SELECT FROM posthorn.lanes WHERE endpoint = (SELECT pk FROM posthorn.endpoints WHERE id = $1 AND environment = $2) ORDER BY pk FOR ${strength}`,
      id,
      environment,
    );
    return find(tx, environment, id);
  }

  /** The columns that an owner or the provider sets, in the order of INSERT and UPDATE. */
  function columns(id: EndpointId, settings: EndpointSettings): unknown[] {
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

  /** Whoever holds the lane looks at its target again; whoever sleeps looks for work. */
  function changed(lane: number): void {
    context.hint({ kind: 'endpoint', lane }, { kind: 'work' });
  }

  async function changeSecrets(environment: Environment, id: EndpointId, change: (state: SecretState, now: number) => SecretState | null) {
    const now = await clock.now();
    const result = await db.transaction(async (tx) => {
      const row = await lock(tx, { environment, id });
      if (row === undefined) return null;
      const state = change(secretState(context, row), now);
      if (state === null) return 'conflict' as const;
      await tx.run('UPDATE posthorn.endpoints SET secrets = $2, updated_at = $3 WHERE pk = $1', row.pk, sealSecrets(id, state), now);
      // A wrong secret may have been what it failed of.
      await startHealthAnew(tx, row.pk);
      return { lane: row.pk, secrets: secretsAt(state, now) };
    });
    if (result === null || result === 'conflict') return result;
    changed(result.lane);
    return result.secrets;
  }

  return {
    async create({ application, environment, settings, secret }) {
      const now = await clock.now();
      return db.transaction(async (tx) => {
        const tenant = await tx.get<{ pk: number }>(
          'UPDATE posthorn.applications SET targets_epoch = targets_epoch + 1 WHERE id = $1 AND deleted_at IS NULL RETURNING pk',
          application,
        );
        if (tenant === undefined) return null;
        const id = newId('ep_', now, context.randomBytes(10));
        const made = await tx.get<{ pk: number }>(
          `INSERT INTO posthorn.endpoints (url, description, event_types, headers, cadence, ordering, rate_limit, max_in_flight, retry_schedule,
             id, application, environment, status, secrets, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'enabled', $13, $14, $14) RETURNING pk`,
          ...columns(id, settings),
          id,
          tenant.pk,
          environment,
          sealSecrets(id, firstSecret(secret)),
          now,
        );
        // Whoever brakes the environment waits for this, or this for them.
        await tx.run('SELECT FROM posthorn.environments WHERE name = $1 FOR KEY SHARE', environment);
        await tx.run(
          'INSERT INTO posthorn.lanes (pk, endpoint, application, cadence_group, enabled) VALUES ($1, $1, $2, $3, $4)',
          made?.pk,
          tenant.pk,
          `${environment}:${settings.cadence ?? ''}`,
          !(await isBraked(tx, environment, tenant.pk)),
        );
        return endpointFromRow(context, (await find(tx, environment, id)) as EndpointRow);
      });
    },
    async get(environment, id) {
      const row = await find(db, environment, id);
      return row === undefined ? null : endpointFromRow(context, row);
    },
    async list(environment, { application, limit, cursor }) {
      const after = readCursor(cursor, 1);
      const where = new Conditions().add('e.environment = ? AND e.deleted_at IS NULL', environment);
      if (application !== null) where.add('e.application = (SELECT pk FROM posthorn.applications WHERE id = ?)', application);
      if (after !== null) where.add('e.pk < ?', ...after);
      const rows = await db.all<EndpointRow>(`${SELECT} WHERE ${where.sql} ORDER BY e.pk DESC LIMIT ${limit + 1}`, ...where.parameters);
      return pageOf(rows, { limit, read: (row) => endpointFromRow(context, row), cursor: (row) => [row.pk] });
    },
    async update(environment, id, change) {
      const now = await clock.now();
      const updated = await db.transaction(async (tx) => {
        await countTargets(tx, environment, id);
        const row = await lock(tx, { environment, id });
        if (row === undefined) return null;
        const { status = row.status, ...settings } = change;
        const next = { ...endpointFromRow(context, row), ...settings };
        await tx.run(
          `UPDATE posthorn.endpoints SET url = $1, description = $2, event_types = $3, headers = $4, cadence = $5, ordering = $6, rate_limit = $7,
             max_in_flight = $8, retry_schedule = $9, status = $10, disabled_reason = $11, updated_at = $12 WHERE pk = $13`,
          ...columns(id, next),
          status,
          status === 'disabled' ? row.disabled_reason : null,
          now,
          row.pk,
        );
        await tx.run(
          // What stood behind a retry may go at once in another order, but the lane's marks only know the heads of the old one.
          'UPDATE posthorn.lanes SET cadence_group = $2, due_at = CASE WHEN $3 THEN least(due_at, $4) ELSE due_at END WHERE pk = $1',
          row.pk,
          `${environment}:${next.cadence ?? ''}`,
          next.ordering !== row.ordering,
          now,
        );
        await enableLanes(tx, 'e.pk = $1', row.pk);
        if (next.url !== row.url || (status === 'enabled' && row.status !== 'enabled')) await startHealthAnew(tx, row.pk);
        return { lane: row.pk, endpoint: endpointFromRow(context, (await find(tx, environment, id)) as EndpointRow) };
      });
      if (updated === null) return null;
      changed(updated.lane);
      return updated.endpoint;
    },
    async delete(environment, id) {
      const now = await clock.now();
      const lane = await db.transaction(async (tx) => {
        await countTargets(tx, environment, id);
        const row = await lock(tx, { environment, id, strength: 'UPDATE' });
        if (row === undefined) return null;
        await tx.run(`UPDATE posthorn.endpoints SET deleted_at = $2, secrets = '', headers = '' WHERE pk = $1`, row.pk, now);
        await tx.run('UPDATE posthorn.lanes SET enabled = false, deleted = true WHERE pk = $1', row.pk);
        return row.pk;
      });
      if (lane === null) return false;
      context.hint({ kind: 'endpoint', lane });
      await cancelDeleted(context, lane, 'endpoint_deleted');
      return true;
    },
    async secrets(environment, id) {
      const row = await find(db, environment, id);
      return row === undefined ? null : secretsAt(secretState(context, row), await clock.now());
    },
    async rotateSecret(environment, id, input) {
      return changeSecrets(environment, id, (state, now) => rotate(state, now, input));
    },
    async promoteSecret(environment, id) {
      return changeSecrets(environment, id, promote);
    },
    async open(environment, id) {
      const now = await clock.now();
      const opened = await db.transaction(async (tx) => {
        const row = await lock(tx, { environment, id });
        if (row === undefined) return null;
        const waiting = await tx.get<{ count: number }>('SELECT count(*) AS count FROM posthorn.pending WHERE lane = $1', row.pk);
        const pending = waiting?.count ?? 0;
        await tx.run(
          `UPDATE posthorn.lanes SET opened_at = greatest(opened_at, $2), due_at = CASE WHEN $3 THEN least(due_at, $2) ELSE due_at END WHERE pk = $1`,
          row.pk,
          now,
          pending > 0,
        );
        return { lane: row.pk, pending, openedAt: now };
      });
      if (opened === null) return null;
      changed(opened.lane);
      return { pending: opened.pending, openedAt: opened.openedAt };
    },
  };
}

/** Publishers read the application's endpoints again. Before the lane is locked: applications come first in the order of locks. */
async function countTargets(tx: Transaction, environment: Environment, id: string): Promise<void> {
  await tx.run(
    `UPDATE posthorn.applications SET targets_epoch = targets_epoch + 1
     WHERE pk = (SELECT application FROM posthorn.endpoints WHERE id = $1 AND environment = $2 AND deleted_at IS NULL)`,
    id,
    environment,
  );
}
