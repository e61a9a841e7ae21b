import type { EndpointView } from '@posthorn/contract';
import { Link } from '@tanstack/react-router';
import { useScope } from '../../api/session.ts';
import { Skeleton } from '../../ui/notice.tsx';
import { Section } from '../../ui/page.tsx';
import { Dot } from '../../ui/status.tsx';
import { endpointState, eventTypesWords, shortUrl } from '../../words/endpoints.ts';

/** The worst first. */
const ORDER = ['Disabled', 'Failing', 'Enabled, failing', 'Paused', 'Enabled'];

export function EndpointHealthList({ endpoints }: { readonly endpoints: readonly EndpointView[] | undefined }) {
  const params = useScope();
  const sorted = endpoints?.toSorted((a, b) => ORDER.indexOf(endpointState(a).words) - ORDER.indexOf(endpointState(b).words));
  return (
    <Section flush title="Endpoints by health">
      {sorted === undefined ? (
        <div className="px-5 pb-4">
          <Skeleton />
        </div>
      ) : (
        <ul className="divide-y divide-line border-t border-line">
          {sorted.map((endpoint) => {
            const { words, tone } = endpointState(endpoint);
            return (
              <li key={endpoint.id}>
                <Link
                  to="/$application/$environment/settings/api/$endpoint"
                  params={{ ...params, endpoint: endpoint.id }}
                  className="flex items-center gap-4 px-4 py-2.5 text-sm -outline-offset-2 hover:bg-hover sm:px-5"
                >
                  <span className="w-28 shrink-0 text-xs">
                    <Dot tone={tone}>{words}</Dot>
                  </span>
                  <span className="min-w-0 flex-1 truncate font-mono text-xs">{shortUrl(endpoint.url)}</span>
                  <span className="max-w-2/5 truncate text-xs text-ink-3 max-sm:hidden">{eventTypesWords(endpoint.event_types)}</span>
                </Link>
              </li>
            );
          })}
        </ul>
      )}
    </Section>
  );
}
