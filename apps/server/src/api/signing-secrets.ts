/** An endpoint's signing secrets: showing, rotating, promoting. */
import { type FieldError, RotateSchema, type SecretView, SecretViewSchema } from '@posthorn/contract';
import { checkSecret, generateSecret, standardSecret } from '../sender/secrets.ts';
import type { EndpointSecrets } from '../store/store.ts';
import type { Api, ApiOptions } from './context.ts';
import { timestamp } from './instants.ts';
import { Problem } from './problems.ts';
import { ENDPOINT_PARAMS, endpointNotFound, requestedEndpoint } from './requested-endpoint.ts';
import { BODY, problemResponses } from './responses.ts';

const TAGS = ['Secrets'];
const DEFAULT_OVERLAP_SECONDS = 24 * 60 * 60;

/** What is wrong with a secret that an owner brings; empty: nothing. The secret itself is not repeated. */
export function secretErrors(secret: string): FieldError[] {
  const message = checkSecret(secret);
  return message === null ? [] : [{ path: 'secret', message }];
}

export function secretRoutes(api: Api, { store }: ApiOptions): void {
  api.get(
    '/v1/endpoints/:id/secret',
    {
      config: { access: 'developer' },
      schema: {
        summary: 'Reveal the signing secret',
        operationId: 'getSecret',
        tags: TAGS,
        params: ENDPOINT_PARAMS,
        response: { 200: SecretViewSchema, ...problemResponses('endpoint_not_found') },
      },
    },
    async (request) => {
      const { principal, endpoint } = await requestedEndpoint(request, request.params.id, store);
      const secrets = await store.endpoints.secrets(principal.environment, endpoint.id);
      if (secrets === null) throw endpointNotFound();
      return secretView(secrets);
    },
  );

  api.post(
    '/v1/endpoints/:id/secret/rotate',
    {
      config: { access: 'developer' },
      schema: {
        summary: 'Begin a rotation',
        description:
          'Makes a next secret. Until it becomes current, `webhook-signature` carries both, and `X-Signature` stays with the current one; the old one stays valid in `webhook-signature` for one more overlap.',
        operationId: 'rotateSecret',
        tags: TAGS,
        params: ENDPOINT_PARAMS,
        body: RotateSchema,
        'x-body-optional': true,
        response: { 200: SecretViewSchema, ...problemResponses(...BODY, 'endpoint_not_found', 'rotation_in_progress') },
      },
    },
    async (request) => {
      const { principal, endpoint } = await requestedEndpoint(request, request.params.id, store);
      const { secret = generateSecret(), overlap_seconds = DEFAULT_OVERLAP_SECONDS } = request.body;
      const errors = secretErrors(secret);
      if (errors.length > 0) throw Problem.fields(errors);
      const overlapMs = overlap_seconds * 1000;
      const secrets = await store.as(principal.actor).endpoints.rotateSecret(principal.environment, endpoint.id, { secret, overlapMs });
      if (secrets === 'conflict')
        throw new Problem('rotation_in_progress', 'Promote the next secret first, or wait until it becomes current.');
      if (secrets === null) throw endpointNotFound();
      return secretView(secrets);
    },
  );

  api.post(
    '/v1/endpoints/:id/secret/promote',
    {
      config: { access: 'developer' },
      schema: {
        summary: 'Make the next secret current',
        operationId: 'promoteSecret',
        tags: TAGS,
        params: ENDPOINT_PARAMS,
        response: { 200: SecretViewSchema, ...problemResponses('endpoint_not_found', 'no_rotation') },
      },
    },
    async (request) => {
      const { principal, endpoint } = await requestedEndpoint(request, request.params.id, store);
      const secrets = await store.as(principal.actor).endpoints.promoteSecret(principal.environment, endpoint.id);
      if (secrets === 'conflict') throw new Problem('no_rotation', 'Rotate first: POST /v1/endpoints/{id}/secret/rotate.');
      if (secrets === null) throw endpointNotFound();
      return secretView(secrets);
    },
  );
}

function secretView({ current, next, previous }: EndpointSecrets): SecretView {
  return {
    ...bothForms(current),
    next: next === null ? null : { ...bothForms(next.secret), promotes_at: timestamp(next.promotesAt) },
    previous: previous === null ? null : { ...bothForms(previous.secret), valid_until: timestamp(previous.validUntil) },
  };
}

function bothForms(secret: string): { secret: string; standard_secret: string } {
  return { secret, standard_secret: standardSecret(secret) };
}
