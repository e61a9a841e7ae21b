import type { InvitationByTokenView, SessionView } from '@posthorn/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import { sessionQuery } from '../../api/session.ts';
import { Button, buttonClass } from '../../ui/button.tsx';
import { Notice, Skeleton } from '../../ui/notice.tsx';
import { ROLES } from '../team/roles.ts';
import { Credentials } from './credentials.tsx';
import { Door, LINK } from './door.tsx';

export function Invitation() {
  const { token } = useParams({ from: '/invite/$token' });
  const invitation = useQuery({
    queryKey: ['invitation', token],
    queryFn: ({ signal }) => call('GET /v1/invitations/by-token/{token}', { path: { token }, signal }),
    retry: false,
  });
  const session = useQuery(sessionQuery);
  if (invitation.isPending || session.isPending) {
    return (
      <Door title="Invitation">
        <Skeleton />
      </Door>
    );
  }
  if (invitation.error !== null || invitation.data.expired) return <Over />;
  return <Accept invitation={invitation.data} session={session.data ?? null} token={token} />;
}

function Over() {
  return (
    <Door title="This invitation is over">
      <div className="space-y-4">
        <Notice tone="warn">It was used, withdrawn, or has expired. Ask whoever sent it for a new one.</Notice>
        <Link to="/" className={buttonClass()}>
          To the start
        </Link>
      </div>
    </Door>
  );
}

interface AcceptProps {
  readonly invitation: InvitationByTokenView;
  readonly session: SessionView | null;
  readonly token: string;
}

function Accept({ invitation, session, token }: AcceptProps) {
  const { application, email, role } = invitation;
  const [kind, setKind] = useState<'sign-up' | 'sign-in'>('sign-up');
  const queries = useQueryClient();
  const navigate = useNavigate();
  const accept = useMutation({
    mutationFn: () => call('POST /v1/invitations/accept', { body: { token } }),
    onSuccess: async () => {
      await queries.fetchQuery({ ...sessionQuery, staleTime: 0 });
      await navigate({ to: '/' });
    },
  });
  const signOut = useMutation({
    mutationFn: () => call('POST /auth/sign-out', {}),
    onSuccess: () => queries.fetchQuery({ ...sessionQuery, staleTime: 0 }),
  });
  const about = (
    <>
      You are invited to <strong className="font-semibold text-ink">{application}</strong> as {ROLES[role].name.toLowerCase()}:{' '}
      {ROLES[role].may}
    </>
  );
  const failure = accept.error !== null && (
    <Notice tone="bad" live>
      {accept.error.message}
    </Notice>
  );
  if (session === null) {
    return (
      <Door
        title={`Join ${application}`}
        about={about}
        below={
          <button type="button" className={LINK} onClick={() => setKind(kind === 'sign-up' ? 'sign-in' : 'sign-up')}>
            {kind === 'sign-up' ? 'I have an account already' : 'I have no account yet'}
          </button>
        }
      >
        <div className="space-y-4">
          {failure}
          <Credentials key={kind} kind={kind} email={email} token={token} onDone={() => accept.mutate()} />
        </div>
      </Door>
    );
  }
  const mine = session.person?.email.toLowerCase() === email.toLowerCase();
  return (
    <Door title={`Join ${application}`} about={about}>
      <div className="space-y-4">
        {failure}
        {mine ? (
          <Button look="primary" className="w-full" busy={accept.isPending} onClick={() => accept.mutate()}>
            Join as {session.person?.email}
          </Button>
        ) : (
          <>
            <Notice tone="warn">
              It is for {email}; you are signed in as {session.person?.email ?? 'somebody else'}.
            </Notice>
            <Button className="w-full" busy={signOut.isPending} onClick={() => signOut.mutate()}>
              Sign out, and go on as {email}
            </Button>
          </>
        )}
      </div>
    </Door>
  );
}
