/** The forms for e-mail and password: to sign in, and to make an account. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { authenticate } from '../../api/client.ts';
import { sessionQuery } from '../../api/session.ts';
import { Button } from '../../ui/button.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';

const LEAST_PASSWORD = 8;

interface CredentialsProps {
  readonly kind: 'sign-in' | 'sign-up';
  /** Called once the session is there. */
  readonly onDone: () => unknown;
  /** An invitation is for one address. */
  readonly email?: string;
}

export function Credentials({ kind, onDone, email: fixed }: CredentialsProps) {
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const [email, setEmail] = useState(fixed ?? '');
  const [password, setPassword] = useState('');
  const submit = useMutation({
    mutationFn: async () => {
      if (kind === 'sign-up') await authenticate('sign-up/email', { name: name.trim(), email: email.trim(), password });
      else await authenticate('sign-in/email', { email: email.trim(), password });
      await queries.fetchQuery({ ...sessionQuery, staleTime: 0 });
    },
    onSuccess: onDone,
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    submit.mutate();
  };
  return (
    <form onSubmit={onSubmit} className="space-y-4">
      {submit.error !== null && (
        <Notice tone="bad" live>
          {submit.error.message}
        </Notice>
      )}
      {kind === 'sign-up' && (
        <Field label="Your name">
          <Input required autoComplete="name" value={name} maxLength={200} onChange={(event) => setName(event.target.value)} />
        </Field>
      )}
      <Field label="E-mail">
        <Input
          required
          type="email"
          autoComplete="username"
          value={email}
          readOnly={fixed !== undefined}
          onChange={(event) => setEmail(event.target.value)}
        />
      </Field>
      <Field
        label="Password"
        {...(kind === 'sign-up' && { hint: `At least ${LEAST_PASSWORD} characters. A few words in a row are good.` })}
      >
        <Input
          required
          type="password"
          autoComplete={kind === 'sign-up' ? 'new-password' : 'current-password'}
          minLength={kind === 'sign-up' ? LEAST_PASSWORD : undefined}
          maxLength={128}
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
      </Field>
      <Button type="submit" look="primary" className="w-full" busy={submit.isPending}>
        {kind === 'sign-up' ? 'Create account' : 'Sign in'}
      </Button>
    </form>
  );
}
