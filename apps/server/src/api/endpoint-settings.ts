/** Endpoint settings: from a request, checked by every rule that a schema cannot say, and back into an answer. */
import { type EndpointUpdate, type EndpointView, type FieldError, PROVIDER_SETTINGS } from '@posthorn/contract';
import { breakerState, describeHealth, formatCadence, isEventTypePattern, parseCadence } from '@posthorn/core';
import { checkCustomHeaders } from '../sender/headers.ts';
import type { Endpoint, EndpointSettings } from '../store/store.ts';
import type { Principal } from './auth.ts';
import { shownHeaders } from './hidden-headers.ts';
import { timestamp, timestampOrNull } from './instants.ts';
import { Problem } from './problems.ts';
import { type UrlRule, urlProblem } from './url-rule.ts';

type Given = Omit<EndpointUpdate, 'status'>;

/** Of those settings that are given, what the store keeps. Throws a Problem that lists everything that does not do. */
export function readSettings(
  given: Given,
  rule: UrlRule & { readonly principal: Principal },
  others: readonly FieldError[] = [],
): Partial<EndpointSettings> {
  refuseProviderSettings(given, rule.principal);
  const errors = [...others];
  const cadence = given.cadence === undefined ? undefined : readCadence(given.cadence, errors);
  for (const [index, pattern] of (given.event_types ?? []).entries()) {
    if (!isEventTypePattern(pattern))
      errors.push({ path: `event_types[${index}]`, message: 'is neither a name nor a name followed by .*' });
  }
  const url = given.url === undefined ? null : urlProblem(given.url, rule);
  if (url !== null) errors.push({ path: 'url', message: url });
  errors.push(...checkCustomHeaders(given.headers ?? {}));
  if (errors.length > 0) throw Problem.fields(errors);
  return {
    ...(given.url !== undefined && { url: given.url }),
    ...(given.description !== undefined && { description: given.description }),
    ...(given.event_types !== undefined && { eventTypes: [...new Set(given.event_types)] }),
    ...(given.headers !== undefined && { headers: given.headers }),
    ...(cadence !== undefined && { cadence }),
    ...(given.ordering !== undefined && { ordering: given.ordering }),
    ...(given.rate_limit !== undefined && { rateLimit: given.rate_limit }),
    ...(given.max_in_flight !== undefined && { maxInFlight: given.max_in_flight }),
    ...(given.retry_schedule !== undefined && { retrySchedule: given.retry_schedule }),
  };
}

function refuseProviderSettings(given: Given, principal: Principal): void {
  if (principal.rank === 'provider') return;
  const errors = PROVIDER_SETTINGS.filter((name) => given[name] !== undefined).map((path) => ({
    path,
    message: 'is set with a service key only',
  }));
  if (errors.length > 0) throw Problem.fields(errors, 'provider_setting');
}

function readCadence(text: string | null, errors: FieldError[]): string | null {
  if (text === null) return null;
  const reading = parseCadence(text);
  if (reading.ok) return formatCadence(reading.cadence);
  errors.push({ path: 'cadence', message: reading.message });
  return null;
}

export interface ViewContext {
  readonly now: number;
  readonly disableAfterMs: number;
  /** Who looks. */
  readonly principal: Principal;
}

function healthView({ health, disabledReason }: Endpoint, { now, disableAfterMs }: ViewContext): EndpointView['health'] {
  const { state, reason } = describeHealth(health, { disabled: disabledReason, disableAfterMs });
  return {
    state,
    since: timestampOrNull(health.failingSince),
    reason,
    breaker: { state: breakerState(health, now), next_probe_at: timestampOrNull(health.breaker?.probeAt ?? null) },
    consecutive_failures: health.failures,
    last_success_at: timestampOrNull(health.succeededAt),
    disables_at: health.failingSince === null ? null : timestamp(health.failingSince + disableAfterMs),
  };
}

export function endpointView(endpoint: Endpoint, context: ViewContext): EndpointView {
  return {
    id: endpoint.id,
    application: endpoint.application,
    environment: endpoint.environment,
    url: endpoint.url,
    description: endpoint.description,
    event_types: [...endpoint.eventTypes],
    headers: shownHeaders(endpoint.headers, context.principal),
    cadence: endpoint.cadence,
    ordering: endpoint.ordering,
    rate_limit: endpoint.rateLimit,
    max_in_flight: endpoint.maxInFlight,
    retry_schedule: endpoint.retrySchedule === null ? null : [...endpoint.retrySchedule],
    status: endpoint.status,
    disabled_reason: endpoint.disabledReason,
    health: healthView(endpoint, context),
    created_at: timestamp(endpoint.createdAt),
    updated_at: timestamp(endpoint.updatedAt),
  };
}
