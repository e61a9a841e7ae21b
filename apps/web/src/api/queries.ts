/** What the pages read. Every key begins with application and environment, so that nothing of one is ever shown in another. */
import type { DeliveryQuery, EventQuery } from '@posthorn/contract';
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { call, type Scope } from './client.ts';
import type { Page } from './views.ts';

/** How often a page that is open looks again. */
export const LIVE_MS = 3_000;
const PAGE_SIZE = 50;

const within = ({ application, environment }: Scope) => [application, environment] as const;

/** Everything of the scope: to be looked at again after a change. */
export const scopeKey = within;

/** All of a list that is short by nature (endpoints, keys, members), a page after the other. */
async function all<T>(page: (cursor: string | undefined) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | undefined; ; ) {
    const { data, next_cursor: next } = await page(cursor);
    items.push(...data);
    if (next === null || items.length >= 1_000) return items;
    cursor = next;
  }
}

const paged = (cursor: string | undefined) => ({ limit: 100, ...(cursor === undefined ? {} : { cursor }) });

export const endpointsQuery = (scope: Scope) =>
  queryOptions({
    queryKey: [...within(scope), 'endpoints'],
    queryFn: ({ signal }) => all((cursor) => call('GET /v1/endpoints', { scope, signal, query: paged(cursor) })),
  });

export const endpointQuery = (scope: Scope, id: string) =>
  queryOptions({
    queryKey: [...within(scope), 'endpoint', id],
    queryFn: ({ signal }) => call('GET /v1/endpoints/{id}', { scope, signal, path: { id } }),
  });

export const secretQuery = (scope: Scope, id: string) =>
  queryOptions({
    queryKey: [...within(scope), 'secret', id],
    queryFn: ({ signal }) => call('GET /v1/endpoints/{id}/secret', { scope, signal, path: { id } }),
    gcTime: 0,
  });

export const dispatchQuery = (scope: Scope) =>
  queryOptions({
    queryKey: [...within(scope), 'dispatch'],
    queryFn: ({ signal }) => call('GET /v1/dispatch', { scope, signal }),
    refetchInterval: LIVE_MS,
  });

export const eventTypesQuery = (scope: Scope) =>
  queryOptions({
    queryKey: [...within(scope), 'event-types'],
    queryFn: ({ signal }) => all((cursor) => call('GET /v1/event-types', { scope, signal, query: paged(cursor) })),
    staleTime: 60_000,
  });

/** Of every scope: the catalogue is one for all businesses and both environments. */
export const isCatalogue = ({ queryKey }: { readonly queryKey: readonly unknown[] }): boolean =>
  queryKey[2] === 'event-types' || queryKey[2] === 'event-type';

export const keysQuery = (scope: Scope) =>
  queryOptions({
    queryKey: [...within(scope), 'keys'],
    queryFn: ({ signal }) =>
      all((cursor) =>
        call('GET /v1/keys', {
          scope,
          signal,
          query: { ...paged(cursor), ...(scope.application === null ? {} : { application: scope.application }) },
        }),
      ),
  });

export const deliveriesQuery = (scope: Scope, filter: Omit<DeliveryQuery, 'limit' | 'cursor'>, limit = PAGE_SIZE) =>
  infiniteQueryOptions({
    queryKey: [...within(scope), 'deliveries', filter, limit],
    queryFn: ({ signal, pageParam }) =>
      call('GET /v1/deliveries', { scope, signal, query: { ...filter, limit, ...(pageParam === null ? {} : { cursor: pageParam }) } }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
  });

export const deliveryQuery = (scope: Scope, id: string) =>
  queryOptions({
    queryKey: [...within(scope), 'delivery', id],
    queryFn: ({ signal }) => call('GET /v1/deliveries/{id}', { scope, signal, path: { id } }),
  });

export const eventsQuery = (scope: Scope, filter: Omit<EventQuery, 'limit' | 'cursor'>) =>
  infiniteQueryOptions({
    queryKey: [...within(scope), 'events', filter],
    queryFn: ({ signal, pageParam }) =>
      call('GET /v1/events', {
        scope,
        signal,
        query: { ...filter, limit: PAGE_SIZE, ...(pageParam === null ? {} : { cursor: pageParam }) },
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
  });

export const eventQuery = (scope: Scope, id: string) =>
  queryOptions({
    queryKey: [...within(scope), 'event', id],
    queryFn: ({ signal }) =>
      call('GET /v1/events/{id}', {
        scope,
        signal,
        path: { id },
        query: scope.application === null ? {} : { application: scope.application },
      }),
    // An event never changes.
    staleTime: Number.POSITIVE_INFINITY,
  });

export const statsQuery = (scope: Scope, span: { readonly spanMs: number; readonly step: string; readonly endpoint?: string }) =>
  queryOptions({
    queryKey: [...within(scope), 'stats', span],
    queryFn: ({ signal }) =>
      call('GET /v1/stats', {
        scope,
        signal,
        query: {
          since: new Date(Date.now() - span.spanMs).toISOString(),
          step: span.step,
          ...(span.endpoint === undefined ? {} : { endpoint: span.endpoint }),
        },
      }),
    refetchInterval: 10_000,
  });

export const jobQuery = (scope: Scope, id: string) =>
  queryOptions({
    queryKey: [...within(scope), 'job', id],
    queryFn: ({ signal }) => call('GET /v1/jobs/{id}', { scope, signal, path: { id } }),
  });

export const membersQuery = (scope: Scope) =>
  queryOptions({
    queryKey: [...within(scope), 'members'],
    queryFn: ({ signal }) => all((cursor) => call('GET /v1/members', { scope, signal, query: paged(cursor) })),
  });

export const invitationsQuery = (scope: Scope) =>
  queryOptions({
    queryKey: [...within(scope), 'invitations'],
    queryFn: ({ signal }) => all((cursor) => call('GET /v1/invitations', { scope, signal, query: paged(cursor) })),
  });

export const auditLogQuery = (scope: Scope) =>
  infiniteQueryOptions({
    queryKey: [...within(scope), 'audit-log'],
    queryFn: ({ signal, pageParam }) =>
      call('GET /v1/audit-log', { scope, signal, query: { limit: PAGE_SIZE, ...(pageParam === null ? {} : { cursor: pageParam }) } }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
  });

export const inboxesQuery = (scope: Scope) =>
  queryOptions({
    queryKey: [...within(scope), 'inboxes'],
    queryFn: ({ signal }) => all((cursor) => call('GET /v1/inboxes', { scope, signal, query: paged(cursor) })),
  });

export const inboxRequestsQuery = (scope: Scope, id: string) =>
  queryOptions({
    queryKey: [...within(scope), 'inbox-requests', id],
    queryFn: ({ signal }) => call('GET /v1/inboxes/{id}/requests', { scope, signal, path: { id }, query: { limit: 100 } }),
    refetchInterval: 1_500,
  });

export const applicationQuery = (scope: Scope & { readonly application: string }) =>
  queryOptions({
    queryKey: [...within(scope), 'application'],
    queryFn: ({ signal }) => call('GET /v1/applications/{application}', { scope, signal, path: { application: scope.application } }),
  });
