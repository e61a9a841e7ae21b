/** How it goes: what was accepted and what failed, how fast, what waits, and what needs somebody. */
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { LayoutDashboard } from 'lucide-react';
import { lazy, Suspense } from 'react';
import { dispatchQuery, endpointsQuery, LIVE_MS, statsQuery } from '../../api/queries.ts';
import { useScope } from '../../api/session.ts';
import { buttonClass } from '../../ui/button.tsx';
import { Empty, Failure, Skeleton } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { Segments } from '../../ui/segments.tsx';
import { Attention } from './attention.tsx';
import { EndpointHealthList } from './endpoint-health-list.tsx';
import { Figures } from './figures.tsx';
import { isSpan, SPANS, type SpanName } from './spans.ts';

const Charts = lazy(async () => ({ default: (await import('./charts.tsx')).Charts }));

const FROM = '/$application/$environment/overview';

export function Overview() {
  const scope = useScope();
  const { span: asked } = useSearch({ from: FROM });
  const span: SpanName = isSpan(asked) ? asked : '24h';
  const navigate = useNavigate({ from: FROM });
  const endpoints = useQuery({ ...endpointsQuery(scope), refetchInterval: LIVE_MS });
  const dispatch = useQuery(dispatchQuery(scope));
  const stats = useQuery(statsQuery(scope, SPANS[span]));
  if (endpoints.data?.length === 0 && dispatch.data?.pending === 0) return <Start />;
  return (
    <Page
      title="Overview"
      width="medium"
      actions={
        <Segments<SpanName>
          label="Time"
          value={span}
          options={[
            { value: '1h', label: 'Hour' },
            { value: '24h', label: '24 hours' },
            { value: '7d', label: '7 days' },
            { value: '30d', label: '30 days' },
          ]}
          onChange={(next) => navigate({ search: next === '24h' ? {} : { span: next }, replace: true }).catch(reportError)}
        />
      }
    >
      <div className="space-y-5">
        <Attention endpoints={endpoints.data ?? []} />
        <Figures {...(stats.data && { stats: stats.data })} {...(dispatch.data && { dispatch: dispatch.data })} />
        {stats.error !== null && stats.data === undefined ? (
          <Failure error={stats.error} retry={() => stats.refetch()} />
        ) : (
          <Suspense fallback={<Skeleton lines={6} />}>
            {stats.data === undefined ? <Skeleton lines={6} /> : <Charts stats={stats.data} spanMs={SPANS[span].spanMs} />}
          </Suspense>
        )}
        <EndpointHealthList endpoints={endpoints.data} />
      </div>
    </Page>
  );
}

/** Nothing is set up: what to do first. */
function Start() {
  const params = useScope();
  return (
    <Page title="Overview" width="medium">
      <div className="rounded-xl border border-line bg-surface">
        <Empty
          icon={<LayoutDashboard />}
          title="Start with your webhook URL"
          action={
            <>
              <Link to="/$application/$environment/settings/api" params={params} className={buttonClass('primary')}>
                Set your webhook URL
              </Link>
              {params.environment === 'sandbox' && (
                <Link to="/$application/$environment/inbox" params={params} className={buttonClass()}>
                  Get a test URL
                </Link>
              )}
            </>
          }
        >
          {params.environment === 'sandbox'
            ? 'Set the address of your server and send it a test request. Without a server yet, take a test URL, and look at your first webhook there.'
            : 'Try it in the sandbox first, then set the address of your live server here.'}
        </Empty>
      </div>
    </Page>
  );
}
