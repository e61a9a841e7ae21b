import { BrandingSchema } from '@posthorn/contract';
import type { Api, ApiOptions } from './context.ts';
import { openProblemResponses } from './responses.ts';

export function brandingRoutes(api: Api, { store, branding, signUp, mailer }: ApiOptions): void {
  api.get(
    '/v1/branding',
    {
      config: { access: 'open' },
      schema: {
        summary: 'How this installation presents itself',
        operationId: 'getBranding',
        tags: ['People'],
        security: [],
        response: { 200: BrandingSchema, ...openProblemResponses('store_unavailable') },
      },
    },
    async () => ({
      name: branding.name,
      logo_url: branding.logoUrl,
      accent_color: branding.accentColor,
      sign_up: signUp,
      needs_operator: !(await store.operators.any()),
      mail: mailer !== null,
      egress_addresses: [...branding.egressAddresses],
    }),
  );
}
