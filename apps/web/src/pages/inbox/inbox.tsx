/** A receiver that is built in: the first webhook is seen without having a server. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Inbox as InboxIcon } from 'lucide-react';
import { call } from '../../api/client.ts';
import { inboxesQuery, scopeKey } from '../../api/queries.ts';
import { useRights, useScope } from '../../api/session.ts';
import { Button, buttonClass } from '../../ui/button.tsx';
import { Empty, Failure, Skeleton } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { say, sayFailure } from '../../ui/toasts.tsx';
import { OneInbox } from './one-inbox.tsx';

export function InboxPage() {
  const { environment } = useScope();
  return (
    <Page title="Sandbox inbox" about="A test URL that keeps what it receives: headers, body, and whether the signature is right.">
      {environment === 'sandbox' ? <Inboxes /> : <SandboxOnly />}
    </Page>
  );
}

function SandboxOnly() {
  const { application } = useScope();
  return (
    <Empty
      icon={<InboxIcon />}
      title="Inboxes are in the sandbox"
      action={
        <Link to="/$application/$environment/inbox" params={{ application, environment: 'sandbox' }} className={buttonClass('primary')}>
          To the sandbox
        </Link>
      }
    >
      Real events go to servers of your own only.
    </Empty>
  );
}

function Inboxes() {
  const scope = useScope();
  const inboxes = useQuery(inboxesQuery(scope));
  if (inboxes.data === undefined) {
    return inboxes.error === null ? <Skeleton lines={5} /> : <Failure error={inboxes.error} retry={() => inboxes.refetch()} />;
  }
  const [newest] = inboxes.data;
  return newest === undefined ? <NoInbox /> : <OneInbox key={newest.id} inbox={newest} />;
}

/** Makes the inbox, and the endpoint that sends to it. */
function useNewInbox() {
  const scope = useScope();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async () => {
      const inbox = await call('POST /v1/inboxes', { scope, body: { application: scope.application } });
      await call('POST /v1/endpoints', { scope, body: { application: scope.application, url: inbox.url, description: 'Sandbox inbox' } });
    },
    onError: sayFailure,
    onSuccess: () => say('Your test URL is ready, and set as a webhook URL of the sandbox.'),
    onSettled: () => queries.invalidateQueries({ queryKey: scopeKey(scope) }),
  });
}

function NoInbox() {
  const { mayChange } = useRights();
  const create = useNewInbox();
  return (
    <div className="rounded-xl border border-line bg-surface">
      <Empty
        icon={<InboxIcon />}
        title="See your first webhook without a server"
        action={
          mayChange && (
            <Button look="primary" busy={create.isPending} onClick={() => create.mutate()}>
              Get a test URL
            </Button>
          )
        }
      >
        We make a URL for you, and set it as a webhook URL of the sandbox. Whatever is sent to it appears here a moment later.
        {!mayChange && ' A developer or an owner can make one.'}
      </Empty>
    </div>
  );
}
