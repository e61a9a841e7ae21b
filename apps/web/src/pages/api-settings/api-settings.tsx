/** Settings > API Settings: where webhooks go, how they are verified, and the keys of the API. */
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Tabs } from 'radix-ui';
import { lazy, Suspense } from 'react';
import { endpointsQuery } from '../../api/queries.ts';
import { useScope } from '../../api/session.ts';
import { Failure, Skeleton } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { ApiKeys } from './api-keys.tsx';
import { DispatchLine } from './dispatch-line.tsx';
import { EgressAddresses } from './egress-addresses.tsx';
import { EndpointList } from './endpoint-list.tsx';
import { EndpointPanel } from './endpoint-panel.tsx';
import { FirstEndpoint } from './first-endpoint.tsx';

const Verify = lazy(async () => ({ default: (await import('./verify.tsx')).Verify }));

const TABS = [
  { id: 'endpoints', name: 'Webhook URLs' },
  { id: 'verify', name: 'Verify signatures' },
  { id: 'keys', name: 'API keys' },
] as const;

export function ApiSettings() {
  const { tab = 'endpoints' } = useSearch({ from: '/$application/$environment/settings/api' });
  const navigate = useNavigate({ from: '/$application/$environment/settings/api' });
  return (
    <Page title="API Settings" about="Where your events go, and how you know that they are genuine." width="medium">
      <DispatchLine />
      <Tabs.Root
        value={tab}
        onValueChange={(next) => {
          navigate({ search: next === 'endpoints' ? {} : { tab: next }, replace: true }).catch(reportError);
        }}
        className="mt-5"
      >
        <Tabs.List aria-label="API Settings" className="mb-5 flex gap-5 overflow-x-auto shadow-[inset_0_-1px_0_var(--line)]">
          {TABS.map(({ id, name }) => (
            <Tabs.Trigger
              key={id}
              value={id}
              className="border-b-2 border-transparent pt-1 pb-2.5 text-sm font-medium whitespace-nowrap text-ink-2 hover:text-ink data-[state=active]:border-accent data-[state=active]:text-ink"
            >
              {name}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        <Tabs.Content value="endpoints" tabIndex={-1} className="space-y-5 outline-none">
          <Endpoints />
          <EgressAddresses />
        </Tabs.Content>
        <Tabs.Content value="verify" tabIndex={-1} className="outline-none">
          <Suspense fallback={<Skeleton lines={8} />}>
            <Verify />
          </Suspense>
        </Tabs.Content>
        <Tabs.Content value="keys" tabIndex={-1} className="outline-none">
          <ApiKeys />
        </Tabs.Content>
      </Tabs.Root>
    </Page>
  );
}

/** None: the form. One: all about it. More: the list. */
function Endpoints() {
  const scope = useScope();
  const endpoints = useQuery({ ...endpointsQuery(scope), refetchInterval: 5_000 });
  if (endpoints.error !== null && endpoints.data === undefined)
    return <Failure error={endpoints.error} retry={() => endpoints.refetch()} />;
  if (endpoints.data === undefined) return <Skeleton lines={6} />;
  const [first, ...others] = endpoints.data;
  if (first === undefined) return <FirstEndpoint />;
  if (others.length === 0) return <EndpointPanel key={first.id} endpoint={first} alone />;
  return <EndpointList endpoints={endpoints.data} />;
}
