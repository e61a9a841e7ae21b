/** The pages of an application, for the side bar, the shortcuts and the palette. */
import { Activity, BookOpen, Inbox, LayoutDashboard, type LucideIcon, ScrollText, Send, Users, Webhook } from 'lucide-react';
import type { Environment } from '../api/views.ts';

export interface Place {
  readonly to:
    | '/$application/$environment/overview'
    | '/$application/$environment/deliveries'
    | '/$application/$environment/events'
    | '/$application/$environment/catalogue'
    | '/$application/$environment/inbox'
    | '/$application/$environment/settings/api'
    | '/$application/$environment/settings/team'
    | '/$application/$environment/settings/audit-log';
  readonly name: string;
  readonly Icon: LucideIcon;
  /** The key after `g`. */
  readonly key: string;
  readonly only?: Environment;
  readonly group: 'main' | 'settings';
}

const PLACES: readonly Place[] = [
  { to: '/$application/$environment/overview', name: 'Overview', Icon: LayoutDashboard, key: 'o', group: 'main' },
  { to: '/$application/$environment/deliveries', name: 'Deliveries', Icon: Send, key: 'd', group: 'main' },
  { to: '/$application/$environment/events', name: 'Events', Icon: Activity, key: 'e', group: 'main' },
  { to: '/$application/$environment/catalogue', name: 'Event catalogue', Icon: BookOpen, key: 'c', group: 'main' },
  { to: '/$application/$environment/inbox', name: 'Sandbox inbox', Icon: Inbox, key: 'i', only: 'sandbox', group: 'main' },
  { to: '/$application/$environment/settings/api', name: 'API Settings', Icon: Webhook, key: 's', group: 'settings' },
  { to: '/$application/$environment/settings/team', name: 'Team', Icon: Users, key: 't', group: 'settings' },
  { to: '/$application/$environment/settings/audit-log', name: 'Audit log', Icon: ScrollText, key: 'a', group: 'settings' },
];

export const placesOf = (environment: Environment): readonly Place[] =>
  PLACES.filter(({ only }) => only === undefined || only === environment);

/**
 * The same page in another environment. What has an id belongs to one environment, so of a single delivery only the list remains, and
 * filters do not come along.
 */
export function placeIn(pathname: string, environment: Environment): Place['to'] {
  const [, , , ...page] = pathname.split('/');
  const path = `/$application/$environment/${page.join('/')}`;
  const place = placesOf(environment).find(({ to }) => path === to || path.startsWith(`${to}/`));
  return place?.to ?? '/$application/$environment/overview';
}
