/** The signing secret: hidden until asked for, copied, rotated with an overlap, promoted. */

import type { EndpointView } from '@posthorn/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Eye, EyeOff, RefreshCw } from 'lucide-react';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import { secretQuery } from '../../api/queries.ts';
import { useRights, useScope } from '../../api/session.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Instant } from '../../ui/instant.tsx';
import { Failure, Notice } from '../../ui/notice.tsx';
import { Section } from '../../ui/page.tsx';
import { say, sayFailure } from '../../ui/toasts.tsx';
import { RotateDialog } from './rotate-dialog.tsx';

export function SecretSection({ endpoint }: { readonly endpoint: EndpointView }) {
  const scope = useScope();
  const { mayChange } = useRights();
  const [shown, setShown] = useState(false);
  const [rotating, setRotating] = useState(false);
  const secrets = useQuery({ ...secretQuery(scope, endpoint.id), enabled: mayChange && shown });
  const data = shown ? secrets.data : undefined;
  const about = (
    <>
      It signs every request to this URL.{' '}
      <Link
        to="/$application/$environment/settings/api"
        params={scope}
        search={{ tab: 'verify' }}
        className="font-medium text-accent hover:underline"
      >
        How to verify
      </Link>
    </>
  );
  if (!mayChange) {
    return (
      <Section title="Signing secret" about={about}>
        <p className="text-sm text-ink-2">Developers and owners can see it.</p>
      </Section>
    );
  }
  return (
    <Section
      title="Signing secret"
      about={about}
      actions={
        <Button size="small" icon={<RefreshCw className="size-3.5" />} disabled={data?.next != null} onClick={() => setRotating(true)}>
          Rotate…
        </Button>
      }
    >
      <div className="space-y-3">
        <SecretRow
          label="Signing secret"
          secret={data?.secret ?? null}
          shown={shown}
          busy={secrets.isFetching && shown && data === undefined}
          onToggle={() => setShown(!shown)}
        />
        {secrets.error !== null && shown && <Failure error={secrets.error} retry={() => secrets.refetch()} />}
        {data !== undefined && data.standard_secret !== data.secret && (
          <p className="text-xs text-ink-3">
            For Standard Webhooks libraries, which want base64, the same secret reads{' '}
            <code className="break-all text-ink-2">{data.standard_secret}</code>
          </p>
        )}
        {data?.next != null && <NextSecret endpoint={endpoint} secret={data.next.secret} promotesAt={data.next.promotes_at} />}
        {data?.previous != null && (
          <p className="text-xs text-ink-3">
            The secret before it signs <code>webhook-signature</code> as well, until <Instant at={data.previous.valid_until} />.
          </p>
        )}
      </div>
      {rotating && <RotateDialog endpoint={endpoint.id} onClose={() => setRotating(false)} onRotated={() => setShown(true)} />}
    </Section>
  );
}

interface SecretRowProps {
  readonly label: string;
  readonly secret: string | null;
  readonly shown: boolean;
  readonly busy?: boolean;
  readonly onToggle?: () => void;
}

function SecretRow({ label, secret, shown, busy = false, onToggle }: SecretRowProps) {
  return (
    <div className="flex min-h-10 items-center gap-1 rounded-lg border border-line bg-sunken py-1 pr-1.5 pl-3.5">
      <span className="sr-only">{label}:</span>
      <code className="min-w-0 flex-1 text-xs leading-relaxed break-all">
        {shown && secret !== null ? secret : busy ? 'One moment…' : <span aria-hidden>{'•'.repeat(24)}</span>}
        {!shown && <span className="sr-only">hidden</span>}
      </code>
      {shown && secret !== null && <CopyButton text={secret} label="Copy the secret" />}
      {onToggle && (
        <IconButton label={shown ? 'Hide the secret' : 'Reveal the secret'} aria-pressed={shown} onClick={onToggle}>
          {shown ? <EyeOff /> : <Eye />}
        </IconButton>
      )}
    </div>
  );
}

interface NextSecretProps {
  readonly endpoint: EndpointView;
  readonly secret: string;
  readonly promotesAt: string;
}

function NextSecret({ endpoint, secret, promotesAt }: NextSecretProps) {
  const scope = useScope();
  const queries = useQueryClient();
  const [asked, setAsked] = useState(false);
  const promote = useMutation({
    mutationFn: () => call('POST /v1/endpoints/{id}/secret/promote', { scope, path: { id: endpoint.id } }),
    onError: sayFailure,
    onSuccess: (secrets) => {
      queries.setQueryData(secretQuery(scope, endpoint.id).queryKey, secrets);
      setAsked(false);
      say('The new secret is in force.');
    },
  });
  return (
    <Notice
      tone="warn"
      title="A rotation is under way"
      action={
        <Button size="small" onClick={() => setAsked(true)}>
          Promote now…
        </Button>
      }
    >
      <p>
        Give your receiver this next secret beside the current one. It becomes current <Instant at={promotesAt} form="away" />, at{' '}
        <Instant at={promotesAt} />. Until then <code>webhook-signature</code> carries both, and <code>X-Signature</code> the current one.
      </p>
      <div className="mt-2.5">
        <SecretRow label="Next secret" secret={secret} shown />
      </div>
      <Confirm
        open={asked}
        onOpenChange={setAsked}
        title="Promote the next secret?"
        action="Promote"
        busy={promote.isPending}
        onConfirm={() => promote.mutate()}
      >
        From now on <code>X-Signature</code> is made with it. Receivers that do not know it yet refuse requests.
      </Confirm>
    </Notice>
  );
}
