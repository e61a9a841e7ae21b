/** One event: its exact body, and where it went. */
import type { EventView } from '@posthorn/contract';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { deliveriesQuery, eventQuery, LIVE_MS } from '../../api/queries.ts';
import { useScope } from '../../api/session.ts';
import { Code } from '../../ui/code.tsx';
import { Copyable } from '../../ui/copy.tsx';
import { Instant } from '../../ui/instant.tsx';
import { Failure, Skeleton } from '../../ui/notice.tsx';
import { Fact, Facts } from '../../ui/page.tsx';
import { Segments } from '../../ui/segments.tsx';
import { Dot } from '../../ui/status.tsx';
import { DELIVERY_STATUS } from '../../words/deliveries.ts';
import { prettyJson } from '../../words/json.ts';
import { counted } from '../../words/numbers.ts';
import { EndpointLink } from '../api-settings/endpoint-panel.tsx';
import { PaneFrame } from '../deliveries/delivery.tsx';

const FROM = '/$application/$environment/events';

export function EventPane() {
  const scope = useScope();
  const { event: id } = useParams({ from: `${FROM}/$event` });
  const search = useSearch({ from: FROM });
  const navigate = useNavigate({ from: `${FROM}/$event` });
  const event = useQuery(eventQuery(scope, id));
  return (
    <PaneFrame back="Events" onClose={() => navigate({ to: FROM, params: scope, search }).catch(reportError)}>
      {event.data !== undefined ? (
        <Detail event={event.data} />
      ) : event.error !== null ? (
        <Failure error={event.error} retry={() => event.refetch()} />
      ) : (
        <Skeleton lines={7} />
      )}
    </PaneFrame>
  );
}

function Detail({ event }: { readonly event: EventView }) {
  const [form, setForm] = useState<'pretty' | 'raw'>('pretty');
  const bytes = new TextEncoder().encode(event.body).length;
  return (
    <div className="space-y-5">
      <div className="space-y-2 xl:pr-10">
        <h2 className="font-mono text-base font-medium break-all">{event.type}</h2>
        <Copyable text={event.id} label="Copy the event’s id" />
      </div>
      <Facts>
        <Fact name="Published">
          <Instant at={event.timestamp} />
        </Fact>
        <Fact name="Ordering key">{event.ordering_key ?? <span className="text-ink-3">none</span>}</Fact>
        <Fact name="Size">{counted(bytes, 'byte')}</Fact>
      </Facts>
      <section className="space-y-2">
        <div className="flex flex-wrap items-center justify-between gap-2">
          <h3 className="text-sm font-semibold">Body</h3>
          <Segments
            label="How the body is shown"
            value={form}
            onChange={setForm}
            options={[
              { value: 'pretty', label: 'Pretty' },
              { value: 'raw', label: 'Raw' },
            ]}
          />
        </div>
        <Code
          tall
          label="body"
          language={form === 'pretty' ? 'json' : 'text'}
          text={form === 'pretty' ? prettyJson(event.body) : event.body}
          wrap={form === 'raw'}
        />
        <p className="text-xs text-ink-3">
          Raw is exactly what endpoints receive and what the signature covers, byte for byte, on every attempt.
        </p>
      </section>
      <EventDeliveries event={event} />
    </div>
  );
}

function EventDeliveries({ event }: { readonly event: EventView }) {
  const params = useScope();
  const { data } = useInfiniteQuery({ ...deliveriesQuery(params, { event: event.id }, 100), refetchInterval: LIVE_MS });
  const deliveries = data?.pages.flatMap((page) => page.data);
  return (
    <section className="space-y-2">
      <h3 className="text-sm font-semibold">Deliveries</h3>
      {deliveries === undefined ? (
        <Skeleton lines={2} />
      ) : deliveries.length === 0 ? (
        <p className="text-sm text-ink-2">
          No endpoint wanted this type when it was published. A new endpoint can have it too: choose “Send what came before it” among its
          actions.
        </p>
      ) : (
        <ul className="divide-y divide-line rounded-lg border border-line">
          {deliveries.map((delivery) => {
            const { words, tone } = DELIVERY_STATUS[delivery.status];
            return (
              <li key={delivery.id} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-3.5 py-2.5 text-sm">
                <span className="w-24 text-xs">
                  <Dot tone={tone}>{words}</Dot>
                </span>
                <span className="min-w-0 flex-1 basis-40 truncate">
                  <EndpointLink id={delivery.endpoint} />
                </span>
                <Link
                  to="/$application/$environment/deliveries/$delivery"
                  params={{ ...params, delivery: delivery.id }}
                  className="text-xs font-medium text-accent hover:underline"
                >
                  {delivery.attempt_count === 0 ? 'No attempt yet' : counted(delivery.attempt_count, 'attempt')}
                </Link>
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}
