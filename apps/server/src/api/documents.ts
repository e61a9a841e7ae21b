/** The API's own description: /openapi.json, its reader at /docs, and what each error code means at /docs/errors. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import swagger from '@fastify/swagger';
import scalar from '@scalar/fastify-api-reference';
import type { Api, ApiOptions } from './context.ts';
import { hoistSchemas } from './openapi.ts';

const ABOUT = `Posthorn takes an API's events and delivers them to its customers' webhook URLs: signed, on schedule, retried, in order.

**Keys.** Every request under \`/v1\` has the header \`Authorization: Bearer <key>\`. A key belongs to one environment, \`production\` or \`sandbox\`, and so picks it. Service keys (\`sk_…\`) are the API provider's backend; application keys (\`ak_…\`) are a customer's, for its own application only.

**Sessions.** The web app calls the same routes, with the cookie of whoever is signed in. The header \`Posthorn-Environment\` (\`production\` or \`sandbox\`) picks the environment, \`Posthorn-Application\` the application, where there is more than one. A member has a role: a viewer looks, a developer changes, an owner also decides who is a member. What changes something has to come from a page of this server (\`Origin\`).

**Errors** are \`application/problem+json\` (RFC 9457) with a stable \`code\`; [each is explained](/docs/errors). Unknown fields and query parameters are refused.

**Lists** are newest first, in pages: pass \`next_cursor\` back as \`cursor\`.`;

const ERRORS_FILE = join(import.meta.dirname, '../../../../docs/errors.md');

/**
 * The reader's script is served by us, and may speak to us alone: whatever it would like to load from elsewhere (fonts,
 * a request proxy, an assistant), the browser refuses.
 */
const READER_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'unsafe-inline'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Call it before the routes that the document is to have. */
export async function describeApi(api: Api, { publicUrl, version }: ApiOptions): Promise<void> {
  await api.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Posthorn', version, description: ABOUT, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
      servers: [{ url: publicUrl ?? '/' }],
      security: [{ key: [] }, { session: [] }],
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: 'A service key or an application key' },
          session: {
            type: 'apiKey',
            in: 'cookie',
            name: 'posthorn.session_token',
            description: 'What signing in sets. The headers `Posthorn-Environment` and `Posthorn-Application` say where it acts',
          },
        },
      },
    },
    transformObject: (documents) => ('openapiObject' in documents ? hoistSchemas(documents.openapiObject) : documents.swaggerObject),
  });
}

export async function documentRoutes(api: Api): Promise<void> {
  let text: string | null = null;
  api.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    text ??= JSON.stringify(api.swagger());
    return reply.type('application/json; charset=utf-8').serializer(String).send(text);
  });

  const errors = readFileSync(ERRORS_FILE, 'utf8');
  api.get('/docs/errors', { schema: { hide: true } }, async (_request, reply) => {
    return reply.type('text/html; charset=utf-8').serializer(String).send(errorsPage(errors));
  });

  api.addHook('onSend', async (request, reply) => {
    if (request.routeOptions.url?.startsWith('/docs') === true) reply.header('Content-Security-Policy', READER_POLICY);
  });
  await api.register(scalar, {
    routePrefix: '/docs',
    configuration: {
      url: '/openapi.json',
      pageTitle: 'Posthorn API',
      withDefaultFonts: false,
      telemetry: false,
      showDeveloperTools: 'never',
      hideClientButton: true,
      agent: { disabled: true },
      mcp: { disabled: true },
    },
  });
}

/** docs/errors.md as a page whose headings can be linked to: `## \`code\`` becomes an anchor, the rest paragraphs. */
function errorsPage(markdown: string): string {
  const blocks = markdown.split(/\n{2,}/).map((block) => {
    const text = escapeHtml(block.trim());
    const anchor = /^## `([a-z_]+)`(.*)$/s.exec(text);
    if (anchor !== null) return `<h2 id="${anchor[1]}"><code>${anchor[1]}</code>${anchor[2]}</h2>`;
    const heading = /^(#+) (.*)$/s.exec(text);
    if (heading !== null) return `<h1>${heading[2]}</h1>`;
    return `<p>${text.replace(/`([^`]+)`/g, '<code>$1</code>')}</p>`;
  });
  const style = 'body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}:target{background:#ff9}';
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Posthorn errors</title><style>${style}</style>${blocks.join('\n')}</html>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
