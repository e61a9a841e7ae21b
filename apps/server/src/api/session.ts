/** The session, as the web app asks for it. */
import { ENVIRONMENTS, SessionSchema, SessionUpdateSchema, type SessionView } from '@posthorn/contract';
import type { FastifyRequest } from 'fastify';
import type { Membership, Store } from '../store/store.ts';
import { problemOfAccounts } from './account-problems.ts';
import { unauthenticated } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { BODY, problemResponses } from './responses.ts';
import { callerOf, personOf, type Session } from './sessions.ts';

const TAGS = ['People'];

export function sessionRoutes(api: Api, { store, accounts }: ApiOptions): void {
  api.get(
    '/v1/session',
    {
      config: { access: 'session' },
      schema: {
        summary: 'Who is signed in',
        operationId: 'getSession',
        tags: TAGS,
        security: [{ session: [] }],
        response: { 200: SessionSchema, ...problemResponses() },
      },
    },
    async (request) => sessionView(sessionOf(request)),
  );

  api.patch(
    '/v1/session',
    {
      config: { access: 'session' },
      schema: {
        summary: 'Change one’s own name',
        operationId: 'updateSession',
        tags: TAGS,
        security: [{ session: [] }],
        body: SessionUpdateSchema,
        response: { 200: SessionSchema, ...problemResponses(...BODY, 'account_required', 'wrong_origin') },
      },
    },
    async (request) => {
      const person = personOf(request);
      const { name } = request.body;
      const acted = await accounts.act('/update-user', { name }, callerOf(request));
      if (!acted.ok) throw problemOfAccounts(acted);
      return sessionView({ via: 'password', person: { ...person, name }, ...(await store.people.standing(person.id)) });
    },
  );
}

/** Every route whose access is `session` has one. */
function sessionOf(request: FastifyRequest): Session {
  if (request.session === null) throw unauthenticated('Sign in.');
  return request.session;
}

/** The session of a person whose standing has just changed. */
export async function freshSessionView(request: FastifyRequest, store: Store): Promise<SessionView> {
  const person = personOf(request);
  return sessionView({ via: 'password', person, ...(await store.people.standing(person.id)) });
}

function sessionView(session: Session): SessionView {
  if (session.via === 'portal') {
    const { environment } = session.visitor;
    const environments = environment === null ? [...ENVIRONMENTS] : [environment];
    return { person: null, operator: false, via: 'portal', environments, applications: [place(session.visitor)] };
  }
  const { person, operator, memberships } = session;
  const { id, email, name } = person;
  return { person: { id, email, name }, operator, via: 'password', environments: [...ENVIRONMENTS], applications: memberships.map(place) };
}

function place({ application: { id, name, uid }, role }: Membership): SessionView['applications'][number] {
  return { id, name, uid, role };
}
