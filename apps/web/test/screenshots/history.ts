/**
 * A day in the life of the shipping demo's customer, lived through by the real program: for each half hour of the last day the server runs for a
 * moment with its clock set back, takes in events of the demo and sends them to real receivers, one of which has a bad time now and then.
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { KEYS, type ServerProcess, startServer } from '../../../server/test/process/server-process.ts';
import { parseExactly } from '../../src/words/exact-json.ts';

const HALF_HOUR = 30 * 60_000;
const HALF_HOURS = 48;
const CLOCK = join(import.meta.dirname, 'shifted-clock.mjs');

interface Samples {
  readonly event_types: Readonly<Record<string, string>>;
  readonly events: readonly { readonly type: string; readonly ordering_key: string; readonly data: { readonly shipment: object } }[];
}

/** With every digit: the demo's numbers are there to expose who rounds. */
const SAMPLES = parseExactly(
  readFileSync(join(import.meta.dirname, '../../../../examples/shipping/shipment-events.json'), 'utf8'),
) as Samples;

export interface Shops {
  readonly works: string;
  readonly struggles: string;
  /** From now on the second one fails, or works. */
  fail(fails: boolean): void;
  close(): void;
}

/** Two servers of a customer, at one port. */
export async function startShops(): Promise<Shops> {
  let failing = false;
  const server: Server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      const struggles = request.url === '/warehouse/webhooks';
      const answer = (status: number, text: string) =>
        response.writeHead(status, { 'content-type': 'text/plain', 'x-request-id': '7f3a' }).end(text);
      // As long as servers take.
      const ms = struggles ? 60 + Math.random() * 180 : 12 + Math.random() * 30;
      setTimeout(() => (struggles && failing ? answer(500, 'relation "stock" does not exist') : answer(200, 'Valid signature')), ms);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    works: `${base}/webhooks`,
    struggles: `${base}/warehouse/webhooks`,
    fail(fails) {
      failing = fails;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

export interface History {
  readonly dataDir: string;
  readonly port: number;
  readonly application: string;
  readonly shops: Shops;
}

/** The catalogue of the demo, with its events as examples. */
export async function describeEvents(server: ServerProcess): Promise<void> {
  for (const [name, description] of Object.entries(SAMPLES.event_types)) {
    const example = SAMPLES.events.find(({ type }) => type === name)?.data;
    await ask(server, 'PUT', `/v1/event-types/${name}`, { description, ...(example && { example }) });
  }
}

export async function ask<T>(server: ServerProcess, method: string, path: string, body?: unknown): Promise<T> {
  const answer = await server.call<T>(method, path, body, KEYS.sandbox);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** Publishes so many events of the demo, each shipment under its own reference. */
export async function publish(
  server: ServerProcess,
  application: string,
  { count, from }: { readonly count: number; readonly from: number },
): Promise<void> {
  const events = Array.from({ length: count }, (_, index) => {
    const { type, data } = SAMPLES.events[(from + index) % SAMPLES.events.length] ?? { type: 'shipment.created', data: { shipment: {} } };
    const key = `shp_${(4_000 + Math.floor((from + index) / 3)).toString(36).toUpperCase()}`;
    return { application, type, ordering_key: key, data: { ...data, shipment: { ...data.shipment, id: key } } };
  });
  await ask(server, 'POST', '/v1/events/batch', { events });
}

/** Lives through the day before now. */
export async function live({ dataDir, port, application, shops }: History): Promise<void> {
  for (let back = HALF_HOURS; back > 0; back -= 1) {
    const hour = new Date(Date.now() - back * HALF_HOUR).getHours();
    // Shops are busy by day; the warehouse had a bad hour in the morning.
    const count = 6 + Math.round(22 * Math.max(0, Math.sin(((hour - 5) / 24) * 2 * Math.PI)));
    shops.fail(back >= 17 && back <= 18);
    const server = await startServer({
      dataDir,
      port,
      env: {
        NODE_OPTIONS: `--import ${CLOCK}`,
        CLOCK_SHIFT_MS: String(-back * HALF_HOUR),
        POSTHORN_CADENCE_SANDBOX: 'immediate',
        POSTHORN_LOG_LEVEL: 'warn',
      },
    });
    await publish(server, application, { count, from: back * 29 });
    await rest(server);
    await server.end('SIGTERM');
  }
}

/** Until nothing is due any more: what still waits then waits for a later retry. */
async function rest(server: ServerProcess): Promise<void> {
  for (let before = -1; ; ) {
    const { pending } = await ask<{ pending: number }>(server, 'GET', '/v1/dispatch');
    if (pending === 0 || pending === before) return;
    before = pending;
    await new Promise((resolve) => setTimeout(resolve, 700));
  }
}
