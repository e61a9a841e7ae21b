/**
 * Cross-site request forgery: a browser adds the cookies of a session to whatever page makes it send a request, and tells in `Origin` which page that
 * was. So what a session changes has to come from our own pages.
 */
import type { FastifyRequest } from 'fastify';
import { Problem } from './problems.ts';

/** @throws {Problem} unless the request says that it comes from a page of ours */
export function requireOwnOrigin(request: FastifyRequest, publicUrl: string | null): void {
  const { origin } = request.headers;
  if (origin === undefined)
    throw wrongOrigin('A session’s changes have to say where they come from, in the header Origin. Browsers do; programs use a key.');
  if (isOwn(origin, request, publicUrl)) return;
  throw wrongOrigin(
    publicUrl === null
      ? 'This request comes from a page of another host. If that is yours, set POSTHORN_PUBLIC_URL to where people reach this server.'
      : `This request does not come from ${publicUrl}, which is where the pages of this server are. Open them there.`,
  );
}

/** The same, for what may also come from a program that has no cookies of ours: signing in. */
export function refuseForeignOrigin(request: FastifyRequest, publicUrl: string | null): void {
  if (request.headers.origin !== undefined || request.headers.cookie !== undefined) requireOwnOrigin(request, publicUrl);
}

function isOwn(origin: string, request: FastifyRequest, publicUrl: string | null): boolean {
  if (publicUrl !== null) return origin === new URL(publicUrl).origin;
  // Nobody said where we are reached. Then the page has to be of the host that the request itself went to: a foreign page cannot choose that.
  const page = URL.parse(origin);
  return page !== null && page.origin === origin && page.host === request.host.toLowerCase();
}

function wrongOrigin(detail: string): Problem {
  return new Problem('wrong_origin', detail);
}
