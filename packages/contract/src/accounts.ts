import { type Static, Type } from 'typebox';
import { Closed, EnvironmentSchema, Line, Nullable, OneOf, TimestampSchema } from './fields.ts';

export const ROLES = ['owner', 'developer', 'viewer'] as const;
export type RoleName = (typeof ROLES)[number];

export const RoleSchema = OneOf(ROLES, {
  description: 'A `viewer` looks, a `developer` changes, an `owner` also decides who is a member',
  examples: ['developer'],
});

/** An address is kept in lower case. */
export const EmailSchema = Type.String({
  format: 'email',
  minLength: 3,
  maxLength: 254,
  description: 'An e-mail address; upper and lower case are the same',
  examples: ['ada@example.com'],
});

const PersonNameSchema = Line({
  minLength: 1,
  maxLength: 200,
  description: 'What colleagues know the person by',
  examples: ['Ada Lovelace'],
});

const PasswordSchema = Line({ minLength: 8, maxLength: 128, description: '8 to 128 characters' });
/** A password that was set under other rules has to be tried all the same. */
const GivenPasswordSchema = Line({ minLength: 1, maxLength: 128, description: 'The password' });

/** The secret part of a link. */
export const LinkTokenSchema = Line({ minLength: 1, maxLength: 128, description: 'The last part of a link' });

export const SignUpSchema = Closed(
  {
    name: PersonNameSchema,
    email: EmailSchema,
    password: PasswordSchema,
    token: Type.Optional(
      Line({
        minLength: 1,
        maxLength: 128,
        description: 'Of an invitation, or of the operator’s link: lets its holder sign up where that is closed',
      }),
    ),
  },
  { title: 'SignUp', examples: [{ name: 'Ada Lovelace', email: 'ada@example.com', password: 'a few words in a row' }] },
);
export type SignUp = Static<typeof SignUpSchema>;

export const SignInSchema = Closed(
  { email: EmailSchema, password: GivenPasswordSchema },
  { title: 'SignIn', examples: [{ email: 'ada@example.com', password: 'a few words in a row' }] },
);
export type SignIn = Static<typeof SignInSchema>;

export const PasswordChangeSchema = Closed(
  { current_password: GivenPasswordSchema, password: PasswordSchema },
  { title: 'PasswordChange', examples: [{ current_password: 'a few words in a row', password: 'some other words in a row' }] },
);
export type PasswordChange = Static<typeof PasswordChangeSchema>;

export const PasswordResetRequestSchema = Closed(
  { email: EmailSchema },
  { title: 'PasswordResetRequest', examples: [{ email: 'ada@example.com' }] },
);
export type PasswordResetRequest = Static<typeof PasswordResetRequestSchema>;

export const PasswordResetSchema = Closed(
  { token: LinkTokenSchema, password: PasswordSchema },
  { title: 'PasswordReset', examples: [{ token: 'Jf0cT2mX', password: 'some other words in a row' }] },
);
export type PasswordReset = Static<typeof PasswordResetSchema>;

export const ResetLinkSchema = Type.Object(
  { url: Type.String({ description: 'Works once' }), expires_at: TimestampSchema },
  { title: 'ResetLink', examples: [{ url: 'https://hooks.example.com/reset-password/Jf0cT2mX', expires_at: '2026-11-23T11:00:00.000Z' }] },
);

const PERSON = { id: 'per_01kb3m8v0e9qk5s2c7x4tz6w1r', email: 'ada@example.com', name: 'Ada Lovelace' };

export const PersonSchema = Type.Object(
  { id: Type.String(), email: Type.String(), name: Type.String() },
  { title: 'Person', description: 'Somebody with an account', examples: [PERSON] },
);
export type PersonView = Static<typeof PersonSchema>;

export const SignedInSchema = Type.Object({ person: PersonSchema }, { title: 'SignedIn', examples: [{ person: PERSON }] });

export const SignedUpSchema = Type.Object(
  {
    person: Type.Union([PersonSchema, Type.Null()]),
    verify_email: Type.Boolean({ description: 'True: nobody is signed in yet. The link that was mailed does that' }),
  },
  { title: 'SignedUp', examples: [{ person: PERSON, verify_email: false }] },
);

export type SignedUpView = Static<typeof SignedUpSchema>;

export const SessionSchema = Type.Object(
  {
    person: Type.Union([PersonSchema, Type.Null()], { description: 'Null: a visitor of the portal' }),
    operator: Type.Boolean({ description: 'Runs this installation: may act across applications' }),
    via: OneOf(['password', 'portal']),
    environments: Type.Array(EnvironmentSchema, { description: 'Where the session may act' }),
    applications: Type.Array(Type.Object({ id: Type.String(), name: Type.String(), uid: Nullable(Type.String()), role: RoleSchema }), {
      description: 'Where the person is a member',
    }),
  },
  {
    title: 'Session',
    examples: [
      {
        person: PERSON,
        operator: false,
        via: 'password',
        environments: ['production', 'sandbox'],
        applications: [{ id: 'app_01kb3m8v0e9qk5s2c7x4tz6w1r', name: 'Ada’s Bookshop', uid: 'business-4711', role: 'owner' }],
      },
    ],
  },
);
export type SessionView = Static<typeof SessionSchema>;

export const SessionUpdateSchema = Closed({ name: PersonNameSchema }, { title: 'SessionUpdate', examples: [{ name: 'Ada King' }] });
export type SessionUpdate = Static<typeof SessionUpdateSchema>;

export const BrandingSchema = Type.Object(
  {
    name: Type.String({ description: 'What the operator calls this installation' }),
    logo_url: Nullable(Type.String()),
    accent_color: Nullable(Type.String({ description: 'As `#rrggbb`' })),
    sign_up: OneOf(['open', 'closed'], { description: 'Whether anybody may make an account, or whoever is invited' }),
    needs_operator: Type.Boolean({ description: 'Nobody has opened the link of the first start yet' }),
    mail: Type.Boolean({ description: 'Whether this installation sends mail: invitations, and links for a new password' }),
    egress_addresses: Type.Array(Type.String(), { description: 'Where webhook requests come from, for firewalls; empty: not said' }),
  },
  {
    title: 'Branding',
    examples: [
      {
        name: 'Parcel Post',
        logo_url: null,
        accent_color: '#0f766e',
        sign_up: 'open',
        needs_operator: false,
        mail: false,
        egress_addresses: ['203.0.113.7'],
      },
    ],
  },
);
export type BrandingView = Static<typeof BrandingSchema>;
