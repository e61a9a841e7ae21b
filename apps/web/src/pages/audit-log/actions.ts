/** What was done, as the end of a sentence: `Ada` … */
const WORDS: Readonly<Record<string, string>> = {
  create: 'made',
  update: 'changed',
  delete: 'deleted',
  rotate: 'rotated',
  promote: 'promoted',
  revoke: 'revoked',
  retry: 'sent again',
  cancel: 'canceled',
  recover: 'recovered',
  dispatch: 'dispatched',
  pause: 'paused',
  resume: 'resumed',
  invite: 'invited',
  accept: 'accepted',
  reveal: 'looked at',
  test: 'tested',
  claim: 'became',
  enable: 'enabled',
  disable: 'disabled',
};

const THINGS: Readonly<Record<string, string>> = {
  endpoint: 'the endpoint',
  secret: 'the secret of',
  key: 'the key',
  delivery: 'the delivery',
  member: 'the member',
  invitation: 'the invitation',
  application: 'the business',
  inbox: 'the test URL',
  'event-type': 'the event type',
  event_type: 'the event type',
  job: 'the job',
  environment: 'the environment',
};

/** `endpoint.update` -> `changed the endpoint`; `endpoint.secret.rotate` -> `rotated the secret of`. */
export function actionWords(action: string): string {
  const parts = action.split(/[.:]/);
  const verb = parts.at(-1) ?? action;
  const thing = parts.at(-2) ?? '';
  return `${WORDS[verb] ?? verb.replaceAll('_', ' ')} ${THINGS[thing] ?? thing.replaceAll('_', ' ')}`.trim();
}
