import { clsx } from 'clsx';
import { type ComponentProps, createContext, type ReactNode, useContext, useId, useRef } from 'react';

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
          <p
            id={hintId}
            className={clsx('text-xs text-pretty whitespace-pre-line', error === undefined ? 'text-ink-3' : 'font-medium text-bad')}
          >
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

export function TextArea({ className, ...rest }: ComponentProps<'textarea'>) {
  return <textarea {...useFieldProps()} {...rest} className={clsx(CONTROL, 'block py-2 max-sm:text-lg', className)} />;
}

/** A text area that numbers its lines, for JSON that is written by hand. Long lines scroll, so that a number is a line. */
export function JsonArea({
  value,
  rows,
  onChange,
}: {
  readonly value: string;
  readonly rows: number;
  readonly onChange: (text: string) => void;
}) {
  const numbers = useRef<HTMLPreElement>(null);
  const lines = value.split('\n').length;
  return (
    <div className="flex min-w-0 overflow-hidden rounded-md border border-line-field bg-surface shadow-low has-aria-invalid:border-bad-mark has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent">
      <pre
        ref={numbers}
        aria-hidden
        className="w-9 shrink-0 overflow-hidden border-r border-line bg-sunken py-2 pr-2 text-right text-xs leading-5 text-ink-3 select-none"
        style={{ height: `calc(${rows * 1.25}rem + 1.75rem)` }}
      >
        {`${Array.from({ length: lines }, (_, line) => line + 1).join('\n')}\n\n`}
      </pre>
      <textarea
        {...useFieldProps()}
        value={value}
        rows={rows}
        wrap="off"
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        className="min-w-0 flex-1 resize-none overflow-auto px-2.5 py-2 font-mono text-xs leading-5 outline-none"
        style={{ height: `calc(${rows * 1.25}rem + 1.75rem)` }}
        onChange={(event) => onChange(event.target.value)}
        onScroll={({ currentTarget }) => numbers.current?.scrollTo({ top: currentTarget.scrollTop })}
      />
    </div>
  );
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
