import type { EndpointView } from '@posthorn/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { deliveriesQuery, LIVE_MS } from '../../api/queries.ts';
import { useScope } from '../../api/session.ts';
import { Instant } from '../../ui/instant.tsx';
import { Skeleton } from '../../ui/notice.tsx';
import { Section } from '../../ui/page.tsx';
import { Dot } from '../../ui/status.tsx';
import { DELIVERY_STATUS } from '../../words/deliveries.ts';

export function LastDeliveries({ endpoint }: { readonly endpoint: EndpointView }) {
  const params = useScope();
  const { data } = useInfiniteQuery({ ...deliveriesQuery(params, { endpoint: endpoint.id }, 5), refetchInterval: LIVE_MS });
  const deliveries = data?.pages[0]?.data;
  return (
    <Section
      flush
      title="Last deliveries"
      actions={
        <Link
          to="/$application/$environment/deliveries"
          params={params}
          search={{ endpoint: endpoint.id }}
          className="text-sm font-medium text-accent hover:underline"
        >
          All of them
        </Link>
      }
    >
      {deliveries === undefined ? (
        <div className="px-5 pb-4">
          <Skeleton />
        </div>
      ) : deliveries.length === 0 ? (
        <p className="px-4 pb-5 text-sm text-ink-2 sm:px-5">
          None yet. Events that the API publishes for you appear here; a test request shows its answer above.
        </p>
      ) : (
        <ul className="divide-y divide-line border-t border-line">
          {deliveries.map((delivery) => {
            const { words, tone } = DELIVERY_STATUS[delivery.status];
            return (
              <li key={delivery.id}>
                <Link
                  to="/$application/$environment/deliveries/$delivery"
                  params={{ ...params, delivery: delivery.id }}
                  search={{ endpoint: endpoint.id }}
                  className="flex flex-wrap items-center gap-x-4 gap-y-0.5 px-4 py-2.5 text-sm -outline-offset-2 hover:bg-hover sm:px-5"
                >
                  <span className="w-24 text-xs">
                    <Dot tone={tone}>{words}</Dot>
                  </span>
                  <span className="min-w-0 flex-1 truncate font-mono text-xs">{delivery.event_type}</span>
                  <span className="text-xs text-ink-2">
                    <Instant at={delivery.created_at} form="list" />
                  </span>
                </Link>
              </li>
            );
          })}
        </ul>
      )}
    </Section>
  );
}
