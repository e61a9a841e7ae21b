/** Sends a span again: which, then how far it is. */
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { call } from '../api/client.ts';
import { useScope } from '../api/session.ts';
import { Button } from '../ui/button.tsx';
import { Dialog, DialogActions } from '../ui/dialog.tsx';
import { Choice, Field, Input } from '../ui/field.tsx';
import { Notice } from '../ui/notice.tsx';
import { JobProgress } from './job-progress.tsx';

const HOUR = 3_600_000;

const SPANS = [
  { id: '1', name: 'the last hour', ms: HOUR },
  { id: '24', name: 'the last 24 hours', ms: 24 * HOUR },
  { id: '168', name: 'the last 7 days', ms: 168 * HOUR },
  { id: 'own', name: 'another span', ms: 0 },
] as const;

const KINDS = {
  recover: {
    title: 'Recover failed deliveries',
    about: 'Sends every delivery of the span that has failed once more. Mend the endpoint first, and try it with a test request.',
    action: 'Recover',
    done: 'All of them are on their way again.',
  },
  replay: {
    title: 'Send what came before it',
    about: 'Makes the deliveries that this endpoint would have had, had it existed then: for a new endpoint that is to know the past.',
    action: 'Send',
    done: 'Every missing delivery has been made.',
  },
} as const;

interface RecoverDialogProps {
  readonly kind: keyof typeof KINDS;
  readonly endpoint: string;
  readonly onClose: () => void;
}

export function RecoverDialog({ kind, endpoint, onClose }: RecoverDialogProps) {
  const scope = useScope();
  const { title, about, action, done } = KINDS[kind];
  const [span, setSpan] = useState<string>('24');
  const [since, setSince] = useState('');
  const [until, setUntil] = useState('');
  const start = useMutation({
    mutationFn: () => {
      const chosen = SPANS.find(({ id }) => id === span);
      const body =
        span === 'own'
          ? { since: new Date(since).toISOString(), ...(until !== '' && { until: new Date(until).toISOString() }) }
          : { since: new Date(Date.now() - (chosen?.ms ?? 0)).toISOString() };
      const path = { id: endpoint };
      return kind === 'recover'
        ? call('POST /v1/endpoints/{id}/recover', { scope, path, body })
        : call('POST /v1/endpoints/{id}/replay-missing', { scope, path, body });
    },
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    start.mutate();
  };
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={title} description={about}>
      {start.data === undefined ? (
        <form onSubmit={onSubmit} className="space-y-4">
          <Field label="Events of">
            <Choice value={span} onChange={(event) => setSpan(event.target.value)}>
              {SPANS.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </Choice>
          </Field>
          {span === 'own' && (
            <div className="grid gap-4 sm:grid-cols-2">
              <Field label="From">
                <Input type="datetime-local" required value={since} onChange={(event) => setSince(event.target.value)} />
              </Field>
              <Field label="To" hint="Empty: until now">
                <Input type="datetime-local" value={until} onChange={(event) => setUntil(event.target.value)} />
              </Field>
            </div>
          )}
          {start.error !== null && (
            <Notice tone="bad" live>
              {start.error.message}
            </Notice>
          )}
          <DialogActions>
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" look="primary" busy={start.isPending}>
              {action}
            </Button>
          </DialogActions>
        </form>
      ) : (
        <JobProgress job={start.data} done={done} onClose={onClose} />
      )}
    </Dialog>
  );
}
