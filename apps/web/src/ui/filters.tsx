/** A list's filters, which live in the address: a page can be sent to a colleague as it is. */
import { ListFilter, X } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { Button } from './button.tsx';
import { Choice, Input } from './field.tsx';

export function FilterBar({
  children,
  active,
  onClear,
}: {
  readonly children: ReactNode;
  readonly active: boolean;
  readonly onClear: () => unknown;
}) {
  return (
    <search className="flex flex-wrap items-center gap-2 border-b border-line p-3 max-sm:grid max-sm:grid-cols-2">
      <ListFilter aria-hidden className="ml-1 size-4 text-ink-3 max-sm:hidden" />
      {children}
      {active && (
        <Button size="small" look="quiet" icon={<X className="size-3.5" />} onClick={onClear}>
          Clear
        </Button>
      )}
    </search>
  );
}

interface TextFilterProps {
  readonly label: string;
  readonly placeholder: string;
  readonly value: string | undefined;
  readonly onChange: (value: string | undefined) => void;
  /** The one that `/` goes to. */
  readonly main?: boolean;
}

/** Applied on Enter and when it is left: not at each letter, since each is a look into the database. */
export function TextFilter({ label, placeholder, value = '', onChange, main = false }: TextFilterProps) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const apply = () => text.trim() !== value && onChange(text.trim() === '' ? undefined : text.trim());
  return (
    <Input
      aria-label={label}
      placeholder={placeholder}
      data-filter={main || undefined}
      spellCheck={false}
      className="h-8! w-44! max-sm:h-9! max-sm:w-full! max-sm:text-sm!"
      value={text}
      onChange={(event) => setText(event.target.value)}
      onBlur={apply}
      onKeyDown={(event) => event.key === 'Enter' && apply()}
    />
  );
}

interface ChoiceFilterProps {
  readonly label: string;
  readonly value: string | undefined;
  readonly options: readonly { readonly value: string; readonly label: string }[];
  readonly onChange: (value: string | undefined) => void;
}

export function ChoiceFilter({ label, value, options, onChange }: ChoiceFilterProps) {
  return (
    <Choice
      aria-label={label}
      className="max-w-52 max-sm:max-w-none [&>select]:h-8 max-sm:[&>select]:h-9"
      value={value ?? ''}
      onChange={(event) => onChange(event.target.value === '' ? undefined : event.target.value)}
    >
      <option value="">{label}: any</option>
      {options.map((option) => (
        <option key={option.value} value={option.value}>
          {option.label}
        </option>
      ))}
    </Choice>
  );
}

const HOUR = 3_600_000;
const SPANS = [
  { value: '1h', label: 'Last hour', ms: HOUR },
  { value: '24h', label: 'Last 24 hours', ms: 24 * HOUR },
  { value: '7d', label: 'Last 7 days', ms: 168 * HOUR },
  { value: '30d', label: 'Last 30 days', ms: 720 * HOUR },
] as const;

interface TimeFilterProps {
  /** `24h` and the like, or an instant. */
  readonly since: string | undefined;
  readonly until: string | undefined;
  readonly onChange: (span: { since: string | undefined; until: string | undefined }) => void;
}

export function TimeFilter({ since, until, onChange }: TimeFilterProps) {
  const named = SPANS.find(({ value }) => value === since);
  const own = since !== undefined && named === undefined;
  const [open, setOpen] = useState(own || until !== undefined);
  return (
    <>
      <ChoiceFilter
        label="Time"
        value={open ? 'own' : since}
        options={[...SPANS, { value: 'own', label: 'From … to …' }]}
        onChange={(value) => {
          setOpen(value === 'own');
          if (value !== 'own') onChange({ since: value, until: undefined });
        }}
      />
      {open && (
        <>
          <Moment label="From" value={own ? since : undefined} onChange={(value) => onChange({ since: value, until })} />
          <Moment label="To" value={until} onChange={(value) => onChange({ since: own ? since : undefined, until: value })} />
        </>
      )}
    </>
  );
}

function Moment({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  readonly value: string | undefined;
  readonly onChange: (value: string | undefined) => void;
}) {
  return (
    <Input
      type="datetime-local"
      aria-label={label}
      className="h-8! w-48! max-sm:h-9! max-sm:w-full! max-sm:text-sm!"
      defaultValue={value === undefined ? '' : localMinute(value)}
      onBlur={(event) => onChange(event.target.value === '' ? undefined : new Date(event.target.value).toISOString())}
    />
  );
}

/** What a datetime-local field takes: the reader's zone, to the minute. */
function localMinute(instant: string): string {
  const at = new Date(instant);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/**
 * The span for the API. Of a named one, the start is rounded down to the minute, so that a list that is looked at again is the same list,
 * with the same cursors.
 */
export function spanOf(since: string | undefined, until: string | undefined): { since?: string; until?: string } {
  const named = SPANS.find(({ value }) => value === since);
  const from = named === undefined ? since : new Date(Math.floor((Date.now() - named.ms) / 60_000) * 60_000).toISOString();
  return { ...(isInstant(from) && { since: from }), ...(isInstant(until) && { until }) };
}

function isInstant(text: string | undefined): text is string {
  return text !== undefined && !Number.isNaN(Date.parse(text));
}
