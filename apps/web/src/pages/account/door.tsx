/** The frame of the pages before one is inside: a narrow column, the operator's name above it. */
import type { ReactNode } from 'react';
import { Brand } from '../../shell/brand.tsx';
import { useTitle } from '../../ui/page.tsx';

interface DoorProps {
  readonly title: string;
  readonly about?: ReactNode;
  readonly children: ReactNode;
  readonly below?: ReactNode;
}

export function Door({ title, about, children, below }: DoorProps) {
  useTitle(title);
  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-[25rem] flex-col justify-center px-5 py-12">
      <Brand className="mb-7" />
      <div className="rounded-2xl border border-line bg-surface p-6 shadow-low sm:p-7">
        <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
        {about !== undefined && <div className="mt-1.5 text-sm text-pretty text-ink-2">{about}</div>}
        <div className="mt-5">{children}</div>
      </div>
      {below !== undefined && <div className="mt-5 text-center text-sm text-ink-2">{below}</div>}
    </main>
  );
}

export const LINK = 'font-medium text-accent underline decoration-accent/40 underline-offset-3 hover:decoration-accent';
