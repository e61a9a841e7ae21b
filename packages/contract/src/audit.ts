import { type Static, Type } from 'typebox';
import { EnvironmentSchema, Nullable, OneOf, PageOf, TimestampSchema } from './fields.ts';

export const AuditEntrySchema = Type.Object(
  {
    id: Type.String(),
    at: TimestampSchema,
    actor: Type.Object({
      kind: OneOf(['person', 'key', 'system']),
      id: Nullable(Type.String()),
      name: Type.String(),
    }),
    action: Type.String({ examples: ['endpoint.update'] }),
    target: Type.Object({ kind: Type.String({ examples: ['endpoint'] }), id: Type.String() }),
    changes: Type.Unsafe<Record<string, { from: unknown; to: unknown }>>({
      type: 'object',
      description: 'By field, what it was and what it became. Of secrets, only that they changed',
      additionalProperties: { type: 'object', properties: { from: {}, to: {} }, required: ['from', 'to'] },
    }),
    environment: Nullable(EnvironmentSchema),
  },
  {
    title: 'AuditEntry',
    description: 'Who changed what, and when',
    examples: [
      {
        id: 'aud_01kb3m8v0e9qk5s2c7x4tz6w1r',
        at: '2026-11-23T10:00:00.000Z',
        actor: { kind: 'person', id: 'per_01kb3m8v0e9qk5s2c7x4tz6w1r', name: 'Ada Lovelace' },
        action: 'endpoint.update',
        target: { kind: 'endpoint', id: 'ep_01kb3m8v0e9qk5s2c7x4tz6w1r' },
        changes: { url: { from: 'https://example.com/old', to: 'https://example.com/webhooks' } },
        environment: 'sandbox',
      },
    ],
  },
);
export type AuditEntryView = Static<typeof AuditEntrySchema>;

export const AuditPageSchema = PageOf(AuditEntrySchema, 'AuditPage');
