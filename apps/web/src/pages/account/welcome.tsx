import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/client.ts';
import { sessionQuery } from '../../api/session.ts';
import { Button } from '../../ui/button.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Door } from './door.tsx';

/** The last step of signing up: the business, whose owner one is. */
export function Welcome() {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState('');
  const create = useMutation({
    mutationFn: () => call('POST /v1/applications', { body: { name: name.trim() } }),
    onSuccess: async ({ id }) => {
      await queries.fetchQuery({ ...sessionQuery, staleTime: 0 });
      await navigate({ to: '/$application/$environment/settings/api', params: { application: id, environment: 'sandbox' } });
    },
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <Door title="Name your business" about="It owns your webhook URLs, and you own it. You can invite colleagues later.">
      <form onSubmit={onSubmit} className="space-y-4">
        {create.error !== null && (
          <Notice tone="bad" live>
            {create.error.message}
          </Notice>
        )}
        <Field label="Business" hint="Only people you invite see it.">
          <Input required autoComplete="organization" maxLength={200} value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
        <Button type="submit" look="primary" className="w-full" busy={create.isPending}>
          Go on
        </Button>
      </form>
    </Door>
  );
}
