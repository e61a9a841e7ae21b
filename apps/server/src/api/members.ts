import {
  ApplicationListQuerySchema,
  ApplicationQuerySchema,
  IdParams,
  MemberPageSchema,
  MemberSchema,
  MemberUpdateSchema,
  type MemberView,
} from '@posthorn/contract';
import type { Member } from '../store/store.ts';
import { chosenApplication, principalOf, requireSayOverPeople } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { timestamp } from './instants.ts';
import { pageRequest, pageView } from './pages.ts';
import { Problem } from './problems.ts';
import { BODY, NO_CONTENT, problemResponses } from './responses.ts';

const TAGS = ['People'];
const PARAMS = IdParams('A person’s id');

export function memberRoutes(api: Api, { store }: ApiOptions): void {
  api.get(
    '/v1/members',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'List members',
        operationId: 'listMembers',
        tags: TAGS,
        querystring: ApplicationListQuerySchema,
        response: { 200: MemberPageSchema, ...problemResponses('invalid_cursor', 'application_not_found') },
      },
    },
    async (request) => {
      const page = pageRequest(request);
      const application = await chosenApplication(principalOf(request), request.query.application, store);
      return pageView(request, await store.people.members(application, page), memberView);
    },
  );

  api.patch(
    '/v1/members/:id',
    {
      config: { access: 'owner' },
      schema: {
        summary: 'Change a member’s role',
        operationId: 'updateMember',
        tags: TAGS,
        params: PARAMS,
        querystring: ApplicationQuerySchema,
        body: MemberUpdateSchema,
        response: { 200: MemberSchema, ...problemResponses(...BODY, ...OWNING, 'member_not_found', 'last_owner') },
      },
    },
    async (request) => {
      const principal = principalOf(request);
      requireSayOverPeople(principal);
      const application = await chosenApplication(principal, request.query.application, store);
      const changed = await store.as(principal.actor).people.setRole(application, request.params.id, request.body.role);
      if (changed === null) throw memberNotFound();
      if (changed === 'last_owner') throw lastOwner();
      return memberView(changed);
    },
  );

  api.delete(
    '/v1/members/:id',
    {
      config: { access: 'owner' },
      schema: {
        summary: 'Remove a member',
        description: 'At once: their next request finds them out.',
        operationId: 'deleteMember',
        tags: TAGS,
        params: PARAMS,
        querystring: ApplicationQuerySchema,
        response: { 204: NO_CONTENT, ...problemResponses(...OWNING, 'member_not_found', 'last_owner') },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request);
      requireSayOverPeople(principal);
      const application = await chosenApplication(principal, request.query.application, store);
      const removed = await store.as(principal.actor).people.remove(application, request.params.id);
      if (removed === null) throw memberNotFound();
      if (removed === 'last_owner') throw lastOwner();
      return reply.code(204).send();
    },
  );
}

/** What an owner's route may be answered with. */
const OWNING = ['service_key_required', 'production_key_required', 'application_not_found'] as const;

function memberNotFound(): Problem {
  return new Problem('member_not_found', 'Nobody with this id is a member of the application.');
}

function lastOwner(): Problem {
  return new Problem('last_owner', 'Make somebody else an owner first.');
}

function memberView(member: Member): MemberView {
  return { id: member.id, email: member.email, name: member.name, role: member.role, created_at: timestamp(member.createdAt) };
}
