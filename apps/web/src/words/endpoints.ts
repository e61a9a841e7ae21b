import type { EndpointView } from '@posthorn/contract';
import type { Tone } from './deliveries.ts';

/**
 * How an endpoint is, in a word: its status and its health together. The health is `ok` until its circuit breaker opens or its owner is told, which
 * may take days; whoever looks is to see from the first failure on that nothing has been accepted since.
 */
export function endpointState(endpoint: Pick<EndpointView, 'status' | 'health'>): { readonly words: string; readonly tone: Tone } {
  if (endpoint.status === 'disabled') return { words: 'Disabled', tone: 'bad' };
  if (endpoint.status === 'paused') return { words: 'Paused', tone: 'none' };
  if (endpoint.health.state === 'failing') return { words: 'Failing', tone: 'bad' };
  if (endpoint.health.reason !== null) return { words: 'Enabled, failing', tone: 'warn' };
  return { words: 'Enabled', tone: 'good' };
}

export function disabledWords(reason: EndpointView['disabled_reason']): string {
  return reason === 'gone'
    ? 'It answered 410 (gone for good), so nothing is sent to it any more. Correct the URL or the server, then enable it.'
    : 'It failed for days without one success, so nothing is sent to it any more. Mend it, try it with a test request, then enable it.';
}

/** `shop.example.com/webhooks`: what tells URLs apart, without the scheme. */
export function shortUrl(url: string): string {
  return url.replace(/^https?:\/\//, '').replace(/\/$/, '');
}

/** `All events`, `shipment.*`, `3 types` */
export function eventTypesWords(types: readonly string[]): string {
  if (types.length === 0) return 'All events';
  return types.length <= 2 ? types.join(', ') : `${types.length} event types`;
}

export const ORDERING_WORDS: Readonly<Record<EndpointView['ordering'], { readonly name: string; readonly about: string }>> = {
  key: { name: 'By ordering key', about: 'Events with the same key (a shipment, say) arrive in order; others do not wait for them.' },
  strict: { name: 'Strictly', about: 'Every event waits for the one before. One that fails holds up all that follow.' },
  none: { name: 'Not at all', about: 'Each goes as soon as it can. A newer event may come before an older one.' },
};
