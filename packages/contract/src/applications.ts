import { type Static, Type } from 'typebox';
import { ApplicationRefSchema, Closed, Line, Nullable, PAGE_QUERY, PageOf, TimestampSchema } from './fields.ts';

/** May not look like an id: either can stand wherever an application is named. It is a path segment too, so `.` and `..` cannot be one. */
export const UidSchema = Type.String({
  pattern: '^(?!app_)[A-Za-z0-9_][A-Za-z0-9_.:@-]*$',
  minLength: 1,
  maxLength: 128,
  description: 'The provider’s own id: `A-Z a-z 0-9 _ . : @ -`, beginning with a letter, digit or `_`, and not with `app_`',
  examples: ['business-4711'],
});

const NameSchema = Line({ minLength: 1, maxLength: 200, description: 'A name for people', examples: ['Ada’s Bookshop'] });

export const ApplicationCreateSchema = Closed(
  { name: NameSchema, uid: Type.Optional(Nullable(UidSchema)) },
  { title: 'ApplicationCreate', examples: [{ name: 'Ada’s Bookshop', uid: 'business-4711' }] },
);
export type ApplicationCreate = Static<typeof ApplicationCreateSchema>;

export const ApplicationPutSchema = Closed({ name: NameSchema }, { title: 'ApplicationPut', examples: [{ name: 'Ada’s Bookshop' }] });
export type ApplicationPut = Static<typeof ApplicationPutSchema>;

export const ApplicationUpdateSchema = Closed(
  { name: Type.Optional(NameSchema), uid: Type.Optional(Nullable(UidSchema)) },
  { title: 'ApplicationUpdate', examples: [{ name: 'Ada’s Books' }] },
);
export type ApplicationUpdate = Static<typeof ApplicationUpdateSchema>;

export const ApplicationSchema = Type.Object(
  {
    id: Type.String(),
    uid: Nullable(Type.String({ description: 'The provider’s own id' })),
    name: Type.String(),
    created_at: TimestampSchema,
    updated_at: TimestampSchema,
  },
  {
    title: 'Application',
    description: 'A customer business: the tenant',
    examples: [
      {
        id: 'app_01kb3m8v0e9qk5s2c7x4tz6w1r',
        uid: 'business-4711',
        name: 'Ada’s Bookshop',
        created_at: '2026-11-23T10:00:00.000Z',
        updated_at: '2026-11-23T10:00:00.000Z',
      },
    ],
  },
);
export type ApplicationView = Static<typeof ApplicationSchema>;

export const ApplicationPageSchema = PageOf(ApplicationSchema, 'ApplicationPage');

export const ApplicationParamsSchema = Closed({ application: ApplicationRefSchema });
export type ApplicationParams = Static<typeof ApplicationParamsSchema>;

export const ApplicationPutParamsSchema = Closed({ application: UidSchema });

export const PageQuerySchema = Closed(PAGE_QUERY);
export type PageQuery = Static<typeof PageQuerySchema>;
