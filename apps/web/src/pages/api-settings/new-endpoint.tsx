/** A new webhook URL: its form, with a test before it is saved. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, type ReactNode, useState } from 'react';
import { ApiProblem, call } from '../../api/client.ts';
import { endpointsQuery, scopeKey } from '../../api/queries.ts';
import { useScope } from '../../api/session.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Notice } from '../../ui/notice.tsx';
import { say } from '../../ui/toasts.tsx';
import { type Draft, EMPTY_DRAFT, readDraft } from './endpoint-draft.ts';
import { EndpointFields } from './endpoint-fields.tsx';
import { TestRequest } from './test-request.tsx';

/** @param onCreated called with the new endpoint's id */
export function NewEndpoint({ onCreated, cancel }: { readonly onCreated: (id: string) => void; readonly cancel?: ReactNode }) {
  const scope = useScope();
  const queries = useQueryClient();
  const [draft, setDraft] = useState<Draft>(EMPTY_DRAFT);
  const [errors, setErrors] = useState<Readonly<Record<string, string>>>({});
  /** The secret that signed a test before saving: the endpoint keeps it, so that what verified then verifies still. */
  const [tested, setTested] = useState<string | null>(null);
  const secret = draft.secret !== '' ? draft.secret : tested;
  const create = useMutation({
    mutationFn: (settings: Parameters<typeof call<'POST /v1/endpoints'>>[1]['body']) =>
      call('POST /v1/endpoints', { scope, body: settings }),
    onSuccess: async (endpoint) => {
      queries.setQueryData(endpointsQuery(scope).queryKey, (before) => [endpoint, ...(before ?? [])]);
      await queries.invalidateQueries({ queryKey: scopeKey(scope) });
      say('Saved. Your receiver verifies with the secret on this page.');
      onCreated(endpoint.id);
    },
    onError: (error) => setErrors(error instanceof ApiProblem ? error.fields : {}),
  });
  const save = (event: FormEvent) => {
    event.preventDefault();
    const read = readDraft(draft);
    if ('errors' in read) return setErrors(read.errors);
    setErrors({});
    create.mutate({ application: scope.application, ...read.settings, ...(secret !== null && { secret }) });
  };
  const sendTest = async (type: string | undefined) => {
    setErrors({});
    try {
      return await call('POST /v1/test', {
        scope,
        body: { url: draft.url.trim(), ...(secret !== null && { secret }), ...(type !== undefined && { type }) },
      });
    } catch (error) {
      if (error instanceof ApiProblem) setErrors(error.fields);
      throw error;
    }
  };
  return (
    <form onSubmit={save} noValidate className="space-y-5">
      <EndpointFields
        draft={draft}
        onChange={setDraft}
        errors={errors}
        underUrl={
          <TestRequest
            send={sendTest}
            disabled={draft.url.trim() === ''}
            onResult={(result) => result.secret !== undefined && setTested(result.secret)}
            about="Before or after saving: we send one signed request now, and show what came of it."
          />
        }
      />
      {tested !== null && draft.secret === '' && (
        <Notice tone="none" title="The test was signed with a new secret">
          <code className="text-xs break-all">{tested}</code>
          <p className="mt-1">It becomes this URL’s secret when you save, so your receiver can check with it already.</p>
        </Notice>
      )}
      {create.error !== null && (
        <Notice tone="bad" live title="Not saved">
          {create.error.message}
        </Notice>
      )}
      <div className="flex flex-wrap justify-end gap-2">
        {cancel}
        <Button type="submit" look="primary" busy={create.isPending}>
          Save webhook URL
        </Button>
      </div>
    </form>
  );
}

export function NewEndpointDialog({ onClose }: { readonly onClose: () => void }) {
  const scope = useScope();
  const navigate = useNavigate();
  return (
    <Dialog open wide onOpenChange={(open) => !open && onClose()} title="Add a webhook URL">
      <NewEndpoint
        cancel={<Button onClick={onClose}>Cancel</Button>}
        onCreated={(endpoint) => {
          onClose();
          navigate({ to: '/$application/$environment/settings/api/$endpoint', params: { ...scope, endpoint } }).catch(reportError);
        }}
      />
    </Dialog>
  );
}
