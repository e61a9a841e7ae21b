import { IdParams } from '@posthorn/contract';
import { type EndpointId, isId } from '@posthorn/core';
import type { FastifyRequest } from 'fastify';
import type { Endpoint, Store } from '../store/store.ts';
import { maySee, type Principal, principalOf } from './auth.ts';
import { Problem } from './problems.ts';

export const ENDPOINT_PARAMS = IdParams('An endpoint’s id');

/** The endpoint of a request's path, and who asks. */
export async function requestedEndpoint(
  request: FastifyRequest,
  id: string,
  store: Store,
): Promise<{ readonly principal: Principal; readonly endpoint: Endpoint }> {
  const principal = principalOf(request);
  const endpoint = await store.endpoints.get(principal.environment, id);
  if (endpoint === null || !maySee(principal, endpoint.application)) throw endpointNotFound();
  return { principal, endpoint };
}

export function endpointNotFound(): Problem {
  return new Problem('endpoint_not_found', 'No endpoint of this environment has this id.');
}

/** Deleted endpoints have deliveries and jobs too, so only the form is checked. */
export function endpointFilter(text: string | undefined): EndpointId | null {
  if (text === undefined) return null;
  if (!isId('ep_', text)) throw Problem.field('endpoint', 'is not the id of an endpoint');
  return text;
}
