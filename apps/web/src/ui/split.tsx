/** A list, and beside it what was chosen from it; on a narrow window the one or the other. */
import { useMatches } from '@tanstack/react-router';
import { clsx } from 'clsx';
import type { ReactNode } from 'react';

interface SplitProps {
  readonly list: ReactNode;
  /** The chosen thing's route, an Outlet. */
  readonly detail: ReactNode;
  readonly chosen: boolean;
}

export function Split({ list, detail, chosen }: SplitProps) {
  return (
    <div className={clsx('min-w-0 items-start gap-4', chosen && 'xl:grid xl:grid-cols-[minmax(0,5fr)_minmax(0,6fr)]')}>
      <div className={clsx('min-w-0', chosen && 'max-xl:hidden')}>{list}</div>
      {chosen && (
        <div className="min-w-0 xl:sticky xl:top-10 xl:max-h-[calc(100dvh-3.5rem)] xl:overflow-y-auto xl:rounded-xl xl:border xl:border-line xl:bg-surface">
          {detail}
        </div>
      )}
    </div>
  );
}

/** Whether the page shows one thing of its list. */
export function useChosen(parameter: 'delivery' | 'event' | 'type'): string | null {
  const last = useMatches().at(-1);
  const params: Readonly<Record<string, string | undefined>> = last?.params ?? {};
  return params[parameter] ?? null;
}
