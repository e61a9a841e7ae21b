import { clsx } from 'clsx';
import { ToggleGroup } from 'radix-ui';

interface SegmentsProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly options: readonly { readonly value: T; readonly label: string }[];
  readonly onChange: (value: T) => unknown;
}

/** A few alternatives of which one holds; arrow keys move between them. */
export function Segments<T extends string>({ label, value, options, onChange }: SegmentsProps<T>) {
  return (
    <ToggleGroup.Root
      type="single"
      aria-label={label}
      value={value}
      onValueChange={(next) => next !== '' && onChange(next as T)}
      className="inline-flex max-w-full overflow-x-auto rounded-lg bg-none-soft p-0.5"
    >
      {options.map((option) => (
        <ToggleGroup.Item
          key={option.value}
          value={option.value}
          className={clsx(
            'rounded-md px-2.5 py-1 text-xs font-medium whitespace-nowrap text-ink-2 transition-colors hover:text-ink max-sm:px-2 max-sm:py-2',
            'data-[state=on]:bg-surface data-[state=on]:text-ink data-[state=on]:shadow-low',
          )}
        >
          {option.label}
        </ToggleGroup.Item>
      ))}
    </ToggleGroup.Root>
  );
}
