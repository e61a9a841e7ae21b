/** Who is asking, and which applications they see. What they may do there is access.ts. */
import { createHash, randomBytes } from 'node:crypto';
import type { ApplicationId } from '@posthorn/core';
import type { FastifyRequest } from 'fastify';
import type { Actor, Application, Environment, Role, Store } from '../store/store.ts';
import { Problem } from './problems.ts';

/** Whoever a request's key or session stands for, where it acts. */
export interface Principal {
  readonly actor: Actor;
  readonly environment: Environment;
  /** It can act in this environment only: a key, or a visitor of the portal whose link a key of the sandbox made. */
  readonly confined: boolean;
  /** Null: across applications. */
  readonly application: ApplicationId | null;
  /** `provider`: the API provider, by a service key or as the operator. An application key does what a developer does. */
  readonly rank: Rank;
}

export type Rank = Role | 'provider';

export type KeyKind = 'service' | 'application';

const PREFIXES = { service: 'sk', application: 'ak' } as const;
/** A preset service key is up to its operator, so the length is not ours alone. */
const TOKEN = /^(?:sk|ak)_(?:production|sandbox)_[A-Za-z0-9_-]{20,200}$/;

/** A new key's token: `sk_production_` or the like, and 32 random bytes in url-safe base64 (43 characters). */
export function newToken(options: { readonly environment: Environment; readonly kind: KeyKind }): string {
  return `${PREFIXES[options.kind]}_${options.environment}_${newSecretToken()}`;
}

/** 32 random bytes in url-safe base64: 43 characters. */
export function newSecretToken(): string {
  return randomBytes(32).toString('base64url');
}

/** 16 random bytes in url-safe base64: 22 characters. It stands in the URL of an endpoint, and is no secret to whoever sees that. */
export function newInboxToken(): string {
  return randomBytes(16).toString('base64url');
}

/** A token is 256 random bits, so a plain hash keeps it: there is no dictionary to slow down, and no time to learn from when it is looked up. */
export function hashToken(token: string): Uint8Array {
  return createHash('sha256').update(token).digest();
}

/** The start of a token, to recognise a key by: prefix and four characters. */
export function tokenHint(token: string): string {
  const random = token.indexOf('_', token.indexOf('_') + 1) + 1;
  return token.slice(0, random + 4);
}

/** Authenticates a request by the key in its `Authorization: Bearer <key>`. */
export async function keyPrincipal(header: string, store: Store): Promise<Principal> {
  const token = /^Bearer +(\S+)$/i.exec(header)?.[1];
  if (token === undefined) throw unauthenticated('The header must read Authorization: Bearer <key>.', ', error="invalid_request"');
  const key = TOKEN.test(token) ? await store.keys.authenticate(hashToken(token)) : null;
  if (key === null) throw unauthenticated('This key is unknown, or was revoked.', ', error="invalid_token"');
  const { environment, application } = key;
  return {
    actor: { kind: 'key', id: key.id, name: key.name },
    environment,
    confined: true,
    application,
    rank: application === null ? 'provider' : 'developer',
  };
}

/** RFC 6750, section 3. */
export function unauthenticated(detail: string, error = ''): Problem {
  return new Problem('unauthenticated', detail, { headers: { 'WWW-Authenticate': `Bearer realm="posthorn"${error}` } });
}

/** The request's principal. Every route has one whose access is a rank: see access.ts. */
export function principalOf(request: FastifyRequest): Principal {
  if (request.principal === null) throw new TypeError(`${request.routeOptions.url ?? 'a route'} is served without a principal`);
  return request.principal;
}

/** People belong to both environments, so whoever is confined to the sandbox must not decide who they are: that would be a way into production. */
export function requireSayOverPeople({ confined, environment }: Principal): void {
  if (!confined || environment === 'production') return;
  throw new Problem('production_key_required', 'People belong to both environments, so this takes a service key of production.');
}

/** Whether something of this application may be seen. Others' things do not exist for whoever acts in one. */
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
    errors: [{ path, message: 'is no application that you can see' }],
  });
}

/** The application to list things of: who acts across applications may name one or none, others have their own. */
export async function listedApplication(principal: Principal, idOrUid: string | undefined, store: Store): Promise<ApplicationId | null> {
  if (idOrUid === undefined) return principal.application;
  return (await applicationOf(principal, idOrUid, { store, path: 'application' })).id;
}

/** The application to do something in: implied for who acts in one, else named. */
export async function chosenApplication(principal: Principal, idOrUid: string | undefined, store: Store): Promise<ApplicationId> {
  const application = await listedApplication(principal, idOrUid, store);
  if (application === null) throw Problem.field('application', 'is missing: a service key names the application');
  return application;
}
