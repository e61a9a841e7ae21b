import { type Static, Type } from 'typebox';
import { Nullable, TimestampSchema } from './fields.ts';

const count = (description?: string) => Type.Integer({ minimum: 0, ...(description === undefined ? {} : { description }) });

export const OverviewSchema = Type.Object(
  {
    applications: count('Of both environments'),
    endpoints: Type.Object({
      enabled: count(),
      paused: count(),
      disabled: count(),
      failing: count('Of the enabled ones: the breaker is open, or the owner was warned'),
    }),
    rate_per_second: Type.Number({ minimum: 0, description: 'Attempts, over the last one to two minutes' }),
    gate_lag_ms: Type.Integer({
      minimum: 0,
      description: 'How long the oldest first attempt has been waiting beyond its tick; 0: none does',
    }),
    pending: count('Deliveries that wait'),
    oldest_pending_at: Nullable(TimestampSchema),
    breakers: Type.Object({ closed: count(), open: count(), half_open: count() }),
    slowest_endpoints: Type.Array(
      Type.Object({
        endpoint: Type.String(),
        url: Type.String(),
        application: Type.String(),
        p95_ms: Type.Integer({ minimum: 0, description: 'Of this hour and the last one' }),
      }),
    ),
    brakes: Type.Array(
      Type.Object({ application: Nullable(Type.String({ description: 'Null: the whole environment' })), since: TimestampSchema }),
      { description: 'What is paused' },
    ),
  },
  {
    title: 'OperatorOverview',
    examples: [
      {
        applications: 12,
        endpoints: { enabled: 30, paused: 1, disabled: 0, failing: 2 },
        rate_per_second: 12.5,
        gate_lag_ms: 0,
        pending: 40,
        oldest_pending_at: '2026-11-23T10:00:00.000Z',
        breakers: { closed: 29, open: 1, half_open: 1 },
        slowest_endpoints: [
          {
            endpoint: 'ep_01kb3m8v0e9qk5s2c7x4tz6w1r',
            url: 'https://example.com/webhooks',
            application: 'app_01kb3m8v0e9qk5s2c7x4tz6w1r',
            p95_ms: 2300,
          },
        ],
        brakes: [],
      },
    ],
  },
);
export type OverviewView = Static<typeof OverviewSchema>;
