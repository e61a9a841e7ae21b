import { IdParams, KeyCreatedSchema, KeyCreateSchema, KeyPageSchema, KeyQuerySchema, type KeyView } from '@posthorn/contract';
import type { Key } from '../store/store.ts';
import { applicationNotFound, hashToken, listedApplication, maySee, newToken, principalOf, tokenHint } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { timestamp, timestampOrNull } from './instants.ts';
import { pageRequest, pageView } from './pages.ts';
import { Problem } from './problems.ts';
import { BODY, NO_CONTENT, problemResponses } from './responses.ts';

const TAGS = ['Keys'];

export function keyRoutes(api: Api, { store }: ApiOptions): void {
  api.post(
    '/v1/keys',
    {
      config: { access: 'developer' },
      schema: {
        summary: 'Make a key',
        description:
          'Of the environment of the key that asks. With `application` an application key, without it a service key; an application key makes keys of its own application only.',
        operationId: 'createKey',
        tags: TAGS,
        body: KeyCreateSchema,
        response: { 201: KeyCreatedSchema, ...problemResponses(...BODY, 'application_not_found') },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request);
      const application = await listedApplication(principal, request.body.application, store);
      const token = newToken({ environment: principal.environment, kind: application === null ? 'service' : 'application' });
      const key = await store.as(principal.actor).keys.create({
        environment: principal.environment,
        application,
        name: request.body.name,
        tokenHash: hashToken(token),
        hint: tokenHint(token),
      });
      if (key === null) throw applicationNotFound('application');
      return reply.code(201).send({ ...keyView(key), key: token });
    },
  );

  api.get(
    '/v1/keys',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'List keys',
        operationId: 'listKeys',
        tags: TAGS,
        querystring: KeyQuerySchema,
        response: { 200: KeyPageSchema, ...problemResponses('invalid_cursor', 'application_not_found') },
      },
    },
    async (request) => {
      const principal = principalOf(request);
      const application = await listedApplication(principal, request.query.application, store);
      return pageView(request, await store.keys.list(principal.environment, { application, ...pageRequest(request) }), keyView);
    },
  );

  api.delete(
    '/v1/keys/:id',
    {
      config: { access: 'developer' },
      schema: {
        summary: 'Revoke a key',
        description: 'At once, for good. A key may revoke itself.',
        operationId: 'deleteKey',
        tags: TAGS,
        params: IdParams('A key’s id'),
        response: { 204: NO_CONTENT, ...problemResponses('key_not_found') },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request);
      const key = await store.keys.get(principal.environment, request.params.id);
      const own = key !== null && (principal.application === null || (key.application !== null && maySee(principal, key.application)));
      if (!own || !(await store.as(principal.actor).keys.revoke(principal.environment, key.id))) {
        throw new Problem('key_not_found', 'No key of this environment has this id, or it was revoked already.');
      }
      return reply.code(204).send();
    },
  );
}

function keyView(key: Key): KeyView {
  return {
    id: key.id,
    environment: key.environment,
    application: key.application,
    name: key.name,
    hint: key.hint,
    created_at: timestamp(key.createdAt),
    last_used_at: timestampOrNull(key.lastUsedAt),
  };
}
