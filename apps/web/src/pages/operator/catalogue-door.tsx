/** The way to the event catalogue, which stands in the pages of each business and is one for all. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Scope } from '../../api/client.ts';
import { eventTypesQuery } from '../../api/queries.ts';
import { buttonClass } from '../../ui/button.tsx';
import { Failure } from '../../ui/notice.tsx';
import { Section } from '../../ui/page.tsx';
import { counted } from '../../words/numbers.ts';

interface CatalogueDoorProps {
  readonly scope: Scope;
  /** Some business, to see the catalogue as its people do; undefined: there is none yet. */
  readonly application: string | undefined;
}

export function CatalogueDoor({ scope, application }: CatalogueDoorProps) {
  const types = useQuery(eventTypesQuery(scope));
  return (
    <Section
      title="Event catalogue"
      about="What your API sends, as your customers read it: one catalogue for every business and both environments."
      actions={
        application === undefined ? undefined : (
          <Link
            to="/$application/$environment/catalogue"
            params={{ application, environment: scope.environment }}
            className={buttonClass('plain', 'small')}
          >
            Open the catalogue
          </Link>
        )
      }
    >
      {types.error !== null && <Failure error={types.error} retry={types.refetch} />}
      <p className="text-sm text-ink-2">
        {types.data === undefined
          ? types.error === null && 'Looking it up…'
          : types.data.length === 0
            ? 'It is empty.'
            : `${counted(types.data.length, 'type', 'types')} of events.`}
        {application === undefined && ' It stands in the pages of a business: make one, then write it there.'}
      </p>
    </Section>
  );
}
