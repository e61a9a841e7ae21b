import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useBranding } from '../../api/session.ts';
import { Notice } from '../../ui/notice.tsx';
import { ownPath } from '../../words/own-path.ts';
import { Credentials } from './credentials.tsx';
import { Door, LINK } from './door.tsx';

export function SignUp() {
  const { to } = useSearch({ from: '/sign-up' });
  const { name, sign_up: signUp } = useBranding();
  const navigate = useNavigate();
  const signIn = (
    <>
      Have an account?{' '}
      <Link to="/sign-in" search={to === undefined ? {} : { to }} className={LINK}>
        Sign in
      </Link>
    </>
  );
  if (signUp === 'closed') {
    return (
      <Door title="Accounts are by invitation" below={signIn}>
        <Notice tone="none">Ask a colleague who has an account to invite you, or whoever runs {name}.</Notice>
      </Door>
    );
  }
  return (
    <Door title="Create an account" about="Then name your business, and set its webhook URL." below={signIn}>
      <Credentials kind="sign-up" onDone={() => (to === undefined ? navigate({ to: '/welcome' }) : location.assign(ownPath(to)))} />
    </Door>
  );
}
