/** Which events there are, when each is sent, and what it carries. */
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet } from '@tanstack/react-router';
import { clsx } from 'clsx';
import { BookOpen } from 'lucide-react';
import { useState } from 'react';
import { eventTypesQuery } from '../../api/queries.ts';
import { useRights, useScope } from '../../api/session.ts';
import { Input } from '../../ui/field.tsx';
import { Empty, Failure, Skeleton } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { Split, useChosen } from '../../ui/split.tsx';
import { AddEventType } from './operator-actions.tsx';

export function Catalogue() {
  const chosen = useChosen('type');
  const { operator } = useRights();
  return (
    <Page
      title="Event catalogue"
      about="Every type of event that the API can send you, in both environments."
      actions={operator ? <AddEventType /> : undefined}
    >
      <Split chosen={chosen !== null} detail={<Outlet />} list={<Types chosen={chosen} />} />
    </Page>
  );
}

function Types({ chosen }: { readonly chosen: string | null }) {
  const scope = useScope();
  const { operator } = useRights();
  const types = useQuery(eventTypesQuery(scope));
  const [text, setText] = useState('');
  if (types.data === undefined) {
    return types.error === null ? <Skeleton lines={6} /> : <Failure error={types.error} retry={() => types.refetch()} />;
  }
  const wanted = text.trim().toLowerCase();
  const shown = types.data
    .filter(({ name, description }) => `${name} ${description}`.toLowerCase().includes(wanted))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return (
    <div className="overflow-hidden rounded-xl border border-line bg-surface">
      {types.data.length > 6 && (
        <search className="block border-b border-line p-3">
          <Input
            aria-label="Find a type"
            placeholder="Find a type"
            data-filter
            className="h-8! max-w-72"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </search>
      )}
      {shown.length === 0 ? (
        <Empty icon={<BookOpen />} title={types.data.length === 0 ? 'The catalogue is empty' : 'No type has these words'}>
          {types.data.length > 0
            ? 'Try fewer letters.'
            : operator
              ? 'Add the types of events that your API sends, so that your customers know what to expect. Events are delivered all the same.'
              : 'The provider of the API has not described its events yet. They are delivered all the same; an endpoint for all events gets each of them.'}
        </Empty>
      ) : (
        <ul aria-label="Event types" className="divide-y divide-line">
          {shown.map(({ name, description }) => (
            <li key={name}>
              <Link
                data-row
                to="/$application/$environment/catalogue/$type"
                params={{ ...scope, type: name }}
                aria-current={name === chosen ? 'true' : undefined}
                className={clsx(
                  'block px-4 py-3 -outline-offset-2 hover:bg-hover sm:px-5',
                  name === chosen && 'bg-accent-soft hover:bg-accent-soft',
                )}
              >
                <span className="block font-mono text-xs font-medium break-all">{name}</span>
                <span className="mt-0.5 line-clamp-2 block text-sm text-ink-2">{description}</span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
