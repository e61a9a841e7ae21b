/**
 * Who may call a route: declared once with each route, checked in one place, before anything of the request is looked at.
 *
 *   open       anybody
 *   session    whoever is signed in, or came through the portal; in no application yet
 *   founder    the provider, or a person
 *   viewer …   whoever acts in an application (or across them) with at least that rank
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { keyPrincipal, type Principal, type Rank, unauthenticated } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { requireOwnOrigin } from './origin.ts';
import { Problem } from './problems.ts';
import { operatorPrincipal, readSession, sessionPrincipal } from './sessions.ts';
import type { Shares } from './shares.ts';

export type Access = 'open' | 'session' | 'founder' | Rank;

/** From the least to the most. */
const RANKS: readonly Rank[] = ['viewer', 'developer', 'owner', 'provider'];
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Call it before the routes are made. A route under /v1 that declares no access stops the start. */
export function enforceAccess(api: Api, options: ApiOptions, shares: Shares): void {
  api.addHook('onRoute', ({ url, method, config }) => {
    if (url.startsWith('/v1/') && config?.access === undefined) throw new TypeError(`${String(method)} ${url} declares no access`);
  });
  api.addHook('onRequest', async (request, reply) => {
    const { access } = request.routeOptions.config;
    if (access === undefined || access === 'open') return;
    await admit(access, { request, reply, options });
    // Read or not, an answer is over when its response is closed.
    if (request.principal !== null) reply.raw.once('close', shares.enter(request.principal));
  });
}

interface Asked {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly options: ApiOptions;
}

async function admit(access: Exclude<Access, 'open'>, { request, reply, options }: Asked): Promise<void> {
  const { authorization } = request.headers;
  // A key that was sent is what counts, whatever cookies a client keeps.
  if (authorization !== undefined) {
    request.principal = await keyPrincipal(authorization, options.store);
    if (access === 'session') throw unauthenticated('This takes a session, not a key.');
    requireRank(request.principal, access === 'founder' ? 'provider' : access);
    return;
  }
  const session = await readSession(request, reply, options);
  if (session === null) throw unauthenticated('Send your key in the header Authorization: Bearer <key>, or sign in.');
  if (!SAFE_METHODS.has(request.method)) requireOwnOrigin(request, options.publicUrl);
  request.session = session;
  if (access === 'session') return;
  if (access === 'founder') {
    request.principal = operatorPrincipal(session);
    return;
  }
  request.principal = await sessionPrincipal(request, session, options.store);
  requireRank(request.principal, access);
}

function requireRank({ rank, actor }: Principal, needed: Rank): void {
  if (RANKS.indexOf(rank) >= RANKS.indexOf(needed)) return;
  if (actor.kind === 'key') throw new Problem('service_key_required', 'An application key cannot do this. Use a service key.');
  if (needed === 'provider')
    throw new Problem('service_key_required', 'This is for the API provider: it takes a service key, or its operator.');
  throw new Problem(
    'role_required',
    `You are a ${rank} of this application. This takes ${needed === 'owner' ? 'an owner' : 'a developer'}: ask an owner.`,
  );
}
