import type { JobView } from '@posthorn/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Progress } from 'radix-ui';
import { useEffect } from 'react';
import { call } from '../api/client.ts';
import { jobQuery, scopeKey } from '../api/queries.ts';
import { useScope } from '../api/session.ts';
import { Button } from '../ui/button.tsx';
import { DialogActions } from '../ui/dialog.tsx';
import { Failure, Notice } from '../ui/notice.tsx';
import { sayFailure } from '../ui/toasts.tsx';
import { whole } from '../words/numbers.ts';

const isOver = (state: JobView['state']): boolean => state !== 'queued' && state !== 'running';

/** A job on the server, watched until it has ended. It goes on when the window is closed. */
export function JobProgress({
  job: started,
  done,
  onClose,
}: {
  readonly job: JobView;
  readonly done: string;
  readonly onClose: () => void;
}) {
  const scope = useScope();
  const queries = useQueryClient();
  const { data: job = started, error } = useQuery({
    ...jobQuery(scope, started.id),
    initialData: started,
    staleTime: 0,
    refetchInterval: ({ state }) => (state.data !== undefined && isOver(state.data.state) ? false : 500),
  });
  const over = isOver(job.state);
  useEffect(() => {
    if (over)
      queries
        .invalidateQueries({ queryKey: scopeKey({ application: scope.application, environment: scope.environment }) })
        .catch(reportError);
  }, [over, queries, scope.application, scope.environment]);
  const cancel = useMutation({ mutationFn: () => call('DELETE /v1/jobs/{id}', { scope, path: { id: job.id } }), onError: sayFailure });
  const share = over ? 100 : job.state === 'queued' || job.total === 0 ? 0 : Math.floor((job.done / job.total) * 100);
  return (
    <div className="space-y-3">
      <Progress.Root aria-label="How far it is" value={share} className="h-2 overflow-hidden rounded-full bg-none-soft">
        <Progress.Indicator
          className="h-full rounded-full bg-accent-solid transition-[width] duration-300"
          style={{ width: `${share}%` }}
        />
      </Progress.Root>
      <p role="status" className="text-sm text-ink-2 tabular-nums">
        {job.state === 'canceled'
          ? `Stopped after ${whole(job.done)}.`
          : over
            ? `${whole(job.done)} done.`
            : job.state === 'queued'
              ? `Counting: ${whole(job.total)} so far`
              : `${whole(job.done)} of ${whole(job.total)}`}
      </p>
      {error !== null && <Failure error={error} />}
      {job.state === 'done' && (
        <Notice tone="good" live title={job.done === 0 ? 'There was nothing to do' : done}>
          {job.done === 0 ? 'No delivery of this span fits.' : undefined}
        </Notice>
      )}
      <DialogActions>
        {!over && (
          <Button busy={cancel.isPending} onClick={() => cancel.mutate()}>
            Stop
          </Button>
        )}
        <Button look="primary" onClick={onClose}>
          {over ? 'Done' : 'Go on in the background'}
        </Button>
      </DialogActions>
    </div>
  );
}
