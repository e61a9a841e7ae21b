import { Link } from '@tanstack/react-router';
import { Inbox } from 'lucide-react';
import { useRights, useScope } from '../../api/session.ts';
import { buttonClass } from '../../ui/button.tsx';
import { Empty } from '../../ui/notice.tsx';
import { Section } from '../../ui/page.tsx';
import { NewEndpoint } from './new-endpoint.tsx';

/** There is no webhook URL yet: the empty page is the form itself. */
export function FirstEndpoint() {
  const params = useScope();
  const { mayChange } = useRights();
  if (!mayChange) {
    return (
      <Section title="Webhook URL">
        <Empty title="There is no webhook URL yet">A developer or an owner of this business can set one here.</Empty>
      </Section>
    );
  }
  return (
    <Section
      title="Set your webhook URL"
      about="The address of your server that is to receive events. It is signed, so that you can tell our requests from others’: see Verify signatures."
      actions={
        params.environment === 'sandbox' && (
          <Link to="/$application/$environment/inbox" params={params} className={buttonClass('plain', 'small')}>
            <Inbox aria-hidden className="size-3.5" />
            No server yet? Get a test URL
          </Link>
        )
      }
    >
      {/* The list is read again once it is saved, and this page shows the endpoint. */}
      <NewEndpoint onCreated={() => {}} />
    </Section>
  );
}
