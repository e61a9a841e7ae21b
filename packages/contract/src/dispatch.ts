import { type Static, Type } from 'typebox';
import { ApplicationRefSchema, Closed, EnvironmentSchema, Line, Nullable, TimestampSchema } from './fields.ts';

/** What it says, the server reads: its message is better than that of a pattern. */
const CadenceSchema = Line({
  minLength: 1,
  maxLength: 256,
  description:
    '`every <n>s`, `m`, `h` or `d` (ticks at the multiples since the Unix epoch, up to 31 days), `immediate`, or `cron <expression> [time zone]` (5 fields, or 6 with seconds first; an IANA time zone, UTC otherwise)',
  examples: ['every 15m', 'immediate', 'cron 0 9 * * MON-FRI Europe/Berlin'],
});

export const CadencePutSchema = Closed({ cadence: CadenceSchema }, { title: 'CadencePut', examples: [{ cadence: 'every 15m' }] });
export type CadencePut = Static<typeof CadencePutSchema>;

export const CadencePreviewQuerySchema = Closed({ cadence: CadenceSchema });
export type CadencePreviewQuery = Static<typeof CadencePreviewQuerySchema>;

export const CadencePreviewSchema = Type.Object(
  {
    cadence: Type.String({ description: 'As it would be kept: with its time zone, in the largest unit' }),
    next: Type.Array(TimestampSchema, {
      description: 'The next five ticks; none for `immediate`, whose events leave as they are published',
    }),
    gate: Nullable(
      Type.String({
        format: 'date-time',
        description: 'With it, first attempts of events published up to here would go at once. null: none would',
      }),
    ),
  },
  {
    title: 'CadencePreview',
    examples: [
      {
        cadence: 'every 15m',
        next: [
          '2026-11-23T10:15:00.000Z',
          '2026-11-23T10:30:00.000Z',
          '2026-11-23T10:45:00.000Z',
          '2026-11-23T11:00:00.000Z',
          '2026-11-23T11:15:00.000Z',
        ],
        gate: '2026-11-23T10:00:00.000Z',
      },
    ],
  },
);
export type CadencePreviewView = Static<typeof CadencePreviewSchema>;

export const DispatchSchema = Type.Object(
  {
    environment: EnvironmentSchema,
    cadence: Type.String({ description: 'When it sends: `every 30m`, `immediate` or `cron <expression> <time zone>`' }),
    cadence_at_start: Nullable(
      Type.String({
        description:
          'What the latest start of the server was given by its settings: the next start sets it again, whatever was set meanwhile. null: nothing, and what is set while it runs stays. For a service key; otherwise null',
      }),
    ),
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
        cadence_at_start: null,
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
