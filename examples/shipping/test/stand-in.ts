import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface PublishedEvent {
  readonly id: string;
  readonly type: string;
  readonly ordering_key: string;
}

/**
 * How the stand-in behaves. `lose_answer` takes the events and closes the connection before its 202; `never_answer` takes them and says
 * nothing; `hang` neither takes them nor answers.
 */
export type Behaviour = 'accept' | 'error_500' | 'too_many' | 'revoked_key' | 'hang' | 'lose_answer' | 'never_answer';

export interface StandIn {
  readonly url: string;
  behaviour: Behaviour;
  /** Events that it refuses, with a 422, for ever. */
  readonly refused: Set<string>;
  /** What it has, each id once, in the order of publish. */
  readonly events: PublishedEvent[];
  /** The bodies of all requests. */
  readonly requests: string[];
  /** Resolves once it has had so many requests, counted from its start. */
  requestCount(atLeast: number): Promise<void>;
  /** Resolves once it has so many events. */
  eventCount(atLeast: number): Promise<void>;
  /** Stops listening, and listens again on the same port. */
  goDown(): Promise<void>;
  comeUp(): Promise<void>;
}

/** A server that answers `POST /v1/events/batch` by the contract, ids being unique, and fails in the ways that a server can. */
export async function startStandIn(): Promise<StandIn> {
  const changed = new EventEmitter().setMaxListeners(0);
  const known = new Map<string, string>();
  const server = createServer((request, response) => {
    answer().catch((error: unknown) => response.destroy(error as Error));
    async function answer(): Promise<void> {
      const body = await text(request);
      standIn.requests.push(body);
      const [status, reply] = request.url === '/v1/events/batch' ? publish(body) : [404, {}];
      changed.emit('request');
      if (standIn.behaviour === 'hang' || standIn.behaviour === 'never_answer') return;
      if (standIn.behaviour === 'lose_answer') {
        response.destroy();
        return;
      }
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(reply));
    }
  });

  function publish(body: string): [number, object] {
    if (standIn.behaviour === 'error_500') return [500, { code: 'internal_error' }];
    if (standIn.behaviour === 'too_many') return [429, { code: 'rate_limited' }];
    if (standIn.behaviour === 'revoked_key') return [401, { code: 'unauthorized' }];
    if (standIn.behaviour === 'hang') return [0, {}];
    const { events } = JSON.parse(body) as { events: PublishedEvent[] };
    if (events.some(({ id }) => standIn.refused.has(id))) return [422, { code: 'invalid_event' }];
    if (events.some((event) => known.has(event.id) && known.get(event.id) !== JSON.stringify(event))) return [409, { code: 'id_taken' }];
    for (const event of events) {
      if (known.has(event.id)) continue;
      known.set(event.id, JSON.stringify(event));
      standIn.events.push(event);
    }
    return [202, { data: events.map(({ id }) => ({ id })) }];
  }

  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) await once(changed, 'request');
  }

  const standIn: StandIn = {
    url: '',
    behaviour: 'accept',
    refused: new Set(),
    events: [],
    requests: [],
    requestCount: (atLeast) => until(() => standIn.requests.length >= atLeast),
    eventCount: (atLeast) => until(() => standIn.events.length >= atLeast),
    goDown: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
    comeUp: async () => {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return Object.assign(standIn, { url: `http://127.0.0.1:${port}` });
}
