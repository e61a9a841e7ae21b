/** An endless list: it asks for more as one scrolls, and looks again while it is open. */
import type { InfiniteData } from '@tanstack/react-query';
import { type ReactNode, useEffect, useRef } from 'react';
import type { Page } from '../api/views.ts';
import { Button } from './button.tsx';
import { Failure, Skeleton } from './notice.tsx';

/** Pages beyond these are not looked at again by themselves: who has scrolled that far reads the past. */
const LIVE_PAGES = 3;
const LIVE_MS = 3_000;

/** For `refetchInterval` of an endless list. */
export function liveWhileShort({ state }: { readonly state: { readonly data?: InfiniteData<unknown> | undefined } }): number | false {
  return (state.data?.pages.length ?? 0) <= LIVE_PAGES ? LIVE_MS : false;
}

interface EndlessQuery<T> {
  readonly data?: InfiniteData<Page<T>> | undefined;
  readonly error: Error | null;
  readonly hasNextPage: boolean;
  readonly isFetchingNextPage: boolean;
  readonly fetchNextPage: () => unknown;
  readonly refetch: () => unknown;
}

interface LiveListProps<T> {
  readonly query: EndlessQuery<T>;
  readonly label: string;
  readonly row: (item: T) => ReactNode;
  readonly empty: ReactNode;
}

export function LiveList<T extends { readonly id: string }>({ query, label, row, empty }: LiveListProps<T>) {
  const { data, error } = query;
  if (data === undefined) {
    return (
      <div className="px-5 py-4">{error === null ? <Skeleton lines={8} /> : <Failure error={error} retry={() => query.refetch()} />}</div>
    );
  }
  const items = unique(data.pages.flatMap((page) => page.data));
  if (items.length === 0 && !query.hasNextPage) return empty;
  return (
    <>
      {error !== null && (
        <div className="px-4 pb-3">
          <Failure error={error} retry={() => query.refetch()} />
        </div>
      )}
      <ul aria-label={label} className="divide-y divide-line">
        {items.map((item) => (
          <li key={item.id} className="row-lazy">
            {row(item)}
          </li>
        ))}
      </ul>
      {/* A search goes back a part at a time, and a part may have nothing. */}
      {items.length === 0 && <p className="px-5 pt-6 pb-4 text-center text-sm text-ink-2">Nothing so far. Looking further back…</p>}
      <More query={query} />
    </>
  );
}

/** While new rows come in at the top, a row can be on two pages until both are read again. */
function unique<T extends { readonly id: string }>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [item.id, item])).values()];
}

function More<T>({ query }: { readonly query: EndlessQuery<T> }) {
  const mark = useRef<HTMLDivElement>(null);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  useEffect(() => {
    const element = mark.current;
    if (element === null || !hasNextPage) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting === true && !isFetchingNextPage && fetchNextPage(), {
      rootMargin: '600px',
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  return (
    <div ref={mark} className="flex justify-center border-t border-line px-4 py-3 text-xs text-ink-3">
      {hasNextPage ? (
        <Button size="small" look="quiet" busy={isFetchingNextPage} onClick={() => fetchNextPage()}>
          {isFetchingNextPage ? 'Loading' : 'Load more'}
        </Button>
      ) : (
        'That is all'
      )}
    </div>
  );
}
