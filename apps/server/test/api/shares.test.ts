/** What one application may take of what all share, and that neither the provider nor another application is counted with it. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type Workbench, workbench } from './workbench.ts';

const bench: Workbench = await workbench();
/** Takes connections, and answers when it is told to. */
const held = new Set<Socket>();
const receiver = createServer((socket) => {
  held.add(socket.on('error', () => undefined));
});
let url: string;

beforeAll(async () => {
  await once(receiver.listen(0, '127.0.0.1'), 'listening');
  const address = receiver.address();
  url = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}/` : '';
});
afterAll(async () => {
  receiver.close();
  await bench.close();
});

const codes = (answers: readonly Answer[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { status, body } of answers) counts[body.code ?? status] = (counts[body.code ?? status] ?? 0) + 1;
  return counts;
};

describe('an application with keys of its own', () => {
  test('has a hundred requests at once, and as many again once those are over', async () => {
    const { keys } = await bench.tenant('at-once');
    const other = await bench.tenant('beside');
    const test = (key: string) => bench.call('POST', '/v1/test', { key, json: { url } });
    const waiting = Array.from({ length: 100 }, () => test(keys.sandbox));
    while (held.size < 100) await once(receiver, 'connection');
    const refused = await bench.call('GET', '/v1/events', { key: keys.sandbox });
    expect(refused.body).toMatchObject({ status: 429, code: 'too_many_requests' });
    expect(refused.headers['retry-after']).toBe('1');
    expect((await bench.call('GET', '/v1/events', { key: other.keys.sandbox })).status).toBe(200);
    expect((await bench.call('GET', '/v1/events')).status).toBe(200);
    for (const socket of held) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    held.clear();
    expect(codes(await Promise.all(waiting))).toEqual({ 200: 100 });
    const more = Array.from({ length: 100 }, () => bench.call('GET', '/v1/events', { key: keys.sandbox }));
    expect(codes(await Promise.all(more))).toEqual({ 200: 100 });
  });

  test('is counted out where its client goes away, too', async () => {
    const { keys } = await bench.tenant('gone');
    await bench.api.listen({ host: '127.0.0.1', port: 0 });
    const address = bench.api.server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const closed: Promise<unknown>[] = [];
    bench.api.server.on('connection', (socket) => closed.push(once(socket, 'close')));
    for (let round = 0; round < 2; round += 1) {
      const body = JSON.stringify({ url });
      const clients = Array.from({ length: 50 }, () => {
        const client = connect(port, '127.0.0.1').on('error', () => undefined);
        client.write(
          `POST /v1/test HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${keys.sandbox}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        );
        return client;
      });
      while (held.size < (round + 1) * 50) await once(receiver, 'connection');
      for (const client of clients) client.destroy();
    }
    expect(closed).toHaveLength(100);
    await Promise.all(closed);
    const more = Array.from({ length: 100 }, () => bench.call('GET', '/v1/events', { key: keys.sandbox }));
    expect(codes(await Promise.all(more))).toEqual({ 200: 100 });
    for (const socket of held) socket.destroy();
  });

  test('sends 120 test requests a minute', async () => {
    const { keys } = await bench.tenant('tests');
    await bench.call('POST', '/v1/inboxes', { key: keys.sandbox });
    const inbox = (await bench.call('GET', '/v1/inboxes', { key: keys.sandbox })).body.data[0].url;
    const test = (key: string) => bench.call('POST', '/v1/test', { key, json: { url: inbox } });
    const answers: Answer[] = [];
    for (let sent = 0; sent < 121; sent += 1) answers.push(await test(keys.sandbox));
    expect(codes(answers)).toEqual({ 200: 120, too_many_requests: 1 });
    expect((await test(bench.service.sandbox)).status).toBe(200);
    bench.clock.time += 60_000;
    expect((await test(keys.sandbox)).status).toBe(200);
  });

  test('makes a hundred endpoints in each environment, and the provider more for it', async () => {
    const { keys } = await bench.tenant('endpoints');
    const make = (key: string, more = {}) => bench.call('POST', '/v1/endpoints', { key, json: { url: 'https://example.com/', ...more } });
    for (let made = 0; made < 100; made += 1) expect((await make(keys.sandbox)).status).toBe(201);
    expect((await make(keys.sandbox)).body).toMatchObject({ status: 409, code: 'too_many_endpoints' });
    expect((await make(keys.production)).status).toBe(201);
    expect((await make(bench.service.sandbox, { application: 'endpoints' })).status).toBe(201);
  });
});

describe('of publishes, an application with keys of its own has a share', () => {
  const batch = (count: number, data: object = {}) => ({ events: Array.from({ length: count }, () => ({ type: 'a', data })) });
  const publish = (key: string, json: object, headers = {}) => bench.call('POST', '/v1/events/batch', { key, json, headers });

  test('of the rows that they write, one batch after the other', async () => {
    const { keys } = await bench.tenant('rows');
    await bench.tenant('quiet');
    for (let made = 0; made < 20; made += 1)
      await bench.call('POST', '/v1/endpoints', { key: keys.sandbox, json: { url: 'https://example.com/' } });
    // 21,000 rows each, so the third goes beyond.
    const answers = await Promise.all(Array.from({ length: 8 }, () => publish(keys.sandbox, batch(1000))));
    expect(codes(answers)).toEqual({ 202: 3, too_many_requests: 5 });
    expect(answers.find(({ status }) => status === 429)?.headers['retry-after']).toBe('60');
    const one = await bench.call('POST', '/v1/events', { key: keys.sandbox, json: { type: 'a', data: {} } });
    expect(one.body.code).toBe('too_many_requests');
    const events = [{ application: 'rows', type: 'a', data: {} }];
    expect((await publish(bench.service.sandbox, { events })).status).toBe(202);
    bench.clock.time += 60_000;
    expect((await publish(keys.sandbox, batch(1))).status).toBe(202);
  });

  test('of the bytes that are read for them', async () => {
    const { keys } = await bench.tenant('bytes');
    const large = batch(62, { text: 'x'.repeat(256 * 1024 - 100) });
    const answers: Answer[] = [];
    for (let sent = 0; sent < 5; sent += 1) answers.push(await publish(keys.sandbox, large));
    expect(codes(answers)).toEqual({ 202: 3, too_many_requests: 2 });
  });

  test('of the time that it takes to check strict types', async () => {
    const { keys } = await bench.tenant('checks');
    const json = { description: 'x', schema: { properties: { s: { pattern: '^(a+)+$' } } }, strict: true };
    await bench.call('PUT', '/v1/event-types/costly', { json });
    const costly = { type: 'costly', data: { s: `${'a'.repeat(60)}!` } };
    const answers: Answer[] = [];
    for (let sent = 0; sent < 12; sent += 1) answers.push(await bench.call('POST', '/v1/events', { key: keys.sandbox, json: costly }));
    expect(Object.keys(codes(answers)).sort()).toEqual(['event_type_mismatch', 'too_many_requests']);
  });
});
