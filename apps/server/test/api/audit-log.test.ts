/** The audit log: every changing route of the OpenAPI document writes who changed what, whoever it was, and never a secret. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashToken } from '../../src/api/auth.ts';
import type { Environment } from '../../src/store/store.ts';
import { type Answer, type CallOptions, type Method, type SignedIn, type Workbench, workbench } from './workbench.ts';

const bench: Workbench = await workbench();
let operator: SignedIn;

beforeAll(async () => {
  operator = await bench.person('operator@example.com');
  await bench.store.operators.addLink(hashToken('first start'));
  const claimed = await bench.call('POST', '/v1/operator/claim', { by: operator, json: { token: 'first start' } });
  expect(claimed.body.operator).toBe(true);
  const own = await bench.call('POST', '/v1/applications', { by: operator, json: { name: 'The operator’s own' } });
  expect(own.status).toBe(201);
});
afterAll(async () => bench.close());

/** They change nothing that anybody would ask about later: events are their own log, and a name is one's own. */
const NOT_LOGGED = ['publishEvent', 'publishBatch', 'testEndpoint', 'testUrl', 'updateSession'];

/** What has been made so far, and whatever must not come out again. */
interface Story {
  readonly ids: Record<string, string>;
  readonly secrets: string[];
}

interface Step {
  readonly operation: string;
  readonly method: Method;
  readonly path: string;
  readonly json?: (story: Story) => unknown;
  readonly environment?: Environment;
  /** Takes from the answer what later steps need. */
  readonly keep?: (answer: Answer, story: Story) => void;
  readonly action: string;
  readonly target: string;
  readonly changes?: object;
}

const made = (name: string) => (answer: Answer, story: Story) => {
  story.ids[name] = answer.body.id;
};
const application = ({ ids }: Story) => ({ application: ids['application'] });
const CREDENTIAL = 'Bearer of a credential';

const STEPS: readonly Step[] = [
  {
    operation: 'createApplication',
    method: 'POST',
    path: '/v1/applications',
    json: () => ({ name: 'First' }),
    keep: made('application'),
    action: 'application.create',
    target: '{application}',
    changes: { name: { from: null, to: 'First' } },
  },
  {
    operation: 'putApplication',
    method: 'PUT',
    path: '/v1/applications/{uid}',
    json: () => ({ name: 'By uid' }),
    keep: made('second'),
    action: 'application.create',
    target: '{second}',
  },
  {
    operation: 'putApplication',
    method: 'PUT',
    path: '/v1/applications/{uid}',
    json: () => ({ name: 'Renamed' }),
    action: 'application.update',
    target: '{second}',
    changes: { name: { from: 'By uid', to: 'Renamed' } },
  },
  {
    operation: 'updateApplication',
    method: 'PATCH',
    path: '/v1/applications/{application}',
    json: () => ({ name: 'Acme' }),
    action: 'application.update',
    target: '{application}',
    changes: { name: { from: 'First', to: 'Acme' } },
  },
  {
    operation: 'createEndpoint',
    method: 'POST',
    path: '/v1/endpoints',
    json: (story) => ({ ...application(story), url: 'https://example.com/a', headers: { Authorization: CREDENTIAL } }),
    keep: (answer, story) => {
      made('endpoint')(answer, story);
      story.secrets.push(answer.body.secret, answer.body.standard_secret, CREDENTIAL);
    },
    action: 'endpoint.create',
    target: '{endpoint}',
    changes: { url: { from: null, to: 'https://example.com/a' }, 'headers.Authorization': { from: null, to: 'set' } },
  },
  {
    operation: 'updateEndpoint',
    method: 'PATCH',
    path: '/v1/endpoints/{endpoint}',
    json: () => ({ url: 'https://example.com/b', headers: { Authorization: `${CREDENTIAL}, another` }, status: 'paused' }),
    action: 'endpoint.update',
    target: '{endpoint}',
    changes: {
      url: { from: 'https://example.com/a', to: 'https://example.com/b' },
      status: { from: 'enabled', to: 'paused' },
      'headers.Authorization': { from: 'set', to: 'changed' },
    },
  },
  {
    operation: 'rotateSecret',
    method: 'POST',
    path: '/v1/endpoints/{endpoint}/secret/rotate',
    json: () => ({}),
    keep: (answer, story) => void story.secrets.push(answer.body.next.secret),
    action: 'endpoint.rotate_secret',
    target: '{endpoint}',
    changes: {},
  },
  {
    operation: 'promoteSecret',
    method: 'POST',
    path: '/v1/endpoints/{endpoint}/secret/promote',
    action: 'endpoint.promote_secret',
    target: '{endpoint}',
    changes: {},
  },
  {
    operation: 'dispatchEndpoint',
    method: 'POST',
    path: '/v1/endpoints/{endpoint}/dispatch',
    action: 'endpoint.dispatch',
    target: '{endpoint}',
  },
  {
    operation: 'cancelDelivery',
    method: 'POST',
    path: '/v1/deliveries/{delivery}/cancel',
    action: 'delivery.cancel',
    target: '{delivery}',
  },
  { operation: 'retryDelivery', method: 'POST', path: '/v1/deliveries/{delivery}/retry', action: 'delivery.retry', target: '{delivery}' },
  {
    operation: 'recover',
    method: 'POST',
    path: '/v1/endpoints/{endpoint}/recover',
    json: () => ({ since: '2026-11-23T09:00:00Z' }),
    keep: made('job'),
    action: 'job.create',
    target: '{job}',
  },
  {
    operation: 'replayMissing',
    method: 'POST',
    path: '/v1/endpoints/{endpoint}/replay-missing',
    json: () => ({ since: '2026-11-23T09:00:00Z' }),
    keep: made('job'),
    action: 'job.create',
    target: '{job}',
  },
  { operation: 'cancelJob', method: 'DELETE', path: '/v1/jobs/{job}', action: 'job.cancel', target: '{job}' },
  {
    operation: 'putEventType',
    method: 'PUT',
    path: '/v1/event-types/a.{n}',
    json: () => ({ description: 'A', example: { long: 'x' } }),
    action: 'event_type.create',
    target: 'a.{n}',
    changes: { description: { from: null, to: 'A' }, strict: { from: null, to: false }, example: { from: null, to: 'after' } },
  },
  { operation: 'deleteEventType', method: 'DELETE', path: '/v1/event-types/a.{n}', action: 'event_type.delete', target: 'a.{n}' },
  {
    operation: 'createKey',
    method: 'POST',
    path: '/v1/keys',
    json: (story) => ({ ...application(story), name: 'ci' }),
    keep: (answer, story) => {
      made('key')(answer, story);
      story.secrets.push(answer.body.key);
    },
    action: 'key.create',
    target: '{key}',
    changes: { name: { from: null, to: 'ci' } },
  },
  { operation: 'deleteKey', method: 'DELETE', path: '/v1/keys/{key}', action: 'key.revoke', target: '{key}' },
  { operation: 'dispatchNow', method: 'POST', path: '/v1/dispatch', action: 'environment.dispatch', target: 'sandbox' },
  {
    operation: 'setCadence',
    method: 'PUT',
    path: '/v1/dispatch',
    json: ({ ids }) => ({ cadence: `every ${ids['n']?.slice(1)}m` }),
    action: 'environment.update',
    target: 'sandbox',
    changes: { cadence: { from: expect.stringMatching(/^every \d+m$/), to: expect.stringMatching(/^every (9|13)m$/) } },
  },
  { operation: 'pause', method: 'POST', path: '/v1/pause', json: application, action: 'brake.pause', target: '{application}' },
  { operation: 'resume', method: 'POST', path: '/v1/resume', json: application, action: 'brake.resume', target: '{application}' },
  {
    operation: 'createInvitation',
    method: 'POST',
    path: '/v1/invitations',
    json: (story) => ({ ...application(story), email: 'guest@example.com', role: 'viewer' }),
    keep: (answer, story) => {
      made('invitation')(answer, story);
      story.secrets.push(answer.body.url.split('/').at(-1));
    },
    environment: 'production',
    action: 'invitation.create',
    target: '{invitation}',
    changes: { email: { from: null, to: 'guest@example.com' }, role: { from: null, to: 'viewer' } },
  },
  {
    operation: 'deleteInvitation',
    method: 'DELETE',
    path: '/v1/invitations/{invitation}?application={application}',
    environment: 'production',
    action: 'invitation.withdraw',
    target: '{invitation}',
  },
  {
    operation: 'updateMember',
    method: 'PATCH',
    path: '/v1/members/{member}?application={application}',
    json: () => ({ role: 'developer' }),
    environment: 'production',
    action: 'member.update',
    target: '{member}',
    changes: { role: { from: 'viewer', to: 'developer' } },
  },
  {
    operation: 'deleteMember',
    method: 'DELETE',
    path: '/v1/members/{member}?application={application}',
    environment: 'production',
    action: 'member.remove',
    target: '{member}',
  },
  {
    operation: 'createPortalLink',
    method: 'POST',
    path: '/v1/applications/{application}/portal-link',
    json: () => ({ name: 'Ada', role: 'viewer' }),
    keep: (answer, story) => void story.secrets.push(answer.body.url.split('/').at(-1)),
    action: 'portal.link',
    target: '{application}',
    changes: { role: { from: null, to: 'viewer' }, name: { from: null, to: 'Ada' } },
  },
  {
    operation: 'createResetLink',
    method: 'POST',
    path: '/v1/operator/reset-links',
    json: () => ({ email: 'operator@example.com' }),
    environment: 'production',
    keep: (answer, story) => void story.secrets.push(answer.body.url.split('/').at(-1)),
    action: 'person.reset_link',
    target: '{operator}',
  },
  {
    operation: 'createInbox',
    method: 'POST',
    path: '/v1/inboxes',
    json: application,
    keep: made('inbox'),
    action: 'inbox.create',
    target: '{inbox}',
  },
  { operation: 'deleteInbox', method: 'DELETE', path: '/v1/inboxes/{inbox}', action: 'inbox.delete', target: '{inbox}' },
  { operation: 'deleteEndpoint', method: 'DELETE', path: '/v1/endpoints/{endpoint}', action: 'endpoint.delete', target: '{endpoint}' },
  {
    operation: 'deleteApplication',
    method: 'DELETE',
    path: '/v1/applications/{application}',
    environment: 'production',
    action: 'application.delete',
    target: '{application}',
  },
];

const fill = (text: string, { ids }: Story): string => text.replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? `no ${name}`);

async function newest(environment: Environment) {
  const answer = await bench.call('GET', '/v1/audit-log?limit=1', { key: bench.service[environment] });
  return answer.body.data[0];
}

/** What a step needs that no logged step makes. */
async function prepare(step: Step, story: Story): Promise<void> {
  const { ids } = story;
  if (step.operation === 'cancelDelivery' || step.operation === 'cancelJob') {
    const event = await bench.call('POST', '/v1/events', { json: { application: ids['application'], type: 'a.b', data: {} } });
    ids['delivery'] = (await bench.call('GET', `/v1/deliveries?event=${event.body.id}`)).body.data[0].id;
  }
  if (step.operation === 'cancelJob') {
    // A job that has something to do is not done at once.
    await bench.call('POST', `/v1/deliveries/${ids['delivery']}/cancel`);
    const json = { since: '2026-11-23T09:00:00Z', status: 'canceled' };
    ids['job'] = (await bench.call('POST', `/v1/endpoints/${ids['endpoint']}/recover`, { json })).body.id;
  }
  if (step.operation === 'updateMember') {
    const place = { application: ids['application'] as never, role: 'viewer' } as const;
    ids['member'] = (await bench.person(`member-${ids['n']}@example.com`, place)).id;
  }
}

const ACTORS: readonly [string, (environment: Environment) => CallOptions, () => Promise<object>][] = [
  [
    'a service key',
    (environment) => ({ key: bench.service[environment] }),
    async () => ({ kind: 'key', id: expect.stringMatching(/^key_/), name: 'a test' }),
  ],
  [
    'a session',
    (environment) => ({ by: operator, headers: { 'posthorn-environment': environment } }),
    async () => ({ kind: 'person', id: operator.id, name: 'operator' }),
  ],
];

describe.each(ACTORS)('by %s', (name, options, actor) => {
  const story: Story = { ids: { uid: `uid-${name.length}`, n: `n${name.length}` }, secrets: [] };

  test.each(STEPS)('$operation: $action', async (step) => {
    story.ids['operator'] = operator.id;
    await prepare(step, story);
    const { environment = 'sandbox' } = step;
    const before = await newest(environment);
    const json = step.json?.(story);
    const answer = await bench.call(step.method, fill(step.path, story), { ...options(environment), ...(json !== undefined && { json }) });
    expect(answer.status, answer.text).toBeLessThan(300);
    step.keep?.(answer, story);
    const entry = await newest(environment);
    expect(entry.id).not.toBe(before?.id);
    const target = { kind: expect.stringMatching(/^[a-z_]+$/), id: fill(step.target, story) };
    expect(entry).toMatchObject({ action: step.action, actor: await actor(), target, at: '2026-11-23T10:01:00.000Z' });
    expect(entry.environment).toSatisfy((at: string | null) => at === null || at === environment);
    for (const [field, change] of Object.entries(step.changes ?? {})) expect(entry.changes[field]).toEqual(change);
    if (step.changes !== undefined && Object.keys(step.changes).length === 0) expect(entry.changes).toEqual({});
  });

  test('and no secret went into the log, or the other one', async () => {
    expect(story.secrets.length).toBe(8);
    for (const environment of ['production', 'sandbox'] as const) {
      const { text } = await bench.call('GET', '/v1/audit-log?limit=100', { key: bench.service[environment] });
      for (const secret of story.secrets) expect(text).not.toContain(secret);
    }
    for (const secret of story.secrets) expect(bench.log.join('')).not.toContain(secret);
  });
});

test('what people do for themselves is logged in their name', async () => {
  const { application: acme } = await bench.tenant('acme');
  const guest = await bench.person('guest@example.com');
  const invited = await bench.call('POST', '/v1/invitations', {
    key: bench.service.production,
    json: { application: acme.id, email: guest.email, role: 'viewer' },
  });
  const token = invited.body.url.split('/').at(-1);
  expect((await bench.call('POST', '/v1/invitations/accept', { by: guest, json: { token } })).status).toBe(200);
  expect(await newest('sandbox')).toMatchObject({
    action: 'member.join',
    actor: { kind: 'person', id: guest.id, name: 'guest' },
    target: { kind: 'member', id: guest.id },
    changes: { email: { from: null, to: 'guest@example.com' }, role: { from: null, to: 'viewer' } },
    environment: null,
  });
  const whole = await bench.call('GET', '/v1/audit-log?limit=100');
  expect(whole.body.data).toContainEqual(
    expect.objectContaining({ action: 'operator.claim', actor: { kind: 'person', id: operator.id, name: 'operator' } }),
  );
  const own = await bench.call('GET', '/v1/audit-log', { by: guest });
  expect(own.body.data.map(({ action }: { action: string }) => action)).toEqual(['member.join', 'invitation.create']);
});

test('what is refused, or changes nothing, is not logged', async () => {
  const before = await newest('sandbox');
  const { keys } = await bench.tenant('quiet');
  const key = keys.sandbox;
  expect((await bench.call('POST', '/v1/endpoints', { key, json: { url: 'ftp://x' } })).status).toBe(400);
  expect((await bench.call('PATCH', '/v1/endpoints/ep_nowhere', { key, json: { description: 'x' } })).status).toBe(404);
  expect((await bench.call('POST', '/v1/endpoints', { key, json: { url: 'https://example.com/', cadence: 'immediate' } })).status).toBe(
    403,
  );
  const again = { name: 'quiet' };
  expect((await bench.call('PUT', '/v1/applications/quiet', { json: again })).status).toBe(200);
  expect(await newest('sandbox')).toEqual(before);
});

test('no changing route is missing here', async () => {
  const document = JSON.parse((await bench.call('GET', '/openapi.json')).text);
  const changing = Object.entries(document.paths as Record<string, Record<string, { operationId: string }>>)
    .filter(([path]) => path.startsWith('/v1/'))
    .flatMap(([, methods]) => Object.entries(methods).filter(([method]) => method !== 'get'))
    .map(([, { operationId }]) => operationId);
  // There is an outbox only with PostgreSQL: its own tests look.
  const elsewhere = ['acceptInvitation', 'claimOperator', 'retryRefusedOutboxRow', 'discardRefusedOutboxRow'];
  const told = new Set([...STEPS.map(({ operation }) => operation), ...NOT_LOGGED, ...elsewhere]);
  expect(changing.filter((operation) => !told.has(operation))).toEqual([]);
});
