/** Rows of the outbox that were refused: which, why, and what to do with them. For the provider, who wrote them. */
import { IdParams, OutboxQuerySchema, OutboxRefusedPageSchema, type OutboxRefusedView } from '@posthorn/contract';
import type { RefusedRow } from '../store/store.ts';
import { principalOf } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { timestamp } from './instants.ts';
import { pageRequest, pageView } from './pages.ts';
import { Problem } from './problems.ts';
import { NO_CONTENT, problemResponses } from './responses.ts';

const TAGS = ['Outbox'];

export function outboxRoutes(api: Api, { store }: ApiOptions): void {
  api.get(
    '/v1/outbox/refused',
    {
      config: { access: 'provider' },
      schema: {
        summary: 'List refused rows of the outbox',
        description:
          'Rows of `posthorn.outbox` (PostgreSQL only) that failed a check and were set aside; they stop nobody. A row whose environment is none shows in both.',
        operationId: 'listRefusedOutboxRows',
        tags: TAGS,
        querystring: OutboxQuerySchema,
        response: { 200: OutboxRefusedPageSchema, ...problemResponses('invalid_cursor', 'service_key_required') },
      },
    },
    async (request) => {
      const { environment } = principalOf(request);
      return pageView(request, await store.outbox.refused(environment, pageRequest(request)), refusedView);
    },
  );

  api.post(
    '/v1/outbox/refused/:id/retry',
    {
      config: { access: 'provider' },
      schema: {
        summary: 'Take a refused row again',
        description: 'Puts it back into the outbox, at the end: after the application was created, say, or the schema mended.',
        operationId: 'retryRefusedOutboxRow',
        tags: TAGS,
        params: IdParams('The row’s id'),
        response: { 204: NO_CONTENT, ...problemResponses('outbox_row_not_found', 'service_key_required') },
      },
    },
    async (request, reply) => {
      const { environment, actor } = principalOf(request);
      if (!(await store.as(actor).outbox.retry(environment, request.params.id))) throw notFound();
      return reply.code(204).send();
    },
  );

  api.delete(
    '/v1/outbox/refused/:id',
    {
      config: { access: 'provider' },
      schema: {
        summary: 'Discard a refused row',
        operationId: 'discardRefusedOutboxRow',
        tags: TAGS,
        params: IdParams('The row’s id'),
        response: { 204: NO_CONTENT, ...problemResponses('outbox_row_not_found', 'service_key_required') },
      },
    },
    async (request, reply) => {
      const { environment, actor } = principalOf(request);
      if (!(await store.as(actor).outbox.discard(environment, request.params.id))) throw notFound();
      return reply.code(204).send();
    },
  );
}

function notFound(): Problem {
  return new Problem('outbox_row_not_found', 'No refused row of this environment has this id, or it was taken again or discarded already.');
}

function refusedView(row: RefusedRow): OutboxRefusedView {
  return {
    id: row.id,
    application: row.application,
    environment: row.environment,
    type: row.type,
    ordering_key: row.orderingKey,
    data: row.data,
    reason: row.reason,
    created_at: timestamp(row.createdAt),
    refused_at: timestamp(row.refusedAt),
  };
}
