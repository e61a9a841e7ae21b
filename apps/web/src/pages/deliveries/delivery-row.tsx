import type { DeliveryView } from '@posthorn/contract';
import { Link } from '@tanstack/react-router';
import { clsx } from 'clsx';
import { useScope } from '../../api/session.ts';
import { Instant } from '../../ui/instant.tsx';
import { Dot } from '../../ui/status.tsx';
import { DELIVERY_STATUS } from '../../words/deliveries.ts';
import { counted } from '../../words/numbers.ts';

interface DeliveryRowProps {
  readonly delivery: DeliveryView;
  readonly url: string | undefined;
  readonly search: Readonly<Record<string, string | undefined>>;
  readonly chosen: boolean;
  /** Something stands beside the list. */
  readonly narrow: boolean;
}

export function DeliveryRow({ delivery, url, search, chosen, narrow }: DeliveryRowProps) {
  const params = useScope();
  const { words, tone } = DELIVERY_STATUS[delivery.status];
  const retrying = delivery.status === 'pending' && delivery.attempt_count > 0;
  return (
    <Link
      data-row
      to="/$application/$environment/deliveries/$delivery"
      params={{ ...params, delivery: delivery.id }}
      search={search}
      aria-current={chosen ? 'true' : undefined}
      className={clsx(
        'grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1 px-4 py-2.5 text-sm -outline-offset-2 hover:bg-hover sm:py-2',
        narrow
          ? 'sm:grid-cols-[6rem_minmax(0,1fr)_auto]'
          : 'sm:grid-cols-[6rem_minmax(0,1fr)_auto] md:grid-cols-[6rem_minmax(0,5fr)_minmax(0,5fr)_5.5rem_auto]',
        chosen && 'bg-accent-soft hover:bg-accent-soft',
      )}
    >
      <span className="text-xs max-sm:order-3">
        <Dot tone={retrying ? 'warn' : tone} hollow={delivery.status === 'pending' && !retrying}>
          {retrying ? 'Retrying' : words}
        </Dot>
      </span>
      <span className={clsx('flex min-w-0 gap-x-3', narrow ? 'flex-col' : 'max-md:flex-col md:items-baseline')}>
        <span className="truncate font-mono text-xs font-medium">{delivery.event_type}</span>
        {delivery.ordering_key !== null && <span className="min-w-0 shrink-[2] truncate text-xs text-ink-3">{delivery.ordering_key}</span>}
      </span>
      {!narrow && <span className="truncate font-mono text-xs text-ink-2 max-md:hidden">{url ?? delivery.endpoint}</span>}
      {!narrow && (
        <span className="text-xs text-ink-3 max-md:hidden">
          {delivery.attempt_count === 0 ? '' : counted(delivery.attempt_count, 'attempt')}
        </span>
      )}
      <span className="text-right text-xs whitespace-nowrap text-ink-2 max-sm:order-2">
        <Instant at={delivery.created_at} form="list" />
      </span>
    </Link>
  );
}
