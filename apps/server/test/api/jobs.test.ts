/** Recover and replay-missing over the API, and statistics: what they answer, what they refuse. */
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { addEndpoint, endAll, event, publish } from '../store/conformance/harness.ts';
import { type Workbench, workbench } from './workbench.ts';

let bench: Workbench = await workbench();
beforeEach(async () => {
  await bench.close();
  bench = await workbench();
});
afterAll(async () => bench.close());

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const instant = (ms: number) => new Date(bench.clock.time + ms).toISOString();
const EXHAUSTED = { status: 'failed', reason: 'attempts_exhausted' } as const;

/** An endpoint of `acme` with so many deliveries that failed. */
async function failed(count: number) {
  const { application } = await bench.store.applications.upsert({ uid: 'acme', name: 'Acme' });
  const endpoint = await addEndpoint(bench.store, application.id);
  await publish(bench.store, ...Array.from({ length: count }, () => event()));
  await endAll(bench.store, EXHAUSTED);
  return { application, endpoint };
}

async function runJobs(): Promise<void> {
  for (const { id } of await bench.store.jobs.unfinished()) while ((await bench.store.jobs.step(id, 2))?.endedAt === null);
}

describe('jobs', () => {
  test('recover: 202 with what there is to do, progress, an end, an entry in the audit log', async () => {
    const { application, endpoint } = await failed(3);
    const created = await bench.call('POST', `/v1/endpoints/${endpoint.id}/recover`, { json: { since: instant(-HOUR) } });
    expect([created.status, created.body]).toEqual([
      202,
      {
        id: expect.stringMatching(/^job_/),
        kind: 'recover',
        state: 'running',
        done: 0,
        total: 3,
        application: application.id,
        environment: 'sandbox',
        endpoint: endpoint.id,
        status: 'failed',
        since: instant(-HOUR),
        until: instant(1),
        created_at: instant(0),
        ended_at: null,
      },
    ]);
    const url = `/v1/jobs/${created.body.id}`;
    expect((await bench.call('GET', url)).body).toEqual(created.body);
    await runJobs();
    const done = { ...created.body, state: 'done', done: 3, ended_at: instant(0) };
    expect((await bench.call('GET', url)).body).toEqual(done);
    expect((await bench.call('GET', `/v1/jobs?endpoint=${endpoint.id}`)).body).toEqual({ data: [done], next_cursor: null });
    expect((await bench.call('DELETE', url)).body).toMatchObject({ status: 409, code: 'job_ended' });
    const { data } = (await bench.call('GET', '/v1/deliveries?status=pending')).body;
    expect(data.map(({ late }: { late: boolean }) => late)).toEqual([true, true, true]);
    const audit = (await bench.call('GET', '/v1/audit-log')).body.data;
    expect(audit).toMatchObject([
      { action: 'job.create', target: { kind: 'job', id: created.body.id }, changes: { kind: { from: null, to: 'recover' } } },
    ]);
  });

  test('replay-missing, canceled on the way', async () => {
    const { application } = await failed(5);
    const endpoint = await addEndpoint(bench.store, application.id);
    const created = await bench.call('POST', `/v1/endpoints/${endpoint.id}/replay-missing`, { json: { since: instant(-HOUR) } });
    expect([created.status, created.body.kind, created.body.status, created.body.total]).toEqual([202, 'replay_missing', null, 5]);
    await bench.store.jobs.step(created.body.id, 2);
    const canceled = await bench.call('DELETE', `/v1/jobs/${created.body.id}`);
    expect([canceled.status, canceled.body]).toEqual([
      200,
      { ...created.body, state: 'canceled', done: 2, total: 5, ended_at: instant(0) },
    ]);
    expect((await bench.call('GET', `/v1/deliveries?endpoint=${endpoint.id}`)).body.data).toHaveLength(2);
    expect((await bench.call('GET', '/v1/audit-log')).body.data.map(({ action }: { action: string }) => action)).toEqual([
      'job.cancel',
      'job.create',
    ]);
  });

  test('canceled deliveries are recovered only when asked for; a span may end', async () => {
    const { endpoint } = await failed(1);
    await publish(bench.store, event());
    const { data } = (await bench.call('GET', '/v1/deliveries?status=pending')).body;
    await bench.call('POST', `/v1/deliveries/${data[0].id}/cancel`);
    const begin = async (json: object) =>
      (await bench.call('POST', `/v1/endpoints/${endpoint.id}/recover`, { json: { since: instant(-HOUR), ...json } })).body;
    expect(await begin({ status: 'canceled' })).toMatchObject({ status: 'canceled', total: 1 });
    expect(await begin({ status: 'failed' })).toMatchObject({ status: 'failed', total: 1 });
    expect(await begin({ until: instant(0) })).toMatchObject({ total: 0, state: 'done', until: instant(0) });
  });

  test.each<[string, object, string, RegExp]>([
    ['no since', {}, 'since', /missing/],
    ['a since that is no instant', { since: 'yesterday' }, 'since', /RFC 3339/],
    ['a since in the future', { since: '2126-01-01T00:00:00Z' }, 'since', /future/],
    ['a since after until', { since: '2026-11-02T00:00:00Z', until: '2026-11-01T00:00:00Z' }, 'since', /before until/],
    ['a status that is on its way', { since: '2026-11-01T00:00:00Z', status: 'pending' }, 'status', /"failed" or "canceled"/],
    ['an unknown field', { since: '2026-11-01T00:00:00Z', endpoint: 'x' }, 'endpoint', /not a known field/],
  ])('refuses %s', async (_, json, path, message) => {
    const { endpoint } = await failed(1);
    const answer = await bench.call('POST', `/v1/endpoints/${endpoint.id}/recover`, { json });
    expect(answer.body).toMatchObject({ status: 400, errors: [{ path, message: expect.stringMatching(message) }] });
    expect((await bench.call('GET', '/v1/jobs')).body.data).toEqual([]);
  });

  test('twenty at once of an endpoint, no more', async () => {
    const { endpoint } = await failed(1);
    const begin = () => bench.call('POST', `/v1/endpoints/${endpoint.id}/recover`, { json: { since: instant(-HOUR) } });
    for (let count = 0; count < 20; count += 1) expect((await begin()).status).toBe(202);
    expect((await begin()).body).toMatchObject({ status: 409, code: 'too_many_jobs' });
  });
});

describe('statistics', () => {
  const get = async (query: string, key?: string) => (await bench.call('GET', `/v1/stats?${query}`, key === undefined ? {} : { key })).body;

  test('of the last day by default, in steps that suit it, a point for each', async () => {
    const { endpoint } = await failed(2);
    await bench.store.applications.upsert({ uid: 'acme', name: 'Acme' });
    bench.clock.time += 10 * MINUTE;
    const { data, ...span } = await get(`endpoint=${endpoint.id}`);
    expect(span).toEqual({ since: '2026-11-22T10:00:00.000Z', until: '2026-11-23T10:30:00.000Z', step: '30m' });
    expect(data).toHaveLength(49);
    expect(data.at(-1)).toEqual({ at: '2026-11-23T10:00:00.000Z', accepted: 0, failed: 2, p50_ms: 12, p95_ms: 13, p99_ms: 13 });
    expect(data[0]).toEqual({ at: '2026-11-22T10:00:00.000Z', accepted: 0, failed: 0, p50_ms: null, p95_ms: null, p99_ms: null });
  });

  test('by endpoint, application and environment, for whoever may see them', async () => {
    const { endpoint } = await failed(2);
    const other = await bench.tenant('other');
    await addEndpoint(bench.store, other.application.id);
    await publish(bench.store, event({ application: 'other' }));
    await endAll(bench.store, { status: 'succeeded' });
    const sum = async (query: string, key?: string) => {
      const { data } = await get(`step=1d&${query}`, key);
      const total = (name: 'accepted' | 'failed') =>
        data.reduce((all: number, point: Record<string, number>) => all + (point[name] ?? 0), 0);
      return [total('accepted'), total('failed')];
    };
    expect(await sum(`endpoint=${endpoint.id}`)).toEqual([0, 2]);
    expect(await sum('application=other')).toEqual([1, 0]);
    expect(await sum('')).toEqual([1, 2]);
    expect(await sum('', other.keys.sandbox)).toEqual([1, 0]);
    expect(await sum('', bench.service.production)).toEqual([0, 0]);
    expect((await get(`endpoint=${endpoint.id}&application=other`)).code).toBe('endpoint_not_found');
  });

  test.each([
    ['step=60&since=2026-11-23T09:30:00Z', '1m', 31],
    ['step=1h&since=2026-11-20T00:00:00Z', '1h', 83],
    ['since=2026-11-23T09:01:00Z', '1m', 60],
    ['since=2026-08-26T00:00:00Z', '1d', 90],
    ['since=2025-11-23T10:01:00Z', '7d', 53],
    // A week that lies further back than minutes and hours do.
    ['since=2026-06-01T00:00:00Z&until=2026-06-08T00:00:00Z', '1d', 7],
  ])('%s comes in steps of %s', async (query, step, points) => {
    const answer = await get(query);
    expect([answer.step, answer.data?.length]).toEqual([step, points]);
  });

  test.each([
    ['step=30', 'step', /whole minutes/],
    ['step=90s', 'step', /whole minutes/],
    ['step=40d', 'step', /31 days/],
    ['step=hour', 'step', /right form/],
    ['step=0m', 'step', /right form/],
    ['step=1m&since=2026-11-22T00:00:00Z', 'step', /more than 2000 points/],
    ['step=5m&since=2026-11-20T00:00:00Z&until=2026-11-20T12:00:00Z', 'step', /reaches back 3 days/],
    ['step=1h&since=2026-08-01T00:00:00Z&until=2026-08-02T00:00:00Z', 'step', /reaches back 90 days/],
    ['since=2025-01-01T00:00:00Z', 'step', /reaches back 400 days/],
    ['since=2026-11-23T10:01:00Z', 'since', /before until/],
    ['since=2026-11-23&until=2026-11-24', 'since', /RFC 3339/],
    ['endpoint=ep_x', undefined, undefined],
  ])('refuses %s', async (query, path, message) => {
    const answer = await get(query);
    expect(answer.status).toBe(path === undefined ? 404 : 400);
    if (path !== undefined) expect(answer.errors[0]).toEqual({ path, message: expect.stringMatching(message ?? /./) });
  });
});
