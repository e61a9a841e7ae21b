import type { DispatchView } from '@posthorn/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { CalendarClock, Zap } from 'lucide-react';
import { call } from '../../api/client.ts';
import { dispatchQuery, endpointsQuery, scopeKey } from '../../api/queries.ts';
import { useRights, useScope } from '../../api/session.ts';
import { Button } from '../../ui/button.tsx';
import { Instant } from '../../ui/instant.tsx';
import { say, sayFailure } from '../../ui/toasts.tsx';
import { cadenceWords, ticksBetweenMinutes } from '../../words/cadence.ts';
import { counted } from '../../words/numbers.ts';

/** When this environment sends next, and what waits for it. In the sandbox one need not wait. */
export function DispatchLine() {
  const scope = useScope();
  const { mayChange } = useRights();
  const { data } = useQuery(dispatchQuery(scope));
  return (
    <div className="flex min-h-12 flex-wrap items-center gap-x-4 gap-y-2 rounded-xl border border-line bg-surface px-4 py-2.5 text-sm sm:px-5">
      <CalendarClock aria-hidden className="size-4 shrink-0 text-ink-3" />
      {data === undefined ? (
        <span className="text-ink-3">Looking up the next dispatch…</span>
      ) : (
        <p className="min-w-0 flex-1">
          <NextDispatch dispatch={data} />
          <span className="text-ink-3 max-sm:hidden"> · {cadenceWords(data.cadence)}</span>
        </p>
      )}
      {scope.environment === 'sandbox' && mayChange && <DispatchNow pending={data?.pending ?? 0} />}
    </div>
  );
}

/** When it is, and what waits for it. */
export function NextDispatch({ dispatch }: { readonly dispatch: DispatchView }) {
  const { cadence, next_at: next, pending } = dispatch;
  return (
    <>
      {cadence === 'immediate' || next === null ? (
        <span className="font-medium">{cadence === 'immediate' ? 'Events leave at once' : 'No dispatch is planned'}</span>
      ) : (
        <>
          Next dispatch at{' '}
          <span className="font-semibold tabular-nums">
            <Instant at={next} form={ticksBetweenMinutes(cadence) ? 'clock' : 'minute'} />
          </span>
          , <Instant at={next} form="until" />
        </>
      )}
      <span className="text-ink-2">
        {' '}
        · {pending === 0 ? 'nothing waits' : `${counted(pending, 'delivery', 'deliveries')} waiting, also for retries`}
      </span>
    </>
  );
}

export function DispatchNow({ pending }: { readonly pending: number }) {
  const scope = useScope();
  const queries = useQueryClient();
  const dispatch = useMutation({
    mutationFn: async () => {
      const endpoints = await queries.fetchQuery(endpointsQuery(scope));
      await Promise.all(endpoints.map(({ id }) => call('POST /v1/endpoints/{id}/dispatch', { scope, path: { id } })));
      return endpoints.length;
    },
    onError: sayFailure,
    onSuccess: (endpoints) => {
      say(endpoints === 0 ? 'There is no endpoint to send to yet.' : 'What waits for the next dispatch goes out now.');
      return queries.invalidateQueries({ queryKey: scopeKey(scope) });
    },
  });
  return (
    <Button
      size="small"
      icon={<Zap className="size-3.5" />}
      busy={dispatch.isPending}
      disabled={pending === 0}
      data-tip="Sends first attempts that wait. Retries, and what waits for its endpoint, go when they are due."
      onClick={() => dispatch.mutate()}
    >
      Dispatch now
    </Button>
  );
}
