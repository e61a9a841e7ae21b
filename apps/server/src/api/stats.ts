import { type StatsQuery, StatsQuerySchema, StatsSchema, type StatsView } from '@posthorn/contract';
import {
  type ApplicationId,
  alignSpan,
  type EndpointId,
  formatStep,
  keptFor,
  MOST_POINTS,
  parseStep,
  type StatsPoint,
  type StatsSpan,
  statsPoints,
  stepFor,
  widthFor,
} from '@posthorn/core';
import type { FastifyRequest } from 'fastify';
import type { Store } from '../store/store.ts';
import { listedApplication, principalOf } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { instantOf, timestamp } from './instants.ts';
import { Problem } from './problems.ts';
import { endpointNotFound, requestedEndpoint } from './requested-endpoint.ts';
import { problemResponses } from './responses.ts';

const DAY_MS = 24 * 3_600_000;

export function statsRoutes(api: Api, { store }: ApiOptions): void {
  api.get(
    '/v1/stats',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'Attempts over time',
        description:
          'Of an endpoint, of an application, or of all of the environment. Steps of minutes reach back 3 days, of hours 90, of days 400.',
        operationId: 'getStats',
        tags: ['Statistics'],
        querystring: StatsQuerySchema,
        response: { 200: StatsSchema, ...problemResponses('application_not_found', 'endpoint_not_found') },
      },
    },
    async (request) => {
      const { environment } = principalOf(request);
      const scope = await scopeOf(request, request.query, store);
      const span = readSpan(request.query, await store.now());
      const rollups = await store.stats.rollups(environment, { ...scope, ...span, widthMs: widthFor(span.stepMs) });
      return statsView(span, statsPoints(rollups, span));
    },
  );
}

async function scopeOf(
  request: FastifyRequest,
  query: StatsQuery,
  store: Store,
): Promise<{ readonly application: ApplicationId | null; readonly endpoint: EndpointId | null }> {
  const application = await listedApplication(principalOf(request), query.application, store);
  if (query.endpoint === undefined) return { application, endpoint: null };
  const { endpoint } = await requestedEndpoint(request, query.endpoint, store);
  if (application !== null && endpoint.application !== application) throw endpointNotFound();
  return { application, endpoint: endpoint.id };
}

/** The span that a query asks for, in whole steps. Whatever would be answered with too little is refused instead. */
function readSpan(query: StatsQuery, now: number): StatsSpan {
  const until = instantOf(query.until, 'until') ?? now;
  const since = instantOf(query.since, 'since') ?? until - DAY_MS;
  if (since >= until) throw Problem.field('since', 'must lie before until');
  const stepMs = query.step === undefined ? suitableStep({ since, until, now }) : parseStep(query.step);
  if (stepMs === null) throw Problem.field('step', 'must be whole minutes, up to 31 days: 5m, 3h, 1d, or seconds');
  if ((until - since) / stepMs > MOST_POINTS)
    throw Problem.field('step', `makes more than ${MOST_POINTS} points of this span: take a longer one`);
  const kept = keptFor(widthFor(stepMs));
  if (since < now - kept) {
    throw Problem.field('step', `of ${formatStep(stepMs)} reaches back ${kept / DAY_MS} days: take a longer one, or a later since`);
  }
  return alignSpan({ since, until, stepMs });
}

/** What suits the span, and is still there. */
function suitableStep({ since, until, now }: { readonly since: number; readonly until: number; readonly now: number }): number {
  const fitting = stepFor(until - since);
  return [fitting, 3_600_000, DAY_MS].find((step) => step >= fitting && since >= now - keptFor(widthFor(step))) ?? fitting;
}

function statsView(span: StatsSpan, points: readonly StatsPoint[]): StatsView {
  return {
    since: timestamp(span.since),
    until: timestamp(span.until),
    step: formatStep(span.stepMs),
    data: points.map(({ at, accepted, failed, p50, p95, p99 }) => ({
      at: timestamp(at),
      accepted,
      failed,
      p50_ms: rounded(p50),
      p95_ms: rounded(p95),
      p99_ms: rounded(p99),
    })),
  };
}

/** Whole milliseconds, but for what takes less than ten. */
function rounded(ms: number | null): number | null {
  if (ms === null) return null;
  return ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms);
}
