/** The parts of a store that are the same on both engines. */
import type { Audited } from '../store.ts';
import { applicationStore } from './applications.ts';
import { brakeStore } from './brakes.ts';
import type { SharedContext } from './context.ts';
import { endpointStore } from './endpoints.ts';
import { eventTypeStore } from './event-types.ts';
import { inboxStore } from './inboxes.ts';
import { invitationStore } from './invitations.ts';
import { jobStore } from './jobs.ts';
import { type KeyUses, keyStore } from './keys.ts';
import { operatorStore } from './operators.ts';
import { peopleStore } from './people.ts';
import { portalStore } from './portal.ts';

export function sharedParts(context: SharedContext, uses: KeyUses): Omit<Audited, 'environments' | 'deliveries' | 'outbox'> {
  return {
    applications: applicationStore(context),
    endpoints: endpointStore(context),
    eventTypes: eventTypeStore(context),
    keys: keyStore(context, uses),
    brakes: brakeStore(context),
    jobs: jobStore(context),
    people: peopleStore(context),
    invitations: invitationStore(context),
    operators: operatorStore(context),
    portal: portalStore(context),
    inboxes: inboxStore(context),
  };
}
