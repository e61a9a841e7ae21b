/** The log of events. */
import { EventOneQuerySchema, EventPageSchema, EventQuerySchema, EventSchema, type EventView, IdParams } from '@posthorn/contract';
import type { StoredEvent } from '../store/store.ts';
import { listedApplication, principalOf } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { instantOf, timestamp } from './instants.ts';
import { pageRequest, pageView } from './pages.ts';
import { Problem } from './problems.ts';
import { problemResponses } from './responses.ts';

const TAGS = ['Events'];

export function eventRoutes(api: Api, { store }: ApiOptions): void {
  api.get(
    '/v1/events',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'List events',
        operationId: 'listEvents',
        tags: TAGS,
        querystring: EventQuerySchema,
        response: { 200: EventPageSchema, ...problemResponses('invalid_cursor', 'application_not_found') },
      },
    },
    async (request) => {
      const principal = principalOf(request);
      const { type = null, ordering_key: orderingKey = null, since, until } = request.query;
      const application = await listedApplication(principal, request.query.application, store);
      const span = { since: instantOf(since, 'since'), until: instantOf(until, 'until') };
      return pageView(
        request,
        await store.events.list(principal.environment, { application, type, orderingKey, ...span, ...pageRequest(request) }),
        eventView,
      );
    },
  );

  api.get(
    '/v1/events/:id',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'Get an event',
        description:
          'With the exact body that endpoints receive. Ids of your own are unique per application; without `application` this is the newest.',
        operationId: 'getEvent',
        tags: TAGS,
        params: IdParams('An event’s id'),
        querystring: EventOneQuerySchema,
        response: { 200: EventSchema, ...problemResponses('event_not_found', 'application_not_found') },
      },
    },
    async (request) => {
      const principal = principalOf(request);
      const application = await listedApplication(principal, request.query.application, store);
      const event = await store.events.get(principal.environment, request.params.id, application);
      if (event === null) throw new Problem('event_not_found', 'No event of this environment has this id.');
      return eventView(event);
    },
  );
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

function eventView(event: StoredEvent): EventView {
  return {
    id: event.id,
    application: event.application,
    environment: event.environment,
    type: event.type,
    timestamp: timestamp(event.timestamp),
    ordering_key: event.orderingKey,
    deliveries: event.deliveries,
    body: decoder.decode(event.body),
  };
}
