/** The cookie of a portal session. */
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Browsers keep a cookie of this prefix only if it came over https. */
const nameOf = (secure: boolean): string => (secure ? '__Secure-posthorn.portal' : 'posthorn.portal');
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

export function readPortalCookie(request: FastifyRequest, secure: boolean): string | null {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [name, value] = pair.trim().split('=', 2);
    if (value !== undefined && name === nameOf(secure) && TOKEN.test(value)) return value;
  }
  return null;
}

/** `token` null ends it. Lax: the provider's page, another site, has to be able to lead here. */
export function setPortalCookie(
  reply: FastifyReply,
  token: string | null,
  options: { readonly secure: boolean; readonly seconds: number },
): void {
  const age = token === null ? 0 : options.seconds;
  reply.header(
    'set-cookie',
    `${nameOf(options.secure)}=${token ?? ''}; Max-Age=${age}; Path=/; HttpOnly; SameSite=Lax${options.secure ? '; Secure' : ''}`,
  );
}
