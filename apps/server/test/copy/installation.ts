/** An installation with a bit of everything, made through the API and the store, and what the API says of it. */
import { createHash } from 'node:crypto';
import type { ApplicationId, EndpointId } from '@posthorn/core';
import { Kysely } from 'kysely';
import { hashToken } from '../../src/api/auth.ts';
import type { Answer, SignedIn, Workbench } from '../api/workbench.ts';
import { endAll, lease } from '../store/conformance/harness.ts';

const DAY_MS = 24 * 3_600_000;
const LONG_AGO_MS = 21 * DAY_MS;

export interface Installation {
  readonly service: Workbench['service'];
  readonly ada: SignedIn;
  readonly application: ApplicationId;
  readonly endpoint: EndpointId;
  /** The endpoint whose lane a process held when it was killed. */
  readonly held: EndpointId;
  /** A publish that may be repeated, with its key. */
  readonly repeated: { readonly json: object; readonly headers: Record<string, string>; readonly answer: unknown };
}

/** Whatever an API call answers, if it is as good as it should be. */
async function call(bench: Workbench, ...[method, url, options]: Parameters<Workbench['call']>): Promise<Answer['body']> {
  const answer = await bench.call(method, url, options);
  if (answer.status >= 400) throw new Error(`${method} ${url}: ${answer.text}`);
  return answer.body;
}

export async function fillInstallation(bench: Workbench): Promise<Installation> {
  const { store, clock } = bench;
  const production = { key: bench.service.production };
  const { application } = await bench.tenant('acme');
  const now = clock.time;
  clock.time = now - LONG_AGO_MS;
  await call(bench, 'PUT', '/v1/event-types/shipment.created', {
    json: { description: 'made', example: { n: 17 }, schema: { type: 'object' } },
  });
  const endpoint = await call(bench, 'POST', '/v1/endpoints', {
    json: {
      application: 'acme',
      url: 'https://example.com/hook',
      headers: { authorization: 'Bearer of its owner' },
      description: 'naïve — 配送',
      rate_limit: 12.5,
      retry_schedule: [1, 2, 60],
      event_types: ['shipment.*'],
    },
  });
  await publishMany(bench, { count: 3, more: { ordering_key: 'old' } });
  await endAll(store, { status: 'succeeded' }, { gate: clock.time });
  await call(bench, 'POST', '/v1/endpoints', {
    json: { application: 'acme', url: 'https://example.com/paused', cadence: 'cron 0 9 * * * Europe/Berlin' },
  });
  await call(bench, 'POST', '/v1/endpoints', {
    ...production,
    json: { application: 'acme', url: 'https://example.com/production', ordering: 'strict' },
  });
  await deleteTenant(bench);

  clock.time = now;
  await call(bench, 'POST', `/v1/endpoints/${endpoint.id}/secret/rotate`, { json: {} });
  await publishMany(bench, { count: 12, more: {} });
  const repeated = await publishOnce(bench);
  await deliverSome(bench);
  await actByHand(bench, endpoint.id);
  const held = await call(bench, 'POST', '/v1/endpoints', { json: { application: 'acme', url: 'https://example.com/held' } });
  await publishMany(bench, { count: 4, more: { ordering_key: 'k1' } });
  await call(bench, 'POST', '/v1/pause', { ...production, json: { application: 'acme' } });
  const ada = await addPeople(bench, application.id);
  await addVisitors(bench);
  await receiveInInbox(bench);
  // Only what never went out waits for the gate; the rest stays with the process that is killed now.
  await lease(store, clock.time, { holder: 'killed' });
  return { service: bench.service, ada, application: application.id, endpoint: endpoint.id, held: held.id, repeated };
}

async function publishMany(bench: Workbench, { count, more }: { readonly count: number; readonly more: object }): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const data = `{"n": ${n}, "weight":17.0, "id": 1234567890123456789, "text": "nul \\u0000, naïve"}`;
    const keyed = JSON.stringify({ application: 'acme', type: 'shipment.created', ordering_key: `k${n % 3}`, ...more });
    await call(bench, 'POST', '/v1/events', { raw: `${keyed.slice(0, -1)},"data":${data}}` });
    bench.clock.time += 1;
  }
}

/** With an id of the publisher's own, and a key for repeats. */
async function publishOnce(bench: Workbench): Promise<Installation['repeated']> {
  const headers = { 'idempotency-key': 'once' };
  const json = { application: 'acme', type: 'shipment.created', id: 'shp-1_created', data: { once: true }, ordering_key: 'k1' };
  return { json, headers, answer: await call(bench, 'POST', '/v1/events', { json, headers }) };
}

/** Succeeded, failed with something to tell people, and to be tried again; counted in part already. */
async function deliverSome(bench: Workbench): Promise<void> {
  const { store, clock } = bench;
  const gate = clock.time;
  const seen = new Set<number>();
  const next = ({ seq }: { readonly seq: number }): boolean => seen.size < 3 && seen.add(seq).has(seq);
  await endAll(store, { status: 'succeeded' }, { gate, only: next });
  await store.upkeep.foldStats(1);
  seen.clear();
  const failed = { status: 'failed', reason: 'attempts_exhausted' } as const;
  await endAll(store, failed, { gate, only: next, more: { notices: ['delivery.failed', 'endpoint.failing'], detail: 'naïve' } });
  seen.clear();
  await endAll(store, { status: 'pending', failures: 2, dueAt: gate + 5_000 }, { gate, only: next });
}

async function actByHand(bench: Workbench, endpoint: EndpointId): Promise<void> {
  const listed = async (status: string) =>
    (await call(bench, 'GET', `/v1/deliveries?limit=100&endpoint=${endpoint}&status=${status}`)).data;
  const [waiting, another] = await listed('pending');
  await call(bench, 'POST', `/v1/deliveries/${waiting.id}/cancel`);
  await call(bench, 'POST', `/v1/deliveries/${another.id}/retry`);
  const [failed] = await listed('failed');
  await call(bench, 'POST', `/v1/deliveries/${failed.id}/retry`);
  await call(bench, 'POST', `/v1/endpoints/${endpoint}/recover`, { json: { since: '2026-01-01T00:00:00Z', status: 'failed' } });
}

async function deleteTenant(bench: Workbench): Promise<void> {
  const gone = await bench.tenant('gone');
  await call(bench, 'POST', '/v1/endpoints', { json: { application: 'gone', url: 'https://example.com/gone' } });
  await call(bench, 'POST', '/v1/events', { json: { application: 'gone', type: 'shipment.created', data: {} } });
  await call(bench, 'DELETE', `/v1/applications/${gone.application.id}`, { key: bench.service.production });
}

async function addPeople(bench: Workbench, application: ApplicationId): Promise<SignedIn> {
  const { store } = bench;
  const ada = await bench.person('ada@example.com', { application, role: 'owner' });
  await bench.person('bob@example.com', { application, role: 'viewer' });
  await store.operators.addLink(hashToken('first'));
  await store.operators.claim(hashToken('first'), ada.id);
  await store.operators.addLink(hashToken('worth nothing'));
  await store.invitations.create({
    application,
    email: 'eve@example.com',
    role: 'developer',
    tokenHash: createHash('sha256').update('eve').digest(),
    expiresAt: bench.clock.time + DAY_MS,
  });
  const { dialect } = await store.accounts();
  const at = new Date(bench.clock.time).toISOString();
  await new Kysely<{ verifications: Record<string, unknown> }>({ dialect })
    .insertInto('verifications')
    .values({ id: 'v1', identifier: 'hashed', value: 'hashed too', expires_at: at, created_at: at, updated_at: at })
    .execute();
  return ada;
}

async function addVisitors(bench: Workbench): Promise<void> {
  const link = async (): Promise<string> =>
    new URL((await call(bench, 'POST', '/v1/applications/acme/portal-link', { json: {} })).url).pathname;
  await link();
  await bench.call('GET', await link(), { key: null });
}

async function receiveInInbox(bench: Workbench): Promise<void> {
  const inbox = await call(bench, 'POST', '/v1/inboxes', { json: { application: 'acme' } });
  const endpoint = await call(bench, 'POST', '/v1/endpoints', { json: { application: 'acme', url: inbox.url } });
  await call(bench, 'POST', `/v1/endpoints/${endpoint.id}/test`);
}

const LISTS = [
  ...[
    'applications',
    'event-types',
    'members?application=acme',
    'invitations?application=acme',
    'audit-log',
    'jobs',
    'keys?application=acme',
  ],
  ...['endpoints', 'events', 'deliveries', 'deliveries?ordering_key=k1', 'events?ordering_key=old'],
  ...['pending', 'succeeded', 'failed', 'canceled'].map((status) => `deliveries?status=${status}`),
].map((list) => `/v1/${list}${list.includes('?') ? '&' : '?'}limit=100`);
const FIGURES = ['/v1/dispatch', '/v1/stats?since=2026-11-20T00:00:00Z&until=2026-11-24T00:00:00Z', '/v1/stats?since=2026-11-01T00:00:00Z'];
/** Whose entries are asked for one by one. */
const ONE_BY_ONE = ['/v1/endpoints?', '/v1/events?', '/v1/deliveries?', '/v1/jobs?'];

/** What the API answers to each environment's service key of the installation, list by list and one by one. */
export async function answersOf(
  bench: Workbench,
  { service, ada }: Pick<Installation, 'service' | 'ada'>,
): Promise<Record<string, unknown>> {
  const answers: Record<string, unknown> = {};
  for (const [environment, key] of Object.entries(service)) {
    const ask = async (path: string): Promise<Answer['body']> => {
      const body = await call(bench, 'GET', path, { key });
      answers[`${environment} ${path}`] = body;
      return body;
    };
    for (const path of FIGURES) await ask(path);
    for (const path of LISTS) {
      const { data } = await ask(path);
      if (!ONE_BY_ONE.some((start) => path.startsWith(start))) continue;
      for (const { id } of data as { id: string }[]) await ask(`${path.slice(0, path.indexOf('?'))}/${id}`);
    }
    for (const { id } of (await ask('/v1/endpoints?limit=100')).data) await ask(`/v1/endpoints/${id}/secret`);
    if (environment === 'production') continue;
    for (const { id } of (await ask('/v1/inboxes?application=acme')).data) await ask(`/v1/inboxes/${id}/requests`);
  }
  answers['ada'] = await call(bench, 'GET', '/v1/session', { by: ada });
  return answers;
}
