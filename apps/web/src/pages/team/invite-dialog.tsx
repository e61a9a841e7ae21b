import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { ApiProblem, call } from '../../api/client.ts';
import { invitationsQuery } from '../../api/queries.ts';
import { useScope } from '../../api/session.ts';
import type { Role } from '../../api/views.ts';
import { Button } from '../../ui/button.tsx';
import { Code } from '../../ui/code.tsx';
import { Dialog, DialogActions } from '../../ui/dialog.tsx';
import { Choice, Field, Input } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { ROLE_NAMES, ROLES } from './roles.ts';

export function InviteDialog({ onClose }: { readonly onClose: () => void }) {
  const scope = useScope();
  const queries = useQueryClient();
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<Role>('developer');
  const invite = useMutation({
    mutationFn: () => call('POST /v1/invitations', { scope, body: { email: email.trim(), role } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: invitationsQuery(scope).queryKey }),
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    invite.mutate();
  };
  if (invite.data !== undefined) {
    const { mailed, url } = invite.data;
    return (
      <Dialog
        open
        onOpenChange={(open) => !open && onClose()}
        title={mailed ? 'The invitation is sent' : 'Send them this link'}
        description={
          mailed
            ? `${invite.data.email} has a mail with the link. Should it not arrive, send it yourself:`
            : `This server sends no mail. Give ${invite.data.email} this link yourself: it works once, for that address only.`
        }
      >
        <Code label="invitation link" language="text" text={url} wrap />
        <DialogActions>
          <Button look="primary" onClick={onClose}>
            Done
          </Button>
        </DialogActions>
      </Dialog>
    );
  }
  const fields = invite.error instanceof ApiProblem ? invite.error.fields : {};
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="Invite somebody">
      <form onSubmit={onSubmit} className="space-y-4">
        <Field label="E-mail" error={fields['email']}>
          <Input required type="email" autoComplete="off" value={email} onChange={(event) => setEmail(event.target.value)} />
        </Field>
        <Field label="Role" hint={`${ROLES[role].name}: ${ROLES[role].may}`}>
          <Choice value={role} onChange={(event) => setRole(event.target.value as Role)}>
            {ROLE_NAMES.map((name) => (
              <option key={name} value={name}>
                {ROLES[name].name}
              </option>
            ))}
          </Choice>
        </Field>
        {invite.error !== null && fields['email'] === undefined && (
          <Notice tone="bad" live>
            {invite.error.message}
          </Notice>
        )}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={invite.isPending}>
            Invite
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
