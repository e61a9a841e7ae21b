import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { signX } from '@posthorn/receiver';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createReceiver, type Reception } from '../src/receiver.ts';

const secret = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
const body =
  '{"id":"evt_1","type":"shipment.created","timestamp":"2026-11-23T10:00:00.000Z","environment":"sandbox","data":{"weight_kg": 17.0,"name":"Gọ́ld 🧵"}}';

let database: DatabaseSync;
let server: Server;
let receptions: Reception[];

beforeEach(async () => {
  database = new DatabaseSync(':memory:');
  receptions = [];
  const receiver = createReceiver({ secret, database, onReception: (reception) => receptions.push(reception) });
  server = receiver.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
  database.close();
});

async function send(sent: string, signature?: string): Promise<string> {
  const { port } = server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}/webhooks`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(signature === undefined ? {} : { 'X-Signature': signature }) },
    body: sent,
  });
  return `${response.status} ${await response.text()}`;
}

function recorded(): unknown[] {
  return database
    .prepare('SELECT body FROM received ORDER BY position')
    .all()
    .map((row) => row['body']);
}

test('records what verifies, byte for byte', async () => {
  expect(await send(body, signX(body, secret))).toBe('200 Valid signature');
  expect(recorded()).toEqual([body]);
});

test('takes the same event twice, and records it once', async () => {
  const second = body.replace('evt_1', 'evt_2');
  for (const sent of [body, second, body]) expect(await send(sent, signX(sent, secret))).toBe('200 Valid signature');
  expect(recorded()).toEqual([body, second]);
  expect(receptions.map((reception) => reception.kind === 'valid' && reception.repeated)).toEqual([false, false, true]);
});

test.each([
  ['a changed byte', body.replace('17.0', '17.1'), signX(body, secret)],
  ["another secret's signature", body, signX(body, 'whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=')],
  ['no signature', body, undefined],
  ['an empty body', '', signX(body, secret)],
])('refuses %s, and records nothing', async (_what, sent, signature) => {
  expect(await send(sent, signature)).toBe('403 Invalid signature');
  expect(recorded()).toEqual([]);
  expect(receptions).toMatchObject([{ kind: 'invalid' }]);
});
