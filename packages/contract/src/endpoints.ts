import { ORDERINGS } from '@posthorn/core';
import { type Static, Type } from 'typebox';
import {
  ApplicationRefSchema,
  Closed,
  EnvironmentSchema,
  Line,
  Nullable,
  OneOf,
  PAGE_QUERY,
  PageOf,
  TextMap,
  TimestampSchema,
} from './fields.ts';

export const ENDPOINT_STATUSES = ['enabled', 'paused', 'disabled'] as const;

/** How many requests an endpoint gets at once unless the provider says otherwise. */
export const DEFAULT_MAX_IN_FLIGHT = 8;

/** What only the API provider (a service key) may set. */
export const PROVIDER_SETTINGS = ['cadence', 'rate_limit', 'max_in_flight'] as const;

const UrlSchema = Line({
  minLength: 1,
  maxLength: 2048,
  description: 'https in production, http or https in the sandbox; no credentials, no fragment',
  examples: ['https://shop.example.com/webhooks'],
});

/** checkSecret has the last word; a message of its own tells more than a pattern. */
const SecretSchema = Type.String({
  maxLength: 1024,
  description: '12 to 256 printable ASCII characters; after `whsec_`, the base64 of 16 to 64 bytes. Left out: one is generated',
  examples: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo='],
});

const SETTINGS = {
  url: UrlSchema,
  description: Type.Optional(Line({ maxLength: 500, description: 'For people', examples: ['Order system'] })),
  event_types: Type.Optional(
    Type.Array(
      Type.String({
        pattern: '^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*(\\.\\*)?$',
        minLength: 1,
        maxLength: 128,
        description: 'Segments of `A-Z a-z 0-9 _ -` joined by dots, and at the end perhaps `.*`',
      }),
      {
        maxItems: 100,
        description: 'Names, or `shipment.*` for every type that starts with `shipment.`; empty: all types',
        examples: [['shipment.*']],
      },
    ),
  ),
  headers: Type.Optional(
    TextMap({
      maxLength: 4096,
      maxProperties: 20,
      description: 'Sent with each request; none that Posthorn sets itself',
      examples: [{ 'X-Team': 'orders' }],
    }),
  ),
  cadence: Type.Optional(
    Nullable(
      Line({
        minLength: 1,
        maxLength: 256,
        description: '`every 30m`, `immediate` or `cron <expression> [time zone]`; null: the environment’s. Service key',
        examples: ['immediate'],
      }),
    ),
  ),
  ordering: Type.Optional(
    OneOf(ORDERINGS, { default: 'key', description: 'In publish order per ordering key, in publish order altogether, or in any order' }),
  ),
  rate_limit: Type.Optional(
    Nullable(Type.Number({ minimum: 0.01, maximum: 10_000, description: 'Requests per second; null: unlimited. Service key' })),
  ),
  max_in_flight: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 100, default: DEFAULT_MAX_IN_FLIGHT, description: 'Requests at once. Service key' }),
  ),
  retry_schedule: Type.Optional(
    Nullable(
      Type.Array(Type.Integer({ minimum: 1, maximum: 604_800 }), {
        maxItems: 20,
        description: 'Seconds after each failed attempt; null: the default schedule',
        examples: [[5, 300, 1800]],
      }),
    ),
  ),
};

export const EndpointCreateSchema = Closed(
  { application: Type.Optional(ApplicationRefSchema), secret: Type.Optional(SecretSchema), ...SETTINGS },
  {
    title: 'EndpointCreate',
    examples: [{ application: 'business-4711', url: 'https://shop.example.com/webhooks', event_types: ['shipment.*'] }],
  },
);
export type EndpointCreate = Static<typeof EndpointCreateSchema>;

export const EndpointUpdateSchema = Closed(
  {
    ...SETTINGS,
    url: Type.Optional(UrlSchema),
    status: Type.Optional(OneOf(['enabled', 'paused'], { description: 'Pauses and resumes' })),
  },
  { title: 'EndpointUpdate', examples: [{ status: 'paused' }] },
);
export type EndpointUpdate = Static<typeof EndpointUpdateSchema>;

const HealthSchema = Type.Object(
  {
    state: OneOf(['ok', 'failing', 'disabled'], {
      description: '`failing`: the circuit breaker is open, or nothing was accepted for so long that its owner was told',
    }),
    since: Nullable(Type.String({ format: 'date-time', description: 'The first failure since the last success' })),
    reason: Nullable(Type.String({ description: 'In words, for people' })),
    breaker: Type.Object({
      state: OneOf(['closed', 'open', 'half_open'], { description: 'While it is open, only probes go, one at a time' }),
      next_probe_at: Nullable(Type.String({ format: 'date-time' })),
    }),
    consecutive_failures: Type.Integer(),
    last_success_at: Nullable(Type.String({ format: 'date-time' })),
    disables_at: Nullable(
      Type.String({
        format: 'date-time',
        description: 'Without a success, the system disables the endpoint with the first failure after this',
      }),
    ),
  },
  { description: 'How the endpoint is doing' },
);

const ENDPOINT_FIELDS = {
  id: Type.String(),
  application: Type.String(),
  environment: EnvironmentSchema,
  url: Type.String(),
  description: Type.String(),
  event_types: Type.Array(Type.String(), { description: 'Empty: all types' }),
  headers: TextMap({ description: 'The endpoint’s own headers' }),
  cadence: Nullable(Type.String({ description: 'Null: the environment’s' })),
  ordering: OneOf(ORDERINGS),
  rate_limit: Nullable(Type.Number({ description: 'Requests per second; null: unlimited' })),
  max_in_flight: Type.Integer(),
  retry_schedule: Nullable(Type.Array(Type.Integer(), { description: 'Null: the default schedule' })),
  status: OneOf(ENDPOINT_STATUSES),
  disabled_reason: Nullable(OneOf(['gone', 'failing'], { description: 'Why the system disabled it: it answered 410, or failed for days' })),
  health: HealthSchema,
  created_at: TimestampSchema,
  updated_at: TimestampSchema,
};

const EXAMPLE = {
  id: 'ep_01kb3m8v0e9qk5s2c7x4tz6w1r',
  application: 'app_01kb3m8v0e9qk5s2c7x4tz6w1r',
  environment: 'sandbox',
  url: 'https://shop.example.com/webhooks',
  description: 'Order system',
  event_types: ['shipment.*'],
  headers: {},
  cadence: null,
  ordering: 'key',
  rate_limit: null,
  max_in_flight: DEFAULT_MAX_IN_FLIGHT,
  retry_schedule: null,
  status: 'enabled',
  disabled_reason: null,
  health: {
    state: 'ok',
    since: null,
    reason: null,
    breaker: { state: 'closed', next_probe_at: null },
    consecutive_failures: 0,
    last_success_at: '2026-11-23T10:00:00.000Z',
    disables_at: null,
  },
  created_at: '2026-11-23T10:00:00.000Z',
  updated_at: '2026-11-23T10:00:00.000Z',
};
const EXAMPLE_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=';

export const EndpointSchema = Type.Object(ENDPOINT_FIELDS, {
  title: 'Endpoint',
  description: 'A webhook URL with its settings',
  examples: [EXAMPLE],
});
export type EndpointView = Static<typeof EndpointSchema>;

const RotationSchema = Type.Object({
  promotes_at: Nullable(Type.String({ format: 'date-time', description: 'When the next secret becomes current; null once it has' })),
  previous_valid_until: Nullable(
    Type.String({ format: 'date-time', description: 'How long the one before still signs `webhook-signature`' }),
  ),
});

export const EndpointDetailSchema = Type.Object(
  {
    ...ENDPOINT_FIELDS,
    rotation: Type.Unsafe<Static<typeof RotationSchema> | null>({
      ...RotationSchema,
      type: ['object', 'null'],
      description: 'While more than one secret is valid',
    }),
  },
  {
    title: 'EndpointDetail',
    examples: [{ ...EXAMPLE, rotation: { promotes_at: '2026-11-24T10:00:00.000Z', previous_valid_until: null } }],
  },
);
export type EndpointDetailView = Static<typeof EndpointDetailSchema>;

const STANDARD_SECRET = Type.String({
  description: 'The same secret for Standard Webhooks libraries: `whsec_` and the base64 of its bytes',
});

export const EndpointCreatedSchema = Type.Object(
  {
    ...ENDPOINT_FIELDS,
    secret: Type.String({ description: 'The signing secret, this once; later `GET /v1/endpoints/{id}/secret`' }),
    standard_secret: STANDARD_SECRET,
  },
  { title: 'EndpointCreated', examples: [{ ...EXAMPLE, secret: EXAMPLE_SECRET, standard_secret: EXAMPLE_SECRET }] },
);

export const EndpointPageSchema = PageOf(EndpointSchema, 'EndpointPage');

export const EndpointQuerySchema = Closed({ application: Type.Optional(ApplicationRefSchema), ...PAGE_QUERY });
export type EndpointQuery = Static<typeof EndpointQuerySchema>;

export const SecretViewSchema = Type.Object(
  {
    secret: Type.String({ description: 'The current secret: signs `X-Signature`, and `webhook-signature`' }),
    standard_secret: STANDARD_SECRET,
    next: Type.Unsafe<{ secret: string; standard_secret: string; promotes_at: string } | null>({
      ...Type.Object({ secret: Type.String(), standard_secret: STANDARD_SECRET, promotes_at: TimestampSchema }),
      type: ['object', 'null'],
      description: 'During a rotation: signs `webhook-signature` as well, and becomes current at `promotes_at`',
    }),
    previous: Type.Unsafe<{ secret: string; standard_secret: string; valid_until: string } | null>({
      ...Type.Object({ secret: Type.String(), standard_secret: STANDARD_SECRET, valid_until: TimestampSchema }),
      type: ['object', 'null'],
      description: 'After a rotation: still signs `webhook-signature` until `valid_until`',
    }),
  },
  { title: 'Secret', examples: [{ secret: EXAMPLE_SECRET, standard_secret: EXAMPLE_SECRET, next: null, previous: null }] },
);
export type SecretView = Static<typeof SecretViewSchema>;

export const RotateSchema = Closed(
  {
    secret: Type.Optional(SecretSchema),
    overlap_seconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 604_800,
        default: 86_400,
        description: 'Until the next secret becomes current, and the old one’s validity after that; 0 switches at once',
      }),
    ),
  },
  { title: 'Rotate', examples: [{ overlap_seconds: 3600 }] },
);
export type Rotate = Static<typeof RotateSchema>;
