import type { EndpointView } from '@posthorn/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Ellipsis, HistoryIcon, Pause, Play, RotateCw, Trash2, Zap } from 'lucide-react';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import { scopeKey } from '../../api/queries.ts';
import { useScope } from '../../api/session.ts';
import { RecoverDialog } from '../../recover/recover-dialog.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Menu, MenuItem, MenuLine } from '../../ui/menu.tsx';
import { say, sayFailure } from '../../ui/toasts.tsx';
import { shortUrl } from '../../words/endpoints.ts';
import { useEnable } from './endpoint-health.tsx';

type Asked = 'recover' | 'replay' | 'delete' | null;

export function EndpointActions({ endpoint }: { readonly endpoint: EndpointView }) {
  const scope = useScope();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [asked, setAsked] = useState<Asked>(null);
  const enable = useEnable(endpoint.id);
  const path = { id: endpoint.id };
  const dispatch = useMutation({
    mutationFn: () => call('POST /v1/endpoints/{id}/dispatch', { scope, path }),
    onError: sayFailure,
    onSuccess: () => {
      say('What waits for this endpoint goes out now.');
      return queries.invalidateQueries({ queryKey: scopeKey(scope) });
    },
  });
  const remove = useMutation({
    mutationFn: () => call('DELETE /v1/endpoints/{id}', { scope, path }),
    onError: sayFailure,
    onSuccess: async () => {
      say('Deleted. What waited for it was canceled.');
      await navigate({ to: '/$application/$environment/settings/api', params: scope });
      await queries.invalidateQueries({ queryKey: scopeKey(scope) });
    },
  });
  return (
    <>
      <Menu trigger={<Button icon={<Ellipsis className="size-4" />}>Actions</Button>}>
        {endpoint.status === 'enabled' ? (
          <MenuItem icon={<Pause />} onSelect={() => enable.mutate('paused')}>
            Pause
          </MenuItem>
        ) : (
          <MenuItem icon={<Play />} onSelect={() => enable.mutate('enabled')}>
            {endpoint.status === 'paused' ? 'Resume' : 'Enable'}
          </MenuItem>
        )}
        {scope.environment === 'sandbox' && (
          <MenuItem icon={<Zap />} onSelect={() => dispatch.mutate()}>
            Dispatch now
          </MenuItem>
        )}
        <MenuItem icon={<RotateCw />} onSelect={() => setAsked('recover')}>
          Recover failed deliveries…
        </MenuItem>
        <MenuItem icon={<HistoryIcon />} onSelect={() => setAsked('replay')}>
          Send what came before it…
        </MenuItem>
        <MenuLine />
        <MenuItem danger icon={<Trash2 />} onSelect={() => setAsked('delete')}>
          Delete…
        </MenuItem>
      </Menu>
      {(asked === 'recover' || asked === 'replay') && <RecoverDialog kind={asked} endpoint={endpoint.id} onClose={() => setAsked(null)} />}
      <Confirm
        open={asked === 'delete'}
        onOpenChange={(open) => !open && setAsked(null)}
        title="Delete this webhook URL?"
        action="Delete"
        danger
        busy={remove.isPending}
        onConfirm={() => remove.mutate()}
      >
        <code className="text-xs break-all">{shortUrl(endpoint.url)}</code> gets no more events, and what waits for it is canceled. Its past
        deliveries can still be seen. To stop for a while, pause it instead.
      </Confirm>
    </>
  );
}
