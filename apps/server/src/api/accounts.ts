/** Signing up, in and out. The work is better-auth's; what is asked and answered is ours, strict and documented as everywhere. */
import {
  PasswordChangeSchema,
  PasswordResetRequestSchema,
  PasswordResetSchema,
  type PersonView,
  SignedInSchema,
  SignedUpSchema,
  SignInSchema,
  SignUpSchema,
} from '@posthorn/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Acted } from '../accounts/accounts.ts';
import { linkOver, problemOfAccounts, tooManyTries } from './account-problems.ts';
import { hashToken } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { readInvitationLink } from './invitation-link.ts';
import { knownBrowser, rememberBrowser } from './known-browser.ts';
import { refuseForeignOrigin } from './origin.ts';
import { readPortalCookie, setPortalCookie } from './portal-cookie.ts';
import { Problem } from './problems.ts';
import { BODY, NO_CONTENT, openProblemResponses } from './responses.ts';
import { callerOf, isSecure, personOf } from './sessions.ts';

const TAGS = ['Accounts'];
/** Of one address, from wherever: what slows down guessing with many addresses of one's own. */
const TRIES_OF_ADDRESS = { window: 900, max: 30 };

/** Strangers send these, and keep what they send in memory for a minute if they like. */
const MOST_BYTES = 128 * 1024;

export function accountRoutes(api: Api, options: ApiOptions): void {
  const { accounts, publicUrl, mailer, log } = options;
  api.addHook('onRoute', (route) => {
    if (route.url.startsWith('/auth/')) route.bodyLimit = MOST_BYTES;
  });
  api.addHook('onRequest', async (request) => {
    if (request.method === 'POST' && request.routeOptions.url?.startsWith('/auth/') === true) refuseForeignOrigin(request, publicUrl);
  });

  api.post(
    '/auth/sign-up/email',
    {
      schema: {
        summary: 'Make an account',
        description:
          'And sign in with it, unless its address has to be confirmed first: then the same answer comes whether or not there is one already.',
        operationId: 'signUp',
        tags: TAGS,
        security: [],
        body: SignUpSchema,
        response: { 200: SignedUpSchema, ...openProblemResponses(...BODY, ...SIGNING, 'sign_up_closed', 'email_taken') },
      },
    },
    async (request, reply) => {
      const { name, password, token } = request.body;
      const email = request.body.email.toLowerCase();
      const invitation = token === undefined ? 'none' : await invitationOf(token, email, options);
      if (options.signUp === 'closed' && invitation === 'none') {
        throw new Problem('sign_up_closed', 'Ask for an invitation, and sign up with the address that it is for.');
      }
      const caller = callerOf(request);
      const signedUp = succeeded(await accounts.act('/sign-up/email', { name, email, password }, caller));
      if (mailer !== null && invitation === 'proof') {
        await accounts.confirmEmail(email, { name, password });
        const signedIn = succeeded(await accounts.act('/sign-in/email', { email, password }, caller));
        return reply.send({ person: begin(reply, signedIn, { request, publicUrl }), verify_email: false });
      }
      if (mailer !== null) return reply.send({ person: null, verify_email: true });
      return reply.send({ person: begin(reply, signedUp, { request, publicUrl }), verify_email: false });
    },
  );

  api.post(
    '/auth/sign-in/email',
    {
      schema: {
        summary: 'Sign in',
        operationId: 'signIn',
        tags: TAGS,
        security: [],
        body: SignInSchema,
        response: { 200: SignedInSchema, ...openProblemResponses(...BODY, ...SIGNING, 'invalid_credentials', 'email_unverified') },
      },
    },
    async (request, reply) => {
      const { password } = request.body;
      const email = request.body.email.toLowerCase();
      // Strangers who guess must not shut out whoever has signed in here before: a known browser is counted by itself.
      const tries = `sign-in:${email}:${knownBrowser(request, email, options) ?? ''}`;
      const { retryAfter } = accounts.tries.consume(tries, TRIES_OF_ADDRESS);
      if (retryAfter !== null) throw tooManyTries(retryAfter);
      const caller = callerOf(request);
      const answer = await accounts.act('/sign-in/email', { email, password }, caller);
      // Refused for its network address, it has tried no password.
      if (!answer.ok && answer.status === 429) accounts.tries.add(tries, TRIES_OF_ADDRESS, -1);
      const acted = succeeded(answer);
      accounts.tries.clear(tries);
      rememberBrowser(reply, email, options);
      // The session that the browser had is over: nobody who knew it comes along.
      await accounts.endSession(caller);
      return reply.send({ person: begin(reply, acted, { request, publicUrl }) });
    },
  );

  api.post(
    '/auth/sign-out',
    {
      schema: {
        summary: 'Sign out',
        description: 'Ends the session of a visitor of the portal as well.',
        operationId: 'signOut',
        tags: TAGS,
        security: [],
        response: { 204: NO_CONTENT, ...openProblemResponses('wrong_origin', 'store_unavailable') },
      },
    },
    async (request, reply) => {
      const portal = readPortalCookie(request, isSecure(publicUrl));
      if (portal !== null) await options.store.portal.end(hashToken(portal));
      setPortalCookie(reply, null, { secure: isSecure(publicUrl), seconds: 0 });
      const acted = succeeded(await accounts.act('/sign-out', {}, callerOf(request)));
      for (const cookie of acted.cookies) reply.header('set-cookie', cookie);
      return reply.code(204).send();
    },
  );

  api.post(
    '/auth/change-password',
    {
      config: { access: 'session' },
      schema: {
        summary: 'Change the password',
        description: 'Ends the person’s other sessions.',
        operationId: 'changePassword',
        tags: TAGS,
        security: [{ session: [] }],
        body: PasswordChangeSchema,
        response: { 204: NO_CONTENT, ...openProblemResponses(...BODY, ...SIGNING, 'unauthenticated', 'account_required') },
      },
    },
    async (request, reply) => {
      const { current_password: currentPassword, password: newPassword } = request.body;
      personOf(request);
      const body = { currentPassword, newPassword, revokeOtherSessions: true };
      const acted = succeeded(await accounts.act('/change-password', body, callerOf(request)));
      for (const cookie of acted.cookies) reply.header('set-cookie', cookie);
      return reply.code(204).send();
    },
  );

  api.post(
    '/auth/request-password-reset',
    {
      schema: {
        summary: 'Have a link for a new password mailed',
        description: 'The same answer comes, and as soon, whether or not the address has an account.',
        operationId: 'requestPasswordReset',
        tags: TAGS,
        security: [],
        body: PasswordResetRequestSchema,
        response: { 202: NOTHING, ...openProblemResponses(...BODY, ...SIGNING, 'mail_not_set_up') },
      },
    },
    async (request, reply) => {
      if (mailer === null) throw new Problem('mail_not_set_up', 'Ask whoever runs this installation for a new password.');
      const email = request.body.email.toLowerCase();
      const { retryAfter } = accounts.tries.consume(`reset:${email}`, { window: 900, max: 3 });
      if (retryAfter !== null) throw tooManyTries(retryAfter);
      accounts
        .act('/request-password-reset', { email }, callerOf(request))
        .catch((error: unknown) => log.error({ err: error }, 'password reset'));
      return reply.code(202).send({});
    },
  );

  api.post(
    '/auth/reset-password',
    {
      schema: {
        summary: 'Set a new password',
        description: 'By the link that was mailed. Ends all sessions of the person.',
        operationId: 'resetPassword',
        tags: TAGS,
        security: [],
        body: PasswordResetSchema,
        response: { 204: NO_CONTENT, ...openProblemResponses(...BODY, ...SIGNING, 'link_over') },
      },
    },
    async (request, reply) => {
      const { token, password: newPassword } = request.body;
      succeeded(await accounts.act('/reset-password', { token, newPassword }, callerOf(request)));
      return reply.code(204).send();
    },
  );

  api.get(
    '/auth/verify-email',
    { exposeHeadRoute: false, schema: { hide: true, querystring: Type.Object({ token: Type.String({ maxLength: 2048 }) }) } },
    async (request, reply) => {
      const acted = await accounts.verifyEmail(request.query.token, callerOf(request));
      if (!acted.ok && acted.status !== 429 && acted.status < 500) throw linkOver();
      for (const cookie of succeeded(acted).cookies) reply.header('set-cookie', cookie);
      return reply.redirect('/', 303);
    },
  );
}

/** What the routes here may be answered with. */
const SIGNING = ['wrong_origin', 'too_many_requests', 'store_unavailable'] as const;
const NOTHING = Type.Object({}, { title: 'Nothing', examples: [{}] });

type Succeeded = Extract<Acted, { readonly ok: true }>;

function succeeded(acted: Acted): Succeeded {
  if (!acted.ok) throw problemOfAccounts(acted);
  return acted;
}

/** Hands the browser its session. A visit of the portal is over with it. */
function begin(
  reply: FastifyReply,
  acted: Succeeded,
  { request, publicUrl }: { readonly request: FastifyRequest; readonly publicUrl: string | null },
): PersonView {
  for (const cookie of acted.cookies) reply.header('set-cookie', cookie);
  const secure = isSecure(publicUrl);
  if (readPortalCookie(request, secure) !== null) setPortalCookie(reply, null, { secure, seconds: 0 });
  const { id, email, name } = (acted.body as { user: PersonView }).user;
  return { id, email, name };
}

/**
 * Whether the token is of an open invitation of this address, or of the operator’s link; `proof`: and its holder needs no second proof of the address. The
 * provider has vouched for that, or they have read the mail. An owner who invites sees a link, too, which proves nothing of somebody else's address.
 */
async function invitationOf(link: string, email: string, { store, accounts, clock }: ApiOptions): Promise<'none' | 'invited' | 'proof'> {
  if (await store.operators.isLink(hashToken(link))) return 'proof';
  const { token, proof } = readInvitationLink(link);
  const invitation = await store.invitations.byToken(hashToken(token));
  if (invitation === null || invitation.endedAt !== null || invitation.expiresAt <= clock.now() || invitation.email !== email)
    return 'none';
  return accounts.isProofOf(proof, 'invitation', token, email) ? 'proof' : 'invited';
}
