import type { AuditEntryView } from '@posthorn/contract';

/** What was done, as the end of a sentence that begins with who did it. */
const WORDS: Readonly<Record<string, string>> = {
  'application.create': 'made the business',
  'application.update': 'changed the business',
  'application.delete': 'deleted the business',
  'endpoint.create': 'added the webhook URL',
  'endpoint.update': 'changed the webhook URL',
  'endpoint.delete': 'deleted the webhook URL',
  'endpoint.dispatch': 'dispatched to the webhook URL',
  'endpoint.rotate_secret': 'rotated the secret of the webhook URL',
  'endpoint.promote_secret': 'promoted the next secret of the webhook URL',
  'event_type.create': 'added the event type',
  'event_type.update': 'changed the event type',
  'event_type.delete': 'deleted the event type',
  'key.create': 'made the API key',
  'key.revoke': 'revoked the API key',
  'delivery.retry': 'sent again the delivery',
  'delivery.cancel': 'canceled the delivery',
  'environment.update': 'changed the environment',
  'environment.dispatch': 'dispatched the environment',
  'brake.pause': 'stopped all sending of',
  'brake.resume': 'resumed sending of',
  'member.join': 'joined as',
  'member.update': 'changed the role of',
  'member.remove': 'removed',
  'invitation.create': 'invited',
  'invitation.withdraw': 'withdrew the invitation',
  'inbox.create': 'made the test URL',
  'inbox.delete': 'deleted the test URL',
  'job.create': 'started the job',
  'job.cancel': 'stopped the job',
  'portal.link': 'made a portal link for',
  'outbox.retry': 'put back the outbox row',
  'outbox.discard': 'discarded the outbox row',
  'operator.claim': 'became the operator',
  'person.reset_link': 'made a link for a new password of',
};

/** `endpoint.update` -> `changed the webhook URL`; one that is new here still reads: `endpoint: moved`. */
export function actionWords(action: string): string {
  return WORDS[action] ?? action.replaceAll('_', ' ').replace('.', ': ');
}

/**
 * Who did it, as the beginning of that sentence: a person by the name, a program by the key that it came with. The log does not say whether that is a
 * service key or one of the business's own.
 */
export function actorWords({ kind, id, name }: AuditEntryView['actor']): string {
  const known = name || id;
  if (kind === 'key' && known !== null) return `The key ‘${known}’`;
  return known ?? 'Posthorn';
}

/** What it was done to: a webhook URL itself where this change, or a list of endpoints, tells it; otherwise the id. */
export function targetWords({ target, changes }: Pick<AuditEntryView, 'target' | 'changes'>, urls: ReadonlyMap<string, string>): string {
  if (target.kind !== 'endpoint') return target.id;
  const url = changes.url?.to ?? changes.url?.from ?? urls.get(target.id);
  return typeof url === 'string' ? shortened(url) : `(${target.id})`;
}

const LONGEST = 200;

function shortened(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** A field's value; an endpoint without event types of its own takes all of them. */
export function valueWords(field: string, value: unknown): string {
  if (field === 'event_types' && Array.isArray(value) && value.length === 0) return 'all';
  if (value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) return 'none';
  return shortened(typeof value === 'string' ? value : JSON.stringify(value));
}
