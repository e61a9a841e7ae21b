/** What the operator sees of the whole. */
import { afterAll, expect, test } from 'vitest';
import { endAll } from '../store/conformance/harness.ts';
import { type Workbench, workbench } from './workbench.ts';

const bench: Workbench = await workbench();
afterAll(async () => bench.close());

const overview = async (key = bench.service.sandbox) => (await bench.call('GET', '/v1/operator/overview', { key })).body;
const post = (path: string, json: object = {}) => bench.call('POST', path, { json });

test('the overview counts what there is in the environment, and what waits since when', async () => {
  await bench.tenant('acme');
  const { body: endpoint } = await post('/v1/endpoints', { application: 'acme', url: 'https://example.com/a', event_types: ['a.b'] });
  const { body: paused } = await post('/v1/endpoints', { application: 'acme', url: 'https://example.com/b', event_types: ['c.d'] });
  await bench.call('PATCH', `/v1/endpoints/${paused.id}`, { json: { status: 'paused' } });
  expect(await overview()).toEqual({
    applications: 1,
    endpoints: { enabled: 1, paused: 1, disabled: 0, failing: 0 },
    rate_per_second: 0,
    gate_lag_ms: 0,
    pending: 0,
    oldest_pending_at: null,
    breakers: { closed: 2, open: 0, half_open: 0 },
    slowest_endpoints: [],
    brakes: [],
  });
  await post('/v1/events', { application: 'acme', type: 'a.b', data: {} });
  expect(await overview()).toMatchObject({ pending: 1, oldest_pending_at: '2026-11-23T10:01:00.000Z', gate_lag_ms: 0 });
  // Its tick is 10:05; nobody sends here, so it is late from then on.
  bench.clock.time = Date.parse('2026-11-23T10:05:30.000Z');
  expect((await overview()).gate_lag_ms).toBe(30_000);
  // One that was made to go now is not late of a tick.
  expect((await overview(bench.service.production)).gate_lag_ms).toBe(0);
  expect(endpoint.status).toBe('enabled');
});

test('the overview tells the rate, the slowest endpoints, and what is paused', async () => {
  expect(await endAll(bench.store, { status: 'succeeded' }, { more: { durationMs: 1500 } })).toBe(1);
  await bench.store.upkeep.foldStats(10);
  await post('/v1/pause', { application: 'acme' });
  await post('/v1/pause');
  const seen = await overview();
  // One attempt in the 90 s since 10:04.
  expect(seen.rate_per_second).toBe(0.01);
  expect(seen).toMatchObject({ pending: 0, oldest_pending_at: null, gate_lag_ms: 0 });
  expect(seen.slowest_endpoints).toEqual([
    {
      endpoint: expect.stringMatching(/^ep_/),
      url: 'https://example.com/a',
      application: expect.stringMatching(/^app_/),
      p95_ms: expect.any(Number),
    },
  ]);
  expect(seen.slowest_endpoints[0].p95_ms).toBeGreaterThan(1200);
  expect(seen.brakes).toEqual([
    { application: null, since: '2026-11-23T10:05:30.000Z' },
    { application: seen.slowest_endpoints[0].application, since: '2026-11-23T10:05:30.000Z' },
  ]);
});

test('an application key sees nothing of it', async () => {
  const { keys } = await bench.tenant('acme');
  expect((await bench.call('GET', '/v1/operator/overview', { key: keys.sandbox })).body.code).toBe('service_key_required');
});
