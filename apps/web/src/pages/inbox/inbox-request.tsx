import type { InboxRequestView } from '@posthorn/contract';
import { HeaderList } from '../../attempt/attempt-body.tsx';
import { Code } from '../../ui/code.tsx';
import { Instant } from '../../ui/instant.tsx';
import { Fact, Facts } from '../../ui/page.tsx';
import { Badge } from '../../ui/status.tsx';
import { prettyJson } from '../../words/json.ts';
import { PaneFrame } from '../deliveries/delivery.tsx';
import { verdictTone, verdictWords } from './verdicts.ts';

export function InboxRequestPane({ request, onClose }: { readonly request: InboxRequestView; readonly onClose: () => unknown }) {
  const { signature } = request;
  return (
    <PaneFrame back="Sandbox inbox" onClose={onClose}>
      <div className="space-y-5">
        <h2 className="font-mono text-base font-medium break-all xl:pr-10">{request.event_type ?? `${request.method} request`}</h2>
        <Facts>
          <Fact name="Received">
            <Instant at={request.received_at} />
          </Fact>
          <Fact name="X-Signature">
            <Badge tone={verdictTone(signature.x_signature)}>{signature.x_signature === 'valid' ? 'Valid' : 'Not valid'}</Badge>
            {signature.x_signature !== 'valid' && <p className="mt-1 text-xs text-ink-2">{verdictWords(signature.x_signature)}</p>}
          </Fact>
          <Fact name="Standard Webhooks">
            <Badge tone={verdictTone(signature.standard)}>{signature.standard === 'valid' ? 'Valid' : 'Not valid'}</Badge>
            {signature.standard !== 'valid' && <p className="mt-1 text-xs text-ink-2">{verdictWords(signature.standard)}</p>}
          </Fact>
        </Facts>
        <section className="space-y-2">
          <h3 className="text-sm font-semibold">Body</h3>
          {request.body === '' ? (
            <p className="text-sm text-ink-3">Empty</p>
          ) : (
            <Code tall label="body" language="json" text={prettyJson(request.body)} />
          )}
          {request.body_truncated && <p className="text-xs text-ink-3">There was more of it: only the beginning is kept.</p>}
        </section>
        <HeaderList open title="Headers" headers={request.headers} />
      </div>
    </PaneFrame>
  );
}
