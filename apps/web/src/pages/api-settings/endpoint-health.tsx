import type { EndpointView } from '@posthorn/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/client.ts';
import { scopeKey } from '../../api/queries.ts';
import { useRights, useScope } from '../../api/session.ts';
import { Button } from '../../ui/button.tsx';
import { Instant } from '../../ui/instant.tsx';
import { Notice } from '../../ui/notice.tsx';
import { say, sayFailure } from '../../ui/toasts.tsx';
import { disabledWords } from '../../words/endpoints.ts';

export function useEnable(id: string) {
  const scope = useScope();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (status: 'enabled' | 'paused') => call('PATCH /v1/endpoints/{id}', { scope, path: { id }, body: { status } }),
    onError: sayFailure,
    onSuccess: ({ status }) => {
      say(status === 'enabled' ? 'Enabled. What waits goes when it is due.' : 'Paused. Events go on waiting for it.');
      return queries.invalidateQueries({ queryKey: scopeKey(scope) });
    },
  });
}

/** What is the matter with it, and what to do; nothing when it is well. */
export function EndpointHealth({ endpoint }: { readonly endpoint: EndpointView }) {
  const { mayChange } = useRights();
  const enable = useEnable(endpoint.id);
  const button = (words: string) =>
    mayChange && (
      <Button size="small" busy={enable.isPending} onClick={() => enable.mutate('enabled')}>
        {words}
      </Button>
    );
  if (endpoint.status === 'disabled') {
    return (
      <Notice tone="bad" title="This endpoint is disabled" action={button('Enable')}>
        {disabledWords(endpoint.disabled_reason)}
      </Notice>
    );
  }
  if (endpoint.status === 'paused') {
    return (
      <Notice tone="none" title="This endpoint is paused" action={button('Resume')}>
        Its events wait. What waits longer than 7 days fails, and can be recovered.
      </Notice>
    );
  }
  const { health } = endpoint;
  if (health.reason === null) return null;
  return (
    <Notice tone={health.state === 'failing' ? 'bad' : 'warn'} title="This endpoint fails">
      <FailingWords health={health} /> Look at the last deliveries below for what to mend, then send a test request.
    </Notice>
  );
}

const INSTANT = /(\d{4}-\d\d-\d\dT[\d:.]+Z)/;

/** The server's own reason, its instants in the reader's zone, and when the endpoint will be disabled where the reason does not say so. */
export function FailingWords({ health: { reason, disables_at: disablesAt } }: Pick<EndpointView, 'health'>) {
  if (reason === null) return null;
  return (
    <>
      {reason.split(INSTANT).map((part) => (INSTANT.test(part) ? <Instant key={part} at={part} /> : part))}
      {disablesAt !== null && !reason.includes(disablesAt) && (
        <>
          {' '}
          Without a success it is disabled after <Instant at={disablesAt} />.
        </>
      )}
    </>
  );
}
