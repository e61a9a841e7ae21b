import { clsx } from 'clsx';
import { CircleAlert, CircleCheck, Info, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button } from './button.tsx';

type NoticeTone = 'good' | 'bad' | 'warn' | 'wait' | 'none';

const LOOKS = {
  good: { box: 'bg-good-soft', mark: 'text-good', Icon: CircleCheck },
  bad: { box: 'bg-bad-soft', mark: 'text-bad', Icon: CircleAlert },
  warn: { box: 'bg-warn-soft', mark: 'text-warn', Icon: TriangleAlert },
  wait: { box: 'bg-wait-soft', mark: 'text-wait', Icon: Info },
  none: { box: 'bg-none-soft', mark: 'text-ink-2', Icon: Info },
} as const;

interface NoticeProps {
  readonly tone: NoticeTone;
  readonly title?: ReactNode;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
  readonly live?: boolean;
}

/** Something to know, in a box: what it is, and what to do. */
export function Notice({ tone, title, children, action, live = false }: NoticeProps) {
  const { box, mark, Icon } = LOOKS[tone];
  return (
    <div role={live ? 'alert' : undefined} className={clsx('flex gap-2.5 rounded-lg px-3.5 py-3', box)}>
      <Icon aria-hidden className={clsx('mt-0.5 size-4 shrink-0', mark)} />
      <div className="min-w-0 flex-1 space-y-1">
        {title !== undefined && <p className={clsx('font-medium', mark)}>{title}</p>}
        {children !== undefined && <div className="text-sm text-ink-2">{children}</div>}
        {action !== undefined && <div className="flex flex-wrap gap-2 pt-1.5">{action}</div>}
      </div>
    </div>
  );
}

/** What went wrong with a call, in the server's words. */
export function Failure({ error, retry }: { readonly error: Error; readonly retry?: () => unknown }) {
  return (
    <Notice
      tone="bad"
      live
      title="That did not work"
      {...(retry && {
        action: (
          <Button size="small" onClick={retry}>
            Try again
          </Button>
        ),
      })}
    >
      {error.message}
    </Notice>
  );
}

interface EmptyProps {
  readonly icon?: ReactNode;
  readonly title: string;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
  /** It is all that the page has. */
  readonly page?: boolean;
}

/** There is nothing here yet: why, and what to do next. */
export function Empty({ icon, title, children, action, page = false }: EmptyProps) {
  const Title = page ? 'h1' : 'h2';
  return (
    <div className="flex flex-col items-center px-6 py-14 text-center">
      {icon !== undefined && (
        <div
          aria-hidden
          className="mb-4 flex size-11 items-center justify-center rounded-xl border border-line bg-surface text-ink-3 shadow-low [&>svg]:size-5"
        >
          {icon}
        </div>
      )}
      <Title className="text-base font-semibold">{title}</Title>
      {children !== undefined && <div className="mt-1.5 max-w-md text-sm text-pretty text-ink-2">{children}</div>}
      {action !== undefined && <div className="mt-5 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  );
}

/** Lines that stand where text will be. */
export function Skeleton({ lines = 3 }: { readonly lines?: number }) {
  return (
    <div role="status" aria-label="Loading" className="animate-pulse space-y-3 py-2">
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all alike
        <div key={line} className="h-4 rounded bg-none-soft" style={{ width: `${92 - ((line * 37) % 45)}%` }} />
      ))}
    </div>
  );
}
