import { Type } from 'typebox';
import type { Api, ApiOptions } from './context.ts';
import { openProblemResponses } from './responses.ts';

const TAGS = ['Operation'];
const OK = Type.Object({ status: Type.String() }, { title: 'Health', examples: [{ status: 'ok' }] });

export function healthRoutes(api: Api, { store }: Pick<ApiOptions, 'store'>): void {
  api.get(
    '/healthz',
    {
      schema: {
        summary: 'Alive',
        description: 'The process answers.',
        operationId: 'healthz',
        tags: TAGS,
        security: [],
        response: { 200: OK, ...openProblemResponses() },
      },
    },
    async () => ({ status: 'ok' }),
  );

  api.get(
    '/readyz',
    {
      schema: {
        summary: 'Able to work',
        description: 'The database answers too.',
        operationId: 'readyz',
        tags: TAGS,
        security: [],
        response: { 200: OK, ...openProblemResponses('store_unavailable') },
      },
    },
    async () => {
      await store.check();
      return { status: 'ok' };
    },
  );
}
