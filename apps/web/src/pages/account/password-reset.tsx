import { useMutation } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/client.ts';
import { Button, buttonClass } from '../../ui/button.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { LEAST_PASSWORD } from './credentials.tsx';
import { Door } from './door.tsx';

/** Where the mailed link leads. */
export function PasswordReset() {
  const { token } = useParams({ from: '/reset-password/$token' });
  const [password, setPassword] = useState('');
  const reset = useMutation({ mutationFn: () => call('POST /auth/reset-password', { body: { token, password } }) });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    reset.mutate();
  };
  return (
    <Door title="Set a new password" about="It ends every session that you have elsewhere.">
      {reset.isSuccess ? (
        <div className="space-y-4">
          <Notice tone="good" live title="Your new password is set" />
          <Link to="/sign-in" className={buttonClass('primary')}>
            Sign in
          </Link>
        </div>
      ) : (
        <form onSubmit={onSubmit} className="space-y-4">
          {reset.error !== null && (
            <Notice tone="bad" live>
              {reset.error.message}
            </Notice>
          )}
          <Field label="New password" hint={`At least ${LEAST_PASSWORD} characters.`}>
            <Input
              required
              type="password"
              autoComplete="new-password"
              minLength={LEAST_PASSWORD}
              maxLength={128}
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
          </Field>
          <Button type="submit" look="primary" className="w-full" busy={reset.isPending}>
            Set password
          </Button>
        </form>
      )}
    </Door>
  );
}
