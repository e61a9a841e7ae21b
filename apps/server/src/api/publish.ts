/** Publishing: one event, or a batch of them. On disk before it is answered. */
import { createHash } from 'node:crypto';
import {
  BatchPublishedSchema,
  BatchPublishSchema,
  type EventPublish,
  EventPublishedSchema,
  type EventPublishedView,
  EventPublishSchema,
  type FieldError,
  IdempotencyHeadersSchema,
  MAX_BATCH_BODY_BYTES,
  MAX_BODY_BYTES,
  MAX_DATA_BYTES,
} from '@posthorn/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { EventToPublish, PublishedEvent, PublishRequest, PublishResult, Store } from '../store/store.ts';
import { applicationNotFound, applicationOf, type Principal, principalOf } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { createSchemaCache, misfits, type SchemaCache, type Validators } from './event-schemas.ts';
import { timestamp, timestampOrNull } from './instants.ts';
import { Problem } from './problems.ts';
import { BODY, problemResponses } from './responses.ts';
import type { Shares } from './shares.ts';

const TAGS = ['Events'];

const PROBLEMS_OF_PUBLISH = problemResponses(
  ...BODY,
  'application_not_found',
  'sandbox_only',
  'idempotency_conflict',
  'event_id_conflict',
  'event_type_mismatch',
);

const REPLAYED = { 'Idempotent-Replayed': { type: 'string', description: '`true` where this answers an earlier publish' } };

export function publishRoutes(api: Api, { store }: ApiOptions, shares: Shares): void {
  const context = { store, shares, schemas: createSchemaCache() };
  /** Before the body is read, which is in memory then. */
  const onRequest = async (request: FastifyRequest): Promise<void> => shares.beginPublish(principalOf(request), saidLength(request));

  api.post(
    '/v1/events',
    {
      onRequest,
      config: { access: 'developer', verbatim: ['data'] },
      schema: {
        summary: 'Publish an event',
        description: 'The event and its deliveries are on disk before this is answered. An application key publishes in the sandbox only.',
        operationId: 'publishEvent',
        tags: TAGS,
        headers: IdempotencyHeadersSchema,
        body: EventPublishSchema,
        response: { 202: { ...EventPublishedSchema, headers: REPLAYED }, ...PROBLEMS_OF_PUBLISH },
      },
    },
    async (request, reply) => {
      const events = [{ given: request.body, path: '' }];
      const [event] = await publish(events, { ...context, request, reply, principal: publisherOf(request), pathOf: (_, field) => field });
      if (event === undefined) throw new TypeError('one event was published and none came back');
      return reply.code(202).send(event);
    },
  );

  api.post(
    '/v1/events/batch',
    {
      onRequest,
      bodyLimit: MAX_BATCH_BODY_BYTES,
      config: { access: 'developer', verbatim: ['events[].data'] },
      schema: {
        summary: 'Publish up to 1,000 events',
        description: 'All or nothing. The body has at most 16 MiB.',
        operationId: 'publishBatch',
        tags: TAGS,
        headers: IdempotencyHeadersSchema,
        body: BatchPublishSchema,
        response: { 202: { ...BatchPublishedSchema, headers: REPLAYED }, ...PROBLEMS_OF_PUBLISH },
      },
    },
    async (request, reply) => {
      const events = request.body.events.map((given, index) => ({ given, path: `events[${index}].` }));
      const pathOf = (index: number, field: string) => `events[${index}].${field}`;
      const data = await publish(events, { ...context, request, reply, principal: publisherOf(request), pathOf });
      return reply.code(202).send({ data });
    },
  );
}

function publisherOf(request: FastifyRequest): Principal {
  const principal = principalOf(request);
  if (principal.rank !== 'provider' && principal.environment === 'production') {
    throw new Problem('sandbox_only', 'In production, the API provider publishes: use a service key.');
  }
  return principal;
}

/** An event of the request; `path` begins the paths of its fields. */
interface GivenEvent {
  readonly given: EventPublish;
  readonly path: string;
}

interface PublishContext {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly principal: Principal;
  readonly store: Store;
  readonly schemas: SchemaCache;
  readonly shares: Shares;
  readonly pathOf: (index: number, field: string) => string;
}

/** As its sender says; the most that there may be where it does not. */
function saidLength({ headers, routeOptions }: FastifyRequest): number {
  return Number(headers['content-length'] ?? routeOptions.bodyLimit ?? MAX_BODY_BYTES);
}

async function publishRequest(events: readonly GivenEvent[], context: PublishContext): Promise<PublishRequest> {
  const { request, principal, store } = context;
  const texts = events.map(({ path }) => dataText(request, `${path}data`));
  await checkStrictTypes(events, context);
  const applications = await applicationsOf(events, principal, store);
  return {
    environment: principal.environment,
    events: events.map(({ given }, index): EventToPublish => {
      const { type, ordering_key: orderingKey = null, id = null } = given;
      return { application: applications[index] ?? '', type, data: texts[index] ?? '', orderingKey, id };
    }),
    idempotency: idempotencyOf(request, principal),
  };
}

/** The publisher's own text of `data`, which goes out as it came in. */
function dataText(request: FastifyRequest, path: string): string {
  const text = request.rawBody?.verbatim(path) ?? null;
  if (text === null) throw new TypeError(`the text of ${path} was not kept`);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_DATA_BYTES) {
    throw new Problem('payload_too_large', `${path} has ${bytes} bytes; an event’s data has at most ${MAX_DATA_BYTES}.`, {
      errors: [{ path, message: `is larger than ${MAX_DATA_BYTES} bytes` }],
    });
  }
  return text;
}

/** Each event's application: implied for an application key, which may only name its own. The store finds out whether the others exist. */
async function applicationsOf(events: readonly GivenEvent[], principal: Principal, store: Store): Promise<string[]> {
  const own = principal.application;
  const missing: FieldError[] = [];
  const named = new Set<string>();
  const applications = events.map(({ given, path }) => {
    const application = given.application ?? own;
    if (application === null) missing.push({ path: `${path}application`, message: 'is missing: a service key names the application' });
    return application ?? '';
  });
  if (missing.length > 0) throw Problem.fields(missing.slice(0, 20));
  if (own === null) return applications;
  for (const { given, path } of events) {
    if (given.application === undefined || named.has(given.application)) continue;
    named.add(given.application);
    await applicationOf(principal, given.application, { store, path: `${path}application` });
  }
  return applications.map(() => own);
}

async function checkStrictTypes(
  events: readonly GivenEvent[],
  { request, principal, store, schemas, shares }: PublishContext,
): Promise<void> {
  const catalogue = await store.eventTypes.getMany([...new Set(events.map(({ given }) => given.type))]);
  const strict = new Map<string, Validators>();
  for (const type of catalogue) {
    if (!type.strict || type.schema === null) continue;
    const compilation = schemas.validators({ ...type, schema: type.schema });
    // It compiled when it was put. Should it not any more, a note about our own fault must not stop the provider's events.
    if (compilation.ok) strict.set(type.name, compilation.validators);
  }
  if (strict.size === 0) return;
  const candidates = events.flatMap(({ given, path }) => {
    const validators = strict.get(given.type);
    return validators === undefined ? [] : [{ validators, value: given.data, root: `${path}data` }];
  });
  const beganAt = performance.now();
  const errors = misfits(candidates, request.rawBody?.bytes.length ?? 0);
  shares.addToPublish(principal, { checkedMs: performance.now() - beganAt });
  if (errors.length > 0) throw Problem.fields(errors, 'event_type_mismatch');
}

/** The same key of another principal is another key. The fingerprint covers the route: one event is no batch. */
function idempotencyOf(request: FastifyRequest, principal: Principal): PublishRequest['idempotency'] {
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string') return null;
  const fingerprint = createHash('sha256')
    .update(`${request.routeOptions.url ?? ''}\n`)
    .update(request.rawBody?.bytes ?? '')
    .digest('hex');
  return { scope: `${principal.environment}:${principal.application ?? 'service'}`, key, fingerprint };
}

async function publish(given: readonly GivenEvent[], context: PublishContext): Promise<EventPublishedView[]> {
  const { request, reply, principal, store, shares, pathOf } = context;
  shares.addToPublish(principal, { bytes: (request.rawBody?.bytes.length ?? 0) - saidLength(request) });
  const asked = await publishRequest(given, context);
  const write = async (): Promise<PublishResult> => {
    const result = await store.publish(asked);
    if (result.kind === 'published') shares.addToPublish(principal, { rows: rowsOf(result.events) });
    return result;
  };
  const result = await (given.length === 1 ? write() : shares.batchInTurn(principal, write));
  if (result.kind !== 'published') throw publishProblem(result, pathOf);
  if (result.repeated) reply.header('Idempotent-Replayed', 'true');
  return result.events.map((event) => publishedView(event));
}

/** An event, and each of its deliveries. */
function rowsOf(events: readonly PublishedEvent[]): number {
  return events.reduce((rows, { deliveries }) => rows + 1 + deliveries, 0);
}

function publishProblem(result: Exclude<PublishResult, { kind: 'published' }>, pathOf: (index: number, field: string) => string): Problem {
  switch (result.kind) {
    case 'unknown_application':
      return applicationNotFound(pathOf(result.index, 'application'));
    case 'id_conflict':
      return new Problem(
        'event_id_conflict',
        'An event with this id was published before, with another type, data or ordering key. Nothing was published.',
        {
          errors: [{ path: pathOf(result.index, 'id'), message: 'belongs to an event with other content' }],
        },
      );
    case 'idempotency_conflict':
      return new Problem(
        'idempotency_conflict',
        'This Idempotency-Key was used with another body within the last 24 hours. Nothing was published.',
        {
          errors: [{ path: 'idempotency-key', message: 'belongs to a request with another body' }],
        },
      );
  }
}

function publishedView(event: PublishedEvent): EventPublishedView {
  return {
    id: event.id,
    application: event.application,
    environment: event.environment,
    type: event.type,
    timestamp: timestamp(event.timestamp),
    deliveries: event.deliveries,
    dispatch_at: timestampOrNull(event.dispatchAt),
  };
}
