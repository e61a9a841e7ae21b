/** The log of events of the environment, newest first, live while the page is open. */
import type { EventView } from '@posthorn/contract';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, Outlet, useNavigate, useSearch } from '@tanstack/react-router';
import { clsx } from 'clsx';
import { Activity } from 'lucide-react';
import { useMemo } from 'react';
import { eventsQuery, eventTypesQuery } from '../../api/queries.ts';
import { useScope } from '../../api/session.ts';
import { buttonClass } from '../../ui/button.tsx';
import { ChoiceFilter, FilterBar, spanOf, TextFilter, TimeFilter } from '../../ui/filters.tsx';
import { Instant } from '../../ui/instant.tsx';
import { LiveList, liveWhileShort } from '../../ui/live-list.tsx';
import { Empty } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { Split, useChosen } from '../../ui/split.tsx';
import { counted } from '../../words/numbers.ts';

const FROM = '/$application/$environment/events';

export function Events() {
  const chosen = useChosen('event');
  return (
    <Page title="Events" about="Everything that happened, as the API published it.">
      <Split chosen={chosen !== null} detail={<Outlet />} list={<EventList chosen={chosen} />} />
    </Page>
  );
}

function EventList({ chosen }: { readonly chosen: string | null }) {
  const scope = useScope();
  const search = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const { type, key, since, until } = search;
  const { data: catalogue = [] } = useQuery(eventTypesQuery(scope));
  const filter = useMemo(
    () => ({
      application: scope.application,
      ...(type !== undefined && { type }),
      ...(key !== undefined && { ordering_key: key }),
      ...spanOf(since, until),
    }),
    [scope.application, type, key, since, until],
  );
  const query = useInfiniteQuery({ ...eventsQuery(scope, filter), refetchInterval: liveWhileShort });
  const change = (part: Partial<typeof search>) => {
    navigate({ search: (before) => ({ ...before, ...part }), replace: true }).catch(reportError);
  };
  const open = (event: string | undefined) => {
    if (event !== undefined) navigate({ to: `${FROM}/$event`, params: { ...scope, event }, search }).catch(reportError);
  };
  const active = Object.values(search).some((value) => value !== undefined);
  return (
    <div className="overflow-hidden rounded-xl border border-line bg-surface">
      <FilterBar active={active} onClear={() => navigate({ search: {}, replace: true }).catch(reportError)}>
        <TextFilter main label="Id of an event" placeholder="An event’s id" value={undefined} onChange={open} />
        <ChoiceFilter
          label="Type"
          value={type}
          options={withChosen(
            catalogue.map(({ name }) => name),
            type,
          ).map((name) => ({ value: name, label: name }))}
          onChange={(value) => change({ type: value })}
        />
        <TextFilter label="Ordering key" placeholder="Ordering key" value={key} onChange={(value) => change({ key: value })} />
        <TimeFilter since={since} until={until} onChange={change} />
      </FilterBar>
      <LiveList
        query={query}
        label="Events"
        row={(event: EventView) => <EventRow event={event} search={search} chosen={event.id === chosen} />}
        empty={<NoEvents filtered={active} />}
      />
    </div>
  );
}

/** A type that is in the address stands in the list, in the catalogue or not. */
function withChosen(names: readonly string[], chosen: string | undefined): readonly string[] {
  return chosen === undefined || names.includes(chosen) ? names : [chosen, ...names];
}

interface EventRowProps {
  readonly event: EventView;
  readonly search: Readonly<Record<string, string | undefined>>;
  readonly chosen: boolean;
}

function EventRow({ event, search, chosen }: EventRowProps) {
  const params = useScope();
  return (
    <Link
      data-row
      to="/$application/$environment/events/$event"
      params={{ ...params, event: event.id }}
      search={search}
      aria-current={chosen ? 'true' : undefined}
      className={clsx(
        'grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 px-4 py-2 text-sm max-sm:py-2.5 -outline-offset-2 hover:bg-hover sm:grid-cols-[minmax(0,3fr)_minmax(0,2fr)_auto]',
        chosen && 'bg-accent-soft hover:bg-accent-soft',
      )}
    >
      <span className="flex min-w-0 gap-x-3 max-sm:flex-col sm:items-baseline">
        <span className="truncate font-mono text-xs font-medium">{event.type}</span>
        {event.ordering_key !== null && <span className="min-w-0 shrink-[2] truncate text-xs text-ink-3">{event.ordering_key}</span>}
      </span>
      <span className="truncate text-xs text-ink-3 max-sm:hidden">
        {event.deliveries === 0 ? 'to no endpoint' : `to ${counted(event.deliveries, 'endpoint')}`}
      </span>
      <span className="text-right text-xs whitespace-nowrap text-ink-2">
        <Instant at={event.timestamp} form="list" />
      </span>
    </Link>
  );
}

function NoEvents({ filtered }: { readonly filtered: boolean }) {
  const params = useScope();
  if (filtered) {
    return (
      <Empty icon={<Activity />} title="No event fits these filters">
        Widen the time, or clear the filters to see all of them.
      </Empty>
    );
  }
  return (
    <Empty
      icon={<Activity />}
      title="No events yet"
      action={
        <Link to="/$application/$environment/catalogue" params={params} className={buttonClass('primary')}>
          See which events there are
        </Link>
      }
    >
      {params.environment === 'sandbox'
        ? 'Events come when the API publishes them to the sandbox. In the catalogue you can send yourself an example right away.'
        : 'They come when something happens in your account. Try your endpoint in the sandbox first.'}
    </Empty>
  );
}
