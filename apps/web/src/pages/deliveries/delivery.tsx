/** One delivery: where it stands, why it has not gone yet, and each attempt on a time line. */
import type { DeliveryDetailView } from '@posthorn/contract';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { ArrowLeft, X } from 'lucide-react';
import type { ReactNode } from 'react';
import { deliveryQuery } from '../../api/queries.ts';
import { useRights, useScope } from '../../api/session.ts';
import { IconButton } from '../../ui/button.tsx';
import { Copyable } from '../../ui/copy.tsx';
import { Instant } from '../../ui/instant.tsx';
import { Failure, Notice, Skeleton } from '../../ui/notice.tsx';
import { Fact, Facts } from '../../ui/page.tsx';
import { Badge } from '../../ui/status.tsx';
import { DELIVERY_STATUS, reasonWords, waitingWords } from '../../words/deliveries.ts';
import { EndpointLink } from '../api-settings/endpoint-panel.tsx';
import { AttemptTimeline } from './attempt-timeline.tsx';
import { DeliveryActions } from './delivery-actions.tsx';

const FROM = '/$application/$environment/deliveries';

export function DeliveryPane() {
  const scope = useScope();
  const { delivery: id } = useParams({ from: `${FROM}/$delivery` });
  const search = useSearch({ from: FROM });
  const navigate = useNavigate({ from: `${FROM}/$delivery` });
  const delivery = useQuery({
    ...deliveryQuery(scope, id),
    refetchInterval: ({ state }) => (state.data?.status === 'pending' ? 1_500 : 10_000),
  });
  return (
    <PaneFrame back="Deliveries" onClose={() => navigate({ to: FROM, params: scope, search }).catch(reportError)}>
      {delivery.data !== undefined ? (
        <Detail delivery={delivery.data} />
      ) : delivery.error !== null ? (
        <Failure error={delivery.error} retry={() => delivery.refetch()} />
      ) : (
        <Skeleton lines={7} />
      )}
    </PaneFrame>
  );
}

/** What is chosen from a list, with a way back to the list. */
export function PaneFrame({
  back,
  onClose,
  children,
}: {
  readonly back: string;
  readonly onClose: () => unknown;
  readonly children: ReactNode;
}) {
  return (
    <article className="relative xl:p-5">
      <button
        type="button"
        onClick={onClose}
        className="mb-4 inline-flex items-center gap-1.5 rounded text-sm text-ink-2 hover:text-ink xl:hidden"
      >
        <ArrowLeft aria-hidden className="size-3.5" />
        {back}
      </button>
      <IconButton label="Close" onClick={onClose} className="absolute top-4 right-4 z-10 max-xl:hidden!">
        <X />
      </IconButton>
      {children}
    </article>
  );
}

function Detail({ delivery }: { readonly delivery: DeliveryDetailView }) {
  const params = useScope();
  const { mayChange } = useRights();
  const { words, tone } = DELIVERY_STATUS[delivery.status];
  const reason = reasonWords(delivery.reason);
  return (
    <div className="space-y-5">
      <div className="space-y-2 xl:pr-10">
        <div className="flex flex-wrap items-center gap-x-2.5 gap-y-1">
          <h2 className="font-mono text-base font-medium break-all">{delivery.event_type}</h2>
          <Badge tone={tone}>{words}</Badge>
          {delivery.late && <Badge tone="warn">Late</Badge>}
        </div>
        <Copyable text={delivery.id} label="Copy the delivery’s id" />
      </div>
      {mayChange && <DeliveryActions delivery={delivery} />}
      {delivery.waiting !== null && <WhyNotYet waiting={delivery.waiting} />}
      {delivery.status === 'pending' && delivery.waiting === null && (
        <Notice tone="wait" title="On its way">
          Nothing holds it back: it is being sent, or goes as soon as the endpoint has room for one more request.
        </Notice>
      )}
      {reason !== null && <Notice tone={delivery.status === 'failed' ? 'bad' : 'none'}>{reason}</Notice>}
      <Facts>
        <Fact name="Event">
          <Link
            to="/$application/$environment/events/$event"
            params={{ ...params, event: delivery.event }}
            className="font-mono text-xs break-all underline decoration-line-strong underline-offset-3 hover:decoration-ink"
          >
            {delivery.event}
          </Link>
        </Fact>
        <Fact name="Endpoint">
          <EndpointLink id={delivery.endpoint} />
        </Fact>
        <Fact name="Ordering key">
          {delivery.ordering_key === null ? (
            <span className="text-ink-3">none</span>
          ) : (
            <Link
              to="/$application/$environment/deliveries"
              params={params}
              search={{ key: delivery.ordering_key }}
              className="break-all underline decoration-line-strong underline-offset-3 hover:decoration-ink"
            >
              {delivery.ordering_key}
            </Link>
          )}
        </Fact>
        <Fact name="Published">
          <Instant at={delivery.created_at} />
        </Fact>
        {delivery.next_attempt_at !== null && (
          <Fact name="Next attempt">
            not before <Instant at={delivery.next_attempt_at} />
          </Fact>
        )}
      </Facts>
      <AttemptTimeline delivery={delivery} />
    </div>
  );
}

function WhyNotYet({ waiting }: { readonly waiting: NonNullable<DeliveryDetailView['waiting']> }) {
  const params = useScope();
  const { title, text } = waitingWords(waiting);
  return (
    <Notice
      tone={waiting.reason === 'disabled' || waiting.reason === 'breaker' ? 'warn' : 'wait'}
      title={
        <>
          {title}
          {waiting.until !== null && (
            <>
              : <Instant at={waiting.until} form="until" />
            </>
          )}
        </>
      }
    >
      {text}
      {waiting.until !== null && (
        <>
          {' '}
          It may go at <Instant at={waiting.until} />.
        </>
      )}
      {waiting.behind !== null && (
        <>
          {' '}
          It is behind{' '}
          <Link
            to="/$application/$environment/deliveries/$delivery"
            params={{ ...params, delivery: waiting.behind }}
            search={(before) => before}
            className="font-mono text-xs break-all text-ink underline underline-offset-3"
          >
            {waiting.behind}
          </Link>
          .
        </>
      )}
    </Notice>
  );
}
