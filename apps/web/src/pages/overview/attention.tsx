/** What needs somebody, each with what to do beside it; nothing when all is well. */

import type { EndpointDetailView, EndpointView } from '@posthorn/contract';
import { useQueries } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { CircleAlert, KeyRound, Pause } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { endpointQuery } from '../../api/queries.ts';
import { useRights, useScope } from '../../api/session.ts';
import { RecoverDialog } from '../../recover/recover-dialog.tsx';
import { Button, buttonClass } from '../../ui/button.tsx';
import { Instant } from '../../ui/instant.tsx';
import { Section } from '../../ui/page.tsx';
import { disabledWords, shortUrl } from '../../words/endpoints.ts';
import { FailingWords, useEnable } from '../api-settings/endpoint-health.tsx';

type Rotation = NonNullable<EndpointDetailView['rotation']>;

/** More endpoints than these are not asked one by one whether their secrets are being rotated. */
const MOST_ASKED = 20;

export function Attention({ endpoints }: { readonly endpoints: readonly EndpointView[] }) {
  const scope = useScope();
  const rotations = useQueries({
    queries: endpoints.slice(0, MOST_ASKED).map(({ id }) => ({ ...endpointQuery(scope, id), staleTime: 60_000 })),
    combine: (results) => new Map(results.flatMap(({ data }) => (data?.rotation == null ? [] : [[data.id, data.rotation] as const]))),
  });
  const troubled = endpoints.filter(({ id, status, health }) => status !== 'enabled' || health.reason !== null || rotations.has(id));
  if (troubled.length === 0) return null;
  return (
    <Section flush title="Needs attention">
      <ul className="divide-y divide-line border-t border-line">
        {troubled.map((endpoint) => (
          <Trouble key={endpoint.id} endpoint={endpoint} rotation={rotations.get(endpoint.id)} />
        ))}
      </ul>
    </Section>
  );
}

function Trouble({ endpoint, rotation }: { readonly endpoint: EndpointView; readonly rotation: Rotation | undefined }) {
  const { mayChange } = useRights();
  const [recovering, setRecovering] = useState(false);
  const enable = useEnable(endpoint.id);
  const { health, status } = endpoint;
  const name = <strong className="font-mono text-xs font-medium break-all">{shortUrl(endpoint.url)}</strong>;
  const look = <LookAt id={endpoint.id} />;
  if (status === 'disabled') {
    return (
      <Row icon={<CircleAlert className="text-bad" />} what={<>{name} is disabled</>} why={disabledWords(endpoint.disabled_reason)}>
        {look}
        {mayChange && (
          <Button size="small" busy={enable.isPending} onClick={() => enable.mutate('enabled')}>
            Enable
          </Button>
        )}
      </Row>
    );
  }
  if (status === 'paused') {
    return (
      <Row icon={<Pause className="text-ink-3" />} what={<>{name} is paused</>} why="Its events wait until somebody resumes it.">
        {mayChange && (
          <Button size="small" busy={enable.isPending} onClick={() => enable.mutate('enabled')}>
            Resume
          </Button>
        )}
      </Row>
    );
  }
  if (health.reason !== null) {
    return (
      <Row
        icon={<CircleAlert className={health.state === 'failing' ? 'text-bad' : 'text-warn'} />}
        what={<>{name} fails</>}
        why={
          <>
            <FailingWords health={health} /> Test it, mend it, then recover what has failed.
          </>
        }
      >
        {look}
        {mayChange && (
          <Button size="small" onClick={() => setRecovering(true)}>
            Recover…
          </Button>
        )}
        {recovering && <RecoverDialog kind="recover" endpoint={endpoint.id} onClose={() => setRecovering(false)} />}
      </Row>
    );
  }
  return (
    rotation !== undefined && (
      <Row
        icon={<KeyRound className="text-warn" />}
        what={<>The secret of {name} is being rotated</>}
        why={<RotationWords rotation={rotation} />}
      >
        {look}
      </Row>
    )
  );
}

function RotationWords({ rotation: { promotes_at: promotesAt, previous_valid_until: validUntil } }: { readonly rotation: Rotation }) {
  if (promotesAt !== null) {
    return (
      <>
        The next one becomes current <Instant at={promotesAt} form="away" />. Your receiver should know it by then.
      </>
    );
  }
  return validUntil === null ? null : (
    <>
      The overlap ends <Instant at={validUntil} form="away" />: a receiver that knows only the old secret refuses requests from then on.
    </>
  );
}

function LookAt({ id }: { readonly id: string }) {
  const params = useScope();
  return (
    <Link
      to="/$application/$environment/settings/api/$endpoint"
      params={{ ...params, endpoint: id }}
      className={buttonClass('plain', 'small')}
    >
      Test and settings
    </Link>
  );
}

interface RowProps {
  readonly icon: ReactNode;
  readonly what: ReactNode;
  readonly why: ReactNode;
  readonly children?: ReactNode;
}

function Row({ icon, what, why, children }: RowProps) {
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2.5 px-4 py-3 sm:px-5">
      <div className="flex min-w-0 flex-1 basis-64 gap-3">
        <span aria-hidden className="mt-0.5 [&>svg]:size-4">
          {icon}
        </span>
        <div className="min-w-0">
          <p className="text-sm">{what}</p>
          <p className="text-xs text-pretty text-ink-2">{why}</p>
        </div>
      </div>
      <div className="flex flex-wrap gap-2">{children}</div>
    </li>
  );
}
