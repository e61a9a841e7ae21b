/** All about one endpoint: how it is, its settings, its test, its secret, and what went to it of late. */

import type { EndpointView } from '@posthorn/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { ApiProblem, call } from '../../api/client.ts';
import { endpointQuery, scopeKey, secretQuery } from '../../api/queries.ts';
import { useRights, useScope } from '../../api/session.ts';
import { Button } from '../../ui/button.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Section } from '../../ui/page.tsx';
import { Badge } from '../../ui/status.tsx';
import { say } from '../../ui/toasts.tsx';
import { endpointState, shortUrl } from '../../words/endpoints.ts';
import { EndpointActions } from './endpoint-actions.tsx';
import { draftOf, readDraft, sameDraft } from './endpoint-draft.ts';
import { EndpointFields } from './endpoint-fields.tsx';
import { EndpointHealth } from './endpoint-health.tsx';
import { AddEndpoint } from './endpoint-list.tsx';
import { LastDeliveries } from './last-deliveries.tsx';
import { SecretSection } from './secret-section.tsx';
import { TestRequest } from './test-request.tsx';

export function EndpointPanel({ endpoint, alone = false }: { readonly endpoint: EndpointView; readonly alone?: boolean }) {
  const { mayChange } = useRights();
  const { words, tone } = endpointState(endpoint);
  return (
    <div className="space-y-5">
      <div className="flex flex-wrap items-center justify-between gap-3 sm:flex-nowrap">
        <div className="flex min-w-0 items-center gap-2.5">
          <h2 className="truncate font-mono text-sm font-medium">{shortUrl(endpoint.url)}</h2>
          <Badge tone={tone}>{words}</Badge>
        </div>
        <div className="flex shrink-0 flex-wrap gap-2">
          {alone && mayChange && <AddEndpoint />}
          {mayChange && <EndpointActions endpoint={endpoint} />}
        </div>
      </div>
      <EndpointHealth endpoint={endpoint} />
      <Settings endpoint={endpoint} />
      <SecretSection endpoint={endpoint} />
      <LastDeliveries endpoint={endpoint} />
    </div>
  );
}

function Settings({ endpoint }: { readonly endpoint: EndpointView }) {
  const scope = useScope();
  const { mayChange } = useRights();
  const queries = useQueryClient();
  /** The settings that the form began with: what somebody else changes meanwhile does not overwrite what is being typed. */
  const [from, setFrom] = useState(endpoint);
  const [draft, setDraft] = useState(() => draftOf(endpoint));
  const [errors, setErrors] = useState<Readonly<Record<string, string>>>({});
  const changed = !sameDraft(draft, draftOf(from));
  const reset = (to: EndpointView) => {
    setFrom(to);
    setDraft(draftOf(to));
    setErrors({});
  };
  if (!changed && endpoint.updated_at !== from.updated_at) reset(endpoint);
  const save = useMutation({
    mutationFn: (settings: Parameters<typeof call<'PATCH /v1/endpoints/{id}'>>[1]['body']) =>
      call('PATCH /v1/endpoints/{id}', { scope, path: { id: endpoint.id }, body: settings }),
    onSuccess: (saved) => {
      reset(saved);
      say('Saved. What waits goes to the endpoint as it is now.');
      return queries.invalidateQueries({ queryKey: scopeKey(scope) });
    },
    onError: (error) => setErrors(error instanceof ApiProblem ? error.fields : {}),
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    const read = readDraft(draft);
    if ('errors' in read) return setErrors(read.errors);
    setErrors({});
    save.mutate(read.settings);
  };
  const send = useSendTest(endpoint, draft.url.trim());
  return (
    <Section title="Settings">
      <form onSubmit={onSubmit} noValidate className="space-y-5">
        <EndpointFields
          draft={draft}
          onChange={setDraft}
          errors={errors}
          disabled={!mayChange}
          endpoint={endpoint}
          underUrl={
            mayChange && (
              <TestRequest
                send={send}
                disabled={draft.url.trim() === ''}
                about={
                  draft.url.trim() === endpoint.url
                    ? 'Sent now, signed with this endpoint’s secret, and not counted among its deliveries.'
                    : 'It goes to the URL above, which is not saved yet, signed with this endpoint’s secret.'
                }
              />
            )
          }
        />
        {save.error !== null && (
          <Notice tone="bad" live title="Not saved">
            {save.error.message}
          </Notice>
        )}
        {changed && (
          <div className="flex flex-wrap items-center justify-end gap-2">
            <span className="mr-auto text-xs text-ink-3">Not saved yet</span>
            <Button onClick={() => reset(endpoint)}>Undo</Button>
            <Button type="submit" look="primary" busy={save.isPending}>
              Save changes
            </Button>
          </div>
        )}
      </form>
    </Section>
  );
}

/** A URL that is not saved yet is tried with the secret that it will have. */
function useSendTest(endpoint: EndpointView, url: string) {
  const scope = useScope();
  const queries = useQueryClient();
  return async (type: string | undefined) => {
    const chosen = type === undefined ? {} : { type };
    if (url === endpoint.url) return call('POST /v1/endpoints/{id}/test', { scope, path: { id: endpoint.id }, body: chosen });
    const { secret } = await queries.fetchQuery(secretQuery(scope, endpoint.id));
    return call('POST /v1/test', { scope, body: { url, secret, ...chosen } });
  };
}

/** For pages that name an endpoint by its id only. */
export function EndpointLink({ id }: { readonly id: string }) {
  const scope = useScope();
  const { data } = useQuery(endpointQuery(scope, id));
  if (data === undefined) return <code className="text-xs break-all">{id}</code>;
  return (
    <Link
      to="/$application/$environment/settings/api/$endpoint"
      params={{ ...scope, endpoint: id }}
      className="font-mono text-xs break-all underline decoration-line-strong underline-offset-3 hover:decoration-ink"
    >
      {shortUrl(data.url)}
    </Link>
  );
}
