import type { InboxRequestView, InboxView } from '@posthorn/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { clsx } from 'clsx';
import { Radio, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import { endpointsQuery, inboxRequestsQuery, scopeKey } from '../../api/queries.ts';
import { useRights, useScope } from '../../api/session.ts';
import { Button } from '../../ui/button.tsx';
import { CopyTextButton } from '../../ui/copy.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Instant } from '../../ui/instant.tsx';
import { Empty, Failure, Notice, Skeleton } from '../../ui/notice.tsx';
import { Split } from '../../ui/split.tsx';
import { Badge } from '../../ui/status.tsx';
import { say, sayFailure } from '../../ui/toasts.tsx';
import { ExampleToInbox } from './example-to-inbox.tsx';
import { InboxRequestPane } from './inbox-request.tsx';
import { overallVerdict } from './verdicts.ts';

const FROM = '/$application/$environment/inbox';

export function OneInbox({ inbox }: { readonly inbox: InboxView }) {
  const scope = useScope();
  const { mayChange } = useRights();
  const navigate = useNavigate({ from: FROM });
  const { request: chosenId } = useSearch({ from: FROM });
  const requests = useQuery(inboxRequestsQuery(scope, inbox.id));
  const chosen = requests.data?.data.find(({ id }) => id === chosenId);
  return (
    <div className="space-y-4">
      <div
        className={clsx('space-y-3 rounded-xl border border-line bg-surface px-4 py-4 sm:px-5', chosen !== undefined && 'max-xl:hidden')}
      >
        <div className="flex flex-wrap items-center gap-2.5">
          <code className="min-w-0 flex-1 basis-60 rounded-lg border border-line bg-sunken px-3 py-2 text-xs break-all">{inbox.url}</code>
          <CopyTextButton text={inbox.url}>Copy URL</CopyTextButton>
          {mayChange && <RemoveInbox inbox={inbox} />}
        </div>
        {mayChange && <Linked inbox={inbox} />}
      </div>
      <Split
        chosen={chosen !== undefined}
        detail={chosen && <InboxRequestPane request={chosen} onClose={() => navigate({ search: {} }).catch(reportError)} />}
        list={
          <div className="overflow-hidden rounded-xl border border-line bg-surface">
            <p className="flex items-center gap-2 border-b border-line px-4 py-2.5 text-xs text-ink-2">
              <Radio aria-hidden className="size-3.5 text-good" />
              Listening. The last 100 requests are kept.
            </p>
            {requests.data === undefined ? (
              <div className="p-5">
                {requests.error === null ? <Skeleton lines={4} /> : <Failure error={requests.error} retry={() => requests.refetch()} />}
              </div>
            ) : requests.data.data.length === 0 ? (
              <Empty title="Nothing has come yet">
                Send an example above, or publish an event to the sandbox. It appears here by itself.
              </Empty>
            ) : (
              <ul aria-label="Requests" className="divide-y divide-line">
                {requests.data.data.map((request) => (
                  <li key={request.id} className="animate-arrive">
                    <RequestRow
                      request={request}
                      chosen={request.id === chosenId}
                      onChoose={() => navigate({ search: { request: request.id } }).catch(reportError)}
                    />
                  </li>
                ))}
              </ul>
            )}
          </div>
        }
      />
    </div>
  );
}

function RequestRow({
  request,
  chosen,
  onChoose,
}: {
  readonly request: InboxRequestView;
  readonly chosen: boolean;
  readonly onChoose: () => unknown;
}) {
  const { words, tone } = overallVerdict(request);
  return (
    <button
      type="button"
      data-row
      aria-pressed={chosen}
      onClick={onChoose}
      className={clsx(
        'grid w-full grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1 px-4 py-2.5 text-left text-sm -outline-offset-2 hover:bg-hover',
        chosen && 'bg-accent-soft hover:bg-accent-soft',
      )}
    >
      <span className="min-w-0 truncate font-mono text-xs font-medium">{request.event_type ?? `${request.method} request`}</span>
      <span className="text-xs text-ink-2">
        <Instant at={request.received_at} form="list" />
      </span>
      <span>
        <Badge tone={tone}>{words}</Badge>
      </span>
    </button>
  );
}

/** Whether events come here at all: only to a URL that is an endpoint's. */
function Linked({ inbox }: { readonly inbox: InboxView }) {
  const scope = useScope();
  const queries = useQueryClient();
  const { data: endpoints } = useQuery(endpointsQuery(scope));
  const link = useMutation({
    mutationFn: () =>
      call('POST /v1/endpoints', { scope, body: { application: scope.application, url: inbox.url, description: 'Sandbox inbox' } }),
    onError: sayFailure,
    onSettled: () => queries.invalidateQueries({ queryKey: scopeKey(scope) }),
  });
  if (endpoints === undefined) return null;
  const endpoint = endpoints.find(({ url }) => url === inbox.url);
  if (endpoint !== undefined) return <ExampleToInbox endpoint={endpoint} inbox={inbox} />;
  return (
    <Notice
      tone="warn"
      title="No events come here yet"
      action={
        <Button size="small" busy={link.isPending} onClick={() => link.mutate()}>
          Set it as a webhook URL
        </Button>
      }
    >
      This test URL is not a webhook URL of the sandbox.
    </Notice>
  );
}

function RemoveInbox({ inbox }: { readonly inbox: InboxView }) {
  const scope = useScope();
  const queries = useQueryClient();
  const [asked, setAsked] = useState(false);
  const remove = useMutation({
    mutationFn: async () => {
      const endpoints = await queries.fetchQuery(endpointsQuery(scope));
      for (const { id } of endpoints.filter(({ url }) => url === inbox.url))
        await call('DELETE /v1/endpoints/{id}', { scope, path: { id } });
      await call('DELETE /v1/inboxes/{id}', { scope, path: { id: inbox.id } });
    },
    onError: sayFailure,
    onSuccess: () => say('The test URL is gone.'),
    onSettled: () => queries.invalidateQueries({ queryKey: scopeKey(scope) }),
  });
  return (
    <>
      <Button size="small" look="quiet" icon={<Trash2 className="size-3.5" />} onClick={() => setAsked(true)}>
        Delete…
      </Button>
      <Confirm
        open={asked}
        onOpenChange={setAsked}
        title="Delete this test URL?"
        action="Delete"
        danger
        busy={remove.isPending}
        onConfirm={() => remove.mutate()}
      >
        What it received is deleted, and so is the webhook URL of the sandbox that points to it.
      </Confirm>
    </>
  );
}
