/** Who is asking: keys, and what each kind of key may do. */
import { createHash, randomBytes } from 'node:crypto';
import type { ApplicationId, KeyId } from '@posthorn/core';
import type { FastifyRequest } from 'fastify';
import type { Application, Environment, Store } from '../store/store.ts';
import { Problem } from './problems.ts';

/** Whoever a request's key stands for. */
export interface Principal {
  readonly key: KeyId;
  readonly environment: Environment;
  /** Null: the API provider's backend, which sees every application. */
  readonly application: ApplicationId | null;
}

export type KeyKind = 'service' | 'application';

const PREFIXES = { service: 'sk', application: 'ak' } as const;
/** A preset service key is up to its operator, so the length is not ours alone. */
const TOKEN = /^(?:sk|ak)_(?:production|sandbox)_[A-Za-z0-9_-]{20,200}$/;

/** A new key's token: `sk_production_` or the like, and 32 random bytes in url-safe base64 (43 characters). */
export function newToken(options: { readonly environment: Environment; readonly kind: KeyKind }): string {
  return `${PREFIXES[options.kind]}_${options.environment}_${randomBytes(32).toString('base64url')}`;
}

/** A token is 256 random bits, so a plain hash keeps it: there is no dictionary to slow down. */
export function hashToken(token: string): Uint8Array {
  return createHash('sha256').update(token).digest();
}

/** The start of a token, to recognise a key by: prefix and four characters. */
export function tokenHint(token: string): string {
  const random = token.indexOf('_', token.indexOf('_') + 1) + 1;
  return token.slice(0, random + 4);
}

/** Authenticates a request by its `Authorization: Bearer <key>`. */
export async function authenticate(request: FastifyRequest, store: Store): Promise<Principal> {
  const header = request.headers.authorization;
  if (header === undefined) throw unauthenticated('Send your key in the header Authorization: Bearer <key>.', '');
  const token = /^Bearer +(\S+)$/i.exec(header)?.[1];
  if (token === undefined) throw unauthenticated('The header must read Authorization: Bearer <key>.', ', error="invalid_request"');
  const key = TOKEN.test(token) ? await store.keys.authenticate(hashToken(token)) : null;
  if (key === null) throw unauthenticated('This key is unknown, or was revoked.', ', error="invalid_token"');
  return { key: key.id, environment: key.environment, application: key.application };
}

/** RFC 6750, section 3. */
function unauthenticated(detail: string, error: string): Problem {
  return new Problem('unauthenticated', detail, { headers: { 'WWW-Authenticate': `Bearer realm="posthorn"${error}` } });
}

/** The request's principal. Every route under /v1 has one: see server.ts. */
export function principalOf(request: FastifyRequest): Principal {
  if (request.principal === null) throw new TypeError(`${request.routeOptions.url ?? 'a route'} is served without a principal`);
  return request.principal;
}

/** @param what completes "An application key cannot …" */
export function requireServiceKey(principal: Principal, what: string): void {
  if (principal.application !== null) throw new Problem('service_key_required', `An application key cannot ${what}. Use a service key.`);
}

/** Whether something of this application may be seen. Others' things do not exist for an application key. */
export function maySee(principal: Principal, application: ApplicationId): boolean {
  return principal.application === null || principal.application === application;
}

/** The application by id or uid; `path` names the field that named it. */
export async function applicationOf(
  principal: Principal,
  idOrUid: string,
  context: { readonly store: Store; readonly path: string },
): Promise<Application> {
  const application = await context.store.applications.get(idOrUid);
  if (application === null || !maySee(principal, application.id)) throw applicationNotFound(context.path);
  return application;
}

export function applicationNotFound(path: string): Problem {
  return new Problem('application_not_found', 'No application has this id or uid.', {
    errors: [{ path, message: 'is no application that this key can see' }],
  });
}

/** The application to list things of: a service key may name one or none, an application key has its own. */
export async function listedApplication(principal: Principal, idOrUid: string | undefined, store: Store): Promise<ApplicationId | null> {
  if (idOrUid === undefined) return principal.application;
  return (await applicationOf(principal, idOrUid, { store, path: 'application' })).id;
}

/** The application to make something in: implied for an application key, named by a service key. */
export async function chosenApplication(principal: Principal, idOrUid: string | undefined, store: Store): Promise<ApplicationId> {
  const application = await listedApplication(principal, idOrUid, store);
  if (application === null) throw Problem.field('application', 'is missing: a service key names the application');
  return application;
}
