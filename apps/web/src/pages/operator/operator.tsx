/** The whole installation: how it is, who is on it, when it sends, and the brake. */
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { call, type Scope } from '../../api/client.ts';
import type { Environment } from '../../api/views.ts';
import { AccountMenu } from '../../shell/account-menu.tsx';
import { Brand } from '../../shell/brand.tsx';
import { SandboxRibbon } from '../../shell/environment-switch.tsx';
import { Failure, Skeleton } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { Segments } from '../../ui/segments.tsx';
import { Applications, useApplications } from './applications.tsx';
import { Brake } from './brake.tsx';
import { Cadence } from './cadence.tsx';
import { CatalogueDoor } from './catalogue-door.tsx';
import { InstallationHealth } from './installation-health.tsx';

export function Operator() {
  const search = useSearch({ from: '/operator' });
  const navigate = useNavigate({ from: '/operator' });
  const environment: Environment = search.environment === 'sandbox' ? 'sandbox' : 'production';
  const scope: Scope = { application: null, environment };
  const overview = useQuery({
    queryKey: ['operator', environment],
    queryFn: ({ signal }) => call('GET /v1/operator/overview', { scope, signal }),
    refetchInterval: 3_000,
  });
  const applications = useApplications(scope);
  return (
    <>
      {environment === 'sandbox' && <SandboxRibbon />}
      <header className="flex items-center justify-between gap-4 border-b border-line px-4 py-2.5 sm:px-6">
        <Link to="/operator" className="min-w-0 rounded">
          <Brand />
        </Link>
        <div className="w-52 max-w-[50vw]">
          <AccountMenu />
        </div>
      </header>
      <main>
        <Page
          title="All applications"
          width="medium"
          about="The whole installation. Only operators see this page."
          actions={
            <Segments<Environment>
              label="Environment"
              value={environment}
              options={[
                { value: 'production', label: 'Production' },
                { value: 'sandbox', label: 'Sandbox' },
              ]}
              onChange={(next) => navigate({ search: next === 'production' ? {} : { environment: next } }).catch(reportError)}
            />
          }
        >
          <div className="space-y-5">
            {overview.data !== undefined ? (
              <>
                <InstallationHealth overview={overview.data} environment={environment} />
                <Cadence scope={scope} />
                <Brake overview={overview.data} scope={scope} />
              </>
            ) : overview.error !== null ? (
              <Failure error={overview.error} retry={() => overview.refetch()} />
            ) : (
              <Skeleton lines={6} />
            )}
            <CatalogueDoor scope={scope} application={applications.data?.pages[0]?.data[0]?.id} />
            <Applications scope={scope} />
          </div>
        </Page>
      </main>
    </>
  );
}
