import { type Static, Type } from 'typebox';
import { ApplicationRefSchema, Closed, Nullable, PageOf, TextMap, TimestampSchema } from './fields.ts';

export const InboxCreateSchema = Closed(
  { application: Type.Optional(ApplicationRefSchema) },
  { title: 'InboxCreate', examples: [{ application: 'business-4711' }] },
);
export type InboxCreate = Static<typeof InboxCreateSchema>;

export const InboxSchema = Type.Object(
  {
    id: Type.String(),
    application: Type.String(),
    token: Type.String(),
    url: Type.String({ description: 'For an endpoint of the sandbox' }),
    created_at: TimestampSchema,
  },
  {
    title: 'Inbox',
    description: 'A receiver built in: keeps its last 100 requests',
    examples: [
      {
        id: 'inb_01kb3m8v0e9qk5s2c7x4tz6w1r',
        application: 'app_01kb3m8v0e9qk5s2c7x4tz6w1r',
        token: 'Jf0cT2mXw8aQ5nB7vR3yLg',
        url: 'https://hooks.example.com/inbox/Jf0cT2mXw8aQ5nB7vR3yLg',
        created_at: '2026-11-23T10:00:00.000Z',
      },
    ],
  },
);
export type InboxView = Static<typeof InboxSchema>;

export const InboxPageSchema = PageOf(InboxSchema, 'InboxPage');

const VerdictSchema = Type.String({
  description:
    '`valid`, or what was wrong: `missing_header`, `bad_signature`, `bad_timestamp`, or `no_secret` while no endpoint has this URL',
  examples: ['valid'],
});

export const InboxRequestSchema = Type.Object(
  {
    id: Type.String(),
    received_at: TimestampSchema,
    method: Type.String(),
    headers: TextMap({ description: 'Names in lower case. A viewer sees the values of those only that every webhook has' }),
    body: Type.String({ description: 'Up to 64 KiB of it; what is not UTF-8 shows as U+FFFD' }),
    body_truncated: Type.Boolean(),
    event_id: Nullable(Type.String({ description: 'As the body has it' })),
    event_type: Nullable(Type.String()),
    signature: Type.Object({ x_signature: VerdictSchema, standard: VerdictSchema }),
  },
  {
    title: 'InboxRequest',
    examples: [
      {
        id: 'irq_01kb3m8v0e9qk5s2c7x4tz6w1r',
        received_at: '2026-11-23T10:00:00.000Z',
        method: 'POST',
        headers: { 'content-type': 'application/json', 'webhook-id': 'evt_01kb3m8v0e9qk5s2c7x4tz6w1r' },
        body: '{"id":"evt_01kb3m8v0e9qk5s2c7x4tz6w1r","type":"shipment.created"}',
        body_truncated: false,
        event_id: 'evt_01kb3m8v0e9qk5s2c7x4tz6w1r',
        event_type: 'shipment.created',
        signature: { x_signature: 'valid', standard: 'valid' },
      },
    ],
  },
);
export type InboxRequestView = Static<typeof InboxRequestSchema>;

export const InboxRequestPageSchema = PageOf(InboxRequestSchema, 'InboxRequestPage');
