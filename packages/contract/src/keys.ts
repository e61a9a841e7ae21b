import { type Static, Type } from 'typebox';
import { ApplicationRefSchema, Closed, EnvironmentSchema, Line, Nullable, PAGE_QUERY, PageOf, TimestampSchema } from './fields.ts';

export const KeyCreateSchema = Closed(
  {
    application: Type.Optional(ApplicationRefSchema),
    name: Line({ minLength: 1, maxLength: 200, description: 'To tell keys apart', examples: ['checkout service'] }),
  },
  { title: 'KeyCreate', examples: [{ application: 'business-4711', name: 'checkout service' }] },
);
export type KeyCreate = Static<typeof KeyCreateSchema>;

const KEY_FIELDS = {
  id: Type.String(),
  environment: EnvironmentSchema,
  application: Nullable(Type.String({ description: 'Null: a service key' })),
  name: Type.String(),
  hint: Type.String({ description: 'The first characters, to recognise a key by' }),
  created_at: TimestampSchema,
  last_used_at: Nullable(TimestampSchema),
};

const EXAMPLE = {
  id: 'key_01kb3m8v0e9qk5s2c7x4tz6w1r',
  environment: 'sandbox',
  application: 'app_01kb3m8v0e9qk5s2c7x4tz6w1r',
  name: 'checkout service',
  hint: 'ak_sandbox_dGhp',
  created_at: '2026-11-23T10:00:00.000Z',
  last_used_at: null,
};

export const KeySchema = Type.Object(KEY_FIELDS, { title: 'Key', examples: [EXAMPLE] });
export type KeyView = Static<typeof KeySchema>;

export const KeyCreatedSchema = Type.Object(
  { ...KEY_FIELDS, key: Type.String({ description: 'The key itself. It is stored hashed and never shown again' }) },
  { title: 'KeyCreated', examples: [{ ...EXAMPLE, key: 'ak_sandbox_dGhpcyBpcyBub3QgYSBrZXksIGp1c3QgYW4gZXhhbXBsZQ' }] },
);

export const KeyPageSchema = PageOf(KeySchema, 'KeyPage');

export const KeyQuerySchema = Closed({ application: Type.Optional(ApplicationRefSchema), ...PAGE_QUERY });
export type KeyQuery = Static<typeof KeyQuerySchema>;
