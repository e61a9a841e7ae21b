/** The HTTP API, put together. It listens to nothing yet. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { MAX_BODY_BYTES } from '@posthorn/contract';
import fastify, { type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import { enforceAccess } from './access.ts';
import { accountRoutes } from './accounts.ts';
import { applicationRoutes } from './applications.ts';
import { auditRoutes } from './audit-log.ts';
import { brandingRoutes } from './branding.ts';
import type { Api, ApiOptions } from './context.ts';
import { deliveryRoutes } from './deliveries.ts';
import { dispatchRoutes } from './dispatch.ts';
import { describeApi, documentRoutes } from './documents.ts';
import { endpointRoutes } from './endpoints.ts';
import { eventTypeRoutes } from './event-types.ts';
import { eventRoutes } from './events.ts';
import { healthRoutes } from './health.ts';
import { inboxReceiver } from './inbox.ts';
import { inboxRoutes } from './inboxes.ts';
import { invitationRoutes } from './invitations.ts';
import { jobRoutes } from './jobs.ts';
import { readJsonBodies } from './json-body.ts';
import { toJson } from './json-text.ts';
import { keyRoutes } from './keys.ts';
import { memberRoutes } from './members.ts';
import { metricsRoute } from './metrics.ts';
import { operatorRoutes } from './operator.ts';
import { outboxRoutes } from './outbox.ts';
import { portalRoutes } from './portal.ts';
import { answerError, answerUnreadable } from './problems.ts';
import { publishRoutes } from './publish.ts';
import './request.ts';
import { sessionRoutes } from './session.ts';
import { createShares } from './shares.ts';
import { secretRoutes } from './signing-secrets.ts';
import { statsRoutes } from './stats.ts';
import { testRoutes } from './test-requests.ts';
import { answerUnknownRoutes } from './unknown-routes.ts';
import { schemaCompiler } from './validation.ts';
import { webAppRoutes } from './web-app.ts';

export type { Api, ApiOptions } from './context.ts';

/** A whole batch has this long to arrive, at some 270 KiB/s. */
const REQUEST_TIMEOUT_MS = 60_000;

/** A connection on which nothing moves for so long is cut: a test request takes half of it, a reader that has stopped would keep its answer in memory. */
const CONNECTION_TIMEOUT_MS = 60_000;

/** Longer than any id or name, so that their own limits are what people read about. */
const MAX_PARAM_LENGTH = 512;

/** @returns the API, ready to listen, or to be asked with `inject` */
export async function buildApi(options: ApiOptions): Promise<Api> {
  const api = emptyApi(options);
  readJsonBodies(api);
  refuseQueries(api);

  await describeApi(api, options);
  const shares = createShares(options.clock.now);
  enforceAccess(api, options, shares);
  applicationRoutes(api, options);
  endpointRoutes(api, options);
  secretRoutes(api, options);
  testRoutes(api, options, shares);
  publishRoutes(api, options, shares);
  eventRoutes(api, options);
  deliveryRoutes(api, options);
  dispatchRoutes(api, options);
  jobRoutes(api, options);
  statsRoutes(api, options);
  eventTypeRoutes(api, options);
  keyRoutes(api, options);
  outboxRoutes(api, options);
  sessionRoutes(api, options);
  accountRoutes(api, options);
  brandingRoutes(api, options);
  memberRoutes(api, options);
  invitationRoutes(api, options);
  portalRoutes(api, options);
  operatorRoutes(api, options);
  auditRoutes(api, options);
  inboxRoutes(api, options);
  await inboxReceiver(api, options);
  healthRoutes(api, options);
  metricsRoute(api, options);
  await documentRoutes(api);
  await webAppRoutes(api, options);
  await api.ready();
  return api;
}

/** @returns what a process without an API serves: whether it is alive and able to work, and its figures */
export async function buildHealthApi(options: HealthApiOptions): Promise<Api> {
  const api = emptyApi({ ...options, trustProxy: false, webApp: null });
  healthRoutes(api, options);
  metricsRoute(api, options);
  await api.ready();
  return api;
}

type HealthApiOptions = Pick<ApiOptions, 'store' | 'metrics' | 'log'>;

/** Without routes, but with an answer to everything that goes wrong. */
function emptyApi(options: Pick<ApiOptions, 'log' | 'trustProxy' | 'webApp'>): Api {
  const api: Api = fastify({
    loggerInstance: options.log,
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: trustedHops(options.trustProxy),
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    // Requests on open connections are still served while the server closes: an answer in Fastify's own words helps nobody.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      answerError(error, request, reply);
      // No hook runs for what could not be routed.
      logRequest(request, reply);
    },
    clientErrorHandler: (error, socket) => answerUnreadable(error, socket),
  }).withTypeProvider<TypeBoxTypeProvider>();

  api.setErrorHandler((error, request, reply) => answerError(error, request, reply));
  api.setValidatorCompiler(schemaCompiler());
  // The schemas of answers document them. Fastify would also drop what they do not name.
  api.setSerializerCompiler(() => toJson);
  api.setReplySerializer(toJson);
  api.decorateRequest('principal', null);
  api.decorateRequest('session', null);
  api.decorateRequest('problem', null);
  api.addHook('onResponse', async (request, reply) => logRequest(request, reply));
  guardAnswers(api);
  answerUnknownRoutes(api, options.webApp);
  return api;
}

/** Fastify ignores a bare number of proxies, since it cannot check the nearest one. An operator who sets one says that only proxies reach us. */
function trustedHops(trust: ApiOptions['trustProxy']): boolean | string | string[] | ((address: string, hop: number) => boolean) {
  return typeof trust === 'number' ? (_address, hop) => hop < trust : trust;
}

/** A route that names no query parameters takes none: a filter that is silently ignored would answer with too much. */
function refuseQueries(api: Api): void {
  api.addHook('onRoute', (route) => {
    if (!/^\/(?:v1|auth)\//.test(route.url)) return;
    route.schema = { querystring: { type: 'object', properties: {}, additionalProperties: false }, ...route.schema };
  });
}

/** What is said to one caller is for nobody's cache, and nothing is anything but what it says it is. */
function guardAnswers(api: Api): void {
  api.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'same-origin' });
    if (/^\/(?:v1|auth)\//.test(request.url)) reply.header('cache-control', 'no-store');
  });
}

/** One wide line for one request. Neither bodies nor headers are in it, so no secret can be. */
function logRequest(request: FastifyRequest, reply: FastifyReply): void {
  const { principal, problem } = request;
  const line = {
    method: request.method,
    route: request.routeOptions.url ?? null,
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime * 10) / 10,
    ...(problem && { code: problem.code }),
    ...(principal && {
      [principal.actor.kind]: principal.actor.id,
      environment: principal.environment,
      application: principal.application,
    }),
    ip: request.ip,
  };
  if (reply.statusCode < 500) request.log.info(line, 'request');
  else request.log.error({ ...line, err: problem?.cause }, 'request');
}
