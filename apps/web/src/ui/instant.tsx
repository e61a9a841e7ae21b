import { useSyncExternalStore } from 'react';
import { clock, date, dateAndClock, fromNow, minutes, until, utc } from '../words/time.ts';

interface InstantProps {
  /** RFC 3339 */
  readonly at: string;
  /** `full`: date and clock; `list`: the date small, the clock aligned; `day`: date; `clock`: 14:30:05; `minute`: 14:30; `away`: in 12 min, 12 min ago; `until`: in 12 min, now. */
  readonly form?: 'full' | 'list' | 'day' | 'clock' | 'minute' | 'away' | 'until';
  readonly className?: string;
}

/** An instant in the reader's zone; UTC on hover. */
export function Instant({ at, form = 'full', className }: InstantProps) {
  const instant = new Date(at);
  return (
    <time dateTime={at} data-tip={utc(instant)} className={className}>
      {form === 'away' ? (
        <Away instant={instant} />
      ) : form === 'until' ? (
        <Until instant={instant} />
      ) : form === 'list' ? (
        <span className="tabular-nums">
          <span className="text-ink-3">{date(instant)}</span> {clock(instant)}
        </span>
      ) : form === 'day' ? (
        date(instant)
      ) : form === 'clock' ? (
        clock(instant)
      ) : form === 'minute' ? (
        minutes(instant)
      ) : (
        <span className="tabular-nums">{dateAndClock(instant)}</span>
      )}
    </time>
  );
}

function Away({ instant }: { readonly instant: Date }) {
  return fromNow(instant, useNow());
}

function Until({ instant }: { readonly instant: Date }) {
  return until(instant, useNow());
}

// One clock for the page: it ticks once a second while anybody looks at it.
const watchers = new Set<() => void>();
let now = Date.now();
let ticking: ReturnType<typeof setInterval> | null = null;

function watchClock(onTick: () => void): () => void {
  watchers.add(onTick);
  ticking ??= setInterval(() => {
    now = Date.now();
    for (const tell of watchers) tell();
  }, 1_000);
  return () => {
    watchers.delete(onTick);
    if (watchers.size > 0 || ticking === null) return;
    clearInterval(ticking);
    ticking = null;
  };
}

/** Epoch milliseconds, renewed every second. */
function useNow(): number {
  return useSyncExternalStore(watchClock, () => (ticking === null ? Math.floor(Date.now() / 1_000) * 1_000 : now));
}
