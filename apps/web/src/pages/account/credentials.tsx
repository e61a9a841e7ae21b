/** The forms for e-mail and password: to sign in, and to make an account. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { ApiProblem, call } from '../../api/client.ts';
import { sessionQuery } from '../../api/session.ts';
import { Button } from '../../ui/button.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';

export const LEAST_PASSWORD = 8;

interface CredentialsProps {
  readonly kind: 'sign-in' | 'sign-up';
  /** Called once the session is there. */
  readonly onDone: () => unknown;
  /** An invitation is for one address. */
  readonly email?: string;
  /** Of an invitation or of the operator's link: lets its holder sign up where that is closed. */
  readonly token?: string;
}

export function Credentials({ kind, onDone, email: fixed, token }: CredentialsProps) {
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const [email, setEmail] = useState(fixed ?? '');
  const [password, setPassword] = useState('');
  const submit = useMutation({
    mutationFn: async () => {
      const given = { email: email.trim(), password };
      if (kind === 'sign-in') await call('POST /auth/sign-in/email', { body: given });
      else {
        const body = { ...given, name: name.trim(), ...(token !== undefined && { token }) };
        if ((await call('POST /auth/sign-up/email', { body })).verify_email) return 'confirm';
      }
      await queries.fetchQuery({ ...sessionQuery, staleTime: 0 });
      return 'signed-in';
    },
    onSuccess: (came) => came === 'signed-in' && onDone(),
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    submit.mutate();
  };
  if (submit.data === 'confirm') {
    return (
      <Notice tone="good" live title="Look into your mail">
        We have sent a link to {email.trim()}. It confirms your address, and signs you in.
        {fixed !== undefined && ' Then open the link of your invitation once more.'}
      </Notice>
    );
  }
  const fields = submit.error instanceof ApiProblem ? submit.error.fields : {};
  return (
    <form onSubmit={onSubmit} className="space-y-4">
      {submit.error !== null && Object.keys(fields).length === 0 && (
        <Notice tone="bad" live>
          {submit.error.message}
        </Notice>
      )}
      {kind === 'sign-up' && (
        <Field label="Your name" error={fields['name']}>
          <Input required autoComplete="name" value={name} maxLength={200} onChange={(event) => setName(event.target.value)} />
        </Field>
      )}
      <Field label="E-mail" error={fields['email']}>
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
        error={fields['password']}
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
