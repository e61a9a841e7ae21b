/** The cookie of a portal session. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type CookieKind, cookieValues, setCookie } from './cookies.ts';

const PORTAL: CookieKind = { name: 'portal', value: /^[A-Za-z0-9_-]{43}$/, path: '/' };

export function readPortalCookie(request: FastifyRequest, secure: boolean): string | null {
  return cookieValues(request, PORTAL, secure)[0] ?? null;
}

/** `token` null ends it. */
export function setPortalCookie(
  reply: FastifyReply,
  token: string | null,
  options: { readonly secure: boolean; readonly seconds: number },
): void {
  setCookie(reply, PORTAL, { value: token, ...options });
}
