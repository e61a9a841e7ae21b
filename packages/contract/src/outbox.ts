import { type Static, Type } from 'typebox';
import { Closed, Nullable, PAGE_QUERY, PageOf, TimestampSchema } from './fields.ts';

export const OutboxRefusedSchema = Type.Object(
  {
    id: Type.String(),
    application: Type.String(),
    environment: Type.String({ description: 'As it was written' }),
    type: Type.String(),
    ordering_key: Nullable(Type.String()),
    data: Nullable(Type.String({ description: 'The JSON text as it was written; null: it is too large to show' })),
    reason: Type.String({ description: 'Why it could not be published' }),
    created_at: TimestampSchema,
    refused_at: TimestampSchema,
  },
  {
    title: 'OutboxRefused',
    description: 'A row of the outbox that failed a check',
    examples: [
      {
        id: '4711',
        application: 'business-4711',
        environment: 'sandbox',
        type: 'shipment status',
        ordering_key: null,
        data: '{"shipment": {"id": "shp_7Q2M"}}',
        reason: 'type: does not have the right form: Segments of `A-Z a-z 0-9 _ -` joined by dots',
        created_at: '2026-11-23T10:00:00.000Z',
        refused_at: '2026-11-23T10:00:00.250Z',
      },
    ],
  },
);
export type OutboxRefusedView = Static<typeof OutboxRefusedSchema>;

export const OutboxRefusedPageSchema = PageOf(OutboxRefusedSchema, 'OutboxRefusedPage');
export const OutboxQuerySchema = Closed(PAGE_QUERY);
