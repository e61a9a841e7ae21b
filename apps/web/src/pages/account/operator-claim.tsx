import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import { sessionQuery } from '../../api/session.ts';
import { Button } from '../../ui/button.tsx';
import { Notice, Skeleton } from '../../ui/notice.tsx';
import { Credentials } from './credentials.tsx';
import { Door, LINK } from './door.tsx';

/** The link that the first start prints: its visitor becomes the operator. */
export function OperatorClaim() {
  const { token } = useParams({ from: '/operator/$token' });
  const [kind, setKind] = useState<'sign-up' | 'sign-in'>('sign-up');
  const session = useQuery(sessionQuery);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const claim = useMutation({
    mutationFn: () => call('POST /v1/operator/claim', { body: { token } }),
    onSuccess: async () => {
      await queries.fetchQuery({ ...sessionQuery, staleTime: 0 });
      await navigate({ to: '/operator' });
    },
  });
  const title = 'Become the operator';
  const about = 'The operator runs this installation: sees every business on it, its health, and holds the brake. This link works once.';
  if (session.isPending) {
    return (
      <Door title={title} about={about}>
        <Skeleton />
      </Door>
    );
  }
  const failure = claim.error !== null && (
    <Notice tone="bad" live>
      {claim.error.message}
    </Notice>
  );
  if (session.data === null || session.data === undefined) {
    return (
      <Door
        title={title}
        about={about}
        below={
          <button type="button" className={LINK} onClick={() => setKind(kind === 'sign-up' ? 'sign-in' : 'sign-up')}>
            {kind === 'sign-up' ? 'I have an account already' : 'I have no account yet'}
          </button>
        }
      >
        <div className="space-y-4">
          {failure}
          <Credentials key={kind} kind={kind} token={token} onDone={() => claim.mutate()} />
        </div>
      </Door>
    );
  }
  return (
    <Door title={title} about={about}>
      <div className="space-y-4">
        {failure}
        <Button look="primary" className="w-full" busy={claim.isPending} onClick={() => claim.mutate()}>
          Become the operator as {session.data.person?.email}
        </Button>
      </div>
    </Door>
  );
}
