/** What is asked of routes that do not exist (404), or not with this method (405). */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Api, WebApp } from './context.ts';
import { answerError, Problem } from './problems.ts';
import { isPage, sendPage } from './web-app.ts';

interface KnownRoute {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

/** Call it before the routes are made. */
export function answerUnknownRoutes(api: Api, webApp: WebApp | null): void {
  const known = new Map<string, KnownRoute>();
  api.addHook('onRoute', ({ url, method }) => {
    const route = known.get(url) ?? { pattern: pathPattern(url), methods: new Set() };
    for (const name of [method].flat()) route.methods.add(name);
    known.set(url, route);
  });

  const answer = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const path = request.url.split('?', 1)[0] ?? '';
    const methods = [...known.values()].filter(({ pattern }) => pattern.test(path)).flatMap((route) => [...route.methods]);
    if (methods.length === 0 && webApp !== null && isPage(request)) return sendPage(reply, webApp);
    return methods.length === 0 ? noRoute(request, reply) : otherMethods(methods, request, reply);
  };
  // Before a body is read: a stranger's megabyte would be in memory until the last of it has come.
  api.addHook('onRequest', async (request, reply) => (request.is404 ? answer(request, reply) : undefined));
  api.setNotFoundHandler(answer);
}

function noRoute(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return answerError(new Problem('route_not_found', 'Look the path up in the reference at /docs.'), request, reply);
}

/** RFC 9110, section 15.5.6: a 405 says what would do. OPTIONS asks for just that. */
function otherMethods(methods: readonly string[], request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const allow = [...new Set([...methods, 'OPTIONS'])].sort().join(', ');
  if (request.method === 'OPTIONS') return reply.code(204).header('Allow', allow).send();
  return answerError(new Problem('method_not_allowed', `This route takes ${allow}.`, { headers: { Allow: allow } }), request, reply);
}

function pathPattern(url: string): RegExp {
  const source = url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:\w+/g, '[^/]+');
  return new RegExp(`^${source}$`);
}
