import {
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
import type { Application } from '../store/store.ts';
import { applicationNotFound, applicationOf, principalOf, requireServiceKey } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { timestamp } from './instants.ts';
import { pageRequest, pageView } from './pages.ts';
import { Problem } from './problems.ts';
import { BODY, NO_CONTENT, problemResponses } from './responses.ts';

const TAGS = ['Applications'];

export function applicationRoutes(api: Api, { store }: ApiOptions): void {
  api.post(
    '/v1/applications',
    {
      schema: {
        summary: 'Create an application',
        operationId: 'createApplication',
        tags: TAGS,
        body: ApplicationCreateSchema,
        response: { 201: ApplicationSchema, ...problemResponses(...BODY, 'service_key_required', 'uid_taken') },
      },
    },
    async (request, reply) => {
      requireServiceKey(principalOf(request), 'create applications');
      const { name, uid = null } = request.body;
      const application = await store.applications.create({ name, uid });
      if (application === 'conflict') throw uidTaken();
      return reply.code(201).send(applicationView(application));
    },
  );

  api.put(
    '/v1/applications/:application',
    {
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
      requireServiceKey(principalOf(request), 'write applications');
      const { application, created } = await store.applications.upsert({ uid: request.params.application, name: request.body.name });
      return reply.code(created ? 201 : 200).send(applicationView(application));
    },
  );

  api.get(
    '/v1/applications',
    {
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
      schema: {
        summary: 'Change an application',
        operationId: 'updateApplication',
        tags: TAGS,
        params: ApplicationParamsSchema,
        body: ApplicationUpdateSchema,
        response: { 200: ApplicationSchema, ...problemResponses(...BODY, 'service_key_required', 'application_not_found', 'uid_taken') },
      },
    },
    async (request) => {
      const principal = principalOf(request);
      requireServiceKey(principal, 'change applications');
      const { id } = await applicationOf(principal, request.params.application, { store, path: 'application' });
      const changed = await store.applications.update(id, request.body);
      if (changed === 'conflict') throw uidTaken();
      if (changed === null) throw applicationNotFound('application');
      return applicationView(changed);
    },
  );

  api.delete(
    '/v1/applications/:application',
    {
      schema: {
        summary: 'Delete an application',
        description: 'With its endpoints and keys, in both environments; what waits is canceled. Takes a service key of production.',
        operationId: 'deleteApplication',
        tags: TAGS,
        params: ApplicationParamsSchema,
        response: { 204: NO_CONTENT, ...problemResponses('service_key_required', 'production_key_required', 'application_not_found') },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request);
      requireServiceKey(principal, 'delete applications');
      if (principal.environment !== 'production') {
        throw new Problem(
          'production_key_required',
          'Applications exist in both environments, so deleting one takes a service key of production.',
        );
      }
      const { id } = await applicationOf(principal, request.params.application, { store, path: 'application' });
      if (!(await store.applications.delete(id))) throw applicationNotFound('application');
      return reply.code(204).send();
    },
  );
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
