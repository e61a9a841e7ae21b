/** The parts that pages are made of. */
import { clsx } from 'clsx';
import { type ReactNode, useEffect, useId } from 'react';

interface PageProps {
  readonly title: string;
  /** Under the title, a line. */
  readonly about?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  /** `narrow`: a form's width; `wide`: lists. */
  readonly width?: 'narrow' | 'medium' | 'wide';
}

const WIDTHS = { narrow: 'max-w-3xl', medium: 'max-w-5xl', wide: 'max-w-[100rem]' };

export function Page({ title, about, actions, children, width = 'wide' }: PageProps) {
  useTitle(title);
  return (
    <div className={clsx('mx-auto w-full px-4 pt-5 pb-16 sm:px-6 lg:px-8 lg:pt-7', WIDTHS[width])}>
      <div className="mb-5 flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <div className="min-w-0">
          <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
          {about !== undefined && <div className="mt-0.5 max-w-2xl text-sm text-pretty text-ink-2">{about}</div>}
        </div>
        {actions !== undefined && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </div>
      {children}
    </div>
  );
}

/** The window's title, which screen readers announce on a new page. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title;
  }, [title]);
}

interface SectionProps {
  readonly title: ReactNode;
  readonly about?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  readonly className?: string;
  readonly flush?: boolean;
}

/** A card with a heading. */
export function Section({ title, about, actions, children, className, flush = false }: SectionProps) {
  const heading = useId();
  return (
    <section aria-labelledby={heading} className={clsx('min-w-0 rounded-xl border border-line bg-surface', className)}>
      <div className="flex flex-wrap items-start justify-between gap-x-4 gap-y-2 px-4 pt-3.5 sm:px-5">
        <div className="min-w-0">
          <h2 id={heading} className="text-base font-semibold">
            {title}
          </h2>
          {about !== undefined && <div className="mt-0.5 max-w-prose text-sm text-pretty text-ink-2">{about}</div>}
        </div>
        {actions !== undefined && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </div>
      <div className={flush ? 'pt-3' : 'px-4 pt-3.5 pb-4.5 sm:px-5'}>{children}</div>
    </section>
  );
}

/** Names and values. */
export function Facts({ children }: { readonly children: ReactNode }) {
  return <dl className="grid grid-cols-[repeat(auto-fill,minmax(min(100%,11rem),1fr))] gap-x-6 gap-y-3.5">{children}</dl>;
}

export function Fact({ name, children, wide = false }: { readonly name: string; readonly children: ReactNode; readonly wide?: boolean }) {
  return (
    <div className={clsx('min-w-0', wide && 'col-span-full')}>
      <dt className="text-xs text-ink-3">{name}</dt>
      <dd className="mt-0.5 min-w-0 text-sm break-words">{children}</dd>
    </div>
  );
}

export function Kbd({ children }: { readonly children: ReactNode }) {
  return <kbd className="rounded border border-line-strong bg-surface px-1 py-px font-mono text-2xs text-ink-2">{children}</kbd>;
}
