import type { DeliveryDetailView } from '@posthorn/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Ban, RotateCw } from 'lucide-react';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import { scopeKey } from '../../api/queries.ts';
import { useScope } from '../../api/session.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { say, sayFailure } from '../../ui/toasts.tsx';

export function DeliveryActions({ delivery }: { readonly delivery: DeliveryDetailView }) {
  const scope = useScope();
  const queries = useQueryClient();
  const [asked, setAsked] = useState<'resend' | 'cancel' | null>(null);
  const pending = delivery.status === 'pending';
  const path = { id: delivery.id };
  const refresh = () => queries.invalidateQueries({ queryKey: scopeKey(scope) });
  const retry = useMutation({
    mutationFn: () => call('POST /v1/deliveries/{id}/retry', { scope, path }),
    onError: sayFailure,
    onSuccess: () => {
      setAsked(null);
      say(pending ? 'It goes now.' : 'It is on its way again.');
      return refresh();
    },
  });
  const cancel = useMutation({
    mutationFn: () => call('POST /v1/deliveries/{id}/cancel', { scope, path }),
    onError: sayFailure,
    onSuccess: () => {
      setAsked(null);
      say('Canceled. What waited behind it may go.');
      return refresh();
    },
  });
  return (
    <div className="flex flex-wrap gap-2">
      <Button
        size="small"
        icon={<RotateCw className="size-3.5" />}
        busy={retry.isPending}
        onClick={() => (delivery.status === 'succeeded' ? setAsked('resend') : retry.mutate())}
      >
        {pending ? 'Retry now' : 'Send again'}
      </Button>
      {pending && (
        <Button size="small" icon={<Ban className="size-3.5" />} onClick={() => setAsked('cancel')}>
          Cancel…
        </Button>
      )}
      <Confirm
        open={asked === 'resend'}
        onOpenChange={(open) => !open && setAsked(null)}
        title="Send it again?"
        action="Send again"
        busy={retry.isPending}
        onConfirm={() => retry.mutate()}
      >
        The endpoint has accepted this event already. It gets the same body with the same id once more, marked{' '}
        <code>Posthorn-Late: true</code>.
      </Confirm>
      <Confirm
        open={asked === 'cancel'}
        onOpenChange={(open) => !open && setAsked(null)}
        title="Cancel this delivery?"
        action="Cancel delivery"
        danger
        busy={cancel.isPending}
        onConfirm={() => cancel.mutate()}
      >
        The endpoint does not get this event, unless you send it again later. What waits behind it on the same ordering key may go.
      </Confirm>
    </div>
  );
}
