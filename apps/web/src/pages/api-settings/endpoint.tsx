/** One endpoint's page, for businesses that have several. */
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { ArrowLeft } from 'lucide-react';
import { endpointQuery } from '../../api/queries.ts';
import { useScope } from '../../api/session.ts';
import { Failure, Skeleton } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { EndpointPanel } from './endpoint-panel.tsx';

export function EndpointPage() {
  const scope = useScope();
  const { endpoint: id } = useParams({ from: '/$application/$environment/settings/api/$endpoint' });
  const endpoint = useQuery({ ...endpointQuery(scope, id), refetchInterval: 5_000 });
  return (
    <Page
      title="Webhook URL"
      width="medium"
      about={
        <Link
          to="/$application/$environment/settings/api"
          params={scope}
          className="inline-flex items-center gap-1.5 text-ink-2 hover:text-ink"
        >
          <ArrowLeft aria-hidden className="size-3.5" />
          API Settings
        </Link>
      }
    >
      {endpoint.data !== undefined ? (
        <EndpointPanel key={id} endpoint={endpoint.data} />
      ) : endpoint.error !== null ? (
        <Failure error={endpoint.error} retry={() => endpoint.refetch()} />
      ) : (
        <Skeleton lines={8} />
      )}
    </Page>
  );
}
