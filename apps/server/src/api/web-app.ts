/** The web app: the files that apps/web builds, served as they are, and its one page for every address that is a page of it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import files from '@fastify/static';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Api, ApiOptions, WebApp } from './context.ts';

/** Under these the server speaks to programs, whatever they accept. */
const OF_PROGRAMS = /^\/(?:v1|auth|inbox|docs|assets|openapi\.json|healthz|readyz|metrics)(?:\/|$)/;
const A_YEAR_S = 365 * 24 * 60 * 60;

/** @returns null where the web app has not been built */
export function readWebApp(folder: string, { logoUrl }: { readonly logoUrl: string | null }): WebApp | null {
  const index = join(folder, 'index.html');
  return existsSync(index) ? { folder, index: readFileSync(index, 'utf8'), policy: contentPolicy(logoUrl) } : null;
}

/** No script but ours, nothing from elsewhere but the operator's logo, in nobody's frame. Components set styles as they open and move. */
function contentPolicy(logoUrl: string | null): string {
  const logo = logoUrl === null ? '' : ` ${new URL(logoUrl).origin}`;
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    `img-src 'self' data:${logo}`,
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

export async function webAppRoutes(api: Api, { webApp }: ApiOptions): Promise<void> {
  api.get('/', { schema: { hide: true } }, async (_request, reply) =>
    webApp === null ? reply.redirect('/docs') : sendPage(reply, webApp),
  );
  if (webApp === null) return;
  await api.register(files, {
    root: webApp.folder,
    index: false,
    // A route for each file, so that what is no file is a page, or a 404 like any other.
    wildcard: false,
    globIgnore: ['index.html', '.vite/**', '**/*.{br,gz}'],
    // The build puts them beside the files.
    preCompressed: true,
    cacheControl: false,
    schemaHide: true,
    setHeaders(reply, path) {
      // Vite puts a hash of the content into the names under assets/.
      const named = path.startsWith(join(webApp.folder, 'assets'));
      void reply.header('cache-control', named ? `public, max-age=${A_YEAR_S}, immutable` : 'public, max-age=3600');
    },
  });
}

/** Whether an address that no route has is for the web app to make sense of. */
export function isPage(request: FastifyRequest): boolean {
  const path = request.url.split('?', 1)[0] ?? '';
  const reads = request.method === 'GET' || request.method === 'HEAD';
  return reads && !OF_PROGRAMS.test(path) && /\btext\/html\b/.test(request.headers.accept ?? '');
}

export function sendPage(reply: FastifyReply, webApp: WebApp | null): FastifyReply {
  if (webApp === null) return reply.type('text/plain; charset=utf-8').serializer(String).send('The web app has not been built.\n');
  return reply
    .type('text/html; charset=utf-8')
    .headers({ 'cache-control': 'no-cache', 'content-security-policy': webApp.policy, 'cross-origin-opener-policy': 'same-origin' })
    .serializer(String)
    .send(webApp.index);
}
