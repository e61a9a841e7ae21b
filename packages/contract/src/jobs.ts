import { JOB_KINDS, JOB_STATES, RECOVERABLE_STATUSES } from '@posthorn/core';
import { type Static, Type } from 'typebox';
import { ApplicationRefSchema, Closed, EnvironmentSchema, Line, Nullable, OneOf, PAGE_QUERY, PageOf, TimestampSchema } from './fields.ts';

const SPAN = {
  since: Type.String({
    format: 'date-time',
    maxLength: 64,
    description: 'Of the events’ timestamps, inclusive; RFC 3339, any offset',
    examples: ['2026-11-22T00:00:00Z'],
  }),
  until: Type.Optional(Type.String({ format: 'date-time', maxLength: 64, description: 'Exclusive. Left out: now' })),
};

const EXAMPLE_SPAN = { since: '2026-11-22T00:00:00Z', until: '2026-11-23T00:00:00Z' };

export const RecoverSchema = Closed(
  {
    ...SPAN,
    status: Type.Optional(OneOf(RECOVERABLE_STATUSES, { default: 'failed', description: 'Deliveries that ended so are sent again' })),
  },
  { title: 'Recover', examples: [EXAMPLE_SPAN] },
);
export type Recover = Static<typeof RecoverSchema>;

export const ReplayMissingSchema = Closed(SPAN, { title: 'ReplayMissing', examples: [EXAMPLE_SPAN] });
export type ReplayMissing = Static<typeof ReplayMissingSchema>;

export const JobSchema = Type.Object(
  {
    id: Type.String(),
    kind: OneOf(JOB_KINDS),
    state: OneOf(JOB_STATES, { description: '`queued`: what it is to do is being counted' }),
    done: Type.Integer({ description: 'Deliveries sent again, or made' }),
    total: Type.Integer({ description: 'Of so many; grows while it is queued. Once the job is done, both are the same' }),
    application: Type.String(),
    environment: EnvironmentSchema,
    endpoint: Type.String(),
    status: Nullable(OneOf(RECOVERABLE_STATUSES, { description: 'Of the deliveries to recover' })),
    since: TimestampSchema,
    until: TimestampSchema,
    created_at: TimestampSchema,
    ended_at: Nullable(Type.String({ format: 'date-time' })),
  },
  {
    title: 'Job',
    description: 'Something that is done for any number of deliveries. It survives restarts',
    examples: [
      {
        id: 'job_01kb3m8v0e9qk5s2c7x4tz6w1r',
        kind: 'recover',
        state: 'running',
        done: 12_000,
        total: 48_211,
        application: 'app_01kb3m8v0e9qk5s2c7x4tz6w1r',
        environment: 'production',
        endpoint: 'ep_01kb3m8v0e9qk5s2c7x4tz6w1r',
        status: 'failed',
        since: '2026-11-22T00:00:00.000Z',
        until: '2026-11-23T00:00:00.000Z',
        created_at: '2026-11-23T10:04:11.120Z',
        ended_at: null,
      },
    ],
  },
);
export type JobView = Static<typeof JobSchema>;

export const JobPageSchema = PageOf(JobSchema, 'JobPage');

export const JobQuerySchema = Closed({
  application: Type.Optional(ApplicationRefSchema),
  endpoint: Type.Optional(Line({ minLength: 1, maxLength: 128, description: 'An endpoint’s id' })),
  ...PAGE_QUERY,
});
export type JobQuery = Static<typeof JobQuerySchema>;
