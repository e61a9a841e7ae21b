import {
  type ApplicationCreate,
  ApplicationCreateSchema,
  ApplicationPageSchema,
  ApplicationParamsSchema,
  ApplicationPutParamsSchema,
  ApplicationPutSchema,
  ApplicationSchema,
  ApplicationUpdateSchema,
  type ApplicationView,
  PageQuerySchema,
} from '@posthorn/contract';
import type { FastifyRequest } from 'fastify';
import type { Application } from '../store/store.ts';
import { applicationNotFound, applicationOf, principalOf } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { timestamp } from './instants.ts';
import { pageRequest, pageView } from './pages.ts';
import { Problem } from './problems.ts';
import { BODY, NO_CONTENT, problemResponses } from './responses.ts';
import { personOf } from './sessions.ts';

const TAGS = ['Applications'];

export function applicationRoutes(api: Api, options: ApiOptions): void {
  const { store } = options;

  api.post(
    '/v1/applications',
    {
      config: { access: 'founder' },
      schema: {
        summary: 'Create an application',
        description: 'A person who is a member of none yet makes their own, and is its owner.',
        operationId: 'createApplication',
        tags: TAGS,
        body: ApplicationCreateSchema,
        response: {
          201: ApplicationSchema,
          ...problemResponses(...BODY, 'service_key_required', 'sign_up_closed', 'account_required', 'uid_taken'),
        },
      },
    },
    async (request, reply) => {
      const { name, uid = null } = request.body;
      const { principal } = request;
      if (principal === null || isForOneself(request))
        return reply.code(201).send(applicationView(await foundApplication(request, options)));
      const application = await store.as(principal.actor).applications.create({ name, uid });
      if (application === 'conflict') throw uidTaken();
      return reply.code(201).send(applicationView(application));
    },
  );

  api.put(
    '/v1/applications/:application',
    {
      config: { access: 'provider' },
      schema: {
        summary: 'Create or rename the application with this uid',
        operationId: 'putApplication',
        tags: TAGS,
        params: ApplicationPutParamsSchema,
        body: ApplicationPutSchema,
        response: { 200: ApplicationSchema, 201: ApplicationSchema, ...problemResponses(...BODY, 'service_key_required') },
      },
    },
    async (request, reply) => {
      const { actor } = principalOf(request);
      const { application, created } = await store
        .as(actor)
        .applications.upsert({ uid: request.params.application, name: request.body.name });
      return reply.code(created ? 201 : 200).send(applicationView(application));
    },
  );

  api.get(
    '/v1/applications',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'List applications',
        description: 'An application key sees its own.',
        operationId: 'listApplications',
        tags: TAGS,
        querystring: PageQuerySchema,
        response: { 200: ApplicationPageSchema, ...problemResponses('invalid_cursor') },
      },
    },
    async (request) => {
      const { application } = principalOf(request);
      if (application === null) return pageView(request, await store.applications.list(pageRequest(request)), applicationView);
      const own = await store.applications.get(application);
      return { data: own === null ? [] : [applicationView(own)], next_cursor: null };
    },
  );

  api.get(
    '/v1/applications/:application',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'Get an application',
        operationId: 'getApplication',
        tags: TAGS,
        params: ApplicationParamsSchema,
        response: { 200: ApplicationSchema, ...problemResponses('application_not_found') },
      },
    },
    async (request) =>
      applicationView(await applicationOf(principalOf(request), request.params.application, { store, path: 'application' })),
  );

  api.patch(
    '/v1/applications/:application',
    {
      config: { access: 'owner' },
      schema: {
        summary: 'Change an application',
        description: 'An owner changes the name; `uid` is the API provider’s.',
        operationId: 'updateApplication',
        tags: TAGS,
        params: ApplicationParamsSchema,
        body: ApplicationUpdateSchema,
        response: {
          200: ApplicationSchema,
          ...problemResponses(...BODY, 'service_key_required', 'provider_setting', 'application_not_found', 'uid_taken'),
        },
      },
    },
    async (request) => {
      const principal = principalOf(request);
      const { id } = await applicationOf(principal, request.params.application, { store, path: 'application' });
      if (principal.rank !== 'provider' && request.body.uid !== undefined) throw providersUid();
      const changed = await store.as(principal.actor).applications.update(id, request.body);
      if (changed === 'conflict') throw uidTaken();
      if (changed === null) throw applicationNotFound('application');
      return applicationView(changed);
    },
  );

  api.delete(
    '/v1/applications/:application',
    {
      config: { access: 'owner' },
      schema: {
        summary: 'Delete an application',
        description:
          'With its endpoints and keys, in both environments; what waits is canceled. Takes a service key of production; or an owner, while the application has no `uid`.',
        operationId: 'deleteApplication',
        tags: TAGS,
        params: ApplicationParamsSchema,
        response: { 204: NO_CONTENT, ...problemResponses('service_key_required', 'production_key_required', 'application_not_found') },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request);
      const { id, uid } = await applicationOf(principal, request.params.application, { store, path: 'application' });
      if (principal.environment !== 'production') {
        throw new Problem(
          'production_key_required',
          'Applications exist in both environments, so deleting one takes a service key of production (in the web app, Production has to be chosen).',
        );
      }
      if (principal.rank !== 'provider' && uid !== null) {
        throw new Problem(
          'service_key_required',
          'The API provider keeps this application under a uid of its own, so only it can delete it.',
        );
      }
      if (!(await store.as(principal.actor).applications.delete(id))) throw applicationNotFound('application');
      return reply.code(204).send();
    },
  );
}

/** The operator, too, has an application of its own first. One with a uid is made for a customer. */
function isForOneself({ session, body }: FastifyRequest<{ Body: ApplicationCreate }>): boolean {
  return session?.via === 'password' && session.memberships.length === 0 && (body.uid ?? null) === null;
}

/** What follows a sign-up: the person's own application. */
async function foundApplication(request: FastifyRequest<{ Body: ApplicationCreate }>, { store, signUp }: ApiOptions): Promise<Application> {
  const person = personOf(request);
  const { name, uid = null } = request.body;
  if (uid !== null) throw providersUid();
  if (signUp === 'closed' && request.principal === null)
    throw new Problem('sign_up_closed', 'The API provider makes applications here. Ask an owner of yours for an invitation.');
  const application = await store.as({ kind: 'person', id: person.id, name: person.name }).people.found(person.id, { name });
  if (application === 'member')
    throw new Problem('service_key_required', 'You are a member of an application already. Making more is for the API provider.');
  return application;
}

function providersUid(): Problem {
  return Problem.fields([{ path: 'uid', message: 'is the API provider’s: it is set with a service key only' }], 'provider_setting');
}

function uidTaken(): Problem {
  return new Problem('uid_taken', 'Choose another uid, or PUT /v1/applications/{uid} to change the application that has it.', {
    errors: [{ path: 'uid', message: 'belongs to another application' }],
  });
}

function applicationView(application: Application): ApplicationView {
  return {
    id: application.id,
    uid: application.uid,
    name: application.name,
    created_at: timestamp(application.createdAt),
    updated_at: timestamp(application.updatedAt),
  };
}
