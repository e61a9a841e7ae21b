import { ApplicationListQuerySchema, type AuditEntryView, AuditPageSchema } from '@posthorn/contract';
import type { AuditEntry } from '../store/store.ts';
import { listedApplication, principalOf } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { timestamp } from './instants.ts';
import { pageRequest, pageView } from './pages.ts';
import { problemResponses } from './responses.ts';

export function auditRoutes(api: Api, { store }: ApiOptions): void {
  api.get(
    '/v1/audit-log',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'Who changed what, and when',
        description:
          'Changes in the environment of the request, and those that belong to both. An entry is written in the transaction of the change that it tells of. Publishing an event and sending a test request change nothing that it tells of.',
        operationId: 'listAuditLog',
        tags: ['People'],
        querystring: ApplicationListQuerySchema,
        response: { 200: AuditPageSchema, ...problemResponses('invalid_cursor', 'application_not_found') },
      },
    },
    async (request) => {
      const principal = principalOf(request);
      const application = await listedApplication(principal, request.query.application, store);
      return pageView(request, await store.audit.list(principal.environment, { application, ...pageRequest(request) }), entryView);
    },
  );
}

function entryView({ id, at, actor, action, target, changes, environment }: AuditEntry): AuditEntryView {
  return { id, at: timestamp(at), actor: { ...actor }, action, target: { ...target }, changes: { ...changes }, environment };
}
