import type { EndpointView } from '@posthorn/contract';
import { Link } from '@tanstack/react-router';
import { ChevronRight, Plus } from 'lucide-react';
import { useState } from 'react';
import { useRights, useScope } from '../../api/session.ts';
import { Button } from '../../ui/button.tsx';
import { Dot } from '../../ui/status.tsx';
import { endpointState, eventTypesWords, shortUrl } from '../../words/endpoints.ts';
import { NewEndpointDialog } from './new-endpoint.tsx';

export function EndpointList({ endpoints }: { readonly endpoints: readonly EndpointView[] }) {
  const params = useScope();
  const { mayChange } = useRights();
  return (
    <div className="space-y-3">
      <ul className="divide-y divide-line overflow-hidden rounded-xl border border-line bg-surface">
        {endpoints.map((endpoint) => {
          const { words, tone } = endpointState(endpoint);
          return (
            <li key={endpoint.id}>
              <Link
                data-row
                to="/$application/$environment/settings/api/$endpoint"
                params={{ ...params, endpoint: endpoint.id }}
                className="flex items-center gap-4 px-4 py-3 -outline-offset-2 hover:bg-hover sm:px-5"
              >
                <span className="min-w-0 flex-1">
                  <span className="block truncate font-mono text-xs font-medium">{shortUrl(endpoint.url)}</span>
                  <span className="mt-0.5 block truncate text-xs text-ink-3">
                    {[endpoint.description, eventTypesWords(endpoint.event_types)].filter(Boolean).join(' · ')}
                  </span>
                </span>
                <span className="text-xs">
                  <Dot tone={tone}>{words}</Dot>
                </span>
                <ChevronRight aria-hidden className="size-4 text-ink-3" />
              </Link>
            </li>
          );
        })}
      </ul>
      {mayChange && <AddEndpoint />}
    </div>
  );
}

export function AddEndpoint() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button icon={<Plus className="size-4" />} onClick={() => setOpen(true)}>
        Add a webhook URL
      </Button>
      {open && <NewEndpointDialog onClose={() => setOpen(false)} />}
    </>
  );
}
