import {
  ApplicationListQuerySchema,
  ApplicationQuerySchema,
  IdParams,
  InvitationByTokenSchema,
  InvitationCreatedSchema,
  InvitationCreateSchema,
  InvitationPageSchema,
  type InvitationView,
  LinkParamsSchema,
  LinkSchema,
  SessionSchema,
} from '@posthorn/contract';
import { MAILS_OF_ADDRESS } from '../accounts/mails.ts';
import type { RateLimit } from '../accounts/rate-limit.ts';
import type { Invitation } from '../store/store.ts';
import { linkOver, tooManyTries } from './account-problems.ts';
import { applicationNotFound, chosenApplication, hashToken, newSecretToken, principalOf, requireSayOverPeople } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { timestamp } from './instants.ts';
import { readInvitationLink } from './invitation-link.ts';
import { mailInvitation } from './invitation-mail.ts';
import { pageRequest, pageView } from './pages.ts';
import { Problem } from './problems.ts';
import { BODY, NO_CONTENT, openProblemResponses, problemResponses } from './responses.ts';
import { freshSessionView } from './session.ts';
import { personOf } from './sessions.ts';

const TAGS = ['People'];
const OPEN_FOR_MS = 7 * 24 * 60 * 60 * 1000;
/** Of one application, by its owners: they are mails to whomever they like, in the operator's name. */
const MAILED = { window: 3600, max: 20 };

export function invitationRoutes(api: Api, options: ApiOptions): void {
  const { store, accounts, mailer, clock, baseUrl } = options;

  api.post(
    '/v1/invitations',
    {
      config: { access: 'owner' },
      schema: {
        summary: 'Invite somebody',
        description:
          'The link is open for 7 days, works once, and only for this address. A newer invitation of the same address replaces an older one.',
        operationId: 'createInvitation',
        tags: TAGS,
        body: InvitationCreateSchema,
        response: {
          201: InvitationCreatedSchema,
          ...problemResponses(...BODY, 'service_key_required', 'production_key_required', 'application_not_found', 'already_member'),
        },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request);
      requireSayOverPeople(principal);
      const application = await chosenApplication(principal, request.body.application, store);
      const token = newSecretToken();
      const email = request.body.email.toLowerCase();
      if (principal.rank !== 'provider' && mailer !== null) limitMails(application, email, accounts.tries);
      const invitation = await store.as(principal.actor).invitations.create({
        application,
        email,
        role: request.body.role,
        tokenHash: hashToken(token),
        expiresAt: clock.now() + OPEN_FOR_MS,
      });
      if (invitation === null) throw applicationNotFound('application');
      if (invitation === 'member') throw new Problem('already_member', 'Whoever has this address is a member already.');
      const plain = `${baseUrl()}/invite/${token}`;
      // Without mail, addresses are taken as given.
      const withProof = mailer === null ? plain : `${plain}.${accounts.proofOf('invitation', token, email)}`;
      const mailed = await mailInvitation({ invitation, url: withProof, from: principal.actor.name }, options);
      const url = principal.rank === 'provider' ? withProof : plain;
      return reply.code(201).send({ ...invitationView(invitation), url, mailed });
    },
  );

  api.get(
    '/v1/invitations',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'List open invitations',
        operationId: 'listInvitations',
        tags: TAGS,
        querystring: ApplicationListQuerySchema,
        response: { 200: InvitationPageSchema, ...problemResponses('invalid_cursor', 'application_not_found') },
      },
    },
    async (request) => {
      const page = pageRequest(request);
      const application = await chosenApplication(principalOf(request), request.query.application, store);
      return pageView(request, await store.invitations.list(application, page), invitationView);
    },
  );

  api.delete(
    '/v1/invitations/:id',
    {
      config: { access: 'owner' },
      schema: {
        summary: 'Withdraw an invitation',
        operationId: 'deleteInvitation',
        tags: TAGS,
        params: IdParams('An invitation’s id'),
        querystring: ApplicationQuerySchema,
        response: {
          204: NO_CONTENT,
          ...problemResponses('service_key_required', 'production_key_required', 'application_not_found', 'invitation_not_found'),
        },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request);
      requireSayOverPeople(principal);
      const application = await chosenApplication(principal, request.query.application, store);
      if (!(await store.as(principal.actor).invitations.withdraw(application, request.params.id))) throw invitationNotFound();
      return reply.code(204).send();
    },
  );

  api.get(
    '/v1/invitations/by-token/:token',
    {
      config: { access: 'open' },
      schema: {
        summary: 'What an invitation’s link is for',
        operationId: 'getInvitationByToken',
        tags: TAGS,
        security: [],
        params: LinkParamsSchema,
        response: { 200: InvitationByTokenSchema, ...openProblemResponses('invitation_not_found', 'store_unavailable') },
      },
    },
    async (request) => {
      const invitation = await store.invitations.byToken(hashToken(readInvitationLink(request.params.token).token));
      if (invitation === null) throw invitationNotFound();
      const { application, email, role, endedAt, expiresAt } = invitation;
      return { application: application.name, email, role, expired: endedAt !== null || expiresAt <= clock.now() };
    },
  );

  api.post(
    '/v1/invitations/accept',
    {
      config: { access: 'session' },
      schema: {
        summary: 'Accept an invitation',
        description: 'Makes whoever is signed in a member. The invitation has to be for their address.',
        operationId: 'acceptInvitation',
        tags: TAGS,
        security: [{ session: [] }],
        body: LinkSchema,
        response: {
          200: SessionSchema,
          ...problemResponses(...BODY, 'account_required', 'wrong_origin', 'invitation_for_another', 'link_over'),
        },
      },
    },
    async (request) => {
      const person = personOf(request);
      const changes = store.as({ kind: 'person', id: person.id, name: person.name });
      const accepted = await changes.invitations.accept(hashToken(readInvitationLink(request.body.token).token), person);
      if (accepted === 'over') throw linkOver();
      if (accepted === 'for_another')
        throw new Problem('invitation_for_another', `You are signed in as ${person.email}, and the invitation is for another address.`);
      return freshSessionView(request, store);
    },
  );
}

/** @throws {Problem} */
function limitMails(application: string, email: string, tries: RateLimit): void {
  const { retryAfter } = tries.consume(`invite:${application}`, MAILED);
  if (retryAfter !== null) throw tooManyTries(retryAfter);
  const ofAddress = tries.consume(`mail:${email}`, MAILS_OF_ADDRESS).retryAfter;
  if (ofAddress !== null) throw tooManyTries(ofAddress);
}

function invitationNotFound(): Problem {
  return new Problem('invitation_not_found', 'There is no such invitation, or it has ended.');
}

function invitationView(invitation: Invitation): InvitationView {
  return {
    id: invitation.id,
    email: invitation.email,
    role: invitation.role,
    created_at: timestamp(invitation.createdAt),
    expires_at: timestamp(invitation.expiresAt),
  };
}
