import type { ApplicationView } from '@posthorn/contract';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Building2, Ellipsis, Link2, OctagonPause, Plus } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { call, type Scope } from '../../api/client.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { Code } from '../../ui/code.tsx';
import { Dialog, FormEnd } from '../../ui/dialog.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { Instant } from '../../ui/instant.tsx';
import { LiveList } from '../../ui/live-list.tsx';
import { Menu, MenuItem } from '../../ui/menu.tsx';
import { Empty, Failure, Skeleton } from '../../ui/notice.tsx';
import { Section } from '../../ui/page.tsx';
import { useBrake } from './brake.tsx';

const LIST = ['applications'] as const;

export function useApplications(scope: Scope) {
  return useInfiniteQuery({
    queryKey: LIST,
    queryFn: ({ signal, pageParam }) =>
      call('GET /v1/applications', { scope, signal, query: { limit: 50, ...(pageParam === null ? {} : { cursor: pageParam }) } }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
  });
}

export function Applications({ scope }: { readonly scope: Scope }) {
  const [making, setMaking] = useState(false);
  const query = useApplications(scope);
  const add = (
    <Button size="small" icon={<Plus className="size-3.5" />} onClick={() => setMaking(true)}>
      New application
    </Button>
  );
  return (
    <Section flush title="Applications" actions={add}>
      <div className="border-t border-line">
        <LiveList
          query={query}
          label="Applications"
          row={(application: ApplicationView) => <Row application={application} scope={scope} />}
          empty={
            <Empty icon={<Building2 />} title="No applications yet">
              Each customer business is one. Your backend makes them with a service key, people by signing up, or you here.
            </Empty>
          }
        />
      </div>
      {making && <NewApplication scope={scope} onClose={() => setMaking(false)} />}
    </Section>
  );
}

function Row({ application, scope }: { readonly application: ApplicationView; readonly scope: Scope }) {
  const [linking, setLinking] = useState(false);
  const brake = useBrake(scope);
  return (
    <div className="flex items-center gap-3 px-4 py-2.5 text-sm sm:px-5">
      <Link
        data-row
        to="/$application/$environment/overview"
        params={{ application: application.id, environment: scope.environment }}
        className="min-w-0 flex-1 rounded hover:underline"
      >
        <span className="block truncate font-medium">{application.name}</span>
        <span className="block truncate font-mono text-xs text-ink-3">{application.uid ?? application.id}</span>
      </Link>
      <span className="text-xs text-ink-3 max-sm:hidden">
        since <Instant at={application.created_at} form="day" />
      </span>
      <Menu
        trigger={
          <IconButton label={`Actions for ${application.name}`}>
            <Ellipsis />
          </IconButton>
        }
      >
        <MenuItem icon={<Link2 />} onSelect={() => setLinking(true)}>
          Portal link…
        </MenuItem>
        <MenuItem icon={<OctagonPause />} onSelect={() => brake.mutate({ action: 'pause', application: application.id })}>
          Stop sending
        </MenuItem>
      </Menu>
      {linking && <PortalLink application={application} scope={scope} onClose={() => setLinking(false)} />}
    </div>
  );
}

interface PortalLinkProps {
  readonly application: ApplicationView;
  readonly scope: Scope;
  readonly onClose: () => void;
}

function PortalLink({ application, scope, onClose }: PortalLinkProps) {
  const link = useMutation({
    mutationFn: () => call('POST /v1/applications/{application}/portal-link', { scope, path: { application: application.id }, body: {} }),
  });
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Portal link for ${application.name}`}
      description="Lets whoever opens it into this business’s pages, once, without an account. Your backend makes such links by itself for customers who are signed in with you."
    >
      {link.data !== undefined ? (
        <div className="space-y-2">
          <Code label="portal link" language="text" text={link.data.url} wrap />
          <p className="text-xs text-ink-3">
            Valid until <Instant at={link.data.expires_at} />.
          </p>
        </div>
      ) : link.error !== null ? (
        <Failure error={link.error} />
      ) : link.isPending ? (
        <Skeleton lines={1} />
      ) : (
        <Button look="primary" onClick={() => link.mutate()}>
          Make a link
        </Button>
      )}
    </Dialog>
  );
}

function NewApplication({ scope, onClose }: { readonly scope: Scope; readonly onClose: () => void }) {
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const [uid, setUid] = useState('');
  const create = useMutation({
    mutationFn: () => call('POST /v1/applications', { scope, body: { name: name.trim(), ...(uid.trim() !== '' && { uid: uid.trim() }) } }),
    onSuccess: () => {
      onClose();
      return queries.invalidateQueries({ queryKey: LIST });
    },
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="New application">
      <form onSubmit={onSubmit} className="space-y-4">
        <Field label="Name">
          <Input required maxLength={200} value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
        <Field
          label="Your own id"
          aside={<span className="text-xs text-ink-3">optional</span>}
          hint="The id of this customer in your own system."
        >
          <Input maxLength={128} className="font-mono text-xs" value={uid} onChange={(event) => setUid(event.target.value)} />
        </Field>
        <FormEnd error={create.error} action="Create" busy={create.isPending} onClose={onClose} />
      </form>
    </Dialog>
  );
}
