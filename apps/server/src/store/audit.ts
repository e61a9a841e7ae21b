/**
 * What the audit log says of a change: pure functions of before and after, the same for both engines. Fields have the names of the API.
 * A secret never comes in here; of custom headers, which are credentials, only the names.
 */
import type { ApplicationId } from '@posthorn/core';
import type { Application, Endpoint, Environment, EventType, FieldChanges, JobRequest } from './store.ts';

/** A change on its way into the log. */
export interface Change {
  readonly action: Action;
  /** Null: of the whole installation. */
  readonly application: ApplicationId | null;
  /** Null: of both. */
  readonly environment: Environment | null;
  readonly target: { readonly kind: string; readonly id: string };
  readonly changes?: FieldChanges;
}

/** Every action of the log. */
export type Action =
  | `application.${'create' | 'update' | 'delete'}`
  | `endpoint.${'create' | 'update' | 'delete' | 'dispatch' | 'rotate_secret' | 'promote_secret'}`
  | `event_type.${'create' | 'update' | 'delete'}`
  | `key.${'create' | 'revoke'}`
  | `delivery.${'retry' | 'cancel'}`
  | `job.${'create' | 'cancel'}`
  | `environment.${'update' | 'dispatch'}`
  | `brake.${'pause' | 'resume'}`
  | `member.${'join' | 'update' | 'remove'}`
  | `invitation.${'create' | 'withdraw'}`
  | 'portal.link'
  | `inbox.${'create' | 'delete'}`
  | `outbox.${'retry' | 'discard'}`
  | 'operator.claim'
  | 'person.reset_link';

/** An update that leaves everything as it was is none to tell of. */
export function isNoChange({ action, changes = {} }: Change): boolean {
  return action.endsWith('.update') && Object.keys(changes).length === 0;
}

type Fields = Readonly<Record<string, unknown>>;

/** The fields that differ; one that is missing on a side is null there. */
function changedFields(before: Fields | null, after: Fields | null): FieldChanges {
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  const changes: Record<string, { from: unknown; to: unknown }> = {};
  for (const name of names) {
    const [from, to] = [before?.[name] ?? null, after?.[name] ?? null];
    if (JSON.stringify(from) !== JSON.stringify(to)) changes[name] = { from, to };
  }
  return changes;
}

export function applicationChanges(before: Application | null, after: Application | null): FieldChanges {
  const fields = (application: Application | null) => application && { name: application.name, uid: application.uid };
  return changedFields(fields(before), fields(after));
}

export function endpointChanges(before: Endpoint | null, after: Endpoint | null): FieldChanges {
  return { ...changedFields(endpointFields(before), endpointFields(after)), ...headerChanges(before?.headers ?? {}, after?.headers ?? {}) };
}

function endpointFields(endpoint: Endpoint | null): Fields | null {
  return (
    endpoint && {
      url: endpoint.url,
      description: endpoint.description,
      event_types: endpoint.eventTypes,
      cadence: endpoint.cadence,
      ordering: endpoint.ordering,
      rate_limit: endpoint.rateLimit,
      max_in_flight: endpoint.maxInFlight,
      retry_schedule: endpoint.retrySchedule,
      status: endpoint.status,
    }
  );
}

/** `headers.X-Token`: from nothing to `set`, from `set` to `changed` or nothing. */
function headerChanges(before: Endpoint['headers'], after: Endpoint['headers']): FieldChanges {
  const named = (headers: Endpoint['headers'], other: Endpoint['headers'], word: (name: string) => string) =>
    Object.fromEntries(
      Object.keys(headers)
        .filter((name) => headers[name] !== other[name])
        .map((name) => [`headers.${name}`, word(name)]),
    );
  return changedFields(
    named(before, after, () => 'set'),
    named(after, before, (name) => (name in before ? 'changed' : 'set')),
  );
}

export function jobChanges({ endpoint, since, until, task }: JobRequest): FieldChanges {
  const status = task.kind === 'recover' ? task.status : null;
  const [from, to] = [since, until].map((instant) => new Date(instant).toISOString());
  return changedFields(null, { kind: task.kind, endpoint, since: from, until: to, status });
}

export function cadenceChanges(before: string | null, after: string): FieldChanges {
  return changedFields(before === null ? null : { cadence: before }, { cadence: after });
}

/** A catalogue's schema and example may be long, and are kept elsewhere: the log says that they changed. */
export function eventTypeChanges(before: EventType | null, after: EventType | null): FieldChanges {
  const fields = (type: EventType | null) => type && { description: type.description, strict: type.strict };
  const texts = (type: EventType | null) => type && { schema: type.schema, example: type.example };
  const rewritten = Object.keys(changedFields(texts(before), texts(after)));
  const words = rewritten.map((name) => [name, { from: before === null ? null : 'before', to: after === null ? null : 'after' }] as const);
  return { ...changedFields(fields(before), fields(after)), ...Object.fromEntries(words) };
}
