import { type Static, Type } from 'typebox';
import {
  ApplicationRefSchema,
  Closed,
  EnvironmentSchema,
  EventTypeNameSchema,
  Nullable,
  OrderingKeySchema,
  PAGE_QUERY,
  PageOf,
  SPAN_QUERY,
  TimestampSchema,
} from './fields.ts';

export const MAX_BATCH = 1_000;
/** One event's `data`, in bytes of UTF-8. */
export const MAX_DATA_BYTES = 256 * 1024;
export const MAX_BODY_BYTES = 1024 * 1024;
export const MAX_BATCH_BODY_BYTES = 16 * 1024 * 1024;

const PUBLISH_EXAMPLE = {
  application: 'business-4711',
  type: 'shipment.status_updated',
  data: { shipment: { id: 'shp_7Q2M', status: 'in_transit' } },
  ordering_key: 'shp_7Q2M',
};

export const EventPublishSchema = Closed(
  {
    application: Type.Optional(ApplicationRefSchema),
    type: EventTypeNameSchema,
    data: Type.Unsafe<object>({
      type: 'object',
      description: 'What happened, a JSON object of at most 256 KiB. Endpoints receive this text byte for byte',
    }),
    ordering_key: Type.Optional(Nullable(OrderingKeySchema)),
    id: Type.Optional(
      Nullable(
        Type.String({
          pattern: '^[A-Za-z0-9_-]{1,64}$',
          description: 'Your own id: a repeat with the same content answers the first result',
          examples: ['order-4711-shipped'],
        }),
      ),
    ),
  },
  { title: 'EventPublish', examples: [PUBLISH_EXAMPLE] },
);
export type EventPublish = Static<typeof EventPublishSchema>;

export const BatchPublishSchema = Closed(
  { events: Type.Array(EventPublishSchema, { minItems: 1, maxItems: MAX_BATCH, description: 'All or nothing' }) },
  { title: 'BatchPublish', examples: [{ events: [PUBLISH_EXAMPLE] }] },
);
export type BatchPublish = Static<typeof BatchPublishSchema>;

export const IdempotencyHeadersSchema = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      pattern: '^[ -~]{1,255}$',
      description: '1 to 255 printable ASCII characters, kept 24 h: a repeat answers the first result',
    }),
  ),
});
export type IdempotencyHeaders = Static<typeof IdempotencyHeadersSchema>;

const PUBLISHED_EXAMPLE = {
  id: 'evt_01kb3m8v0e9qk5s2c7x4tz6w1r',
  application: 'app_01kb3m8v0e9qk5s2c7x4tz6w1r',
  environment: 'sandbox',
  type: 'shipment.status_updated',
  timestamp: '2026-11-23T10:00:00.000Z',
  deliveries: 1,
  dispatch_at: '2026-11-23T10:05:00.000Z',
};

export const EventPublishedSchema = Type.Object(
  {
    id: Type.String(),
    application: Type.String(),
    environment: EnvironmentSchema,
    type: Type.String(),
    timestamp: TimestampSchema,
    deliveries: Type.Integer({ description: 'How many endpoints it goes to' }),
    dispatch_at: Nullable(
      Type.String({ format: 'date-time', description: 'The earliest tick at which one of them may leave; null where there are none' }),
    ),
  },
  { title: 'EventPublished', examples: [PUBLISHED_EXAMPLE] },
);
export type EventPublishedView = Static<typeof EventPublishedSchema>;

export const BatchPublishedSchema = Type.Object(
  { data: Type.Array(EventPublishedSchema, { description: 'In the order of the request' }) },
  { title: 'BatchPublished', examples: [{ data: [PUBLISHED_EXAMPLE] }] },
);

export const EventSchema = Type.Object(
  {
    id: Type.String(),
    application: Type.String(),
    environment: EnvironmentSchema,
    type: Type.String(),
    timestamp: TimestampSchema,
    ordering_key: Nullable(Type.String()),
    deliveries: Type.Integer({ description: 'How many endpoints it went to' }),
    body: Type.String({ description: 'The exact body that endpoints receive, as text' }),
  },
  {
    title: 'Event',
    description: 'An immutable fact',
    examples: [
      {
        id: 'evt_01kb3m8v0e9qk5s2c7x4tz6w1r',
        application: 'app_01kb3m8v0e9qk5s2c7x4tz6w1r',
        environment: 'sandbox',
        type: 'shipment.status_updated',
        timestamp: '2026-11-23T10:00:00.000Z',
        ordering_key: 'shp_7Q2M',
        deliveries: 1,
        body: '{"id":"evt_01kb3m8v0e9qk5s2c7x4tz6w1r","type":"shipment.status_updated","timestamp":"2026-11-23T10:00:00.000Z","environment":"sandbox","data":{"shipment":{"id":"shp_7Q2M","status":"in_transit"}}}',
      },
    ],
  },
);
export type EventView = Static<typeof EventSchema>;

export const EventPageSchema = PageOf(EventSchema, 'EventPage');

export const EventQuerySchema = Closed({
  application: Type.Optional(ApplicationRefSchema),
  type: Type.Optional(EventTypeNameSchema),
  ordering_key: Type.Optional(OrderingKeySchema),
  ...SPAN_QUERY,
  ...PAGE_QUERY,
});
export type EventQuery = Static<typeof EventQuerySchema>;

/** An event's own id is unique per application only. */
export const EventOneQuerySchema = Closed({ application: Type.Optional(ApplicationRefSchema) });
export type EventOneQuery = Static<typeof EventOneQuerySchema>;
