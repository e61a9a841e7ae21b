import {
  ApplicationListQuerySchema,
  IdParams,
  InboxCreateSchema,
  InboxPageSchema,
  InboxRequestPageSchema,
  type InboxRequestView,
  InboxSchema,
  type InboxView,
  PageQuerySchema,
} from '@posthorn/contract';
import type { FastifyRequest } from 'fastify';
import type { Inbox, InboxRequest, Store } from '../store/store.ts';
import { applicationNotFound, chosenApplication, listedApplication, maySee, newInboxToken, type Principal, principalOf } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { shownHeaders } from './hidden-headers.ts';
import { timestamp } from './instants.ts';
import { pageRequest, pageView } from './pages.ts';
import { Problem } from './problems.ts';
import { BODY, NO_CONTENT, problemResponses } from './responses.ts';

const TAGS = ['Inboxes'];
const PARAMS = IdParams('An inbox’s id');
/** Of one application. Each keeps up to 100 requests of 64 KiB. */
const MOST_INBOXES = 10;

export function inboxRoutes(api: Api, { store, baseUrl }: ApiOptions): void {
  const view = ({ id, application, token, createdAt }: Inbox): InboxView => ({
    id,
    application,
    token,
    url: `${baseUrl()}/inbox/${token}`,
    created_at: timestamp(createdAt),
  });

  api.post(
    '/v1/inboxes',
    {
      config: { access: 'developer' },
      schema: {
        summary: 'Make an inbox',
        description: `A receiver built in, for the sandbox: give its URL to an endpoint, and see what arrives. An application has up to ${MOST_INBOXES}.`,
        operationId: 'createInbox',
        tags: TAGS,
        body: InboxCreateSchema,
        'x-body-optional': true,
        response: { 201: InboxSchema, ...problemResponses(...BODY, ...OF_SANDBOX, 'too_many_inboxes') },
      },
    },
    async (request, reply) => {
      const principal = sandboxPrincipal(request);
      const application = await chosenApplication(principal, request.body.application, store);
      const made = await store.as(principal.actor).inboxes.create({ application, token: newInboxToken(), most: MOST_INBOXES });
      if (made === null) throw applicationNotFound('application');
      if (made === 'limit') throw new Problem('too_many_inboxes', `An application has up to ${MOST_INBOXES}: delete one first.`);
      return reply.code(201).send(view(made));
    },
  );

  api.get(
    '/v1/inboxes',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'List inboxes',
        operationId: 'listInboxes',
        tags: TAGS,
        querystring: ApplicationListQuerySchema,
        response: { 200: InboxPageSchema, ...problemResponses(...OF_SANDBOX, 'invalid_cursor') },
      },
    },
    async (request) => {
      const page = pageRequest(request);
      const application = await listedApplication(sandboxPrincipal(request), request.query.application, store);
      return pageView(request, await store.inboxes.list({ application, ...page }), view);
    },
  );

  api.get(
    '/v1/inboxes/:id/requests',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'List what an inbox received',
        description: 'Its last 100 requests, and what came of checking their signatures by the secrets of the endpoints that have its URL.',
        operationId: 'listInboxRequests',
        tags: TAGS,
        params: PARAMS,
        querystring: PageQuerySchema,
        response: { 200: InboxRequestPageSchema, ...problemResponses(...OF_SANDBOX, 'invalid_cursor', 'inbox_not_found') },
      },
    },
    async (request) => {
      const { principal, inbox } = await requestedInbox(request, request.params.id, store);
      return pageView(request, await store.inboxes.requests(inbox.id, pageRequest(request)), (one) => requestView(one, principal));
    },
  );

  api.delete(
    '/v1/inboxes/:id',
    {
      config: { access: 'developer' },
      schema: {
        summary: 'Delete an inbox',
        description: 'With what it has received. Endpoints keep its URL, and find nothing there.',
        operationId: 'deleteInbox',
        tags: TAGS,
        params: PARAMS,
        response: { 204: NO_CONTENT, ...problemResponses(...OF_SANDBOX, 'inbox_not_found') },
      },
    },
    async (request, reply) => {
      const { principal, inbox } = await requestedInbox(request, request.params.id, store);
      if (!(await store.as(principal.actor).inboxes.delete(inbox.id))) throw inboxNotFound();
      return reply.code(204).send();
    },
  );
}

/** What the routes here may be answered with. */
const OF_SANDBOX = ['sandbox_only'] as const;

function sandboxPrincipal(request: FastifyRequest): Principal {
  const principal = principalOf(request);
  if (principal.environment !== 'sandbox')
    throw new Problem('sandbox_only', 'Inboxes are for trying things out: they belong to the sandbox.');
  return principal;
}

async function requestedInbox(
  request: FastifyRequest,
  id: string,
  store: Store,
): Promise<{ readonly principal: Principal; readonly inbox: Inbox }> {
  const principal = sandboxPrincipal(request);
  const inbox = await store.inboxes.get(id);
  if (inbox === null || !maySee(principal, inbox.application)) throw inboxNotFound();
  return { principal, inbox };
}

function inboxNotFound(): Problem {
  return new Problem('inbox_not_found', 'No inbox has this id.');
}

function requestView(request: InboxRequest, principal: Principal): InboxRequestView {
  return {
    id: request.id,
    received_at: timestamp(request.receivedAt),
    method: request.method,
    headers: shownHeaders(request.headers, principal),
    body: new TextDecoder('utf-8', { ignoreBOM: true }).decode(request.body, { stream: request.bodyTruncated }),
    body_truncated: request.bodyTruncated,
    event_id: request.eventId,
    event_type: request.eventType,
    signature: { x_signature: request.xSignature, standard: request.standard },
  };
}
