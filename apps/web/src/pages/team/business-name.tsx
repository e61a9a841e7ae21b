import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/client.ts';
import { applicationQuery } from '../../api/queries.ts';
import { sessionQuery, useScope } from '../../api/session.ts';
import { Button } from '../../ui/button.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Section } from '../../ui/page.tsx';
import { say } from '../../ui/toasts.tsx';

/** What the business is called, for its owners to change. */
export function BusinessName() {
  const scope = useScope();
  const { data } = useQuery(applicationQuery(scope));
  return data === undefined ? null : <NameForm key={data.name} name={data.name} />;
}

function NameForm({ name }: { readonly name: string }) {
  const scope = useScope();
  const queries = useQueryClient();
  const [draft, setDraft] = useState(name);
  const rename = useMutation({
    mutationFn: () =>
      call('PATCH /v1/applications/{application}', { scope, path: { application: scope.application }, body: { name: draft.trim() } }),
    onSuccess: async () => {
      say('The business has its new name.');
      await queries.invalidateQueries({ queryKey: sessionQuery.queryKey });
      await queries.invalidateQueries({ queryKey: applicationQuery(scope).queryKey });
    },
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    rename.mutate();
  };
  return (
    <Section title="The business">
      <form onSubmit={onSubmit} className="flex flex-wrap items-end gap-2">
        <div className="min-w-0 flex-1 basis-60">
          <Field label="Name">
            <Input required maxLength={200} value={draft} onChange={(event) => setDraft(event.target.value)} />
          </Field>
        </div>
        <Button type="submit" busy={rename.isPending} disabled={draft.trim() === name}>
          Rename
        </Button>
      </form>
      {rename.error !== null && (
        <div className="mt-3">
          <Notice tone="bad" live>
            {rename.error.message}
          </Notice>
        </div>
      )}
    </Section>
  );
}
