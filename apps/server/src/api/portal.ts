/**
 * The portal: the provider sends its already signed-in customer straight to the web app, without another account. Its backend asks for a link, its
 * page leads there, and the link, which works once, becomes a session.
 */
import { ApplicationParamsSchema, LinkParamsSchema, PortalLinkCreateSchema, PortalLinkSchema } from '@posthorn/contract';
import { applicationNotFound, applicationOf, hashToken, newSecretToken, principalOf } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { timestamp } from './instants.ts';
import { setPortalCookie } from './portal-cookie.ts';
import { BODY, problemResponses } from './responses.ts';
import { isSecure } from './sessions.ts';
import { sendPage } from './web-app.ts';

const SESSION_SECONDS = 12 * 60 * 60;
const LINK_SECONDS = 300;

export function portalRoutes(api: Api, { store, clock, baseUrl, publicUrl, webApp }: ApiOptions): void {
  api.post(
    '/v1/applications/:application/portal-link',
    {
      config: { access: 'provider' },
      schema: {
        summary: 'Make a link into the web app',
        description:
          'For a customer who is signed in at the provider’s own site. It works once; the session that it opens lasts 12 hours. Made with a service key of the sandbox, it opens the sandbox only.',
        operationId: 'createPortalLink',
        tags: ['Applications'],
        params: ApplicationParamsSchema,
        body: PortalLinkCreateSchema,
        'x-body-optional': true,
        response: { 201: PortalLinkSchema, ...problemResponses(...BODY, 'service_key_required', 'application_not_found') },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request);
      const application = await applicationOf(principal, request.params.application, { store, path: 'application' });
      const { expires_in_seconds: seconds = LINK_SECONDS, role = 'developer', name = 'A visitor of the portal' } = request.body;
      const token = newSecretToken();
      const expiresAt = clock.now() + seconds * 1000;
      // A key of the sandbox opens nothing of production, by way of a visitor either.
      const environment = principal.actor.kind === 'key' && principal.environment === 'sandbox' ? 'sandbox' : null;
      const link = { application: application.id, environment, role, name, tokenHash: hashToken(token), expiresAt } as const;
      if (!(await store.as(principal.actor).portal.addLink(link))) throw applicationNotFound('application');
      return reply.code(201).send({ url: `${baseUrl()}/portal/${token}`, expires_at: timestamp(expiresAt) });
    },
  );

  // Without a HEAD of its own: what merely looks at a link must not use it up.
  api.get('/portal/:token', { exposeHeadRoute: false, schema: { hide: true, params: LinkParamsSchema } }, async (request, reply) => {
    const token = newSecretToken();
    const session = { tokenHash: hashToken(token), expiresAt: clock.now() + SESSION_SECONDS * 1000 };
    const opened = await store.portal.open(hashToken(request.params.token), session);
    reply.header('cache-control', 'no-store');
    if (opened === null) return sendPage(reply.code(410), webApp);
    setPortalCookie(reply, token, { secure: isSecure(publicUrl), seconds: SESSION_SECONDS });
    return reply.redirect('/', 303);
  });
}
