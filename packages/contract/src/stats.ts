import { type Static, Type } from 'typebox';
import { ApplicationRefSchema, Closed, Line, Nullable, TimestampSchema } from './fields.ts';

export const StatsQuerySchema = Closed({
  application: Type.Optional(ApplicationRefSchema),
  endpoint: Type.Optional(Line({ minLength: 1, maxLength: 128, description: 'An endpoint’s id' })),
  since: Type.Optional(
    Type.String({ format: 'date-time', maxLength: 64, description: 'Inclusive; RFC 3339, any offset. Left out: 24 hours before `until`' }),
  ),
  until: Type.Optional(Type.String({ format: 'date-time', maxLength: 64, description: 'Exclusive. Left out: now' })),
  step: Type.Optional(
    Type.String({
      pattern: '^[1-9]\\d{0,7}[smhd]?$',
      maxLength: 16,
      description: 'Whole minutes, such as `5m`, `3h`, `1d` or seconds; up to 31 days. Left out: what suits the span',
      examples: ['30m'],
    }),
  ),
});
export type StatsQuery = Static<typeof StatsQuerySchema>;

const QUANTILE = Nullable(Type.Number({ description: 'Milliseconds, within a fifth; null where there was no attempt' }));

export const StatsSchema = Type.Object(
  {
    since: TimestampSchema,
    until: TimestampSchema,
    step: Type.String({ description: 'As text: `30m`' }),
    data: Type.Array(
      Type.Object({
        at: TimestampSchema,
        accepted: Type.Integer({ description: 'Attempts that were accepted' }),
        failed: Type.Integer({ description: 'Attempts that were not' }),
        p50_ms: QUANTILE,
        p95_ms: QUANTILE,
        p99_ms: QUANTILE,
      }),
      { description: 'A point for each step, oldest first. `at` is its start, a multiple of the step since 1970' },
    ),
  },
  {
    title: 'Stats',
    description: 'Attempts over time, by when they ended. The span is widened to whole steps',
    examples: [
      {
        since: '2026-11-23T10:00:00.000Z',
        until: '2026-11-23T11:00:00.000Z',
        step: '30m',
        data: [
          { at: '2026-11-23T10:00:00.000Z', accepted: 1_204, failed: 3, p50_ms: 38, p95_ms: 210, p99_ms: 1_480 },
          { at: '2026-11-23T10:30:00.000Z', accepted: 0, failed: 0, p50_ms: null, p95_ms: null, p99_ms: null },
        ],
      },
    ],
  },
);
export type StatsView = Static<typeof StatsSchema>;
