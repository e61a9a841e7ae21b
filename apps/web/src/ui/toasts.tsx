/** Short words at the edge of the window, after something was done. */
import { clsx } from 'clsx';
import { CircleAlert, CircleCheck, X } from 'lucide-react';
import { useSyncExternalStore } from 'react';

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly tone: 'good' | 'bad';
}

const STAYS_MS = { good: 4_000, bad: 9_000 };

let toasts: readonly Toast[] = [];
let last = 0;
const watchers = new Set<() => void>();

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const tell of watchers) tell();
}

const dismiss = (id: number) => set(toasts.filter((toast) => toast.id !== id));

/** Says something once; screen readers hear it too. */
export function say(text: string, tone: Toast['tone'] = 'good'): void {
  last += 1;
  const id = last;
  set([...toasts.slice(-2), { id, text, tone }]);
  setTimeout(() => dismiss(id), STAYS_MS[tone]);
}

/** For mutations: what went wrong, in the server's words. */
export const sayFailure = (error: Error): void => say(error.message, 'bad');

export function Toasts() {
  const shown = useSyncExternalStore(
    (tell) => {
      watchers.add(tell);
      return () => watchers.delete(tell);
    },
    () => toasts,
  );
  return (
    <aside
      aria-label="Messages"
      aria-live="polite"
      className="pointer-events-none fixed inset-x-4 bottom-4 z-[60] flex flex-col items-end gap-2 max-sm:items-stretch"
    >
      {shown.map(({ id, text, tone }) => (
        <div
          key={id}
          className="pointer-events-auto flex max-w-md animate-appear items-start gap-2.5 rounded-lg border border-line bg-raised py-2.5 pr-2 pl-3 text-sm shadow-high"
        >
          {tone === 'good' ? (
            <CircleCheck aria-hidden className="mt-0.5 size-4 shrink-0 text-good" />
          ) : (
            <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-bad" />
          )}
          <p className={clsx('min-w-0 flex-1', tone === 'bad' && 'text-ink')}>{text}</p>
          <button type="button" aria-label="Dismiss" className="rounded p-0.5 text-ink-3 hover:text-ink" onClick={() => dismiss(id)}>
            <X className="size-4" />
          </button>
        </div>
      ))}
    </aside>
  );
}
