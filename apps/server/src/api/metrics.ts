import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { hashToken } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { Problem } from './problems.ts';
import { openProblemResponses } from './responses.ts';

const METRICS = Type.String({ title: 'Metrics', examples: ['posthorn_published_total{environment="sandbox"} 12'] });

/** `GET /metrics`: for whoever has its token; without one, for this machine only. */
export function metricsRoute(api: Api, { metrics }: Pick<ApiOptions, 'metrics'>): void {
  if (metrics === null) return;
  api.get(
    '/metrics',
    {
      schema: {
        summary: 'Figures for Prometheus',
        description:
          'With `Authorization: Bearer` and the value of `POSTHORN_METRICS_TOKEN`; without such a setting only while the server listens on a loopback address, and not through a proxy.',
        operationId: 'metrics',
        tags: ['Operation'],
        security: [],
        response: {
          200: { description: 'In Prometheus’ text format', content: { 'text/plain': { schema: METRICS } } },
          ...openProblemResponses('metrics_token_required'),
        },
      },
      serializerCompiler: () => (text) => text as string,
    },
    async (request, reply) => {
      if (!mayRead(request, metrics)) {
        throw new Problem(
          'metrics_token_required',
          'Set POSTHORN_METRICS_TOKEN, and send it in the header Authorization: Bearer <token>.',
          {
            headers: { 'WWW-Authenticate': 'Bearer realm="posthorn metrics"' },
          },
        );
      }
      const { contentType, body } = await metrics.text();
      return reply.type(contentType).send(body);
    },
  );
}

/** A proxy in front listens for everybody else, and a page that makes a browser ask (DNS rebinding) has a name of its own. */
function comesFromThisMachine({ headers, hostname }: FastifyRequest): boolean {
  const isForwarded = FORWARDED.some((name) => headers[name] !== undefined);
  return !isForwarded && /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

const FORWARDED = ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'forwarded', 'via'];

function mayRead(request: FastifyRequest, { token, open }: NonNullable<ApiOptions['metrics']>): boolean {
  if (token === null) return open && comesFromThisMachine(request);
  const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  // Hashes are of one length, so that the comparison tells nothing of the token's.
  return given !== undefined && timingSafeEqual(hashToken(given), hashToken(token));
}
