import type { EndpointView, InboxView } from '@posthorn/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Send } from 'lucide-react';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import { eventTypesQuery, inboxRequestsQuery } from '../../api/queries.ts';
import { useScope } from '../../api/session.ts';
import { Button } from '../../ui/button.tsx';
import { Choice } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { say, sayFailure } from '../../ui/toasts.tsx';
import { attemptWords } from '../../words/deliveries.ts';
import { DispatchNow } from '../api-settings/dispatch-line.tsx';

export function ExampleToInbox({ endpoint, inbox }: { readonly endpoint: EndpointView; readonly inbox: InboxView }) {
  const scope = useScope();
  const queries = useQueryClient();
  const { data: types = [] } = useQuery(eventTypesQuery(scope));
  const catalogue = types.filter((known) => known.example !== null);
  const [type, setType] = useState('');
  const example = useMutation({
    mutationFn: () => call('POST /v1/endpoints/{id}/test', { scope, path: { id: endpoint.id }, body: type === '' ? {} : { type } }),
    onError: sayFailure,
    onSuccess: (result) => {
      if (result.status === 'succeeded') say('Sent. It is in the list below.');
      return queries.invalidateQueries({ queryKey: inboxRequestsQuery(scope, inbox.id).queryKey });
    },
  });
  return (
    <div className="space-y-3">
      <div className="flex flex-wrap items-center gap-2">
        <Button look="primary" icon={<Send className="size-3.5" />} busy={example.isPending} onClick={() => example.mutate()}>
          Send me an example
        </Button>
        <Choice aria-label="Which example" className="w-60 max-w-full" value={type} onChange={(event) => setType(event.target.value)}>
          <option value="">a plain test event</option>
          {catalogue.map(({ name }) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </Choice>
        <span className="text-xs text-ink-3">goes at once; published events wait for the dispatch</span>
        <DispatchNow pending={1} />
      </div>
      {example.data?.status === 'failed' && (
        <Notice tone="bad" live title={`It did not work: ${attemptWords(example.data)}`}>
          {example.data.advice}
        </Notice>
      )}
    </div>
  );
}
