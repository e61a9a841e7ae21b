import {
  DEFAULT_MAX_IN_FLIGHT,
  EndpointCreatedSchema,
  EndpointCreateSchema,
  EndpointDetailSchema,
  type EndpointDetailView,
  EndpointDispatchSchema,
  EndpointPageSchema,
  EndpointQuerySchema,
  EndpointSchema,
  EndpointUpdateSchema,
  type EndpointView,
} from '@posthorn/contract';
import { generateSecret, standardSecret } from '../sender/secrets.ts';
import type { Endpoint, EndpointSecrets, EndpointSettings } from '../store/store.ts';
import { applicationNotFound, chosenApplication, listedApplication, type Principal, principalOf } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { endpointView, readSettings } from './endpoint-settings.ts';
import { timestamp, timestampOrNull } from './instants.ts';
import { pageRequest, pageView } from './pages.ts';
import { Problem } from './problems.ts';
import { ENDPOINT_PARAMS, endpointNotFound, requestedEndpoint } from './requested-endpoint.ts';
import { BODY, NO_CONTENT, problemResponses } from './responses.ts';
import { MOST_ENDPOINTS } from './shares.ts';
import { secretErrors } from './signing-secrets.ts';

const TAGS = ['Endpoints'];

/** A new endpoint's settings but its URL, where its owner has not said otherwise. */
const DEFAULTS: Omit<EndpointSettings, 'url'> = {
  description: '',
  eventTypes: [],
  headers: {},
  cadence: null,
  ordering: 'key',
  rateLimit: null,
  maxInFlight: DEFAULT_MAX_IN_FLIGHT,
  retrySchedule: null,
};

export function endpointRoutes(api: Api, { store, allowList, baseUrl, disableAfterMs }: ApiOptions): void {
  const view = async (endpoint: Endpoint, principal: Principal): Promise<EndpointView> =>
    endpointView(endpoint, { now: await store.now(), disableAfterMs, principal });

  api.post(
    '/v1/endpoints',
    {
      config: { access: 'developer' },
      schema: {
        summary: 'Create an endpoint',
        operationId: 'createEndpoint',
        tags: TAGS,
        body: EndpointCreateSchema,
        response: {
          201: EndpointCreatedSchema,
          ...problemResponses(...BODY, 'application_not_found', 'provider_setting', 'too_many_endpoints'),
        },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request);
      const { environment } = principal;
      const { application: idOrUid, secret = generateSecret(), url, ...rest } = request.body;
      const given = readSettings({ url, ...rest }, { principal, environment, allowList, baseUrl }, secretErrors(secret));
      const application = await chosenApplication(principal, idOrUid, store);
      const endpoint = await store.as(principal.actor).endpoints.create({
        application,
        environment,
        settings: { ...DEFAULTS, url, ...given },
        secret,
        ...(principal.rank !== 'provider' && { most: MOST_ENDPOINTS }),
      });
      if (endpoint === null) throw applicationNotFound('application');
      if (endpoint === 'limit')
        throw new Problem('too_many_endpoints', `An application has up to ${MOST_ENDPOINTS} here: delete one, or ask the API provider.`);
      return reply.code(201).send({ ...(await view(endpoint, principal)), secret, standard_secret: standardSecret(secret) });
    },
  );

  api.get(
    '/v1/endpoints',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'List endpoints',
        operationId: 'listEndpoints',
        tags: TAGS,
        querystring: EndpointQuerySchema,
        response: { 200: EndpointPageSchema, ...problemResponses('invalid_cursor', 'application_not_found') },
      },
    },
    async (request) => {
      const principal = principalOf(request);
      const application = await listedApplication(principal, request.query.application, store);
      const context = { now: await store.now(), disableAfterMs, principal };
      const page = await store.endpoints.list(principal.environment, { application, ...pageRequest(request) });
      return pageView(request, page, (endpoint) => endpointView(endpoint, context));
    },
  );

  api.get(
    '/v1/endpoints/:id',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'Get an endpoint',
        operationId: 'getEndpoint',
        tags: TAGS,
        params: ENDPOINT_PARAMS,
        response: { 200: EndpointDetailSchema, ...problemResponses('endpoint_not_found') },
      },
    },
    async (request) => {
      const { principal, endpoint } = await requestedEndpoint(request, request.params.id, store);
      const secrets = await store.endpoints.secrets(principal.environment, endpoint.id);
      if (secrets === null) throw endpointNotFound();
      return { ...(await view(endpoint, principal)), rotation: rotationView(secrets) };
    },
  );

  api.patch(
    '/v1/endpoints/:id',
    {
      config: { access: 'developer' },
      schema: {
        summary: 'Change an endpoint',
        description:
          'What waits goes to the endpoint as it is then: a changed URL takes it along. `status` pauses, resumes, and enables what was disabled.',
        operationId: 'updateEndpoint',
        tags: TAGS,
        params: ENDPOINT_PARAMS,
        body: EndpointUpdateSchema,
        response: { 200: EndpointSchema, ...problemResponses(...BODY, 'endpoint_not_found', 'provider_setting') },
      },
    },
    async (request) => {
      const { principal, endpoint } = await requestedEndpoint(request, request.params.id, store);
      const { status, ...given } = request.body;
      const settings = readSettings(given, { principal, environment: principal.environment, allowList, baseUrl });
      const change = status === undefined ? settings : { ...settings, status };
      const changed = await store.as(principal.actor).endpoints.update(principal.environment, endpoint.id, change);
      if (changed === null) throw endpointNotFound();
      return view(changed, principal);
    },
  );

  api.delete(
    '/v1/endpoints/:id',
    {
      config: { access: 'developer' },
      schema: {
        summary: 'Delete an endpoint',
        description: 'What waits for it is canceled.',
        operationId: 'deleteEndpoint',
        tags: TAGS,
        params: ENDPOINT_PARAMS,
        response: { 204: NO_CONTENT, ...problemResponses('endpoint_not_found') },
      },
    },
    async (request, reply) => {
      const { principal, endpoint } = await requestedEndpoint(request, request.params.id, store);
      if (!(await store.as(principal.actor).endpoints.delete(principal.environment, endpoint.id))) throw endpointNotFound();
      return reply.code(204).send();
    },
  );

  api.post(
    '/v1/endpoints/:id/dispatch',
    {
      config: { access: 'developer' },
      schema: {
        summary: 'Dispatch to one endpoint now',
        description: 'Lets its waiting deliveries go now. In production this takes a service key.',
        operationId: 'dispatchEndpoint',
        tags: TAGS,
        params: ENDPOINT_PARAMS,
        response: { 202: EndpointDispatchSchema, ...problemResponses('endpoint_not_found', 'sandbox_only') },
      },
    },
    async (request, reply) => {
      const { principal, endpoint } = await requestedEndpoint(request, request.params.id, store);
      if (principal.rank !== 'provider' && principal.environment === 'production') {
        throw new Problem('sandbox_only', 'In production, when to dispatch is for the API provider to say: use a service key.');
      }
      const opened = await store.as(principal.actor).endpoints.open(principal.environment, endpoint.id);
      if (opened === null) throw endpointNotFound();
      return reply.code(202).send({ endpoint: endpoint.id, pending: opened.pending, opened_at: timestamp(opened.openedAt) });
    },
  );
}

/** When secrets change hands; which they are stays with `GET …/secret`. */
function rotationView({ next, previous }: EndpointSecrets): EndpointDetailView['rotation'] {
  if (next === null && previous === null) return null;
  return { promotes_at: timestampOrNull(next?.promotesAt ?? null), previous_valid_until: timestampOrNull(previous?.validUntil ?? null) };
}
