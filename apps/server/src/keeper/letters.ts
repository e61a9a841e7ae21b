/** What owners read when something happens to their endpoint. */
import type { Notice } from '../store/store.ts';

export interface Letter {
  readonly subject: string;
  readonly text: string;
}

/** @param options.webAppUrl where the web app is */
export function letter(notice: Notice, { serviceName, webAppUrl }: { readonly serviceName: string; readonly webAppUrl: string }): Letter {
  const { endpoint, environment, application } = notice;
  const [subject, ...paragraphs] = words(notice);
  const which = [
    `Endpoint: ${endpoint.url}${endpoint.description === '' ? '' : ` (${endpoint.description})`}`,
    `Application: ${application.name}`,
    `Environment: ${environment}`,
  ].join('\n');
  return {
    subject: `${subject} (${environment})`,
    text: `${[...paragraphs, which, `Its deliveries, and what to mend: ${webAppUrl}`, `This is an automatic message of ${serviceName}.`].join('\n\n')}\n`,
  };
}

/** Subject, then paragraphs. */
function words({ kind, detail }: Notice): string[] {
  const last = detail.lastFailure === null ? '' : ` The last attempt came to: ${detail.lastFailure}.`;
  const since = detail.failingSince === null ? '' : ` since ${new Date(detail.failingSince).toISOString()}`;
  switch (kind) {
    case 'endpoint.failing':
      return [
        'Your webhook endpoint keeps failing',
        `Not one webhook was accepted by your endpoint${since}.${last}`,
        'Events wait and are tried again. If nothing is accepted for as long again, the endpoint is disabled.',
      ];
    case 'endpoint.disabled':
      return [
        'Your webhook endpoint was disabled',
        detail.lastFailure === 'status 410'
          ? 'Your endpoint answered 410 (gone), which says that it wants no more webhooks. So it was disabled.'
          : `Not one webhook was accepted by your endpoint${since}, so it was disabled.${last}`,
        'What waits goes once you have mended the endpoint and enabled it again; what waits longer than 7 days can be recovered.',
      ];
    case 'endpoint.recovered':
      return ['Your webhook endpoint has recovered', 'Your endpoint accepts webhooks again. What waited is being delivered.'];
    case 'delivery.failed':
      return ['A webhook was not delivered', `A webhook could not be delivered.${last}`];
  }
}
