/**
 * A browser that has signed in to an account before: it has a cookie that says so, and that only a right password brings. Guesses of strangers then use up
 * strangers' tries only.
 */
import { randomBytes } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiOptions } from './context.ts';
import { isSecure } from './sessions.ts';

type Options = Pick<ApiOptions, 'accounts' | 'publicUrl'>;

const A_YEAR_S = 365 * 24 * 60 * 60;
const VALUE = /^([\w-]{22})\.([\w-]{22})$/;

const nameOf = (secure: boolean): string => (secure ? '__Secure-posthorn.known' : 'posthorn.known');

/** @returns the browser's own name, for this account; null: it has never signed in to it */
export function knownBrowser(request: FastifyRequest, email: string, { accounts, publicUrl }: Options): string | null {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [name, value = ''] = pair.trim().split('=', 2);
    if (name !== nameOf(isSecure(publicUrl))) continue;
    const [, browser = '', proof = ''] = VALUE.exec(value) ?? [];
    if (accounts.isProofOf(proof, 'browser', browser, email)) return browser;
  }
  return null;
}

export function rememberBrowser(reply: FastifyReply, email: string, { accounts, publicUrl }: Options): void {
  const browser = randomBytes(16).toString('base64url');
  const secure = isSecure(publicUrl);
  const value = `${browser}.${accounts.proofOf('browser', browser, email)}`;
  reply.header(
    'set-cookie',
    `${nameOf(secure)}=${value}; Max-Age=${A_YEAR_S}; Path=/auth; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`,
  );
}
