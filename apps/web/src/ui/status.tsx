import { clsx } from 'clsx';
import type { ReactNode } from 'react';
import type { Tone } from '../words/deliveries.ts';

const MARKS: Readonly<Record<Tone, string>> = {
  good: 'bg-good-mark',
  bad: 'bg-bad-mark',
  warn: 'bg-warn-mark',
  wait: 'bg-wait-mark',
  none: 'bg-none-mark',
};

const BADGES: Readonly<Record<Tone, string>> = {
  good: 'bg-good-soft text-good',
  bad: 'bg-bad-soft text-bad',
  warn: 'bg-warn-soft text-warn',
  wait: 'bg-wait-soft text-wait',
  none: 'bg-none-soft text-ink-2',
};

/** A coloured dot with words: colour alone tells nobody anything. */
export function Dot({ tone, children, hollow = false }: { readonly tone: Tone; readonly children?: ReactNode; readonly hollow?: boolean }) {
  return (
    <span className="inline-flex items-center gap-2 whitespace-nowrap">
      <span aria-hidden className={clsx('size-2 shrink-0 rounded-full', hollow ? 'border-[1.5px] border-wait-mark' : MARKS[tone])} />
      {children}
    </span>
  );
}

export function Badge({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }) {
  return (
    <span className={clsx('inline-flex items-center gap-1 rounded px-1.5 py-px text-xs font-medium whitespace-nowrap', BADGES[tone])}>
      {children}
    </span>
  );
}
