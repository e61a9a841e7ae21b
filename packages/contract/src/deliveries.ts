import { ATTEMPT_ERROR_CODES, DELIVERY_REASONS, DELIVERY_STATUSES, WAITING_REASONS } from '@posthorn/core';
import { type Static, Type } from 'typebox';
import {
  ApplicationRefSchema,
  Closed,
  EnvironmentSchema,
  EventTypeNameSchema,
  Line,
  Nullable,
  OneOf,
  OrderingKeySchema,
  PAGE_QUERY,
  PageOf,
  SPAN_QUERY,
  TextMap,
  TimestampSchema,
} from './fields.ts';

const MILLISECONDS = Nullable(Type.Number({ description: 'Milliseconds; null for a phase that did not happen' }));

const TimingsSchema = Type.Object({
  dns: MILLISECONDS,
  connect: MILLISECONDS,
  tls: MILLISECONDS,
  first_byte: MILLISECONDS,
  body: MILLISECONDS,
});

const ATTEMPT_EXAMPLE = {
  number: 1,
  started_at: '2026-11-23T10:05:00.012Z',
  status: 'failed',
  response_status: 401,
  response_headers: { 'content-type': 'text/plain' },
  response_body: 'bad signature',
  response_body_truncated: false,
  error: 'http_status',
  error_detail: null,
  advice: 'The endpoint did not accept the request’s signature: is it the right secret?',
  duration_ms: 48,
  timings: { dns: 3, connect: 11, tls: 19, first_byte: 14, body: 1 },
  stale: false,
};

export const AttemptSchema = Type.Object(
  {
    number: Type.Integer(),
    started_at: TimestampSchema,
    status: OneOf(['succeeded', 'failed']),
    response_status: Nullable(Type.Integer({ description: 'Null where no answer came' })),
    response_headers: Nullable(TextMap({ description: 'Names in lower case' })),
    response_body: Nullable(Type.String({ description: 'As text, up to 16 KiB' })),
    response_body_truncated: Type.Boolean({ description: 'There was more of it' }),
    error: Nullable(OneOf(ATTEMPT_ERROR_CODES)),
    error_detail: Nullable(Type.String({ description: 'The system’s own words on a transport error' })),
    advice: Nullable(Type.String({ description: 'What to mend, for people' })),
    duration_ms: Type.Integer(),
    timings: TimingsSchema,
    stale: Type.Boolean({ description: 'It was settled by a dispatcher that had lost its lease, and changed nothing' }),
  },
  { title: 'Attempt', description: 'One HTTP request of a delivery', examples: [ATTEMPT_EXAMPLE] },
);
export type AttemptView = Static<typeof AttemptSchema>;

const DELIVERY_FIELDS = {
  id: Type.String(),
  event: Type.String(),
  event_type: Type.String(),
  endpoint: Type.String(),
  application: Type.String(),
  environment: EnvironmentSchema,
  ordering_key: Nullable(Type.String()),
  status: OneOf(DELIVERY_STATUSES),
  reason: Nullable(OneOf(DELIVERY_REASONS, { description: 'Why it ended as failed or canceled' })),
  attempt_count: Type.Integer(),
  next_attempt_at: Nullable(
    Type.String({ format: 'date-time', description: 'When the next attempt may go at the earliest; null once it has ended' }),
  ),
  late: Type.Boolean({ description: 'It was sent again by hand after its end' }),
  created_at: TimestampSchema,
};

const DELIVERY_EXAMPLE = {
  id: 'dlv_01kb3m8v0e9qk5s2c7x4tz6w1r',
  event: 'evt_01kb3m8v0e9qk5s2c7x4tz6w1r',
  event_type: 'shipment.status_updated',
  endpoint: 'ep_01kb3m8v0e9qk5s2c7x4tz6w1r',
  application: 'app_01kb3m8v0e9qk5s2c7x4tz6w1r',
  environment: 'sandbox',
  ordering_key: 'shp_7Q2M',
  status: 'pending',
  reason: null,
  attempt_count: 1,
  next_attempt_at: '2026-11-23T10:05:05.420Z',
  late: false,
  created_at: '2026-11-23T10:00:00.000Z',
};

export const DeliverySchema = Type.Object(DELIVERY_FIELDS, {
  title: 'Delivery',
  description: 'One event on its way to one endpoint',
  examples: [DELIVERY_EXAMPLE],
});
export type DeliveryView = Static<typeof DeliverySchema>;

const WaitingSchema = Type.Object({
  reason: OneOf(WAITING_REASONS),
  until: Nullable(
    Type.String({ format: 'date-time', description: 'Null when no instant is known: a person has to act, or another delivery has to end' }),
  ),
  behind: Nullable(Type.String({ description: 'The delivery whose end is awaited, for `key`' })),
});

export const DeliveryDetailSchema = Type.Object(
  {
    ...DELIVERY_FIELDS,
    waiting: Type.Unsafe<Static<typeof WaitingSchema> | null>({
      ...WaitingSchema,
      type: ['object', 'null'],
      description: 'Why not yet? Null when nothing holds it back, or it has ended',
    }),
    attempts: Type.Array(AttemptSchema, { description: 'In the order in which they were made; of more than 100, the last 100' }),
  },
  {
    title: 'DeliveryDetail',
    examples: [
      { ...DELIVERY_EXAMPLE, waiting: { reason: 'retry', until: '2026-11-23T10:05:05.420Z', behind: null }, attempts: [ATTEMPT_EXAMPLE] },
    ],
  },
);
export type DeliveryDetailView = Static<typeof DeliveryDetailSchema>;

export const DeliveryPageSchema = PageOf(DeliverySchema, 'DeliveryPage');

export const DeliveryQuerySchema = Closed({
  application: Type.Optional(ApplicationRefSchema),
  endpoint: Type.Optional(Line({ minLength: 1, maxLength: 128, description: 'An endpoint’s id' })),
  event: Type.Optional(Line({ minLength: 1, maxLength: 128, description: 'An event’s id' })),
  status: Type.Optional(OneOf(DELIVERY_STATUSES)),
  ordering_key: Type.Optional(OrderingKeySchema),
  ...SPAN_QUERY,
  ...PAGE_QUERY,
});
export type DeliveryQuery = Static<typeof DeliveryQuerySchema>;

const TEST_TYPE = Type.Optional(EventTypeNameSchema);

export const EndpointTestSchema = Closed({ type: TEST_TYPE }, { title: 'EndpointTest', examples: [{ type: 'shipment.status_updated' }] });
export type EndpointTest = Static<typeof EndpointTestSchema>;

export const UrlTestSchema = Closed(
  {
    url: Line({ minLength: 1, maxLength: 2048, description: 'Where to', examples: ['https://shop.example.com/webhooks'] }),
    secret: Type.Optional(
      Type.String({ maxLength: 1024, description: 'To sign with. Left out: one is generated, and shown in the answer' }),
    ),
    type: TEST_TYPE,
  },
  { title: 'UrlTest', examples: [{ url: 'https://shop.example.com/webhooks' }] },
);
export type UrlTest = Static<typeof UrlTestSchema>;

export const TestResultSchema = Type.Object(
  {
    ...AttemptSchema.properties,
    event: Type.String({ description: 'The id in the body and in `webhook-id`; the event is not stored' }),
    event_type: Type.String(),
    body: Type.String({ description: 'The exact body that was sent' }),
    secret: Type.Optional(Type.String({ description: 'The secret that signed it, where one was generated for this request' })),
  },
  {
    title: 'TestResult',
    description: 'The test request’s attempt, whatever it came to',
    examples: [
      {
        ...ATTEMPT_EXAMPLE,
        event: 'evt_01kb3m8v0e9qk5s2c7x4tz6w1r',
        event_type: 'webhook.test',
        body: '{"id":"evt_01kb3m8v0e9qk5s2c7x4tz6w1r","type":"webhook.test","timestamp":"2026-11-23T10:05:00.000Z","environment":"sandbox","data":{}}',
      },
    ],
  },
);
export type TestResultView = Static<typeof TestResultSchema>;
