/** Pieces of which the schemas are made. Every string has a limit, and none may hold control characters or half a surrogate pair. */
import { type Static, type TObject, type TProperties, type TSchema, type TSchemaOptions, type TUnsafe, Type } from 'typebox';

/** No control characters (a NUL cannot be stored everywhere), no lone surrogates (they are not UTF-8). */
const PLAIN_TEXT = '^[^\\p{Cc}\\p{Cs}]*$';

/** A closed object: a field that it does not name is refused. */
export function Closed<P extends TProperties>(properties: P, options: TSchemaOptions = {}): TObject<P> {
  return Type.Object(properties, { ...options, additionalProperties: false });
}

/** One line of text for people. */
export function Line(options: {
  readonly minLength?: number;
  readonly maxLength: number;
  readonly description: string;
  readonly examples?: string[];
}) {
  return Type.String({ pattern: PLAIN_TEXT, ...options });
}

/** The same, or null. Written as a list of types, so that an error says "must be string or null" and not which branch failed. */
export function Nullable<T extends TSchema>(schema: T): TUnsafe<Static<T> | null> {
  const plain: { type?: string; enum?: readonly unknown[] } = schema;
  return Type.Unsafe<Static<T> | null>({
    ...schema,
    type: [plain.type ?? 'string', 'null'],
    ...(plain.enum === undefined ? {} : { enum: [...plain.enum, null] }),
  });
}

export function OneOf<const V extends readonly string[]>(values: V, options: TSchemaOptions = {}): TUnsafe<V[number]> {
  return Type.Unsafe<V[number]>({ ...options, type: 'string', enum: [...values] });
}

/** An object of texts by free names. */
export function TextMap(options: {
  readonly description: string;
  readonly maxLength?: number;
  readonly maxProperties?: number;
  readonly examples?: unknown[];
}) {
  const { maxLength, ...rest } = options;
  return Type.Unsafe<Record<string, string>>({
    ...rest,
    type: 'object',
    additionalProperties: { type: 'string', ...(maxLength === undefined ? {} : { maxLength }) },
  });
}

export const ENVIRONMENTS = ['production', 'sandbox'] as const;

export const EnvironmentSchema = OneOf(ENVIRONMENTS, { description: 'Data never crosses from one to the other', examples: ['sandbox'] });

/** RFC 3339 with milliseconds, in UTC. */
export const TimestampSchema = Type.String({
  format: 'date-time',
  description: 'RFC 3339, UTC, with milliseconds',
  examples: ['2026-11-23T10:00:00.000Z'],
});

export const ApplicationRefSchema = Line({
  minLength: 1,
  maxLength: 128,
  description: 'An application, by its id or by the provider’s own `uid`',
  examples: ['app_01kb3m8v0e9qk5s2c7x4tz6w1r'],
});

export const EventTypeNameSchema = Type.String({
  pattern: '^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$',
  minLength: 1,
  maxLength: 128,
  description: 'Segments of `A-Z a-z 0-9 _ -` joined by dots',
  examples: ['shipment.status_updated'],
});

export const OrderingKeySchema = Line({
  minLength: 1,
  maxLength: 256,
  description: 'Events with the same key reach an endpoint in publish order',
  examples: ['shp_7Q2M'],
});

/** The `:id` of a path. What it does not match cannot exist, but is told apart from what merely does not. */
export function IdParams(description: string) {
  return Closed({ id: Line({ minLength: 1, maxLength: 128, description }) });
}

export const PAGE_QUERY = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20, description: 'How many at most' })),
  cursor: Type.Optional(Line({ minLength: 1, maxLength: 1024, description: 'The `next_cursor` of the page before' })),
};

export const SPAN_QUERY = {
  since: Type.Optional(
    Type.String({ format: 'date-time', maxLength: 64, description: 'On the event’s timestamp, inclusive; RFC 3339, any offset' }),
  ),
  until: Type.Optional(
    Type.String({ format: 'date-time', maxLength: 64, description: 'On the event’s timestamp, exclusive; RFC 3339, any offset' }),
  ),
};

/** A page of a list, newest first. */
export function PageOf<T extends TSchema>(item: T, title: string) {
  return Type.Object(
    {
      data: Type.Array(item),
      next_cursor: Nullable(
        Type.String({
          description:
            'For the next page; null on the last. A page may be short, even empty, and yet have a next one: a search goes back a part at a time',
        }),
      ),
    },
    { title, description: 'Newest first' },
  );
}
