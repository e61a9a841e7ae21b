/**
 * Roles, over every route that the OpenAPI document has: a viewer changes nothing, whoever belongs to another application finds nothing, and one
 * environment shows nothing of the other.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashToken } from '../../src/api/auth.ts';
import type { Environment } from '../../src/store/store.ts';
import { type Answer, type CallOptions, type Method, type SignedIn, type Workbench, workbench } from './workbench.ts';

const bench: Workbench = await workbench();

interface Operation {
  readonly operationId: string;
  readonly requestBody?: {
    readonly content: { readonly 'application/json': { readonly schema: { readonly $ref?: string }; readonly example?: unknown } };
  };
}

interface Route {
  readonly method: Method;
  readonly path: string;
  readonly operation: Operation;
}

const document = JSON.parse((await bench.call('GET', '/openapi.json')).text);
const routes: Route[] = Object.entries(document.paths as Record<string, Record<string, Operation>>)
  .filter(([path]) => path.startsWith('/v1/'))
  .flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase() as Method, path, operation })),
  );

/** What people do for themselves, in no application: see people.test.ts. */
const FOR_ONESELF = new Set(['acceptInvitation', 'claimOperator', 'updateSession']);
const changing = routes.filter(({ method, operation }) => method !== 'GET' && !FOR_ONESELF.has(operation.operationId));
const reading = routes.filter(({ method, path }) => method === 'GET' && !/\/(?:branding|session|by-token)/.test(path));

/** Ids of what there is in an application, by the resource that a path begins with. */
type Things = Readonly<Record<string, string>>;

interface Side {
  readonly application: string;
  readonly owner: SignedIn;
  readonly developer: SignedIn;
  readonly viewer: SignedIn;
  readonly things: Readonly<Record<Environment, Things>>;
}

let ours: Side;
let theirs: Side;

async function furnish(uid: string): Promise<Side> {
  const { application } = await bench.tenant(uid);
  const owner = await bench.person(`owner@${uid}.example`, { application: application.id, role: 'owner' });
  const things = async (environment: Environment): Promise<Things> => {
    const key = bench.service[environment];
    const make = async (path: string, json: object) => (await bench.call('POST', path, { key, json: { application: uid, ...json } })).body;
    const endpoint = await make('/v1/endpoints', {
      url: `https://${environment}.${uid}.example/hook`,
      headers: { 'X-Token': `token of ${uid}` },
    });
    const event = await make('/v1/events', { type: 'a.b', data: { from: `${environment} of ${uid}` } });
    const deliveries = await bench.call('GET', `/v1/deliveries?event=${event.id}`, { key });
    return {
      endpoints: endpoint.id,
      events: event.id,
      deliveries: deliveries.body.data[0].id,
      keys: (await make('/v1/keys', { name: `${environment} key of ${uid}` })).id,
      ...(environment === 'sandbox' && { inboxes: (await make('/v1/inboxes', {})).id }),
      jobs: (await bench.call('POST', `/v1/endpoints/${endpoint.id}/recover`, { key, json: { since: '2026-11-23T09:00:00Z' } })).body.id,
      members: owner.id,
      invitations: (
        await bench.call('POST', '/v1/invitations', {
          key: bench.service.production,
          json: { application: uid, email: `${environment}@${uid}.example`, role: 'viewer' },
        })
      ).body.id,
      applications: application.id,
      'event-types': 'shipment.created',
    };
  };
  return {
    application: application.id,
    owner,
    developer: await bench.person(`developer@${uid}.example`, { application: application.id, role: 'developer' }),
    viewer: await bench.person(`viewer@${uid}.example`, { application: application.id, role: 'viewer' }),
    things: { production: await things('production'), sandbox: await things('sandbox') },
  };
}

beforeAll(async () => {
  await bench.call('PUT', '/v1/event-types/shipment.created', { json: { description: 'A shipment was booked' } });
  ours = await furnish('ours');
  theirs = await furnish('theirs');
});
afterAll(async () => bench.close());

function filled(path: string, things: Things): string {
  const [, , resource = ''] = path.split('/');
  return path.replace(/\{\w+\}/g, things[resource] ?? `${resource}_unknown`);
}

/** A body that would do, about the application wherever it names one. */
function bodyOf({ operation }: Route, application: string): unknown {
  const media = operation.requestBody?.content['application/json'];
  const name = media?.schema.$ref?.split('/').at(-1) ?? '';
  const example = media?.example ?? document.components.schemas[name]?.examples?.[0];
  if (example === undefined) return undefined;
  return JSON.parse(JSON.stringify(example), (key: string, value: unknown) => (key === 'application' ? application : value));
}

function as(person: SignedIn, environment: Environment, application?: string): CallOptions {
  return {
    by: person,
    headers: { 'posthorn-environment': environment, ...(application !== undefined && { 'posthorn-application': application }) },
  };
}

const ask = (route: Route, side: Side, options: CallOptions): Promise<Answer> =>
  bench.call(route.method, filled(route.path, side.things.sandbox), { json: bodyOf(route, side.application), ...options });

/** Everything that could have been changed, as text. */
async function everything(): Promise<string> {
  const texts: string[] = [];
  for (const environment of ['production', 'sandbox'] as const)
    for (const list of ['applications', 'endpoints', 'keys', 'events', 'deliveries', 'event-types', 'jobs', 'audit-log', 'dispatch'])
      texts.push(
        (await bench.call('GET', `/v1/${list}${list === 'dispatch' ? '' : '?limit=100'}`, { key: bench.service[environment] })).text,
      );
  for (const { application } of [ours, theirs])
    for (const list of ['members', 'invitations', 'inboxes'])
      texts.push((await bench.call('GET', `/v1/${list}?application=${application}`)).text);
  // When a key was last used is noted in passing.
  return texts.join('\n').replace(/"last_used_at":[^,}]*/g, '');
}

test('the tables below cover what there is', () => {
  expect(changing.length).toBeGreaterThanOrEqual(25);
  expect(reading.length).toBeGreaterThanOrEqual(18);
});

describe('a viewer changes nothing', () => {
  test.each(changing)('$method $path', async (route) => {
    const before = await everything();
    for (const environment of ['sandbox', 'production'] as const) {
      const answer = await ask(route, ours, as(ours.viewer, environment));
      expect(answer.status, answer.text).toBe(403);
      expect(['role_required', 'service_key_required', 'provider_setting']).toContain(answer.body.code);
    }
    expect(await everything()).toBe(before);
  });

  test('and sees no secret', async () => {
    const endpoint = ours.things.sandbox['endpoints'];
    const secret = await bench.call('GET', `/v1/endpoints/${endpoint}/secret`, as(ours.viewer, 'sandbox'));
    expect(secret.body.code).toBe('role_required');
    const shown = await bench.call('GET', `/v1/endpoints/${endpoint}`, as(ours.viewer, 'sandbox'));
    expect(shown.body.headers).toEqual({ 'X-Token': '••••••••' });
    const listed = await bench.call('GET', '/v1/endpoints', as(ours.viewer, 'sandbox'));
    expect(listed.text).not.toContain('token of ours');
    const developer = await bench.call('GET', `/v1/endpoints/${endpoint}`, as(ours.developer, 'sandbox'));
    expect(developer.body.headers).toEqual({ 'X-Token': 'token of ours' });
  });
});

describe('a member of another application', () => {
  test.each(changing.filter(({ operation }) => operation.operationId !== 'createApplication'))(
    'finds nothing to change: $method $path',
    async (route) => {
      const before = await everything();
      // An owner: nobody else's role would be what stops it.
      const named = await ask(route, ours, as(theirs.owner, 'sandbox', ours.application));
      expect([named.status, named.body.code]).toEqual([404, 'application_not_found']);
      // In the own application, at the other's things.
      const body = bodyOf(route, ours.application);
      if (!route.path.includes('{') && !JSON.stringify(body ?? null).includes(ours.application)) return;
      const answer = await ask(route, ours, as(theirs.owner, 'sandbox', theirs.application));
      if (answer.status === 403) expect(answer.body.code).toBe('service_key_required');
      else expect(answer.status, answer.text).toBe(404);
      expect(await everything()).toBe(before);
    },
  );

  test.each(reading)('finds nothing to see: $method $path', async (route) => {
    const named = await bench.call('GET', filled(route.path, ours.things.sandbox), as(theirs.viewer, 'sandbox', ours.application));
    expect([named.status, named.body.code]).toEqual([404, 'application_not_found']);
    const answer = await bench.call('GET', filled(route.path, ours.things.sandbox), as(theirs.owner, 'sandbox'));
    if (route.path.startsWith('/v1/event-types')) return;
    for (const [name, id] of Object.entries(ours.things.sandbox)) {
      if (answer.status === 200 && name !== 'event-types') expect(answer.text).not.toContain(id);
    }
    if (route.path.includes('{')) expect([403, 404]).toContain(answer.status);
  });
});

describe('a switch of environment shows nothing of the other', () => {
  const SHARED = new Set(['members', 'invitations', 'applications', 'event-types']);

  test.each(reading)('$method $path', async (route) => {
    for (const [environment, other] of [
      ['production', 'sandbox'],
      ['sandbox', 'production'],
    ] as const) {
      const resource = route.path.split('/')[2] ?? '';
      const answer = await bench.call('GET', filled(route.path, ours.things[other]), as(ours.owner, environment));
      expect([200, 403, 404]).toContain(answer.status);
      if (route.path.includes('{') && !SHARED.has(resource)) expect([403, 404]).toContain(answer.status);
      for (const [name, id] of Object.entries(ours.things[other])) {
        if (!SHARED.has(name) && answer.status === 200) expect(answer.text, name).not.toContain(id);
      }
    }
  });
});

describe('what a role may', () => {
  test('a developer changes endpoints, and not the team', async () => {
    const by = as(ours.developer, 'sandbox');
    const endpoint = ours.things.sandbox['endpoints'];
    expect((await bench.call('PATCH', `/v1/endpoints/${endpoint}`, { ...by, json: { description: 'x' } })).status).toBe(200);
    expect((await bench.call('GET', `/v1/endpoints/${endpoint}/secret`, by)).status).toBe(200);
    expect((await bench.call('PATCH', `/v1/endpoints/${endpoint}`, { ...by, json: { cadence: null } })).body.code).toBe('provider_setting');
    expect((await bench.call('POST', '/v1/invitations', { ...by, json: { email: 'a@b.example', role: 'owner' } })).body.code).toBe(
      'role_required',
    );
    expect((await bench.call('PATCH', `/v1/members/${ours.developer.id}`, { ...by, json: { role: 'owner' } })).body.code).toBe(
      'role_required',
    );
  });

  test('the catalogue and the cadence are the provider’s alone', async () => {
    for (const person of [ours.viewer, ours.developer, ours.owner])
      for (const [method, path, json] of [
        ['PUT', '/v1/event-types/shipment.created', { description: 'mine' }],
        ['PUT', '/v1/event-types/a.new', { description: 'mine' }],
        ['DELETE', '/v1/event-types/shipment.created', undefined],
        ['PUT', '/v1/dispatch', { cadence: 'immediate' }],
        ['GET', '/v1/dispatch/preview?cadence=immediate', undefined],
      ] as const) {
        const before = await everything();
        const answer = await bench.call(method, path, { ...as(person, 'sandbox'), json });
        expect([answer.status, answer.body.code], `${method} ${path}`).toEqual([403, 'service_key_required']);
        expect(await everything()).toBe(before);
      }
    const seen = await bench.call('GET', '/v1/event-types/shipment.created', as(ours.owner, 'sandbox'));
    expect([seen.status, seen.body.subscribers]).toEqual([200, null]);
  });

  test('a key that a developer makes is no way around it', async () => {
    const made = await bench.call('POST', '/v1/keys', { ...as(ours.developer, 'sandbox'), json: { name: 'mine' } });
    const key = made.body.key;
    expect(key).toMatch(/^ak_sandbox_/);
    const json = { email: 'accomplice@example.com', role: 'owner' };
    expect((await bench.call('POST', '/v1/invitations', { key, json })).body.code).toBe('service_key_required');
    expect((await bench.call('DELETE', `/v1/members/${ours.owner.id}`, { key })).body.code).toBe('service_key_required');
  });

  test('an owner renames the application; its uid is the provider’s, and with it the deletion', async () => {
    const by = as(ours.owner, 'production');
    const path = `/v1/applications/${ours.application}`;
    expect((await bench.call('PATCH', path, { ...by, json: { name: 'Ours, renamed' } })).body.name).toBe('Ours, renamed');
    expect((await bench.call('PATCH', path, { ...by, json: { uid: 'other' } })).body.code).toBe('provider_setting');
    expect((await bench.call('DELETE', path, by)).body.code).toBe('service_key_required');
    const founder = await bench.person('founder@example.com');
    const own = (await bench.call('POST', '/v1/applications', { by: founder, json: { name: 'Mine' } })).body.id;
    expect((await bench.call('DELETE', `/v1/applications/${own}`, as(founder, 'sandbox'))).body.code).toBe('production_key_required');
    expect((await bench.call('DELETE', `/v1/applications/${own}`, as(founder, 'production'))).status).toBe(204);
    expect((await bench.call('GET', '/v1/session', { by: founder })).body.applications).toEqual([]);
    expect((await bench.call('GET', '/v1/endpoints', { by: founder })).body.code).toBe('membership_required');
  });

  test('the operator acts across applications, and in one as well', async () => {
    const root = await bench.person('root@example.com');
    await bench.store.operators.addLink(hashToken('a link'));
    await bench.store.operators.claim(hashToken('a link'), root.id);
    const first = await bench.call('POST', '/v1/applications', { by: root, json: { name: 'Of my own' } });
    const customer = await bench.call('POST', '/v1/applications', { by: root, json: { name: 'Of a customer' } });
    expect([first.status, customer.status]).toEqual([201, 201]);
    expect((await bench.call('GET', '/v1/session', { by: root })).body).toMatchObject({
      operator: true,
      applications: [{ id: first.body.id }],
    });
    const all = await bench.call('GET', '/v1/endpoints', as(root, 'sandbox'));
    expect(all.body.data.map(({ application }: { application: string }) => application)).toEqual(
      expect.arrayContaining([ours.application, theirs.application]),
    );
    const one = await bench.call('GET', '/v1/endpoints', as(root, 'sandbox', ours.application));
    expect(new Set(one.body.data.map(({ application }: { application: string }) => application))).toEqual(new Set([ours.application]));
    const endpoint = ours.things.sandbox['endpoints'];
    const json = { rate_limit: 5 };
    expect((await bench.call('PATCH', `/v1/endpoints/${endpoint}`, { ...as(root, 'sandbox', ours.application), json })).status).toBe(200);
    expect((await bench.call('POST', '/v1/dispatch', as(root, 'sandbox'))).status).toBe(202);
    const cadence = { ...as(root, 'sandbox'), json: { cadence: 'every 7m' } };
    expect((await bench.call('PUT', '/v1/dispatch', cadence)).body).toMatchObject({ environment: 'sandbox', cadence: 'every 7m' });
    const described = { ...as(root, 'sandbox', ours.application), json: { description: 'An invoice was paid' } };
    expect((await bench.call('PUT', '/v1/event-types/invoice.paid', described)).status).toBe(201);
    expect((await bench.call('DELETE', '/v1/event-types/invoice.paid', as(root, 'sandbox', ours.application))).status).toBe(204);
    expect((await bench.call('GET', '/v1/endpoints', as(root, 'sandbox', 'app_nowhere'))).body.code).toBe('application_not_found');
  });
});
