/** A business in which much is going on, and most texts are as long as they may be: what pages have to bear. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Stage } from './stage.ts';

const LONG_WORD = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft';
export const LONG_NAME = `${LONG_WORD} ${LONG_WORD}`.slice(0, 200);
const LONG_TYPE = `shipment.${'a_very_long_segment_of_a_type.'.repeat(4)}`.slice(0, 127).replace(/\W$/, '');
const LONG_KEY = `order-${'0123456789abcdef'.repeat(15)}`;

const PATIENCE_MS = 15_000;

export interface CrowdedBusiness {
  /** Of an endpoint that works, one that fails and one that is paused. */
  readonly endpoints: readonly string[];
  readonly longType: string;
  readonly event: string;
  /** One that succeeded, one that failed, one that waits behind another. */
  readonly deliveries: { readonly succeeded: string; readonly retrying: string; readonly waiting: string };
  close(): Promise<void>;
}

interface Listed {
  readonly data: readonly { readonly id: string; readonly status: string; readonly attempt_count: number; readonly endpoint: string }[];
}

/** Fills the sandbox of an application. */
export async function crowd(stage: Stage, application: string): Promise<CrowdedBusiness> {
  const server = await startServers();
  const { port } = server.address() as AddressInfo;
  const url = (path: string) => `http://127.0.0.1:${port}${path}`;
  await stage.provider('PUT', '/v1/event-types/shipment.created', {
    description: 'A shipment was booked',
    example: { shipment: { id: 'shp_7Q2M', reference: LONG_WORD } },
    schema: {
      type: 'object',
      required: ['shipment'],
      properties: {
        shipment: {
          type: 'object',
          description: 'The shipment, as it is now',
          properties: { id: { type: 'string' }, status: { enum: ['created', 'in_transit'] }, [LONG_WORD]: { type: 'string' } },
        },
      },
    },
  });
  await stage.provider('PUT', `/v1/event-types/${LONG_TYPE}`, { description: `${LONG_WORD} `.repeat(20) });
  const endpoint = async (path: string, more: object) =>
    (await stage.provider<{ id: string }>('POST', '/v1/endpoints', { application, url: url(path), ...more })).id;
  const works = await endpoint('/works', { description: 'Order system' });
  const fails = await endpoint(`/fails/${LONG_WORD}/${'a/'.repeat(200)}?q=${'x'.repeat(900)}`, {
    description: LONG_NAME,
    event_types: ['shipment.*', LONG_TYPE],
    headers: { 'X-Team': LONG_KEY, 'X-Warehouse': '7' },
  });
  const paused = await endpoint('/paused', { ordering: 'none' });
  await stage.provider('POST', `/v1/endpoints/${fails}/secret/rotate`, {});
  const publish = (type: string, key: string, data: object) =>
    stage.provider<{ id: string }>('POST', '/v1/events', { application, type, ordering_key: key, data });
  const event = await publish(LONG_TYPE, LONG_KEY, { shipment: { id: 'shp_7Q2M', note: LONG_WORD.repeat(20), weight: 17 } });
  for (let number = 0; number < 9; number += 1)
    await publish('shipment.created', `shp_${number % 7}`, { shipment: { id: `shp_${number % 7}` } });
  await stage.provider('POST', '/v1/dispatch');
  await stage.provider('PATCH', `/v1/endpoints/${paused}`, { status: 'paused' });
  await stage.provider('POST', '/v1/keys', { application, name: LONG_NAME });
  const list = (query: string) => stage.provider<Listed>('GET', `/v1/deliveries?limit=100&${query}`);
  /** The first of the list that fits, once there is one. */
  const first = async (query: string, fits: (delivery: Listed['data'][number]) => boolean) => {
    for (const deadline = Date.now() + PATIENCE_MS; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
      const found = (await list(query)).data.find(fits);
      if (found !== undefined) return found.id;
      if (Date.now() > deadline) throw new Error(`no delivery of ${query} became what it should`);
    }
  };
  return {
    endpoints: [works, fails, paused],
    longType: LONG_TYPE,
    event: event.id,
    deliveries: {
      succeeded: await first(`endpoint=${works}`, ({ status }) => status === 'succeeded'),
      retrying: await first(`endpoint=${fails}`, ({ attempt_count: attempts }) => attempts > 0),
      waiting: await first(`endpoint=${fails}`, ({ attempt_count: attempts }) => attempts === 0),
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** One server that accepts at /works, and fails elsewhere with an answer that has everything an answer can have. */
async function startServers(): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      if (request.url === '/works') response.writeHead(200, { 'content-type': 'text/plain' }).end('Valid signature');
      else {
        const headers = {
          'content-type': 'application/json',
          'x-request-id': LONG_KEY,
          'set-cookie': LONG_WORD.normalize('NFD').replace(/[^ -~]/g, ''),
        };
        response.writeHead(500, headers).end(JSON.stringify({ error: LONG_WORD.repeat(30), trace: ['app.js:12', 'db.js:88'] }));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
