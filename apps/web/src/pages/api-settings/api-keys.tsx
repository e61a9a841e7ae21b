/** Keys of the API for the customer's own programs: made, shown once, revoked. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { KeyRound, Plus } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/client.ts';
import { keysQuery } from '../../api/queries.ts';
import { useRights, useScope } from '../../api/session.ts';
import { Button } from '../../ui/button.tsx';
import { Code } from '../../ui/code.tsx';
import { CopyTextButton } from '../../ui/copy.tsx';
import { Confirm, Dialog, DialogActions } from '../../ui/dialog.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { Instant } from '../../ui/instant.tsx';
import { Empty, Failure, Notice, Skeleton } from '../../ui/notice.tsx';
import { Section } from '../../ui/page.tsx';
import { say, sayFailure } from '../../ui/toasts.tsx';

export function ApiKeys() {
  const scope = useScope();
  const { mayChange } = useRights();
  const keys = useQuery(keysQuery(scope));
  const [making, setMaking] = useState(false);
  const add = mayChange && (
    <Button icon={<Plus className="size-4" />} onClick={() => setMaking(true)}>
      Create a key
    </Button>
  );
  return (
    <>
      <Section
        flush
        title="API keys"
        about={`For your own programs that read deliveries or change endpoints. They work in ${scope.environment} only.`}
        actions={keys.data !== undefined && keys.data.length > 0 && add}
      >
        {keys.error !== null && keys.data === undefined ? (
          <div className="p-5 pt-0">
            <Failure error={keys.error} retry={() => keys.refetch()} />
          </div>
        ) : keys.data === undefined ? (
          <div className="px-5 pb-4">
            <Skeleton />
          </div>
        ) : keys.data.length === 0 ? (
          <Empty icon={<KeyRound />} title="No keys yet" action={add}>
            This page can do all that a key can. Create one when a program of yours is to do it.
          </Empty>
        ) : (
          <ul className="divide-y divide-line border-t border-line">
            {keys.data.map((key) => (
              <li key={key.id} className="flex flex-wrap items-center gap-x-5 gap-y-1 px-4 py-3 text-sm sm:px-5">
                <div className="min-w-0 flex-1 basis-48">
                  <p className="truncate font-medium">{key.name}</p>
                  <code className="text-xs text-ink-3">{key.hint}…</code>
                </div>
                <p className="text-xs text-ink-2">
                  {key.last_used_at === null ? (
                    'Never used'
                  ) : (
                    <>
                      Last used <Instant at={key.last_used_at} form="away" />
                    </>
                  )}
                </p>
                <p className="text-xs text-ink-3">
                  Created <Instant at={key.created_at} form="day" />
                </p>
                {mayChange && <Revoke id={key.id} name={key.name} />}
              </li>
            ))}
          </ul>
        )}
      </Section>
      {making && <NewKey onClose={() => setMaking(false)} />}
    </>
  );
}

function NewKey({ onClose }: { readonly onClose: () => void }) {
  const scope = useScope();
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const create = useMutation({
    mutationFn: () => call('POST /v1/keys', { scope, body: { application: scope.application, name: name.trim() } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: keysQuery(scope).queryKey }),
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  if (create.data !== undefined) {
    const { key } = create.data;
    return (
      <Dialog
        open
        wide
        onOpenChange={(open) => !open && onClose()}
        title="Copy your key now"
        description="It is stored hashed, so this is the only time that it can be shown."
      >
        <div className="space-y-4">
          <Code label="API key" language="text" text={key} wrap />
          <Code
            label="example of a call"
            language="shell"
            text={`curl ${location.origin}/v1/deliveries -H "Authorization: Bearer ${key}"`}
            wrap
          />
          <DialogActions>
            <CopyTextButton text={key}>Copy key</CopyTextButton>
            <Button look="primary" size="small" onClick={onClose}>
              I have it
            </Button>
          </DialogActions>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="Create a key">
      <form onSubmit={onSubmit} className="space-y-4">
        <Field label="Name" hint="What it is for, to tell keys apart later.">
          <Input required maxLength={200} placeholder="order system" value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
        {create.error !== null && (
          <Notice tone="bad" live>
            {create.error.message}
          </Notice>
        )}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={create.isPending}>
            Create key
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

function Revoke({ id, name }: { readonly id: string; readonly name: string }) {
  const scope = useScope();
  const queries = useQueryClient();
  const [asked, setAsked] = useState(false);
  const revoke = useMutation({
    mutationFn: () => call('DELETE /v1/keys/{id}', { scope, path: { id } }),
    onError: sayFailure,
    onSuccess: () => {
      say('Revoked. Requests with it are refused from now on.');
      return queries.invalidateQueries({ queryKey: keysQuery(scope).queryKey });
    },
  });
  return (
    <>
      <Button size="small" look="quiet" aria-label={`Revoke ${name}`} onClick={() => setAsked(true)}>
        Revoke
      </Button>
      <Confirm
        open={asked}
        onOpenChange={setAsked}
        title={`Revoke ${name}?`}
        action="Revoke"
        danger
        busy={revoke.isPending}
        onConfirm={() => revoke.mutate()}
      >
        Programs that use it are refused at once. This cannot be undone.
      </Confirm>
    </>
  );
}
