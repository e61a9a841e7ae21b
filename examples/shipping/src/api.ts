import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify';
import { parseExact } from './exact-json.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Booking, Shipments } from './shipments.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The body's own text: the parsed body is for validation only, since parsing rounds numbers. */
    bodyText: string;
  }
}

export interface ApiOptions {
  readonly shipments: Shipments;
  readonly lifecycle: Lifecycle;
  /** Called after each committed change. */
  readonly onChange: () => void;
}

const text = { type: 'string', minLength: 1, maxLength: 500 } as const;
const party = {
  type: 'object',
  required: ['name', 'city', 'country'],
  additionalProperties: false,
  properties: { name: text, city: text, country: { type: 'string', pattern: '^[A-Z]{2}$' } },
} as const;
const parcel = {
  type: 'object',
  required: ['weight_kg'],
  additionalProperties: false,
  properties: { weight_kg: { type: 'number', exclusiveMinimum: 0 }, description: text },
} as const;
const booking = {
  type: 'object',
  required: ['reference', 'carrier', 'sender', 'recipient', 'parcels'],
  additionalProperties: false,
  properties: {
    reference: text,
    legacy_id: { type: 'integer' },
    carrier: text,
    tracking_number: text,
    tracking_url: text,
    sender: party,
    recipient: party,
    parcels: { type: 'array', minItems: 1, maxItems: 50, items: parcel },
    estimated_delivery: { type: 'string', format: 'date' },
  },
} as const;

/** The HTTP surface of the shipments. Errors are `application/problem+json` (RFC 9457). */
export function createApi({ shipments, lifecycle, onChange }: ApiOptions): FastifyInstance {
  const api = Fastify({ bodyLimit: 64 * 1024, ajv: { customOptions: { coerceTypes: false, removeAdditional: false } } });

  api.decorateRequest('bodyText', '');
  api.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    request.bodyText = body.toString();
    try {
      done(null, JSON.parse(request.bodyText));
    } catch (error) {
      done(Object.assign(new Error(`The body is not JSON: ${String(error)}`), { statusCode: 400 }));
    }
  });
  api.setErrorHandler((error: FastifyError, _request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) process.stderr.write(`${error.stack ?? error.message}\n`);
    return problem(reply, status, {
      code: status >= 500 ? 'internal_error' : 'invalid_request',
      detail: status >= 500 ? 'Try again later.' : error.message,
    });
  });
  api.setNotFoundHandler((request, reply) =>
    problem(reply, 404, { code: 'not_found', detail: `There is no ${request.method} ${request.url}.` }),
  );

  api.post('/shipments', { schema: { body: booking } }, (request, reply) => {
    const booked = shipments.book(parseExact(request.bodyText) as Booking);
    if (booked.kind === 'reference_taken') {
      return problem(reply, 409, {
        code: 'reference_taken',
        detail: `Shipment ${booked.id} has this reference already.`,
        shipment: booked.id,
      });
    }
    onChange();
    return send(reply, 201, booked.shipment);
  });

  const change = {
    type: 'object',
    required: ['status'],
    additionalProperties: false,
    properties: { status: { type: 'string', enum: lifecycle.statuses }, carrier_message: text },
  } as const;
  api.post<{ Params: { id: string }; Body: { status: string; carrier_message?: string } }>(
    '/shipments/:id/status',
    { schema: { body: change } },
    (request, reply) => {
      const { status, carrier_message: carrierMessage } = request.body;
      const changed = shipments.changeStatus(request.params.id, { status, carrierMessage });
      switch (changed.kind) {
        case 'unknown_shipment':
          return unknownShipment(reply, request.params.id);
        case 'not_possible': {
          const next = changed.possible.length === 0 ? 'nothing can follow' : `possible are: ${changed.possible.join(', ')}`;
          const detail = `A shipment that is ${changed.status} cannot become ${status}; ${next}.`;
          return problem(reply, 409, { code: 'transition_not_possible', detail, status_now: changed.status, possible: changed.possible });
        }
        case 'changed':
          onChange();
          return send(reply, 200, changed.shipment);
      }
    },
  );

  api.get('/shipments', (_request, reply) => send(reply, 200, { data: shipments.list() }));
  api.get<{ Params: { id: string } }>('/shipments/:id', (request, reply) => {
    const shipment = shipments.find(request.params.id);
    return shipment === undefined ? unknownShipment(reply, request.params.id) : send(reply, 200, shipment);
  });

  api.get('/outbox', (_request, reply) => send(reply, 200, shipments.outbox.status()));
  for (const [path, decision] of [
    ['retry', 'waiting'],
    ['skip', 'skipped'],
  ] as const) {
    api.post<{ Params: { id: string } }>(`/outbox/:id/${path}`, (request, reply) => {
      if (!shipments.outbox.decide(request.params.id, decision)) {
        return problem(reply, 404, { code: 'not_set_aside', detail: `No event ${request.params.id} is set aside.` });
      }
      onChange();
      return send(reply, 200, shipments.outbox.status());
    });
  }
  return api;
}

function send(reply: FastifyReply, status: number, body: object): FastifyReply {
  return reply.code(status).type('application/json; charset=utf-8').send(JSON.stringify(body));
}

function problem(
  reply: FastifyReply,
  status: number,
  details: { readonly code: string; readonly detail: string; readonly [more: string]: unknown },
): FastifyReply {
  const { code, detail, ...more } = details;
  return reply
    .code(status)
    .type('application/problem+json')
    .send(JSON.stringify({ status, title: code.replaceAll('_', ' '), code, detail, ...more }));
}

function unknownShipment(reply: FastifyReply, id: string): FastifyReply {
  return problem(reply, 404, { code: 'unknown_shipment', detail: `There is no shipment ${id}.` });
}
