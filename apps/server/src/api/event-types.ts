import {
  EventTypeDetailSchema,
  EventTypePageSchema,
  EventTypeParamsSchema,
  EventTypePutSchema,
  EventTypeSchema,
  type FieldError,
  PageQuerySchema,
} from '@posthorn/contract';
import type { EventType } from '../store/store.ts';
import { principalOf } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { compileSchema, exampleMisfits } from './event-schemas.ts';
import { timestamp } from './instants.ts';
import type { RawBody } from './json-body.ts';
import { JsonText } from './json-text.ts';
import { pageRequest, pageView } from './pages.ts';
import { Problem } from './problems.ts';
import { BODY, NO_CONTENT, problemResponses } from './responses.ts';

const TAGS = ['Event types'];

export function eventTypeRoutes(api: Api, { store }: ApiOptions): void {
  api.put(
    '/v1/event-types/:name',
    {
      config: { access: 'provider', verbatim: ['schema', 'example'] },
      schema: {
        summary: 'Create or replace an event type',
        description: 'Takes a service key. With a JSON Schema and `strict`, a publish whose `data` does not fit is refused.',
        operationId: 'putEventType',
        tags: TAGS,
        params: EventTypeParamsSchema,
        body: EventTypePutSchema,
        response: { 200: EventTypeSchema, 201: EventTypeSchema, ...problemResponses(...BODY, 'service_key_required') },
      },
    },
    async (request, reply) => {
      const { actor } = principalOf(request);
      const { description, strict = false } = request.body;
      const schema = givenText(request.rawBody, 'schema');
      const example = givenText(request.rawBody, 'example');
      const errors = catalogueErrors({ schema, example, strict });
      if (errors.length > 0) throw Problem.fields(errors);
      const { eventType, created } = await store
        .as(actor)
        .eventTypes.put({ name: request.params.name, description, schema, example, strict });
      return reply.code(created ? 201 : 200).send(eventTypeView(eventType));
    },
  );

  api.get(
    '/v1/event-types',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'List event types',
        operationId: 'listEventTypes',
        tags: TAGS,
        querystring: PageQuerySchema,
        response: { 200: EventTypePageSchema, ...problemResponses('invalid_cursor') },
      },
    },
    async (request) => pageView(request, await store.eventTypes.list(pageRequest(request)), eventTypeView),
  );

  api.get(
    '/v1/event-types/:name',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'Get an event type',
        operationId: 'getEventType',
        tags: TAGS,
        params: EventTypeParamsSchema,
        response: { 200: EventTypeDetailSchema, ...problemResponses('event_type_not_found') },
      },
    },
    async (request) => {
      const eventType = await store.eventTypes.get(request.params.name);
      if (eventType === null) throw eventTypeNotFound();
      const subscribers = principalOf(request).rank === 'provider' ? await store.eventTypes.subscribers(eventType.name) : null;
      return { ...eventTypeView(eventType), subscribers };
    },
  );

  api.delete(
    '/v1/event-types/:name',
    {
      config: { access: 'provider' },
      schema: {
        summary: 'Delete an event type',
        description: 'From the catalogue: events of this type may still be published. Takes a service key.',
        operationId: 'deleteEventType',
        tags: TAGS,
        params: EventTypeParamsSchema,
        response: { 204: NO_CONTENT, ...problemResponses('service_key_required', 'event_type_not_found') },
      },
    },
    async (request, reply) => {
      const { actor } = principalOf(request);
      if (!(await store.as(actor).eventTypes.delete(request.params.name))) throw eventTypeNotFound();
      return reply.code(204).send();
    },
  );
}

function eventTypeNotFound(): Problem {
  return new Problem('event_type_not_found', 'The catalogue has no event type with this name.');
}

/** A field's own text; null where it is missing, or null itself. */
function givenText(body: RawBody | null, field: string): string | null {
  const text = body?.verbatim(field) ?? null;
  return text === 'null' ? null : text;
}

function catalogueErrors(type: {
  readonly schema: string | null;
  readonly example: string | null;
  readonly strict: boolean;
}): FieldError[] {
  if (type.schema === null) return type.strict ? [{ path: 'strict', message: 'needs a schema to be strict about' }] : [];
  const compilation = compileSchema(type.schema);
  if (!compilation.ok) return [{ path: 'schema', message: `is not a JSON Schema (2020-12) that works by itself: ${compilation.message}` }];
  return type.example === null ? [] : exampleMisfits(compilation.validators, type.example);
}

function eventTypeView(type: EventType) {
  return {
    name: type.name,
    description: type.description,
    schema: type.schema === null ? null : new JsonText(type.schema),
    example: type.example === null ? null : new JsonText(type.example),
    strict: type.strict,
    created_at: timestamp(type.createdAt),
    updated_at: timestamp(type.updatedAt),
  };
}
