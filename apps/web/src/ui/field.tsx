import { clsx } from 'clsx';
import { type ComponentProps, createContext, type ReactNode, useContext, useId } from 'react';

interface FieldIds {
  readonly control: string;
  readonly hint: string | undefined;
  readonly invalid: boolean;
}

const FieldContext = createContext<FieldIds | null>(null);

interface FieldProps {
  readonly label: string;
  /** Stands beside the label, small. */
  readonly aside?: ReactNode;
  readonly hint?: ReactNode;
  readonly error?: string | undefined;
  readonly children: ReactNode;
}

/** A label, one control, what it is for, and what is wrong with it. */
export function Field({ label, aside, hint, error, children }: FieldProps) {
  const control = useId();
  const hintId = useId();
  const says = error ?? hint;
  return (
    <FieldContext value={{ control, hint: says === undefined ? undefined : hintId, invalid: error !== undefined }}>
      <div className="space-y-1.5">
        <div className="flex items-baseline justify-between gap-3">
          <label htmlFor={control} className="text-sm font-medium">
            {label}
          </label>
          {aside}
        </div>
        {children}
        {says !== undefined && (
          <p id={hintId} className={clsx('text-xs text-pretty', error === undefined ? 'text-ink-3' : 'font-medium text-bad')}>
            {says}
          </p>
        )}
      </div>
    </FieldContext>
  );
}

const CONTROL =
  'w-full rounded-md border border-line-field bg-surface px-2.5 text-sm text-ink shadow-low transition-colors disabled:bg-sunken disabled:text-ink-3 aria-invalid:border-bad-mark';

function useFieldProps(): { readonly id?: string; readonly 'aria-describedby'?: string | undefined; readonly 'aria-invalid'?: true } {
  const field = useContext(FieldContext);
  if (field === null) return {};
  return { id: field.control, 'aria-describedby': field.hint, ...(field.invalid && { 'aria-invalid': true }) };
}

export function Input({ className, ...rest }: ComponentProps<'input'>) {
  return <input {...useFieldProps()} {...rest} className={clsx(CONTROL, 'h-9 max-sm:h-10 max-sm:text-lg', className)} />;
}

export function Choice({ className, children, ...rest }: ComponentProps<'select'>) {
  return (
    <span className={clsx('relative inline-block', className ?? 'w-full')}>
      <select {...useFieldProps()} {...rest} className={clsx(CONTROL, 'h-9 appearance-none truncate pr-8 max-sm:h-10')}>
        {children}
      </select>
      <svg
        aria-hidden="true"
        viewBox="0 0 16 16"
        className="pointer-events-none absolute top-1/2 right-2.5 size-3.5 -translate-y-1/2 text-ink-3"
      >
        <path d="m4 6 4 4 4-4" fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round" />
      </svg>
    </span>
  );
}
