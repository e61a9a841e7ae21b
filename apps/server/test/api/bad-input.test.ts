/**
 * Every operation of the OpenAPI document, with everything that can be wrong about a request: each is answered by a problem
 * that the document announces, never by a 5xx, and leaves nothing behind.
 */
import type { ApplicationId } from '@posthorn/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Environment } from '../../src/store/store.ts';
import { type Answer, type CallOptions, type Method, type SignedIn, type Workbench, workbench } from './workbench.ts';

interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly $ref?: string;
}

interface Operation {
  readonly operationId: string;
  /** The document's own where it is missing: a key or a session. */
  readonly security?: readonly Record<string, unknown>[];
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly schema: Schema }[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly content: { readonly 'application/json': { readonly schema: Schema; readonly example?: object } };
  };
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
}

interface Case {
  readonly about: string;
  readonly url: string;
  readonly call: CallOptions;
  readonly code: string;
  /** The path of one of the errors, or its beginning. */
  readonly path?: string;
}

const bench: Workbench = await workbench();
const document = JSON.parse((await bench.call('GET', '/openapi.json')).text);
const operations = Object.entries(document.paths as Record<string, Record<string, Operation>>).flatMap(([path, methods]) =>
  Object.entries(methods)
    .filter(() => /^\/(?:v1|auth)\//.test(path))
    .map(([method, operation]) => ({ method: method.toUpperCase() as Method, path, operation })),
);

let ada: SignedIn;
let business: ApplicationId;

/** By a session where only a session does. */
function call(method: Method, bad: Case, operation: Operation): Promise<Answer> {
  const bySession = operation.security?.some((scheme) => 'session' in scheme) === true;
  return bench.call(method, bad.url, { ...bad.call, ...(bySession && { by: ada }) });
}

const known: Record<string, string> = { application: 'business-1', name: 'shipment.created' };

beforeAll(async () => {
  const { application } = await bench.tenant('business-1');
  business = application.id;
  ada = await bench.person('ada@example.com', { application: application.id, role: 'owner' });
  const endpoint = await bench.call('POST', '/v1/endpoints', { json: { application: 'business-1', url: 'http://127.0.0.1:9/' } });
  await bench.call('PUT', '/v1/event-types/shipment.created', { json: { description: 'A shipment was booked' } });
  const event = await bench.call('POST', '/v1/events', { json: { application: 'business-1', type: 'shipment.created', data: {} } });
  const deliveries = await bench.call('GET', '/v1/deliveries');
  const keys = await bench.call('GET', '/v1/keys');
  const inbox = await bench.call('POST', '/v1/inboxes', { json: { application: 'business-1' } });
  Object.assign(known, {
    endpoints: endpoint.body.id,
    events: event.body.id,
    deliveries: deliveries.body.data[0].id,
    keys: keys.body.data[0].id,
    inboxes: inbox.body.id,
    members: ada.id,
  });
});

afterAll(async () => bench.close());

/** Everything that a request could have written, as text. */
async function everything(): Promise<string> {
  const { store } = bench;
  const page = { limit: 100, cursor: null };
  const span = { application: null, orderingKey: null, since: null, until: null, ...page };
  const perEnvironment = async (environment: Environment) => {
    const endpoints = await store.endpoints.list(environment, { application: null, ...page });
    const secrets = await Promise.all(endpoints.data.map(({ id }) => store.endpoints.secrets(environment, id)));
    const events = await store.events.list(environment, { type: null, ...span });
    const deliveries = await store.deliveries.list(environment, { endpoint: null, event: null, status: null, ...span });
    const keys = await store.keys.list(environment, { application: null, ...page });
    return [
      endpoints,
      secrets,
      events.data.map(({ id }) => id),
      deliveries,
      keys.data.map(({ id }) => id),
      await store.environments.get(environment),
    ];
  };
  return JSON.stringify([
    await store.applications.list(page),
    await store.eventTypes.list(page),
    await store.inboxes.list({ application: null, ...page }),
    await store.audit.list('sandbox', { application: null, ...page }),
    await store.people.members(business, page),
    await store.invitations.list(business, page),
    await perEnvironment('production'),
    await perEnvironment('sandbox'),
  ]);
}

function expectProblem(answer: Answer, operation: Operation, wanted: Case): void {
  expect(answer.body, wanted.about).toMatchObject({ code: wanted.code, status: answer.status });
  expect(String(answer.headers['content-type'])).toMatch(/^application\/problem\+json/);
  expect(answer.status).toBeLessThan(500);
  expect(operation.responses[answer.status]?.description ?? '', `${operation.operationId} announces ${wanted.code}`).toContain(
    `\`${wanted.code}\``,
  );
  expect(answer.text).not.toMatch(/node_modules|\.ts:\d/);
  if (wanted.path === undefined) return;
  const paths: string[] = (answer.body.errors ?? []).map((error: { path: string }) => error.path);
  expect(paths, `${wanted.about}: ${answer.text.slice(0, 300)}`).toContainEqual(
    expect.stringMatching(new RegExp(`^${RegExp.escape(wanted.path)}`)),
  );
}

function filled(path: string): string {
  const resource = path.split('/')[2] ?? '';
  return path.replace(/\{(\w+)\}/g, (_, name: string) => known[name] ?? known[resource] ?? 'unknown');
}

function resolved(schema: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1);
  return name === undefined ? schema : document.components.schemas[name];
}

/** A body that would do. */
function goodBody(operation: Operation): Record<string, unknown> {
  const media = operation.requestBody?.content['application/json'];
  const example = structuredClone(
    media?.example ?? document.components.schemas[media?.schema.$ref?.split('/').at(-1) ?? '']?.examples?.[0] ?? {},
  );
  return example as Record<string, unknown>;
}

function wrongTypeFor(schema: Schema): unknown {
  const types = [schema.type ?? []].flat();
  if (!types.includes('boolean')) return true;
  return 'a text';
}

const DEEP = `${'['.repeat(101)}${']'.repeat(101)}`;

function bodyCases(url: string, operation: Operation): Case[] {
  const media = operation.requestBody?.content['application/json'];
  if (media === undefined) return [];
  const schema = resolved(media.schema);
  const good = goodBody(operation);
  const text = JSON.stringify(good);
  const inside = text.slice(1, -1);
  const rest = inside === '' ? '' : `,${inside}`;
  const raw = (
    about: string,
    body: string | Buffer,
    wanted: { code: string; path?: string },
    headers: Record<string, string> = {},
  ): Case => ({
    about,
    url,
    call: { raw: body, headers },
    ...wanted,
  });
  const json = { code: 'invalid_json', path: '' };
  const type = { code: 'unsupported_media_type' };
  const cases = [
    raw('an array', '[]', { code: 'invalid_request', path: '' }),
    raw('null', 'null', { code: 'invalid_request', path: '' }),
    raw('a text', '"x"', { code: 'invalid_request', path: '' }),
    raw('half an object', '{"a":', json),
    raw('two values', `${text}{}`, json),
    raw('a comma too many', '{"a":1,}', json),
    raw('NaN', '{"a":NaN}', json),
    raw('a byte order mark', `\ufeff${text}`, json),
    raw('not UTF-8', Buffer.concat([Buffer.from('{"nope":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]), json),
    raw('UTF-16', Buffer.from(text, 'utf16le'), json),
    raw('a raw NUL in a text', '{"nope":"\u0000"}', json),
    raw('too deep', `{"nope":${DEEP}${rest}}`, { code: 'invalid_json', path: 'nope' }),
    raw('a key twice', `{"nope":1,"nope":2${rest}}`, { code: 'invalid_json', path: 'nope' }),
    raw('a key twice, once escaped', `{"nope":1,"\\u006eope":2${rest}}`, { code: 'invalid_json', path: 'nope' }),
    raw('an unknown field', `{"nope":1${rest}}`, { code: 'invalid_request', path: 'nope' }),
    raw('__proto__', `{"__proto__":{"a":1}${rest}}`, { code: 'invalid_request', path: '__proto__' }),
    raw('constructor', `{"constructor":{"prototype":{"a":1}}${rest}}`, { code: 'invalid_request', path: 'constructor' }),
    raw('plain text', text, type, { 'content-type': 'text/plain' }),
    raw('a form', 'a=1', type, { 'content-type': 'application/x-www-form-urlencoded' }),
    raw('a broken content type', text, type, { 'content-type': 'json' }),
    raw('Latin-1', text, type, { 'content-type': 'application/json; charset=latin1' }),
    raw('compressed', text, type, { 'content-encoding': 'gzip' }),
    raw('too large', `{"nope":"${'x'.repeat((operation.operationId === 'publishBatch' ? 16 : 1) * 1024 * 1024)}"}`, {
      code: 'payload_too_large',
    }),
  ];
  if (operation.requestBody?.required !== false) {
    cases.push(raw('an empty body', '', json));
    cases.push({ about: 'no body', url, call: {}, ...json });
  }
  for (const name of schema.required ?? []) {
    const { [name]: _, ...others } = good;
    cases.push(raw(`without ${name}`, JSON.stringify(others), { code: 'invalid_request', path: name }));
  }
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const bad = (value: unknown) => JSON.stringify({ ...good, [name]: value });
    const wanted = { code: 'invalid_request', path: name };
    cases.push(raw(`${name} of a wrong type`, bad(wrongTypeFor(property)), wanted));
    if (![property.type].flat().includes('string')) continue;
    cases.push(raw(`${name} with a NUL`, bad('a\u0000b'), wanted));
    cases.push(raw(`${name} with half a surrogate pair`, bad('a\ud800b'), wanted));
    cases.push(raw(`${name} of 100,000 characters`, bad('x'.repeat(100_000)), wanted));
  }
  return cases;
}

function queryCases(url: string, operation: Operation): Case[] {
  const query = (about: string, text: string, path: string, code = 'invalid_request'): Case => ({
    about,
    url: `${url}?${text}`,
    call: bodyFor(operation),
    code,
    path,
  });
  const cases = [query('an unknown parameter', 'nope=1', 'nope'), query('__proto__ as a parameter', '__proto__=1', '__proto__')];
  for (const { in: place, name } of operation.parameters ?? []) {
    if (place !== 'query') continue;
    cases.push(query(`${name} twice`, `${name}=1&${name}=2`, name));
    cases.push(query(`${name} with a NUL`, `${name}=a%00b`, name));
    cases.push(query(`${name} of 5,000 characters`, `${name}=${'x'.repeat(5_000)}`, name));
    cases.push(query(`${name} empty`, `${name}=`, name));
    if (name === 'limit')
      for (const value of ['0', '101', '-1', '1.5', 'x', '1e400']) cases.push(query(`limit ${value}`, `limit=${value}`, 'limit'));
    if (name === 'status') cases.push(query('an unknown status', 'status=lost', 'status'));
    if (name === 'since' || name === 'until') {
      for (const value of ['yesterday', '2026-11-23', '2026-02-30T00:00:00Z', '1764000000', '2026-11-23T10:00:00']) {
        cases.push(query(`${name} ${value}`, `${name}=${value}`, name));
      }
    }
    if (name === 'cursor')
      for (const value of ['x', '%F0%9F%93%AF', 'eyJhIjoxfQ==', '%zz'])
        cases.push(query(`cursor ${value}`, `cursor=${value}`, 'cursor', 'invalid_cursor'));
  }
  return cases;
}

function bodyFor(operation: Operation): CallOptions {
  return operation.requestBody === undefined ? {} : { json: goodBody(operation) };
}

function pathCases(path: string, operation: Operation): Case[] {
  const [name] = /(?<=\{)\w+(?=\})/.exec(path) ?? [];
  if (name === undefined) return [];
  const at = (value: string) => path.replace(`{${name}}`, value);
  const call = bodyFor(operation);
  return [
    { about: 'a NUL in the path', url: at('a%00b'), call, code: 'invalid_request', path: name },
    { about: 'a path of 300 characters', url: at('x'.repeat(300)), call, code: 'invalid_request', path: name },
    { about: 'a path of 5,000 characters', url: at('x'.repeat(5_000)), call, code: 'uri_too_long' },
    { about: 'a broken escape', url: at('%zz'), call, code: 'malformed_request' },
    { about: 'an escape that is not UTF-8', url: at('%ff'), call, code: 'malformed_request' },
  ];
}

describe.each(operations)('$method $path', ({ method, path, operation }) => {
  test('announces what any request may be answered with', () => {
    for (const status of ['200', '201', '202', '204'].filter((status) => status in operation.responses))
      expect(operation.responses[status]?.description).not.toBe('');
    expect(Object.keys(operation.responses).some((status) => status.startsWith('2'))).toBe(true);
    const always = operation.security?.length === 0 ? ['400', '500', '503'] : ['400', '401', '500', '503'];
    for (const status of always) expect(Object.keys(operation.responses)).toContain(status);
  });

  test('answers every bad request with a problem, and writes nothing', async () => {
    const before = await everything();
    const real = filled(path);
    const cases = [...bodyCases(real, operation), ...queryCases(real, operation), ...pathCases(path, operation)];
    if (operation.requestBody === undefined && method === 'POST') {
      cases.push({ about: 'a body where none belongs', url: real, call: { json: { nope: 1 } }, code: 'invalid_request', path: '' });
    }
    expect(cases.length).toBeGreaterThan(1);
    for (const bad of cases) expectProblem(await call(method, bad, operation), operation, bad);
    expect(await everything()).toBe(before);
  });
});

describe.each(operations.filter(({ operation }) => operation.security?.length !== 0))('$method $path', ({ method, path, operation }) => {
  const url = filled(path);

  test('needs a key, or a session', async () => {
    const before = await everything();
    for (const authorization of [
      '',
      'Basic abc',
      'Bearer',
      'Bearer x',
      `Bearer sk_sandbox_${'x'.repeat(43)}`,
      `Bearer ${bench.service.sandbox}x`,
      'Bearer a b',
    ]) {
      const answer = await bench.call(method, url, { key: null, headers: authorization === '' ? {} : { authorization } });
      expectProblem(answer, operation, { about: authorization, url, call: {}, code: 'unauthenticated' });
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer realm="posthorn"/);
    }
    expect(await everything()).toBe(before);
  });
});

test('the table covers every route that the API has under /v1 and /auth', () => {
  expect(operations.length).toBeGreaterThanOrEqual(30);
});
