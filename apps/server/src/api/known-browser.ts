/**
 * A browser that has signed in to an account before: it has a cookie that says so, and that only a right password brings. Guesses of strangers then use up
 * strangers' tries only.
 */
import { randomBytes } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiOptions } from './context.ts';
import { type CookieKind, cookieValues, setCookie } from './cookies.ts';
import { isSecure } from './sessions.ts';

type Options = Pick<ApiOptions, 'accounts' | 'publicUrl'>;

const A_YEAR_S = 365 * 24 * 60 * 60;
const KNOWN: CookieKind = { name: 'known', value: /^[\w-]{22}\.[\w-]{22}$/, path: '/auth' };

/** @returns the browser's own name, for this account; null: it has never signed in to it */
export function knownBrowser(request: FastifyRequest, email: string, { accounts, publicUrl }: Options): string | null {
  for (const value of cookieValues(request, KNOWN, isSecure(publicUrl))) {
    const [browser = '', proof = ''] = value.split('.');
    if (accounts.isProofOf(proof, 'browser', browser, email)) return browser;
  }
  return null;
}

export function rememberBrowser(reply: FastifyReply, email: string, { accounts, publicUrl }: Options): void {
  const browser = randomBytes(16).toString('base64url');
  const value = `${browser}.${accounts.proofOf('browser', browser, email)}`;
  setCookie(reply, KNOWN, { value, seconds: A_YEAR_S, secure: isSecure(publicUrl) });
}
