import { clsx } from 'clsx';
import { LoaderCircle } from 'lucide-react';
import type { ComponentProps, ReactNode } from 'react';

type Look = 'primary' | 'plain' | 'quiet' | 'danger';

const LOOKS: Readonly<Record<Look, string>> = {
  primary: 'bg-accent-solid text-white hover:bg-accent-hover shadow-low',
  plain: 'bg-surface text-ink border border-line-strong hover:bg-sunken shadow-low',
  quiet: 'text-ink-2 hover:text-ink hover:bg-hover',
  danger: 'bg-bad-solid text-white hover:brightness-110 shadow-low',
};

/** The looks of a button, for links that look like one. */
export function buttonClass(look: Look = 'plain', size: 'small' | 'medium' = 'medium'): string {
  return clsx(
    'inline-flex shrink-0 items-center justify-center gap-1.5 rounded-md font-medium whitespace-nowrap transition-colors select-none',
    'disabled:cursor-not-allowed disabled:opacity-55 aria-disabled:cursor-not-allowed aria-disabled:opacity-55',
    size === 'small' ? 'h-7 px-2.5 text-xs' : 'h-8.5 px-3 text-sm max-sm:h-10',
    LOOKS[look],
  );
}

interface ButtonProps extends ComponentProps<'button'> {
  readonly look?: Look;
  readonly size?: 'small' | 'medium';
  readonly icon?: ReactNode;
  /** Its work is under way: it turns, and takes no click. */
  readonly busy?: boolean;
}

export function Button({ look = 'plain', size = 'medium', icon, busy = false, className, children, onClick, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={clsx(buttonClass(look, size), className)}
      aria-busy={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
    >
      {busy ? <LoaderCircle aria-hidden className="size-3.5 animate-spin" /> : icon}
      {children}
    </button>
  );
}

interface IconButtonProps extends ComponentProps<'button'> {
  /** What it does, for people who do not see the icon; shown on hover too. */
  readonly label: string;
}

export function IconButton({ label, className, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      aria-label={label}
      data-tip={label}
      {...rest}
      className={clsx(
        'inline-flex size-7 shrink-0 items-center justify-center rounded-md text-ink-3 transition-colors hover:bg-hover hover:text-ink disabled:opacity-50 max-sm:size-9 [&>svg]:size-4',
        className,
      )}
    />
  );
}
