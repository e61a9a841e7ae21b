/** The server's own cookies, beside those of better-auth. */
import type { FastifyReply, FastifyRequest } from 'fastify';

export interface CookieKind {
  readonly name: string;
  /** What a value looks like that was given by us. */
  readonly value: RegExp;
  readonly path: string;
}

/** Browsers keep a cookie of this prefix only if it came over https. */
const nameOf = ({ name }: CookieKind, secure: boolean): string => (secure ? `__Secure-posthorn.${name}` : `posthorn.${name}`);

/** The values that came with this name and look right: a browser may send several. */
export function cookieValues(request: FastifyRequest, kind: CookieKind, secure: boolean): string[] {
  return (request.headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.trim().split('=', 2))
    .filter(([name, value]) => name === nameOf(kind, secure) && value !== undefined && kind.value.test(value))
    .map(([, value = '']) => value);
}

/** `value` null ends it. Lax: other sites have to be able to lead here. */
export function setCookie(
  reply: FastifyReply,
  kind: CookieKind,
  { value, seconds, secure }: { readonly value: string | null; readonly seconds: number; readonly secure: boolean },
): void {
  const age = value === null ? 0 : seconds;
  reply.header(
    'set-cookie',
    `${nameOf(kind, secure)}=${value ?? ''}; Max-Age=${age}; Path=${kind.path}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`,
  );
}
