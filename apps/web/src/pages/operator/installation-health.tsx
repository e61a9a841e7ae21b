import type { OverviewView } from '@posthorn/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { applicationQuery } from '../../api/queries.ts';
import type { ShownScope } from '../../api/session.ts';
import type { Environment } from '../../api/views.ts';
import { Figure } from '../../ui/figure.tsx';
import { Instant } from '../../ui/instant.tsx';
import { Section } from '../../ui/page.tsx';
import { Dot } from '../../ui/status.tsx';
import type { Tone } from '../../words/deliveries.ts';
import { shortUrl } from '../../words/endpoints.ts';
import { short } from '../../words/numbers.ts';
import { precisely } from '../../words/time.ts';

interface InstallationHealthProps {
  readonly overview: OverviewView;
  readonly environment: Environment;
}

/** Beyond this, what should have left at a tick is noticeably late. */
const LATE_MS = 10_000;

export function InstallationHealth({ overview, environment }: InstallationHealthProps) {
  const { endpoints, breakers, gate_lag_ms: lag } = overview;
  return (
    <>
      <dl className="grid grid-cols-2 overflow-hidden rounded-xl border border-line bg-surface sm:grid-cols-4">
        <Figure name="Rate">
          {overview.rate_per_second < 10 ? overview.rate_per_second.toFixed(1) : short(overview.rate_per_second)}
          <span className="text-sm font-normal text-ink-3"> /s</span>
        </Figure>
        <Figure name="Behind the gate" tone={lag > LATE_MS ? 'text-warn' : ''}>
          {lag === 0 ? 'nothing' : precisely(lag)}
        </Figure>
        <Figure
          name="Waiting"
          aside={
            overview.oldest_pending_at !== null && (
              <>
                oldest <Instant at={overview.oldest_pending_at} form="away" />
              </>
            )
          }
        >
          {short(overview.pending)}
        </Figure>
        <Figure name="Applications">{short(overview.applications)}</Figure>
      </dl>
      <div className="grid gap-5 md:grid-cols-2">
        <Section title="Endpoints">
          <Counts
            rows={[
              { name: 'Enabled', count: endpoints.enabled, tone: 'good' },
              { name: 'Failing', count: endpoints.failing, tone: 'bad' },
              { name: 'Disabled', count: endpoints.disabled, tone: 'bad' },
              { name: 'Paused', count: endpoints.paused, tone: 'none' },
            ]}
          />
        </Section>
        <Section title="Circuit breakers">
          <Counts
            rows={[
              { name: 'Closed: all goes through', count: breakers.closed, tone: 'good' },
              { name: 'Half open: being tried', count: breakers.half_open, tone: 'warn' },
              { name: 'Open: backlog held', count: breakers.open, tone: 'bad' },
            ]}
          />
        </Section>
      </div>
      <Section flush title="Slowest endpoints">
        {overview.slowest_endpoints.length === 0 ? (
          <p className="px-4 pb-5 text-sm text-ink-2 sm:px-5">No attempts of late.</p>
        ) : (
          <ul className="divide-y divide-line border-t border-line">
            {overview.slowest_endpoints.map(({ endpoint, url, application, p95_ms: p95 }) => (
              <li key={endpoint}>
                <Link
                  to="/$application/$environment/settings/api/$endpoint"
                  params={{ application, environment, endpoint }}
                  className="flex items-center gap-4 px-4 py-2.5 text-sm -outline-offset-2 hover:bg-hover sm:px-5"
                >
                  <span className="min-w-0 flex-1">
                    <span className="block truncate font-mono text-xs">{shortUrl(url)}</span>
                    <span className="mt-0.5 block truncate text-xs text-ink-3">
                      <ApplicationName application={application} environment={environment} />
                    </span>
                  </span>
                  <span className="shrink-0 text-xs text-ink-2 tabular-nums">95 % within {precisely(p95)}</span>
                </Link>
              </li>
            ))}
          </ul>
        )}
      </Section>
    </>
  );
}

/** The overview names applications by their ids only. */
function ApplicationName(scope: ShownScope) {
  return useQuery({ ...applicationQuery(scope), staleTime: 60_000 }).data?.name ?? scope.application;
}

function Counts({ rows }: { readonly rows: readonly { readonly name: string; readonly count: number; readonly tone: Tone }[] }) {
  return (
    <dl className="space-y-2 text-sm">
      {rows.map(({ name, count, tone }) => (
        <div key={name} className="flex items-center justify-between gap-4">
          <dt>
            <Dot tone={count === 0 ? 'none' : tone}>{name}</Dot>
          </dt>
          <dd className="tabular-nums">{short(count)}</dd>
        </div>
      ))}
    </dl>
  );
}
