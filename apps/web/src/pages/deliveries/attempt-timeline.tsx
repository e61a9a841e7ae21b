/** The attempts of a delivery, the last one first and open. */
import type { AttemptView, DeliveryDetailView } from '@posthorn/contract';
import { useQuery } from '@tanstack/react-query';
import { clsx } from 'clsx';
import { Check, ChevronDown, X } from 'lucide-react';
import { useState } from 'react';
import { endpointQuery } from '../../api/queries.ts';
import { useScope } from '../../api/session.ts';
import { AttemptBody, HeaderList } from '../../attempt/attempt-body.tsx';
import { Instant } from '../../ui/instant.tsx';
import { attemptWords } from '../../words/deliveries.ts';
import { precisely } from '../../words/time.ts';

export function AttemptTimeline({ delivery }: { readonly delivery: DeliveryDetailView }) {
  const last = delivery.attempts.at(-1)?.number ?? null;
  const [toggled, setToggled] = useState<Readonly<Record<number, boolean>>>({});
  if (last === null) {
    return (
      <section>
        <h3 className="text-sm font-semibold">Attempts</h3>
        <p className="mt-1.5 text-sm text-ink-2">None yet. The first one appears here as soon as it was made.</p>
      </section>
    );
  }
  return (
    <section>
      <h3 className="mb-3 text-sm font-semibold">Attempts</h3>
      <ol>
        {delivery.attempts.toReversed().map((attempt) => {
          const open = toggled[attempt.number] ?? attempt.number === last;
          return (
            <Attempt
              key={attempt.number}
              attempt={attempt}
              delivery={delivery}
              open={open}
              onToggle={() => setToggled({ ...toggled, [attempt.number]: !open })}
            />
          );
        })}
      </ol>
    </section>
  );
}

interface AttemptProps {
  readonly attempt: AttemptView;
  readonly delivery: DeliveryDetailView;
  readonly open: boolean;
  readonly onToggle: () => void;
}

function Attempt({ attempt, delivery, open, onToggle }: AttemptProps) {
  const accepted = attempt.status === 'succeeded';
  return (
    <li className="group relative pb-4 pl-8 last:pb-0">
      <span aria-hidden className="absolute top-6 bottom-0 left-[0.6875rem] w-px bg-line group-last:hidden" />
      <span
        aria-hidden
        className={clsx(
          'absolute top-1 left-0 flex size-[1.4rem] items-center justify-center rounded-full',
          accepted ? 'bg-good-soft text-good' : 'bg-bad-soft text-bad',
        )}
      >
        {accepted ? <Check className="size-3.5" /> : <X className="size-3.5" />}
      </span>
      <button
        type="button"
        aria-expanded={open}
        onClick={onToggle}
        className="flex w-full flex-wrap items-center gap-x-3 gap-y-0.5 rounded py-1 text-left text-sm"
      >
        <span className="text-ink-3">#{attempt.number}</span>
        <span className={clsx('font-medium', accepted ? 'text-good' : 'text-bad')}>{attemptWords(attempt)}</span>
        <span className="text-xs text-ink-3 tabular-nums">{precisely(attempt.duration_ms)}</span>
        <span className="ml-auto text-xs text-ink-2">
          <Instant at={attempt.started_at} form="list" />
        </span>
        <ChevronDown aria-hidden className={clsx('size-4 text-ink-3 transition-transform', open && 'rotate-180')} />
      </button>
      {open && (
        <div className="animate-appear pt-3">
          <AttemptBody attempt={attempt}>
            <RequestHeaders attempt={attempt} delivery={delivery} />
          </AttemptBody>
        </div>
      )}
    </li>
  );
}

/** What an attempt sends follows from the event, the instant and the endpoint (CONTRACT §1); the signatures themselves are not kept. */
function RequestHeaders({ attempt, delivery }: Pick<AttemptProps, 'attempt' | 'delivery'>) {
  const { data: endpoint } = useQuery(endpointQuery(useScope(), delivery.endpoint));
  const headers = {
    'content-type': 'application/json',
    'webhook-id': delivery.event,
    'webhook-timestamp': String(Math.floor(Date.parse(attempt.started_at) / 1_000)),
    'webhook-signature': 'v1,…',
    'x-signature': '…',
    ...(delivery.late && { 'posthorn-late': 'true' }),
    ...endpoint?.headers,
  };
  return (
    <HeaderList title="Request headers" headers={headers}>
      <p className="mt-2 font-sans text-xs text-ink-3">
        The signatures are made anew for each attempt and not kept. The endpoint’s own headers are shown as they are set now.
      </p>
    </HeaderList>
  );
}
