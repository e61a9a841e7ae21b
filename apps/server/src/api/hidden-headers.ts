/** What an endpoint's owner puts into custom headers are credentials, as a rule. A viewer sees that they are there, and not what they are. */
import type { Principal } from './auth.ts';

const HIDDEN = '••••••••';
/** Those that are in every webhook, and no credentials. */
const PLAIN =
  /^(?:content-(?:type|length)|user-agent|x-signature|webhook-(?:id|timestamp|signature)|posthorn-late|host|accept|accept-encoding|connection)$/i;

export function shownHeaders(headers: Readonly<Record<string, string>>, { rank }: Principal): Record<string, string> {
  if (rank !== 'viewer') return { ...headers };
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, PLAIN.test(name) ? value : HIDDEN]));
}
