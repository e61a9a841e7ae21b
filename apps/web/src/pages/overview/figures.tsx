import type { DispatchView, StatsView } from '@posthorn/contract';
import type { ReactNode } from 'react';
import { Instant } from '../../ui/instant.tsx';
import { short } from '../../words/numbers.ts';
import { precisely } from '../../words/time.ts';

/** The span in a row of numbers. */
export function Figures({ stats, dispatch }: { readonly stats?: StatsView; readonly dispatch?: DispatchView }) {
  const points = stats?.data ?? [];
  const accepted = points.reduce((sum, point) => sum + point.accepted, 0);
  const failed = points.reduce((sum, point) => sum + point.failed, 0);
  const total = accepted + failed;
  const known = stats !== undefined;
  return (
    <dl className="grid grid-cols-2 overflow-hidden rounded-xl border border-line bg-surface sm:grid-cols-3 lg:grid-cols-5">
      <Figure name="Accepted">{known ? short(accepted) : '…'}</Figure>
      <Figure name="Failed attempts" tone={failed > 0 ? 'text-bad' : ''} aside={total > 0 && failed > 0 ? share(failed, total) : undefined}>
        {known ? short(failed) : '…'}
      </Figure>
      <Figure name="Latency, median">{weighted(points, 'p50_ms')}</Figure>
      <Figure name="Latency, 95 %">{weighted(points, 'p95_ms')}</Figure>
      <Figure
        name="Waiting"
        aside={
          dispatch?.oldest_pending_at != null ? (
            <>
              oldest <Instant at={dispatch.oldest_pending_at} form="away" />
            </>
          ) : undefined
        }
      >
        {dispatch === undefined ? '…' : short(dispatch.pending)}
      </Figure>
    </dl>
  );
}

interface FigureProps {
  readonly name: string;
  readonly children: ReactNode;
  readonly aside?: ReactNode;
  readonly tone?: string;
}

function Figure({ name, children, aside, tone = '' }: FigureProps) {
  return (
    <div className="-mr-px -mb-px min-w-0 border-r border-b border-line px-4 py-3.5 sm:px-5">
      <dt className="truncate text-xs text-ink-3">{name}</dt>
      <dd className="mt-1 flex flex-wrap items-baseline gap-x-2">
        <span className={`text-2xl font-semibold tracking-tight tabular-nums ${tone}`}>{children}</span>
        {aside !== undefined && <span className="text-xs text-ink-3">{aside}</span>}
      </dd>
    </div>
  );
}

function share(part: number, total: number): string {
  const percent = (part / total) * 100;
  return percent < 0.1 ? '< 0.1 %' : `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
}

/** Quantiles of steps cannot be added; their mean, weighed by how much each step had, is near enough for a number at a glance. */
function weighted(points: StatsView['data'], name: 'p50_ms' | 'p95_ms'): string {
  let weight = 0;
  let sum = 0;
  for (const point of points) {
    const ms = point[name];
    if (ms === null) continue;
    const count = Math.max(1, point.accepted + point.failed);
    weight += count;
    sum += ms * count;
  }
  return weight === 0 ? '–' : precisely(sum / weight);
}
