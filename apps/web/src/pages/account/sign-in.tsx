import { Link, useSearch } from '@tanstack/react-router';
import { useBranding } from '../../api/session.ts';
import { ownPath } from '../../words/own-path.ts';
import { Credentials } from './credentials.tsx';
import { Door, LINK } from './door.tsx';

export function SignIn() {
  const { to } = useSearch({ from: '/sign-in' });
  const { name, sign_up: signUp } = useBranding();
  return (
    <Door
      title="Sign in"
      about={`To the webhooks of your account at ${name}.`}
      below={
        signUp === 'open' ? (
          <>
            No account yet?{' '}
            <Link to="/sign-up" search={to === undefined ? {} : { to }} className={LINK}>
              Create one
            </Link>
          </>
        ) : (
          'Accounts are by invitation: ask a colleague, or whoever runs this service.'
        )
      }
    >
      <Credentials kind="sign-in" onDone={() => location.assign(ownPath(to))} />
      <p className="mt-4 text-center text-sm">
        <Link to="/forgot-password" className="text-ink-2 underline-offset-3 hover:text-ink hover:underline">
          Forgot your password?
        </Link>
      </p>
    </Door>
  );
}
