import type { OverviewView } from '@posthorn/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { OctagonPause, Play } from 'lucide-react';
import { useState } from 'react';
import { call, type Scope } from '../../api/client.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Instant } from '../../ui/instant.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Section } from '../../ui/page.tsx';
import { say, sayFailure } from '../../ui/toasts.tsx';

/** Stops and starts an environment, or one application in it. */
export function useBrake(scope: Scope) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ action, application }: { action: 'pause' | 'resume'; application?: string }) =>
      call(action === 'pause' ? 'POST /v1/pause' : 'POST /v1/resume', { scope, body: application === undefined ? {} : { application } }),
    onError: sayFailure,
    onSuccess: (_, { action }) => {
      say(action === 'pause' ? 'Stopped. Events are taken in, and wait.' : 'Sending again.');
      return queries.invalidateQueries({ queryKey: ['operator'] });
    },
  });
}

export function Brake({ overview, scope }: { readonly overview: OverviewView; readonly scope: Scope }) {
  const [asked, setAsked] = useState(false);
  const brake = useBrake(scope);
  const whole = overview.brakes.find(({ application }) => application === null);
  const single = overview.brakes.filter(({ application }) => application !== null);
  return (
    <Section
      title="The brake"
      about={`Stops all sending in ${scope.environment} at once. Events are still taken in, and wait.`}
      actions={
        whole === undefined ? (
          <Button size="small" icon={<OctagonPause className="size-3.5" />} onClick={() => setAsked(true)}>
            Stop sending…
          </Button>
        ) : (
          <Button
            size="small"
            look="primary"
            icon={<Play className="size-3.5" />}
            busy={brake.isPending}
            onClick={() => brake.mutate({ action: 'resume' })}
          >
            Resume sending
          </Button>
        )
      }
    >
      <div className="space-y-3">
        {whole === undefined ? (
          single.length === 0 && <p className="text-sm text-ink-2">It is off: everything goes out when it is due.</p>
        ) : (
          <Notice
            tone="warn"
            title={
              <>
                Nothing is sent in {scope.environment}, since <Instant at={whole.since} />
              </>
            }
          />
        )}
        {single.map(({ application, since }) => (
          <Notice
            key={application}
            tone="warn"
            title={
              <>
                Stopped for <code className="text-xs">{application}</code>, since <Instant at={since} />
              </>
            }
            action={
              <Button
                size="small"
                busy={brake.isPending}
                onClick={() => application !== null && brake.mutate({ action: 'resume', application })}
              >
                Resume
              </Button>
            }
          />
        ))}
      </div>
      <Confirm
        open={asked}
        onOpenChange={setAsked}
        title={`Stop all sending in ${scope.environment}?`}
        action="Stop sending"
        danger
        busy={brake.isPending}
        onConfirm={() => brake.mutate({ action: 'pause' }, { onSuccess: () => setAsked(false) })}
      >
        No webhook leaves this environment, of any application, until somebody resumes. What waits longer than 7 days fails, and can be
        recovered.
      </Confirm>
    </Section>
  );
}
