/** When an environment sends: the cadence in force, and the door to another. */
import { queryOptions, useQuery } from '@tanstack/react-query';
import { CalendarClock } from 'lucide-react';
import { useState } from 'react';
import { call, type Scope } from '../../api/client.ts';
import { LIVE_MS } from '../../api/queries.ts';
import { Button } from '../../ui/button.tsx';
import { Failure, Skeleton } from '../../ui/notice.tsx';
import { Section } from '../../ui/page.tsx';
import { cadenceWords, environmentWords } from '../../words/cadence.ts';
import { NextDispatch } from '../api-settings/dispatch-line.tsx';
import { CadenceDialog } from './cadence-dialog.tsx';
import { Origin } from './cadence-origin.tsx';

/** Across all applications. */
const dispatchQuery = (scope: Scope) =>
  queryOptions({
    queryKey: ['operator', scope.environment, 'dispatch'],
    queryFn: ({ signal }) => call('GET /v1/dispatch', { scope, signal }),
    refetchInterval: LIVE_MS,
  });

export function Cadence({ scope }: { readonly scope: Scope }) {
  const [changing, setChanging] = useState(false);
  const { data: dispatch, error, refetch } = useQuery(dispatchQuery(scope));
  return (
    <Section
      title="Cadence"
      about={`When ${environmentWords(scope.environment)} sends. Endpoints with a cadence of their own keep to that.`}
      actions={
        dispatch === undefined ? undefined : (
          <Button size="small" icon={<CalendarClock className="size-3.5" />} onClick={() => setChanging(true)}>
            Change cadence…
          </Button>
        )
      }
    >
      {dispatch !== undefined ? (
        <div className="space-y-3">
          <div className="space-y-0.5">
            <p className="text-lg font-medium break-words first-letter:uppercase">{cadenceWords(dispatch.cadence)}</p>
            <p className="text-sm">
              <NextDispatch dispatch={dispatch} />
            </p>
          </div>
          <Origin dispatch={dispatch} />
        </div>
      ) : error !== null ? (
        <Failure error={error} retry={refetch} />
      ) : (
        <Skeleton lines={2} />
      )}
      {changing && dispatch !== undefined && <CadenceDialog dispatch={dispatch} scope={scope} onClose={() => setChanging(false)} />}
    </Section>
  );
}
