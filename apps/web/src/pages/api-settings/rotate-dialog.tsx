import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { ApiProblem, call } from '../../api/client.ts';
import { secretQuery } from '../../api/queries.ts';
import { useScope } from '../../api/session.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog, DialogActions } from '../../ui/dialog.tsx';
import { Choice, Field, Input } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { say } from '../../ui/toasts.tsx';

const OVERLAPS = [
  { seconds: 0, name: 'none: switch at once' },
  { seconds: 3_600, name: '1 hour' },
  { seconds: 86_400, name: '24 hours' },
  { seconds: 259_200, name: '3 days' },
  { seconds: 604_800, name: '7 days' },
];

interface RotateDialogProps {
  readonly endpoint: string;
  readonly onClose: () => void;
  readonly onRotated: () => void;
}

export function RotateDialog({ endpoint, onClose, onRotated }: RotateDialogProps) {
  const scope = useScope();
  const queries = useQueryClient();
  const [overlap, setOverlap] = useState(86_400);
  const [own, setOwn] = useState('');
  const rotate = useMutation({
    mutationFn: () =>
      call('POST /v1/endpoints/{id}/secret/rotate', {
        scope,
        path: { id: endpoint },
        body: { overlap_seconds: overlap, ...(own !== '' && { secret: own }) },
      }),
    onSuccess: (secrets) => {
      queries.setQueryData(secretQuery(scope, endpoint).queryKey, secrets);
      say(overlap === 0 ? 'The new secret is in force.' : 'Both secrets are valid now.');
      onRotated();
      onClose();
    },
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    rotate.mutate();
  };
  const fields = rotate.error instanceof ApiProblem ? rotate.error.fields : {};
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title="Rotate the secret"
      description="A next secret is made. During the overlap both are valid, so that you can change your receiver without losing an event; then the next one becomes current."
    >
      <form onSubmit={onSubmit} className="space-y-4">
        <Field
          label="Overlap"
          hint={
            overlap === 0
              ? 'Receivers that do not know the new secret yet refuse requests. Choose this when the old one has leaked.'
              : 'After it the old secret stays valid in webhook-signature for as long again.'
          }
        >
          <Choice value={overlap} onChange={(event) => setOverlap(Number(event.target.value))}>
            {OVERLAPS.map(({ seconds, name }) => (
              <option key={seconds} value={seconds}>
                {name}
              </option>
            ))}
          </Choice>
        </Field>
        <Field
          label="Secret of your own"
          aside={<span className="text-xs text-ink-3">optional</span>}
          error={fields['secret']}
          hint="Left empty, one is generated."
        >
          <Input
            autoComplete="off"
            spellCheck={false}
            className="font-mono text-xs"
            value={own}
            onChange={(event) => setOwn(event.target.value)}
          />
        </Field>
        {rotate.error !== null && fields['secret'] === undefined && (
          <Notice tone="bad" live>
            {rotate.error.message}
          </Notice>
        )}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={rotate.isPending}>
            Rotate
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
