import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Outbox, openOutbox } from '../src/outbox.ts';
import { publishTo } from '../src/publish.ts';
import { type Relay, startRelay } from '../src/relay.ts';
import { type Behaviour, type StandIn, startStandIn } from './stand-in.ts';

let posthorn: StandIn;
let database: DatabaseSync;
let outbox: Outbox;
let relay: Relay | undefined;
let log: string[];

beforeEach(async () => {
  posthorn = await startStandIn();
  database = new DatabaseSync(':memory:');
  outbox = openOutbox(database);
  log = [];
});

afterEach(async () => {
  await relay?.stop();
  database.close();
  await posthorn.goDown();
});

function start(largestBatch = 100): Relay {
  const publish = publishTo({ url: posthorn.url, key: 'sk_sandbox_test', application: 'app', timeoutMs: 200 });
  relay = startRelay({ outbox, publish, log: (line) => log.push(line), firstPauseMs: 1, longestPauseMs: 8, largestBatch });
  return relay;
}

function add(id: string, orderingKey = 'shp_1'): void {
  outbox.add({ id, type: 'shipment.status_updated', orderingKey, data: '{"weight_kg":17.0,"legacy_id":1234567890123456789}' });
}

/**
 * The ids in each state, once the relay has recorded what was published so far: it does one thing after the other, so another event shows
 * that it is done with those before.
 */
async function recorded({ wake }: Relay): Promise<Record<string, string[]>> {
  add('last', 'shp_last');
  wake();
  await posthorn.eventCount(posthorn.events.length + 1);
  const rows = database.prepare("SELECT id, state FROM outbox WHERE id <> 'last' ORDER BY position").all();
  const states = Map.groupBy(rows, ({ state }) => String(state));
  return Object.fromEntries([...states].map(([state, those]) => [state, those.map(({ id }) => String(id))]));
}

const ids = (count: number) => Array.from({ length: count }, (_, index) => `evt-${index}`);

test('publishes in the order of the outbox, in batches, and records it', async () => {
  for (const id of ids(25)) add(id);
  const running = start(10);
  await posthorn.eventCount(25);
  expect(posthorn.events.map(({ id }) => id)).toEqual(ids(25));
  expect(posthorn.requests).toHaveLength(3);
  expect(await recorded(running)).toEqual({ published: ids(25) });
});

test('sends each event with its id, its ordering key and its data as text', async () => {
  add('evt-1');
  start();
  await posthorn.eventCount(1);
  expect(posthorn.requests[0]).toBe(
    '{"events":[{"application":"app","id":"evt-1","type":"shipment.status_updated","ordering_key":"shp_1","data":{"weight_kg":17.0,"legacy_id":1234567890123456789}}]}',
  );
});

test('sends what is added later, each event once', async () => {
  const { wake } = start();
  for (const id of ids(5)) {
    add(id);
    wake();
    await posthorn.eventCount(Number(id.slice(4)) + 1);
  }
  expect(posthorn.requests.map((body) => JSON.parse(body).events.map((event: { id: string }) => event.id))).toEqual(
    ids(5).map((id) => [id]),
  );
});

describe('while Posthorn cannot be had', () => {
  const failures: Behaviour[] = ['error_500', 'too_many', 'revoked_key', 'hang'];

  test.each(failures)('%s: keeps everything, and publishes it in order afterwards', async (behaviour) => {
    posthorn.behaviour = behaviour;
    for (const id of ids(5)) add(id);
    const { wake } = start();
    await posthorn.requestCount(6); // enough to halve the batch down to one event, and try that again
    expect(outbox.status()).toEqual({ waiting: 5, set_aside: [] });
    add('evt-5');
    wake();
    posthorn.behaviour = 'accept';
    await posthorn.eventCount(6);
    expect(posthorn.events.map(({ id }) => id)).toEqual(ids(6));
  });

  test('refused connections: the same', async () => {
    await posthorn.goDown();
    for (const id of ids(5)) add(id);
    const failed = Promise.withResolvers<void>();
    const publish = publishTo({ url: posthorn.url, key: 'sk_sandbox_test', application: 'app' });
    relay = startRelay({
      outbox,
      publish,
      log: (line) => log.push(line) === 4 && failed.resolve(),
      firstPauseMs: 1,
      longestPauseMs: 8,
    });
    await failed.promise;
    expect(outbox.status()).toEqual({ waiting: 5, set_aside: [] });
    // The pause grows, up to the longest.
    expect(log.map((line) => /again in (\d+) ms/.exec(line)?.[1])).toEqual(['1', '2', '4', '8']);
    expect(log[0]).toContain('ECONNREFUSED');
    await posthorn.comeUp();
    await posthorn.eventCount(5);
    expect(posthorn.events.map(({ id }) => id)).toEqual(ids(5));
  });

  test.each<Behaviour>(['lose_answer', 'never_answer'])('%s: the repeat is harmless', async (behaviour) => {
    posthorn.behaviour = behaviour;
    for (const id of ids(3)) add(id);
    const { wake } = start();
    await posthorn.eventCount(3);
    expect(outbox.status().waiting).toBe(3); // taken by Posthorn, and nobody here knows
    add('evt-3');
    wake();
    posthorn.behaviour = 'accept';
    await posthorn.eventCount(4);
    expect(posthorn.events.map(({ id }) => id)).toEqual(ids(4));
  });

  test('waits as long as Posthorn asks, within its own limit', async () => {
    const asked = { kind: 'unavailable', reason: '429', retryAfterMs: 5 } as const;
    const logged = Promise.withResolvers<void>();
    add('evt-0');
    relay = startRelay({
      outbox,
      publish: async () => asked,
      log: (line) => log.push(line) === 4 && logged.resolve(),
      firstPauseMs: 1,
      longestPauseMs: 8,
    });
    await logged.promise;
    expect(log.map((line) => /again in (\d+) ms/.exec(line)?.[1])).toEqual(['5', '5', '5', '8']);
  });
});

describe('an event that Posthorn will never take', () => {
  test('is set aside, alone; later events of its shipment are held, the others go on', async () => {
    posthorn.refused.add('evt-7');
    for (const [index, id] of ids(20).entries()) add(id, `shp_${index % 3}`);
    const running = start();
    const sameShipmentLater = ['evt-10', 'evt-13', 'evt-16', 'evt-19'];
    const others = ids(20).filter((id) => id !== 'evt-7' && !sameShipmentLater.includes(id));
    await posthorn.eventCount(others.length);
    expect(posthorn.events.map(({ id }) => id)).toEqual(others);
    expect(await recorded(running)).toEqual({ published: others, set_aside: ['evt-7'], waiting: sameShipmentLater });
    expect(outbox.status().set_aside).toEqual([{ id: 'evt-7', ordering_key: 'shp_1', reason: '422 {"code":"invalid_event"}', held: 4 }]);
    expect(log.join()).toContain('evt-7 set aside, later events of shp_1 are held');
  });

  test('goes first once it is retried', async () => {
    posthorn.refused.add('evt-0');
    for (const id of ids(3)) add(id);
    add('other', 'shp_2');
    const { wake } = start();
    await posthorn.eventCount(1);
    posthorn.refused.clear();
    outbox.decide('evt-0', 'waiting');
    wake();
    await posthorn.eventCount(4);
    expect(posthorn.events.map(({ id }) => id)).toEqual(['other', 'evt-0', 'evt-1', 'evt-2']);
  });
});
