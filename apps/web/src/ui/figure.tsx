import type { ReactNode } from 'react';

interface FigureProps {
  readonly name: string;
  readonly children: ReactNode;
  readonly aside?: ReactNode;
  readonly tone?: string;
}

/** One number with its name, in a `dl` of them. */
export function Figure({ name, children, aside, tone = '' }: FigureProps) {
  return (
    <div className="-mr-px -mb-px min-w-0 border-r border-b border-line px-4 py-3.5 sm:px-5">
      <dt className="truncate text-xs text-ink-3">{name}</dt>
      <dd className="mt-1 flex flex-wrap items-baseline gap-x-2">
        <span className={`text-2xl font-semibold tracking-tight tabular-nums ${tone}`}>{children}</span>
        {aside && <span className="text-xs text-ink-3">{aside}</span>}
      </dd>
    </div>
  );
}
