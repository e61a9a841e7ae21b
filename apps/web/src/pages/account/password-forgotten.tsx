import { useMutation } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/client.ts';
import { useBranding } from '../../api/session.ts';
import { Button } from '../../ui/button.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Door, LINK } from './door.tsx';

export function PasswordForgotten() {
  const { mail, name } = useBranding();
  const [email, setEmail] = useState('');
  const ask = useMutation({ mutationFn: () => call('POST /auth/request-password-reset', { body: { email: email.trim() } }) });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    ask.mutate();
  };
  const back = (
    <Link to="/sign-in" className={LINK}>
      Back to the sign-in
    </Link>
  );
  if (!mail) {
    return (
      <Door title="A new password" below={back}>
        <Notice tone="none">This server sends no mail. Ask whoever runs {name} for a new password.</Notice>
      </Door>
    );
  }
  return (
    <Door title="A new password" about="We mail you a link with which you can set one." below={back}>
      {ask.isSuccess ? (
        <Notice tone="good" live title="Look into your mail">
          If {email.trim()} has an account, a link is on its way.
        </Notice>
      ) : (
        <form onSubmit={onSubmit} className="space-y-4">
          {ask.error !== null && (
            <Notice tone="bad" live>
              {ask.error.message}
            </Notice>
          )}
          <Field label="E-mail">
            <Input required type="email" autoComplete="username" value={email} onChange={(event) => setEmail(event.target.value)} />
          </Field>
          <Button type="submit" look="primary" className="w-full" busy={ask.isPending}>
            Send me a link
          </Button>
        </form>
      )}
    </Door>
  );
}
