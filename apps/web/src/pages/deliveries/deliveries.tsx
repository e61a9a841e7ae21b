/** Every delivery of the environment, newest first, live while the page is open. */
import type { DeliveryView } from '@posthorn/contract';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, Outlet, useNavigate, useSearch } from '@tanstack/react-router';
import { Send } from 'lucide-react';
import { useMemo } from 'react';
import { deliveriesQuery, endpointsQuery } from '../../api/queries.ts';
import { useScope } from '../../api/session.ts';
import { buttonClass } from '../../ui/button.tsx';
import { ChoiceFilter, FilterBar, spanOf, TextFilter, TimeFilter } from '../../ui/filters.tsx';
import { LiveList, liveWhileShort } from '../../ui/live-list.tsx';
import { Empty } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { Segments } from '../../ui/segments.tsx';
import { Split, useChosen } from '../../ui/split.tsx';
import { shortUrl } from '../../words/endpoints.ts';
import { DispatchLine } from '../api-settings/dispatch-line.tsx';
import { DeliveryRow } from './delivery-row.tsx';

const FROM = '/$application/$environment/deliveries';

const STATUSES = [
  { value: 'all', label: 'All' },
  { value: 'pending', label: 'Waiting' },
  { value: 'succeeded', label: 'Succeeded' },
  { value: 'failed', label: 'Failed' },
  { value: 'canceled', label: 'Canceled' },
] as const;

type StatusChoice = (typeof STATUSES)[number]['value'];

export function Deliveries() {
  const chosen = useChosen('delivery');
  return (
    <Page title="Deliveries" about="Each event on its way to each of your webhook URLs.">
      <div className={chosen === null ? 'mb-4' : 'mb-4 max-xl:hidden'}>
        <DispatchLine />
      </div>
      <Split chosen={chosen !== null} detail={<Outlet />} list={<DeliveryList chosen={chosen} />} />
    </Page>
  );
}

function DeliveryList({ chosen }: { readonly chosen: string | null }) {
  const scope = useScope();
  const search = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const { status, endpoint, key, event, since, until } = search;
  const { data: endpoints = [] } = useQuery(endpointsQuery(scope));
  const filter = useMemo(
    () => ({
      ...(isStatus(status) && { status }),
      ...(endpoint !== undefined && { endpoint }),
      ...(event !== undefined && { event }),
      ...(key !== undefined && { ordering_key: key }),
      ...spanOf(since, until),
    }),
    [status, endpoint, event, key, since, until],
  );
  const query = useInfiniteQuery({ ...deliveriesQuery(scope, filter), refetchInterval: liveWhileShort });
  const change = (part: Partial<typeof search>) => {
    navigate({ search: (before) => ({ ...before, ...part }), replace: true }).catch(reportError);
  };
  const openById = (id: string | undefined) => {
    if (id?.startsWith('dlv_')) navigate({ to: `${FROM}/$delivery`, params: { ...scope, delivery: id }, search }).catch(reportError);
    else change({ event: id });
  };
  const active = Object.values(search).some((value) => value !== undefined);
  const urls = new Map(endpoints.map(({ id, url }) => [id, shortUrl(url)]));
  return (
    <div className="overflow-hidden rounded-xl border border-line bg-surface">
      <div className="overflow-x-auto px-3 pt-3">
        <Segments<StatusChoice>
          label="Status"
          value={isStatus(status) ? status : 'all'}
          options={STATUSES}
          onChange={(value) => change({ status: value === 'all' ? undefined : value })}
        />
      </div>
      <FilterBar active={active} onClear={() => navigate({ search: {}, replace: true }).catch(reportError)}>
        <TextFilter main label="Id of a delivery or an event" placeholder="dlv_… or an event’s id" value={event} onChange={openById} />
        <TextFilter label="Ordering key" placeholder="Ordering key" value={key} onChange={(value) => change({ key: value })} />
        {endpoints.length > 1 && (
          <ChoiceFilter
            label="Endpoint"
            value={endpoint}
            options={endpoints.map(({ id, url }) => ({ value: id, label: shortUrl(url) }))}
            onChange={(value) => change({ endpoint: value })}
          />
        )}
        <TimeFilter since={since} until={until} onChange={change} />
      </FilterBar>
      <LiveList
        query={query}
        label="Deliveries"
        row={(delivery: DeliveryView) => (
          <DeliveryRow
            delivery={delivery}
            url={urls.get(delivery.endpoint)}
            search={search}
            chosen={delivery.id === chosen}
            narrow={chosen !== null}
          />
        )}
        empty={<NoDeliveries filtered={active} hasEndpoint={endpoints.length > 0} />}
      />
    </div>
  );
}

function isStatus(status: string | undefined): status is DeliveryView['status'] {
  return status !== undefined && status !== 'all' && STATUSES.some(({ value }) => value === status);
}

function NoDeliveries({ filtered, hasEndpoint }: { readonly filtered: boolean; readonly hasEndpoint: boolean }) {
  const params = useScope();
  if (filtered) {
    return (
      <Empty icon={<Send />} title="No delivery fits these filters">
        Widen the time, or clear the filters to see all of them.
      </Empty>
    );
  }
  if (!hasEndpoint) {
    return (
      <Empty
        icon={<Send />}
        title="Nowhere to deliver to yet"
        action={
          <Link to="/$application/$environment/settings/api" params={params} className={buttonClass('primary')}>
            Set your webhook URL
          </Link>
        }
      >
        Once you have a webhook URL here, each event that comes makes a delivery to it.
      </Empty>
    );
  }
  return (
    <Empty
      icon={<Send />}
      title="No deliveries yet"
      action={
        params.environment === 'sandbox' ? (
          <Link to="/$application/$environment/catalogue" params={params} className={buttonClass('primary')}>
            Send yourself an example
          </Link>
        ) : undefined
      }
    >
      Your webhook URL is set. The next event that the API publishes for you appears here by itself.
    </Empty>
  );
}
