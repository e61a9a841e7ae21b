import {
  DeliveryDetailSchema,
  type DeliveryDetailView,
  DeliveryPageSchema,
  DeliveryQuerySchema,
  DeliverySchema,
  type DeliveryView,
  IdParams,
} from '@posthorn/contract';
import { gate, nextTick, parseCadence, rateAllowsAt, type Waiting, type WaitingFacts, whyNotYet } from '@posthorn/core';
import type { FastifyRequest } from 'fastify';
import type { Delivery, DeliveryDetail, Endpoint, Store } from '../store/store.ts';
import { attemptView } from './attempts.ts';
import { listedApplication, maySee, type Principal, principalOf } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { instantOf, timestamp, timestampOrNull } from './instants.ts';
import { pageRequest, pageView } from './pages.ts';
import { Problem } from './problems.ts';
import { endpointFilter } from './requested-endpoint.ts';
import { problemResponses } from './responses.ts';

const TAGS = ['Deliveries'];
const PARAMS = IdParams('A delivery’s id');

export function deliveryRoutes(api: Api, { store }: ApiOptions): void {
  api.get(
    '/v1/deliveries',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'List deliveries',
        operationId: 'listDeliveries',
        tags: TAGS,
        querystring: DeliveryQuerySchema,
        response: { 200: DeliveryPageSchema, ...problemResponses('invalid_cursor', 'application_not_found') },
      },
    },
    async (request) => {
      const principal = principalOf(request);
      const { event = null, status = null, ordering_key: orderingKey = null, since, until } = request.query;
      const endpoint = endpointFilter(request.query.endpoint);
      const application = await listedApplication(principal, request.query.application, store);
      const span = { since: instantOf(since, 'since'), until: instantOf(until, 'until') };
      const filter = { application, endpoint, event, status, orderingKey, ...span, ...pageRequest(request) };
      return pageView(request, await store.deliveries.list(principal.environment, filter), deliveryView);
    },
  );

  api.get(
    '/v1/deliveries/:id',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'Get a delivery',
        description: 'With its attempts, and why it has not gone out yet.',
        operationId: 'getDelivery',
        tags: TAGS,
        params: PARAMS,
        response: { 200: DeliveryDetailSchema, ...problemResponses('delivery_not_found') },
      },
    },
    async (request) => {
      const { detail } = await requestedDelivery(request, request.params.id, store);
      return detailView(detail, await store.now());
    },
  );

  api.post(
    '/v1/deliveries/:id/retry',
    {
      config: { access: 'developer' },
      schema: {
        summary: 'Retry a delivery by hand',
        description:
          'A pending one is due now, and its automatic attempts stay as they are. One that has ended is sent again, marked `Posthorn-Late`.',
        operationId: 'retryDelivery',
        tags: TAGS,
        params: PARAMS,
        response: { 202: DeliverySchema, ...problemResponses('delivery_not_found', 'endpoint_deleted') },
      },
    },
    async (request, reply) => {
      const { principal, detail } = await requestedDelivery(request, request.params.id, store);
      const delivery = await store.as(principal.actor).deliveries.retry(principal.environment, detail.delivery.id);
      if (delivery === null) throw deliveryNotFound();
      if (delivery === 'endpoint_deleted')
        throw new Problem('endpoint_deleted', 'The endpoint is gone, so there is nowhere to send this to.');
      return reply.code(202).send(deliveryView(delivery));
    },
  );

  api.post(
    '/v1/deliveries/:id/cancel',
    {
      config: { access: 'developer' },
      schema: {
        summary: 'Cancel a delivery',
        description: 'An attempt in flight is not called back, but changes nothing any more.',
        operationId: 'cancelDelivery',
        tags: TAGS,
        params: PARAMS,
        response: { 200: DeliverySchema, ...problemResponses('delivery_not_found', 'delivery_ended') },
      },
    },
    async (request) => {
      const { principal, detail } = await requestedDelivery(request, request.params.id, store);
      const delivery = await store.as(principal.actor).deliveries.cancel(principal.environment, detail.delivery.id);
      if (delivery === null) throw deliveryNotFound();
      if (delivery === 'not_pending') throw new Problem('delivery_ended', 'Only a pending delivery can be canceled.');
      return deliveryView(delivery);
    },
  );
}

async function requestedDelivery(
  request: FastifyRequest,
  id: string,
  store: Store,
): Promise<{ readonly principal: Principal; readonly detail: DeliveryDetail }> {
  const principal = principalOf(request);
  const detail = await store.deliveries.get(principal.environment, id);
  if (detail === null || !maySee(principal, detail.delivery.application)) throw deliveryNotFound();
  return { principal, detail };
}

function deliveryNotFound(): Problem {
  return new Problem('delivery_not_found', 'No delivery of this environment has this id.');
}

function deliveryView(delivery: Delivery): DeliveryView {
  return {
    id: delivery.id,
    event: delivery.event,
    event_type: delivery.eventType,
    endpoint: delivery.endpoint,
    application: delivery.application,
    environment: delivery.environment,
    ordering_key: delivery.orderingKey,
    status: delivery.status,
    reason: delivery.reason,
    attempt_count: delivery.attemptCount,
    next_attempt_at: timestampOrNull(delivery.nextAttemptAt),
    late: delivery.late,
    created_at: timestamp(delivery.createdAt),
  };
}

function detailView(detail: DeliveryDetail, now: number): DeliveryDetailView {
  const waiting = waitingOf(detail, now);
  const url = detail.endpoint?.url ?? null;
  return {
    ...deliveryView(detail.delivery),
    waiting: waiting === null ? null : { ...waiting, until: timestampOrNull(waiting.until) },
    attempts: detail.attempts.map((attempt) => attemptView(attempt, url)),
  };
}

/** Why not yet? Null for what has ended, or is held back by nothing. */
function waitingOf({ delivery, endpoint, environment, lane, ...detail }: DeliveryDetail, now: number): Waiting | null {
  if (delivery.status !== 'pending' || endpoint === null) return null;
  const reading = parseCadence(endpoint.cadence ?? environment.cadence);
  if (!reading.ok) throw new TypeError(`stored cadence: ${reading.message}`);
  return whyNotYet({
    now,
    endpointStatus: endpoint.status,
    braked: detail.braked,
    behind: detail.behind,
    floor: floorOf(endpoint, { now, rateAt: lane.rateAt }),
    publishedAt: delivery.createdAt,
    dueAt: detail.dueAt,
    byHand: detail.byHand,
    gate: Math.max(gate(reading.cadence, now), environment.openedAt, lane.openedAt),
    nextTick: nextTick(reading.cadence, delivery.createdAt),
  });
}

/** What lets nothing of the lane start for now, the latest where there are several. */
function floorOf(
  { health, rateLimit }: Endpoint,
  { now, rateAt }: { readonly now: number; readonly rateAt: number },
): WaitingFacts['floor'] {
  const floors = [
    { reason: 'breaker', until: health.breaker?.probeAt ?? 0 },
    { reason: 'retry', until: health.retryAfter },
    { reason: 'rate', until: rateLimit === null ? 0 : Math.ceil(rateAllowsAt(rateLimit, rateAt, { now })) },
  ] as const;
  const latest = floors.reduce((a, b) => (b.until > a.until ? b : a));
  return latest.until > now ? latest : null;
}
