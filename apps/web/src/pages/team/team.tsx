/** Who belongs to the business, and what each may do. */
import type { InvitationView, MemberView } from '@posthorn/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { UserPlus } from 'lucide-react';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import { invitationsQuery, membersQuery } from '../../api/queries.ts';
import { useRights, useScope, useSession } from '../../api/session.ts';
import type { Role } from '../../api/views.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Choice } from '../../ui/field.tsx';
import { Instant } from '../../ui/instant.tsx';
import { Empty, Failure, Skeleton } from '../../ui/notice.tsx';
import { Page, Section } from '../../ui/page.tsx';
import { say, sayFailure } from '../../ui/toasts.tsx';
import { BusinessName } from './business-name.tsx';
import { InviteDialog } from './invite-dialog.tsx';
import { ROLE_NAMES, ROLES } from './roles.ts';

export function Team() {
  const scope = useScope();
  const { mayOwn } = useRights();
  const members = useQuery(membersQuery(scope));
  const invitations = useQuery({ ...invitationsQuery(scope), enabled: mayOwn });
  const [inviting, setInviting] = useState(false);
  return (
    <Page
      title="Team"
      width="medium"
      about="The people of this business. They see both environments."
      actions={
        mayOwn && (
          <Button look="primary" icon={<UserPlus className="size-4" />} onClick={() => setInviting(true)}>
            Invite
          </Button>
        )
      }
    >
      <div className="space-y-5">
        <Section flush title="Members">
          {members.data === undefined ? (
            <div className="px-5 pb-4">
              {members.error === null ? <Skeleton /> : <Failure error={members.error} retry={() => members.refetch()} />}
            </div>
          ) : members.data.length === 0 ? (
            <Empty title="Nobody yet">
              {mayOwn
                ? 'Invite the first person: as an owner they can invite others.'
                : 'Nobody has an account for this business yet. Whoever comes by the provider’s own pages needs none; people are invited by an owner.'}
            </Empty>
          ) : (
            <ul className="divide-y divide-line border-t border-line">
              {members.data.map((member) => (
                <MemberRow key={member.id} member={member} />
              ))}
            </ul>
          )}
        </Section>
        {mayOwn && invitations.data !== undefined && invitations.data.length > 0 && (
          <Section flush title="Invited">
            <ul className="divide-y divide-line border-t border-line">
              {invitations.data.map((invitation) => (
                <InvitationRow key={invitation.id} invitation={invitation} />
              ))}
            </ul>
          </Section>
        )}
        {mayOwn && <BusinessName />}
        <Section title="What each role may do">
          <dl className="space-y-2 text-sm">
            {ROLE_NAMES.map((role) => (
              <div key={role} className="flex flex-wrap gap-x-3">
                <dt className="w-20 font-medium">{ROLES[role].name}</dt>
                <dd className="text-ink-2">{ROLES[role].may}</dd>
              </div>
            ))}
          </dl>
        </Section>
      </div>
      {inviting && <InviteDialog onClose={() => setInviting(false)} />}
    </Page>
  );
}

function MemberRow({ member }: { readonly member: MemberView }) {
  const scope = useScope();
  const { mayOwn } = useRights();
  const { person } = useSession();
  const queries = useQueryClient();
  const [asked, setAsked] = useState(false);
  const refresh = () => queries.invalidateQueries({ queryKey: membersQuery(scope).queryKey });
  const path = { id: member.id };
  const change = useMutation({
    mutationFn: (role: Role) => call('PATCH /v1/members/{id}', { scope, path, body: { role } }),
    onError: sayFailure,
    onSuccess: () => {
      say(`${member.name || member.email} has the new role.`);
      return refresh();
    },
  });
  const remove = useMutation({
    mutationFn: () => call('DELETE /v1/members/{id}', { scope, path }),
    onError: (error) => {
      setAsked(false);
      sayFailure(error);
    },
    onSuccess: () => {
      say(`${member.name || member.email} is no member any more.`);
      return refresh();
    },
  });
  const me = person?.email === member.email;
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3 text-sm sm:px-5">
      <div className="min-w-0 flex-1 basis-44">
        <p className="truncate font-medium">
          {member.name || member.email}
          {me && <span className="font-normal text-ink-3"> (you)</span>}
        </p>
        <p className="truncate text-xs text-ink-3">{member.email}</p>
      </div>
      {mayOwn ? (
        <Choice
          aria-label={`Role of ${member.name || member.email}`}
          className="w-36"
          value={member.role}
          disabled={change.isPending}
          onChange={(event) => change.mutate(event.target.value as Role)}
        >
          {ROLE_NAMES.map((role) => (
            <option key={role} value={role}>
              {ROLES[role].name}
            </option>
          ))}
        </Choice>
      ) : (
        <span className="text-ink-2">{ROLES[member.role].name}</span>
      )}
      {mayOwn && (
        <Button size="small" look="quiet" aria-label={`Remove ${member.name || member.email}`} onClick={() => setAsked(true)}>
          Remove
        </Button>
      )}
      <Confirm
        open={asked}
        onOpenChange={setAsked}
        title={`Remove ${member.name || member.email}?`}
        action="Remove"
        danger
        busy={remove.isPending}
        onConfirm={() => remove.mutate()}
      >
        They lose access to this business at once. Keys that they made go on working: revoke those on API Settings.
      </Confirm>
    </li>
  );
}

function InvitationRow({ invitation }: { readonly invitation: InvitationView }) {
  const scope = useScope();
  const queries = useQueryClient();
  const withdraw = useMutation({
    mutationFn: () => call('DELETE /v1/invitations/{id}', { scope, path: { id: invitation.id } }),
    onError: sayFailure,
    onSuccess: () => {
      say('Withdrawn: its link is over.');
      return queries.invalidateQueries({ queryKey: invitationsQuery(scope).queryKey });
    },
  });
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-3 text-sm sm:px-5">
      <div className="min-w-0 flex-1 basis-44">
        <p className="truncate">{invitation.email}</p>
        <p className="text-xs text-ink-3">
          as {ROLES[invitation.role].name.toLowerCase()}, valid until <Instant at={invitation.expires_at} />
        </p>
      </div>
      <Button
        size="small"
        look="quiet"
        aria-label={`Withdraw the invitation of ${invitation.email}`}
        busy={withdraw.isPending}
        onClick={() => withdraw.mutate()}
      >
        Withdraw
      </Button>
    </li>
  );
}
