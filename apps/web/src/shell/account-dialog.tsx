/** One's own account: the name that colleagues see, and the password. */
import type { PersonView } from '@posthorn/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { call } from '../api/client.ts';
import { sessionQuery } from '../api/session.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Field, Input } from '../ui/field.tsx';
import { Notice } from '../ui/notice.tsx';
import { say } from '../ui/toasts.tsx';

export function AccountDialog({ person, onClose }: { readonly person: PersonView; readonly onClose: () => void }) {
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="Your account" description={person.email}>
      <div className="space-y-6">
        <NameForm person={person} />
        <PasswordForm />
      </div>
    </Dialog>
  );
}

function NameForm({ person }: { readonly person: PersonView }) {
  const queries = useQueryClient();
  const [name, setName] = useState(person.name);
  const save = useMutation({
    mutationFn: () => call('PATCH /v1/session', { body: { name: name.trim() } }),
    onSuccess: (session) => {
      queries.setQueryData(sessionQuery.queryKey, session);
      say('Your name is changed.');
    },
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form onSubmit={onSubmit} className="space-y-3">
      {save.error !== null && (
        <Notice tone="bad" live>
          {save.error.message}
        </Notice>
      )}
      <Field label="Name" hint="Stands in the team and in the audit log.">
        <Input required maxLength={200} autoComplete="name" value={name} onChange={(event) => setName(event.target.value)} />
      </Field>
      <Button type="submit" size="small" busy={save.isPending} disabled={name.trim() === person.name}>
        Change name
      </Button>
    </form>
  );
}

function PasswordForm() {
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const save = useMutation({
    mutationFn: () => call('POST /auth/change-password', { body: { current_password: current, password: next } }),
    onSuccess: () => {
      setCurrent('');
      setNext('');
      say('Your password is changed, and your other sessions are ended.');
    },
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form onSubmit={onSubmit} className="space-y-3">
      {save.error !== null && (
        <Notice tone="bad" live>
          {save.error.message}
        </Notice>
      )}
      <Field label="Current password">
        <Input
          required
          type="password"
          autoComplete="current-password"
          value={current}
          onChange={(event) => setCurrent(event.target.value)}
        />
      </Field>
      <Field label="New password" hint="At least 8 characters.">
        <Input
          required
          type="password"
          autoComplete="new-password"
          minLength={8}
          maxLength={128}
          value={next}
          onChange={(event) => setNext(event.target.value)}
        />
      </Field>
      <Button type="submit" size="small" busy={save.isPending}>
        Change password
      </Button>
    </form>
  );
}
