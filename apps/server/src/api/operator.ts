/** The operator: who becomes it, and what it sees of the whole. */
import { LinkSchema, SessionSchema } from '@posthorn/contract';
import { linkOver } from './account-problems.ts';
import { hashToken } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { BODY, problemResponses } from './responses.ts';
import { freshSessionView } from './session.ts';
import { personOf } from './sessions.ts';

const TAGS = ['Operation'];

export function operatorRoutes(api: Api, { store }: ApiOptions): void {
  api.post(
    '/v1/operator/claim',
    {
      config: { access: 'session' },
      schema: {
        summary: 'Become the operator',
        description: 'By the link that the first start printed, while there is no operator.',
        operationId: 'claimOperator',
        tags: TAGS,
        security: [{ session: [] }],
        body: LinkSchema,
        response: { 200: SessionSchema, ...problemResponses(...BODY, 'account_required', 'wrong_origin', 'link_over') },
      },
    },
    async (request) => {
      const { id, name } = personOf(request);
      const claimed = await store.as({ kind: 'person', id, name }).operators.claim(hashToken(request.body.token), id);
      if (!claimed) throw linkOver();
      return freshSessionView(request, store);
    },
  );
}
