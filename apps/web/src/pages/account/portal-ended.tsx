import { useBranding } from '../../api/session.ts';
import { Notice } from '../../ui/notice.tsx';
import { Door } from './door.tsx';

/** Where a portal link leads that was used before, or is too old. */
export function PortalEnded() {
  const { name } = useBranding();
  return (
    <Door title="This link is over">
      <Notice tone="warn">
        It works once, and for a short time. Go back to where you came from at {name}, and open your webhooks from there again.
      </Notice>
    </Door>
  );
}
