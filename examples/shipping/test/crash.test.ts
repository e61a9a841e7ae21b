import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Behaviour, type StandIn, startStandIn } from './stand-in.ts';

const program = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const statuses = ['in_progress', 'picked_up', 'in_transit', 'out_for_delivery', 'delivered'];

let folder: string;
let posthorn: StandIn;
let api: ChildProcess;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'shipping-crash-'));
  posthorn = await startStandIn();
});

afterEach(async () => {
  await kill();
  await posthorn.goDown();
  rmSync(folder, { recursive: true });
});

/** Starts the shipments API as a process of its own; resolves to its URL. */
async function start(): Promise<string> {
  api = spawn(process.execPath, [program], {
    env: {
      PORT: '0',
      SHIPMENTS_DATABASE: join(folder, 'shipments.db'),
      POSTHORN_URL: posthorn.url,
      POSTHORN_KEY: 'sk_sandbox_test',
      POSTHORN_APPLICATION: 'app',
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (api.stdout === null) throw new Error('the process has no stdout');
  const [line] = (await once(createInterface({ input: api.stdout }), 'line')) as [string];
  return line.replace('Shipments API: ', '');
}

async function kill(): Promise<void> {
  if (api.exitCode !== null || api.signalCode !== null) return;
  api.kill('SIGKILL');
  await once(api, 'exit');
}

/** Books shipments and takes them through their lives, until the API is gone. Collects the changes that were answered 2xx. */
async function customer(url: string, name: string, answered: string[]): Promise<void> {
  const party = { name: 'A', city: 'Lagos', country: 'NG' };
  for (let count = 0; ; count += 1) {
    try {
      const booking = { reference: `${name}-${count}`, carrier: 'GIG', sender: party, recipient: party, parcels: [{ weight_kg: 1 }] };
      const { id } = await post(`${url}/shipments`, booking);
      answered.push(`${id} pending`);
      for (const status of statuses) {
        await post(`${url}/shipments/${id}/status`, { status });
        answered.push(`${id} ${status}`);
      }
    } catch (error) {
      if (error instanceof TypeError) return; // the connection broke: the API was killed
      throw error;
    }
  }
}

async function post(url: string, body: object): Promise<{ id: string }> {
  const response = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return JSON.parse(text);
}

test('kill -9 in the middle of a burst, again and again: what is published is exactly what happened, in order', async () => {
  const answered: string[] = [];
  // Killed while Posthorn answers; while it has taken events and not said so; while it fails; while it cannot be reached.
  const rounds: readonly Behaviour[] = ['accept', 'never_answer', 'error_500', 'lose_answer', 'accept'];
  for (const [round, behaviour] of rounds.entries()) {
    posthorn.behaviour = 'accept';
    const url = await start();
    const burst = Promise.all(Array.from({ length: 4 }, (_, index) => customer(url, `round${round}-${index}`, answered)));
    await posthorn.eventCount(posthorn.events.length + 20);
    posthorn.behaviour = behaviour;
    await posthorn.requestCount(posthorn.requests.length + 1);
    await kill();
    await burst;
  }

  posthorn.behaviour = 'accept';
  const database = new DatabaseSync(join(folder, 'shipments.db'), { readOnly: true });
  const happened = database.prepare('SELECT event_id AS id, shipment_id AS shipment, status FROM history ORDER BY position').all();
  const statusesNow = database.prepare('SELECT id, status FROM shipments ORDER BY position').all();
  database.close();
  await start();
  await posthorn.eventCount(happened.length);

  expect(posthorn.events.map(({ id }) => id)).toEqual(happened.map(({ id }) => id));
  expect(posthorn.requests.length).toBeGreaterThan(rounds.length);
  const changes = happened.map(({ shipment, status }) => `${shipment} ${status}`);
  expect(changes).toEqual(expect.arrayContaining(answered));
  // The four customers of a round each have one change under way when it is killed, which may have happened unanswered.
  expect(changes.length - answered.length).toBeLessThanOrEqual(4 * rounds.length);
  expect(statusesNow).toEqual([...new Map(happened.map(({ shipment, status }) => [shipment, { id: shipment, status }])).values()]);
});
