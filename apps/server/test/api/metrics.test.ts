import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { createKeeper } from '../../src/keeper/keeper.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { openStage } from '../dispatcher/stage.ts';
import { ALL_DELIVERIES, addEndpoint, event, publish } from '../store/conformance/harness.ts';
import { type Workbench, workbench } from './workbench.ts';

let bench: Workbench | null = null;
afterEach(async () => {
  await bench?.close();
  bench = null;
});

/** A sample's value in Prometheus' text; NaN where it is not there. */
function sample(text: string, name: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? Number.NaN);
}

test('without a token the figures are for this machine only; with one, for whoever sends it', async () => {
  const read = async (authorization?: string) =>
    bench?.call('GET', '/metrics', { key: null, ...(authorization === undefined ? {} : { headers: { authorization } }) });
  bench = await workbench();
  expect(await read()).toMatchObject({ status: 200, headers: { 'content-type': expect.stringMatching(/^text\/plain; version=/) } });
  await bench.close();
  bench = await workbench({ metricsOpen: false });
  expect(await read()).toMatchObject({ status: 401, body: { code: 'metrics_token_required' } });
  await bench.close();
  bench = await workbench({ metricsToken: 'a-token-of-the-operator' });
  expect((await read())?.status).toBe(401);
  expect((await read('Bearer a-token-of-somebody'))?.status).toBe(401);
  expect((await read(`Bearer ${bench.service.sandbox}`))?.status).toBe(401);
  expect((await read('Bearer a-token-of-the-operator'))?.status).toBe(200);
});

test('without a token they are not for whoever comes through a proxy, or by another name of this machine', async () => {
  bench = await workbench({ trustProxy: true });
  const read = async (headers: Record<string, string>) => (await bench?.call('GET', '/metrics', { key: null, headers }))?.status;
  for (const host of ['localhost:8080', '127.0.0.1:8080', '[::1]:8080', '127.0.0.1']) expect(await read({ host }), host).toBe(200);
  for (const headers of [
    { host: 'hooks.example.com' },
    { host: 'rebinding.example:8080' },
    { host: '127.0.0.1.evil.example' },
    { host: '127.0.0.1:8080', 'x-forwarded-for': '203.0.113.7' },
    { host: '127.0.0.1:8080', 'x-forwarded-host': 'localhost', 'x-forwarded-for': '127.0.0.1' },
    { host: '127.0.0.1:8080', forwarded: 'for=203.0.113.7' },
    { host: '127.0.0.1:8080', 'x-real-ip': '203.0.113.7' },
    { host: '127.0.0.1:8080', via: '1.1 varnish' },
  ])
    expect(await read(headers), JSON.stringify(headers)).toBe(401);
});

test('docs/monitoring.md explains each figure, and none that is not there', async () => {
  const metrics = createMetrics({ version: '1.2.3' });
  const stage = await openStage(Date.parse('2026-11-23T10:00:01Z'));
  metrics.watch({ store: stage.store, dispatcher: stage.dispatcher });
  const { body } = await metrics.text();
  await stage.close();
  const served = [...body.matchAll(/^# TYPE (posthorn_\w+) /gm)].map(([, name = '']) => name);
  const docs = readFileSync(join(import.meta.dirname, '../../../../docs/monitoring.md'), 'utf8');
  const explained = [...docs.matchAll(/^\| `(posthorn_\w+)(?:\{[a-z,]+\})?`/gm)].map(([, name = '']) => name);
  const own = served.filter((name) => !/^posthorn_(nodejs|process)_/.test(name));
  expect(explained.filter((name) => !name.endsWith('_')).toSorted()).toEqual(own.toSorted());
  // In the expressions, too.
  const used = [...docs.matchAll(/posthorn_[a-z0-9_]+[a-z0-9]/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, ''));
  expect(used.filter((name) => !served.includes(name) && !/^posthorn_(nodejs|process)$/.test(name))).toEqual([]);
});

test('what was published, what waits since when, and how long the store took', async () => {
  bench = await workbench();
  const { application } = await bench.tenant('acme');
  await bench.call('POST', '/v1/endpoints', { json: { application: application.id, url: 'http://127.0.0.1:9/' } });
  const body = { application: application.id, type: 'a.b', data: {}, id: 'once' };
  await bench.call('POST', '/v1/events', { json: body });
  await bench.call('POST', '/v1/events', { json: body });
  bench.clock.time += 90_000;
  const { text } = await bench.call('GET', '/metrics', { key: null });
  expect(sample(text, 'posthorn_published_total{environment="sandbox"}')).toBe(1);
  expect(sample(text, 'posthorn_oldest_pending_seconds{environment="sandbox"}')).toBe(90);
  expect(sample(text, 'posthorn_oldest_pending_seconds{environment="production"}')).toBe(0);
  expect(sample(text, 'posthorn_lanes{breaker="closed"}')).toBe(1);
  expect(sample(text, 'posthorn_store_seconds_count{operation="publish"}')).toBe(2);
  expect(sample(text, 'posthorn_nodejs_eventloop_lag_seconds')).toBeGreaterThanOrEqual(0);
});

test('what a dispatcher did: attempts by outcome, lag behind the gate, takeovers, refused settles, breakers', async () => {
  const metrics = createMetrics({ version: '1.2.3' });
  const start = Date.parse('2026-11-23T10:00:01Z');
  const stage = await openStage(start, { observer: metrics.observer });
  metrics.watch({ store: stage.store, dispatcher: stage.dispatcher });
  const { application } = await stage.store.applications.upsert({ uid: 'acme', name: 'Acme' });
  await addEndpoint(stage.store, application.id, { url: 'https://up.test/' });
  await addEndpoint(stage.store, application.id, { url: 'https://down.test/', maxInFlight: 1 });
  stage.answers.set('https://down.test/', () => ({ kind: 'transport_error', code: 'connect_refused', detail: '' }));
  await publish(stage.store, ...Array.from({ length: 6 }, () => event()));
  // Both lanes are held by somebody who is gone by the time the gate opens.
  await stage.store.lanes.lease({
    holder: 'gone',
    leaseMs: 1_000,
    limits: { proven: 2, untried: 2, failing: 2 },
    gates: new Map([['sandbox:', start]]),
  });
  stage.dispatcher.start();
  await stage.clock.advanceTo(Date.parse('2026-11-23T10:05:03Z'));
  const { body } = await metrics.text();
  await stage.close();
  expect(sample(body, 'posthorn_attempts_total{environment="sandbox",outcome="accepted"}')).toBe(6);
  expect(sample(body, 'posthorn_attempts_total{environment="sandbox",outcome="connect_refused"}')).toBe(5);
  expect(sample(body, 'posthorn_attempt_seconds_count{environment="sandbox"}')).toBe(11);
  expect(sample(body, 'posthorn_gate_lag_seconds_bucket{le="1",environment="sandbox"}')).toBe(11);
  expect(sample(body, 'posthorn_takeovers_total')).toBe(2);
  expect(sample(body, 'posthorn_settles_refused_total')).toBe(0);
  expect(sample(body, 'posthorn_lanes{breaker="open"}')).toBe(1);
  expect(sample(body, 'posthorn_in_flight')).toBe(0);
  expect(sample(body, 'posthorn_build_info{version="1.2.3"}')).toBe(1);
});

test('what a keeper did, and what it has to do', async () => {
  const metrics = createMetrics({ version: '1.2.3' });
  const start = Date.parse('2026-11-23T10:00:01Z');
  const { store, clock, ...stage } = await openStage(start);
  metrics.watch({ store, dispatcher: null });
  const { application } = await store.applications.upsert({ uid: 'acme', name: 'Acme' });
  const { id } = await addEndpoint(store, application.id);
  await publish(store, event(), event());
  for (const { id: delivery } of (await store.deliveries.list('sandbox', ALL_DELIVERIES)).data)
    await store.deliveries.cancel('sandbox', delivery);
  await store.jobs.create('sandbox', { endpoint: id, since: 0, until: start + 1, task: { kind: 'recover', status: 'canceled' } });
  expect(sample((await metrics.text()).body, 'posthorn_jobs_unfinished')).toBe(1);
  const keeper = createKeeper({
    store,
    clock,
    retentionMs: 3_600_000,
    mailer: null,
    ownersOf: async () => [],
    serviceName: 'Posthorn',
    baseUrl: () => '',
    observer: metrics.keeperObserver,
  });
  keeper.start();
  await clock.advanceTo(start + 1_000);
  const { body } = await metrics.text();
  await keeper.drain();
  await stage.close();
  expect(sample(body, 'posthorn_keeper_rows_total{chore="jobs"}')).toBe(2);
  expect(sample(body, 'posthorn_jobs_unfinished')).toBe(0);
  for (const chore of ['jobs', 'expiry', 'retention', 'statistics', 'notices', 'mails'])
    expect(sample(body, `posthorn_keeper_step_seconds_count{chore="${chore}"}`), chore).toBeGreaterThan(0);
});
