/** What was done, as the end of a sentence that begins with who did it. */
const WORDS: Readonly<Record<string, string>> = {
  'application.create': 'made the business',
  'application.update': 'changed the business',
  'application.delete': 'deleted the business',
  'endpoint.create': 'added the webhook URL',
  'endpoint.update': 'changed the webhook URL',
  'endpoint.delete': 'deleted the webhook URL',
  'endpoint.dispatch': 'dispatched to',
  'endpoint.rotate_secret': 'rotated the secret of',
  'endpoint.promote_secret': 'promoted the next secret of',
  'endpoint.recover': 'recovered failed deliveries of',
  'endpoint.replay_missing': 'sent past events to',
  'event_type.create': 'added the event type',
  'event_type.update': 'changed the event type',
  'event_type.delete': 'deleted the event type',
  'key.create': 'made the API key',
  'key.revoke': 'revoked the API key',
  'delivery.retry': 'sent again',
  'delivery.cancel': 'canceled',
  'environment.dispatch': 'dispatched the environment',
  'environment.pause': 'stopped all sending in',
  'environment.resume': 'resumed sending in',
  'member.join': 'joined as',
  'member.update': 'changed the role of',
  'member.remove': 'removed',
  'invitation.create': 'invited',
  'invitation.withdraw': 'withdrew the invitation',
  'inbox.create': 'made the test URL',
  'inbox.delete': 'deleted the test URL',
  'job.cancel': 'stopped the job',
  'portal.link': 'made a portal link',
  'outbox.retry': 'put back the outbox row',
  'outbox.discard': 'discarded the outbox row',
  'operator.claim': 'became the operator',
};

/** `endpoint.update` -> `changed the webhook URL`; one that is new here still reads: `endpoint: moved`. */
export function actionWords(action: string): string {
  return WORDS[action] ?? action.replaceAll('_', ' ').replace('.', ': ');
}
