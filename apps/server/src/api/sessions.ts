/** Sessions: a person who signed in, or a visitor of the portal, and as whom they act. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../accounts/accounts.ts';
import type { Application, Environment, Membership, Person, PortalSession, Store } from '../store/store.ts';
import { applicationNotFound, hashToken, type Principal, type Rank } from './auth.ts';
import type { ApiOptions } from './context.ts';
import { readPortalCookie } from './portal-cookie.ts';
import { Problem } from './problems.ts';

export type Session =
  | { readonly via: 'password'; readonly person: Person; readonly operator: boolean; readonly memberships: readonly Membership[] }
  | { readonly via: 'portal'; readonly visitor: PortalSession };

/** A visitor of the portal comes from the provider's own pages, just now: that counts before an older sign-in. */
export async function readSession(
  request: FastifyRequest,
  reply: FastifyReply,
  { store, accounts, publicUrl }: ApiOptions,
): Promise<Session | null> {
  const portal = readPortalCookie(request, isSecure(publicUrl));
  const visitor = portal === null ? null : await store.portal.session(hashToken(portal));
  if (visitor !== null) return { via: 'portal', visitor };
  const found = await accounts.session(callerOf(request));
  if (found === null) return null;
  for (const cookie of found.cookies) reply.header('set-cookie', cookie);
  return { via: 'password', person: found.person, ...(await store.people.standing(found.person.id)) };
}

/** Whether browsers reach this server by https only, so that cookies need not go any other way. */
export function isSecure(publicUrl: string | null): boolean {
  return publicUrl?.startsWith('https:') === true;
}

export function callerOf(request: FastifyRequest): Caller {
  return { ip: request.ip, cookie: request.headers.cookie, userAgent: request.headers['user-agent'] };
}

/** The session's person. @throws {Problem} for a visitor of the portal, who has no account */
export function personOf(request: FastifyRequest): Person {
  if (request.session?.via === 'password') return request.session.person;
  throw new Problem('account_required', 'A visitor of the portal has no account. Sign in with one.');
}

/** The operator, across applications and of no environment in particular; null: somebody else. */
export function operatorPrincipal(session: Session): Principal | null {
  if (session.via !== 'password' || !session.operator) return null;
  return { actor: actorOf(session), environment: 'production', confined: false, application: null, rank: 'provider' };
}

/** Where a session acts: `Posthorn-Environment` and `Posthorn-Application` say it. */
export async function sessionPrincipal(request: FastifyRequest, session: Session, store: Store): Promise<Principal> {
  const environment = environmentOf(request);
  const only = session.via === 'portal' ? session.visitor.environment : null;
  if (only !== null && only !== environment) throw new Problem('sandbox_only', 'The link that you came by is for the sandbox.');
  const named = request.headers['posthorn-application'];
  if (Array.isArray(named)) throw Problem.field('Posthorn-Application', 'is there twice');
  const { application, rank } = await placeOf(session, named, store);
  return { actor: actorOf(session), environment, confined: only !== null, application: application?.id ?? null, rank };
}

function actorOf(session: Session): Principal['actor'] {
  const { id, name } = session.via === 'portal' ? session.visitor : session.person;
  return { kind: 'person', id, name };
}

function environmentOf(request: FastifyRequest): Environment {
  const given = request.headers['posthorn-environment'];
  if (given === 'production' || given === 'sandbox') return given;
  if (given === 'staging') return 'sandbox';
  throw Problem.field('Posthorn-Environment', 'this header has to be production or sandbox for what a session does');
}

async function placeOf(
  session: Session,
  named: string | undefined,
  store: Store,
): Promise<{ readonly application: Application | null; readonly rank: Rank }> {
  if (session.via === 'password' && session.operator) {
    const application = named === undefined ? null : await store.applications.get(named);
    if (named !== undefined && application === null) throw applicationNotFound('Posthorn-Application');
    return { application, rank: 'provider' };
  }
  const memberships: readonly Membership[] = session.via === 'portal' ? [session.visitor] : session.memberships;
  const membership = named === undefined ? onlyOne(memberships) : memberships.find(({ application }) => isCalled(application, named));
  if (membership === undefined) throw applicationNotFound('Posthorn-Application');
  return { application: membership.application, rank: membership.role };
}

function onlyOne(memberships: readonly Membership[]): Membership | undefined {
  if (memberships.length === 0)
    throw new Problem(
      'membership_required',
      'You are a member of no application. Make one with POST /v1/applications, or ask for an invitation.',
    );
  if (memberships.length > 1)
    throw Problem.field('Posthorn-Application', 'you are a member of several applications: this header has to name one');
  return memberships[0];
}

function isCalled(application: Application, idOrUid: string): boolean {
  return application.id === idOrUid || application.uid === idOrUid;
}
