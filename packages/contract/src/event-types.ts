import { type Static, Type } from 'typebox';
import { Closed, EventTypeNameSchema, Nullable, PageOf, TimestampSchema } from './fields.ts';

const DescriptionSchema = Type.String({
  pattern: '^[^\\p{Cs}\\u0000]*$',
  maxLength: 4000,
  description: 'For people: when it is sent',
  examples: ['A shipment changed its status'],
});

export const EventTypePutSchema = Closed(
  {
    description: DescriptionSchema,
    schema: Type.Optional(
      Nullable(
        Type.Unsafe<object>({
          type: 'object',
          description: 'JSON Schema 2020-12 of `data`, self-contained: a `$ref` elsewhere is never fetched',
        }),
      ),
    ),
    example: Type.Optional(
      Nullable(Type.Unsafe<object>({ type: 'object', description: 'An example of `data`, which the test request sends' })),
    ),
    strict: Type.Optional(Type.Boolean({ default: false, description: 'Refuse a publish whose `data` does not fit the schema' })),
  },
  {
    title: 'EventTypePut',
    examples: [
      {
        description: 'A shipment changed its status',
        schema: { type: 'object', required: ['shipment'], properties: { shipment: { type: 'object' } } },
        example: { shipment: { id: 'shp_7Q2M', status: 'in_transit' } },
        strict: true,
      },
    ],
  },
);
export type EventTypePut = Static<typeof EventTypePutSchema>;

const EXAMPLE = {
  name: 'shipment.status_updated',
  description: 'A shipment changed its status',
  schema: null,
  example: { shipment: { id: 'shp_7Q2M', status: 'in_transit' } },
  strict: false,
  created_at: '2026-11-23T10:00:00.000Z',
  updated_at: '2026-11-23T10:00:00.000Z',
};

export const EventTypeSchema = Type.Object(
  {
    name: EventTypeNameSchema,
    description: Type.String(),
    schema: Nullable(Type.Unsafe<object>({ type: 'object', description: 'As it was put, byte for byte' })),
    example: Nullable(Type.Unsafe<object>({ type: 'object', description: 'As it was put, byte for byte' })),
    strict: Type.Boolean(),
    created_at: TimestampSchema,
    updated_at: TimestampSchema,
  },
  {
    title: 'EventType',
    description: 'A type of the catalogue, which both environments share',
    examples: [EXAMPLE],
  },
);
export type EventTypeView = Static<typeof EventTypeSchema>;

export const EventTypeDetailSchema = Type.Object(
  {
    ...EventTypeSchema.properties,
    subscribers: Nullable(
      Type.Object(
        { production: Type.Integer({ minimum: 0 }), sandbox: Type.Integer({ minimum: 0 }) },
        {
          description: 'How many endpoints name it among their `event_types`, in every application. For a service key; otherwise null',
        },
      ),
    ),
  },
  {
    title: 'EventTypeDetail',
    description: 'A type of the catalogue, and who has subscribed to it by its name',
    examples: [{ ...EXAMPLE, subscribers: { production: 12, sandbox: 3 } }],
  },
);
export type EventTypeDetailView = Static<typeof EventTypeDetailSchema>;

export const EventTypePageSchema = PageOf(EventTypeSchema, 'EventTypePage');

export const EventTypeParamsSchema = Closed({ name: EventTypeNameSchema });
export type EventTypeParams = Static<typeof EventTypeParamsSchema>;
