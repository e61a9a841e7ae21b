import { type Static, Type } from 'typebox';
import { ApplicationRefSchema, Closed, EnvironmentSchema, Nullable, TimestampSchema } from './fields.ts';

export const DispatchSchema = Type.Object(
  {
    environment: EnvironmentSchema,
    cadence: Type.String({ description: 'When it sends: `every 30m`, `immediate` or `cron <expression> <time zone>`' }),
    last_at: Nullable(
      Type.String({
        format: 'date-time',
        description:
          'When a dispatch last sent something. For an application key: when its own last attempt was, to the minute, a few seconds later',
      }),
    ),
    next_at: Nullable(Type.String({ format: 'date-time', description: 'The next tick; null where the cadence has none left' })),
    pending: Type.Integer({ description: 'Deliveries that wait; for an application key, its own' }),
    oldest_pending_at: Nullable(Type.String({ format: 'date-time', description: 'The publish of the oldest of them' })),
    paused_at: Nullable(
      Type.String({
        format: 'date-time',
        description: 'Since when the operator holds everything back; null: not. For an application key, its own too',
      }),
    ),
    paused_applications: Type.Array(Type.Object({ application: Type.String(), paused_at: TimestampSchema }), {
      description: 'Applications that are held back by themselves. For a service key',
    }),
  },
  {
    title: 'Dispatch',
    examples: [
      {
        environment: 'production',
        cadence: 'every 30m',
        last_at: '2026-11-23T10:00:00.000Z',
        next_at: '2026-11-23T10:30:00.000Z',
        pending: 12,
        oldest_pending_at: '2026-11-23T10:04:11.120Z',
        paused_at: null,
        paused_applications: [],
      },
    ],
  },
);
export type DispatchView = Static<typeof DispatchSchema>;

export const BrakeSchema = Closed(
  { application: Type.Optional(ApplicationRefSchema) },
  { title: 'Brake', description: 'Left out: the whole environment', examples: [{ application: 'business-4711' }] },
);
export type Brake = Static<typeof BrakeSchema>;

export const EndpointDispatchSchema = Type.Object(
  {
    endpoint: Type.String(),
    pending: Type.Integer({ description: 'Deliveries that wait, and may go now' }),
    opened_at: TimestampSchema,
  },
  {
    title: 'EndpointDispatch',
    examples: [{ endpoint: 'ep_01kb3m8v0e9qk5s2c7x4tz6w1r', pending: 3, opened_at: '2026-11-23T10:04:11.120Z' }],
  },
);
export type EndpointDispatchView = Static<typeof EndpointDispatchSchema>;
