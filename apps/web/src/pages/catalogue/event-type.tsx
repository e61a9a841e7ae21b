/** One type of the catalogue: its fields, its example, and a way to receive that example. */
import type { EventTypeView } from '@posthorn/contract';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import { endpointsQuery, eventTypesQuery } from '../../api/queries.ts';
import { useRights, useScope } from '../../api/session.ts';
import { Code } from '../../ui/code.tsx';
import { Choice, Field } from '../../ui/field.tsx';
import { Empty, Failure, Skeleton } from '../../ui/notice.tsx';
import { shortUrl } from '../../words/endpoints.ts';
import { PaneFrame } from '../deliveries/delivery.tsx';
import { EventTypeActions } from './operator-actions.tsx';
import { SchemaFields } from './schema-fields.tsx';
import { SendExample } from './send-example.tsx';

const FROM = '/$application/$environment/catalogue';

export function EventTypePane() {
  const scope = useScope();
  const { type: name } = useParams({ from: `${FROM}/$type` });
  const navigate = useNavigate();
  // The list beside it has every type whole.
  const types = useQuery(eventTypesQuery(scope));
  const type = types.data?.find((candidate) => candidate.name === name);
  return (
    <PaneFrame back="Event catalogue" onClose={() => navigate({ to: FROM, params: scope }).catch(reportError)}>
      {type !== undefined ? (
        <Detail key={name} type={type} />
      ) : types.error !== null ? (
        <Failure error={types.error} retry={() => types.refetch()} />
      ) : types.data === undefined ? (
        <Skeleton lines={7} />
      ) : (
        <Empty title="This type is not in the catalogue">It may have been removed since.</Empty>
      )}
    </PaneFrame>
  );
}

function Detail({ type }: { readonly type: EventTypeView }) {
  const { environment } = useScope();
  const { mayChange, operator } = useRights();
  return (
    <div className="space-y-6">
      <div className="space-y-1.5 xl:pr-10">
        <h2 className="font-mono text-base font-medium break-all">{type.name}</h2>
        <p className="text-sm text-pretty whitespace-pre-line text-ink-2">{type.description}</p>
      </div>
      {operator && <EventTypeActions type={type} />}
      {environment === 'sandbox' && mayChange && type.example !== null && <ExampleTo type={type} />}
      <section className="space-y-2">
        <h3 className="text-sm font-semibold">Example of its data</h3>
        {type.example === null ? (
          <p className="text-sm text-ink-2">The provider has given none.</p>
        ) : (
          <Code label="example" language="json" text={JSON.stringify(type.example, null, 2)} />
        )}
      </section>
      <section className="space-y-2">
        <h3 className="text-sm font-semibold">Fields of its data</h3>
        {type.schema === null ? (
          <p className="text-sm text-ink-2">The provider has given no schema.</p>
        ) : (
          <SchemaFields schema={type.schema} />
        )}
      </section>
    </div>
  );
}

/** “Send me an example”, to one of the endpoints of the sandbox. */
function ExampleTo({ type }: { readonly type: EventTypeView }) {
  const scope = useScope();
  const { data: endpoints } = useQuery(endpointsQuery(scope));
  const [chosen, setChosen] = useState<string | null>(null);
  const endpoint = endpoints?.find(({ id }) => id === chosen) ?? endpoints?.[0];
  if (endpoints === undefined) return <Skeleton lines={2} />;
  if (endpoint === undefined) {
    return (
      <p className="rounded-lg bg-none-soft px-3.5 py-3 text-sm text-ink-2">
        To be sent an example,{' '}
        <Link to="/$application/$environment/settings/api" params={scope} className="font-medium text-accent underline underline-offset-3">
          set a webhook URL
        </Link>{' '}
        first, or{' '}
        <Link to="/$application/$environment/inbox" params={scope} className="font-medium text-accent underline underline-offset-3">
          get a test URL
        </Link>
        .
      </p>
    );
  }
  return (
    <section className="space-y-3">
      {endpoints.length > 1 && (
        <Field label="Send it to">
          <Choice value={endpoint.id} onChange={(event) => setChosen(event.target.value)}>
            {endpoints.map(({ id, url }) => (
              <option key={id} value={id}>
                {shortUrl(url)}
              </option>
            ))}
          </Choice>
        </Field>
      )}
      <SendExample send={() => call('POST /v1/endpoints/{id}/test', { scope, path: { id: endpoint.id }, body: { type: type.name } })} />
    </section>
  );
}
