/** The fields of an endpoint, for a new one and for one that is there. */

import type { EndpointView } from '@posthorn/contract';
import { useQuery } from '@tanstack/react-query';
import { Plus, X } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { dispatchQuery } from '../../api/queries.ts';
import { useScope } from '../../api/session.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { Choice, Field, Input } from '../../ui/field.tsx';
import { cadenceWords } from '../../words/cadence.ts';
import { ORDERING_WORDS } from '../../words/endpoints.ts';
import { step } from '../../words/time.ts';
import type { Draft } from './endpoint-draft.ts';
import { EventTypesField } from './event-types-field.tsx';

interface EndpointFieldsProps {
  readonly draft: Draft;
  readonly onChange: (draft: Draft) => void;
  readonly errors: Readonly<Record<string, string>>;
  readonly disabled?: boolean;
  /** What the provider decided for it. */
  readonly endpoint?: EndpointView;
  /** Stands under the URL, beside which the test belongs. */
  readonly underUrl?: ReactNode;
}

export function EndpointFields({ draft, onChange, errors, disabled = false, endpoint, underUrl }: EndpointFieldsProps) {
  const { environment } = useScope();
  const change = (part: Partial<Draft>) => onChange({ ...draft, ...part });
  return (
    <fieldset disabled={disabled} className="min-w-0 space-y-5">
      <legend className="sr-only">Webhook URL and its settings</legend>
      <Field
        label="Webhook URL"
        error={errors['url']}
        hint={
          environment === 'production'
            ? 'https only. We send a POST request for each event.'
            : 'http or https. We send a POST request for each event.'
        }
      >
        <Input
          type="url"
          inputMode="url"
          autoComplete="off"
          spellCheck={false}
          placeholder="https://shop.example.com/webhooks"
          className="font-mono text-xs"
          value={draft.url}
          onChange={(event) => change({ url: event.target.value })}
        />
      </Field>
      {underUrl}
      <EventTypesField chosen={draft.eventTypes} error={errors['event_types']} onChange={(eventTypes) => change({ eventTypes })} />
      <Field label="Description" aside={<span className="text-xs text-ink-3">optional</span>} error={errors['description']}>
        <Input
          maxLength={500}
          placeholder="Order system"
          value={draft.description}
          onChange={(event) => change({ description: event.target.value })}
        />
      </Field>
      <Advanced draft={draft} change={change} errors={errors} {...(endpoint && { endpoint })} />
    </fieldset>
  );
}

interface AdvancedProps extends Pick<EndpointFieldsProps, 'draft' | 'errors' | 'endpoint'> {
  readonly change: (part: Partial<Draft>) => void;
}

function Advanced({ draft, change, errors, endpoint }: AdvancedProps) {
  const wrong = Object.keys(errors).some((path) => /^(headers|ordering|retry_schedule|secret)/.test(path));
  const [open, setOpen] = useState(false);
  return (
    <details open={open || wrong} onToggle={(event) => setOpen(event.currentTarget.open)} className="group">
      <summary className="inline-flex list-none items-center gap-1.5 rounded text-sm font-medium text-ink-2 hover:text-ink">
        <svg aria-hidden="true" viewBox="0 0 16 16" className="size-3.5 transition-transform group-open:rotate-90">
          <path d="m6 4 4 4-4 4" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round" />
        </svg>
        Advanced
      </summary>
      <div className="mt-4 space-y-5 border-l-2 border-line pl-4">
        <HeadersField headers={draft.headers} errors={errors} onChange={(headers) => change({ headers })} />
        <Field label="Order" hint={ORDERING_WORDS[draft.ordering].about} error={errors['ordering']}>
          <Choice value={draft.ordering} onChange={(event) => change({ ordering: event.target.value as EndpointView['ordering'] })}>
            {(['key', 'strict', 'none'] as const).map((ordering) => (
              <option key={ordering} value={ordering}>
                {ORDERING_WORDS[ordering].name}
              </option>
            ))}
          </Choice>
        </Field>
        <Field
          label="Retry schedule"
          aside={<span className="text-xs text-ink-3">seconds</span>}
          error={Object.entries(errors).find(([path]) => path.startsWith('retry_schedule'))?.[1]}
          hint={scheduleHint(draft.retrySchedule)}
        >
          <Input
            inputMode="numeric"
            placeholder={DEFAULT_SCHEDULE.join(', ')}
            className="font-mono text-xs"
            value={draft.retrySchedule}
            onChange={(event) => change({ retrySchedule: event.target.value })}
          />
        </Field>
        {endpoint === undefined && (
          <Field
            label="Secret of your own"
            aside={<span className="text-xs text-ink-3">optional</span>}
            error={errors['secret']}
            hint="12 to 256 printable ASCII characters. Left empty, one is generated: that is better, unless your receiver has one already."
          >
            <Input
              autoComplete="off"
              spellCheck={false}
              className="font-mono text-xs"
              value={draft.secret}
              onChange={(event) => change({ secret: event.target.value })}
            />
          </Field>
        )}
        <ProviderSettings {...(endpoint && { endpoint })} />
      </div>
    </details>
  );
}

/** CONTRACT §2. */
const DEFAULT_SCHEDULE = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000];

function scheduleHint(text: string): string {
  const seconds = text
    .split(/[\s,;]+/)
    .filter((word) => word !== '')
    .map(Number);
  const schedule = seconds.length === 0 ? DEFAULT_SCHEDULE : seconds;
  if (!schedule.every((second) => Number.isInteger(second) && second > 0)) return 'Whole seconds with commas between them.';
  return `After a failed attempt we try again after ${schedule.map(step).join(', ')}, each plus up to 20 %. Then the delivery has failed.`;
}

/** Shown, not editable: the API provider decides them. */
function ProviderSettings({ endpoint }: { readonly endpoint?: EndpointView }) {
  const { data: dispatch } = useQuery(dispatchQuery(useScope()));
  const cadence = endpoint?.cadence ?? dispatch?.cadence;
  const rows = [
    { name: 'Sends', value: cadence === undefined ? '…' : cadenceWords(cadence) },
    { name: 'Rate limit', value: endpoint?.rate_limit == null ? 'none' : `${endpoint.rate_limit} requests per second` },
    { name: 'At once', value: `up to ${endpoint?.max_in_flight ?? 8} requests` },
  ];
  return (
    <div className="rounded-lg bg-sunken px-3.5 py-3">
      <p className="text-xs text-ink-3">Set by the provider of the API</p>
      <dl className="mt-1.5 flex flex-wrap gap-x-6 gap-y-1.5 text-sm">
        {rows.map(({ name, value }) => (
          <div key={name} className="flex gap-1.5">
            <dt className="text-ink-3">{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

interface HeadersFieldProps {
  readonly headers: Draft['headers'];
  readonly errors: Readonly<Record<string, string>>;
  readonly onChange: (headers: Draft['headers']) => void;
}

function HeadersField({ headers, errors, onChange }: HeadersFieldProps) {
  const wrong = Object.entries(errors).filter(([path]) => path === 'headers' || path.startsWith('headers.'));
  const set = (at: number, part: Partial<Draft['headers'][number]>) =>
    onChange(headers.map((header, index) => (index === at ? { ...header, ...part } : header)));
  return (
    <div className="space-y-1.5">
      <h3 className="text-sm font-medium">Headers of your own</h3>
      {headers.map((header, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a header has no other identity while it is typed
        <div key={at} className="flex items-center gap-2">
          <Input
            aria-label={`Name of header ${at + 1}`}
            placeholder="X-Team"
            className="w-2/5! min-w-0 shrink-0 font-mono text-xs"
            value={header.name}
            onChange={(event) => set(at, { name: event.target.value })}
          />
          <Input
            aria-label={`Value of header ${at + 1}`}
            placeholder="orders"
            className="min-w-0 font-mono text-xs"
            value={header.value}
            onChange={(event) => set(at, { value: event.target.value })}
          />
          <IconButton label={`Remove header ${at + 1}`} onClick={() => onChange(headers.filter((_, index) => index !== at))}>
            <X />
          </IconButton>
        </div>
      ))}
      {wrong.map(([path, message]) => (
        <p key={path} className="text-xs font-medium text-bad">
          {path === 'headers' ? message : `${path.slice('headers.'.length)}: ${message}`}
        </p>
      ))}
      <Button
        size="small"
        icon={<Plus className="size-3.5" />}
        disabled={headers.length >= 20}
        onClick={() => onChange([...headers, { name: '', value: '' }])}
      >
        Add a header
      </Button>
    </div>
  );
}
