import { type Static, Type } from 'typebox';
import { EmailSchema, LinkTokenSchema, RoleSchema } from './accounts.ts';
import { ApplicationRefSchema, Closed, Line, PAGE_QUERY, PageOf, TimestampSchema } from './fields.ts';

export const MemberSchema = Type.Object(
  {
    id: Type.String({ description: 'The person’s' }),
    email: Type.String(),
    name: Type.String(),
    role: RoleSchema,
    created_at: TimestampSchema,
  },
  {
    title: 'Member',
    examples: [
      {
        id: 'per_01kb3m8v0e9qk5s2c7x4tz6w1r',
        email: 'ada@example.com',
        name: 'Ada Lovelace',
        role: 'owner',
        created_at: '2026-11-23T10:00:00.000Z',
      },
    ],
  },
);
export type MemberView = Static<typeof MemberSchema>;

export const MemberPageSchema = PageOf(MemberSchema, 'MemberPage');

export const MemberUpdateSchema = Closed({ role: RoleSchema }, { title: 'MemberUpdate', examples: [{ role: 'developer' }] });
export type MemberUpdate = Static<typeof MemberUpdateSchema>;

/** For whoever acts across applications; others have their own. */
export const ApplicationQuerySchema = Closed({ application: Type.Optional(ApplicationRefSchema) });
export type ApplicationQuery = Static<typeof ApplicationQuerySchema>;

export const ApplicationListQuerySchema = Closed({ application: Type.Optional(ApplicationRefSchema), ...PAGE_QUERY });
export type ApplicationListQuery = Static<typeof ApplicationListQuerySchema>;

export const InvitationCreateSchema = Closed(
  { application: Type.Optional(ApplicationRefSchema), email: EmailSchema, role: RoleSchema },
  { title: 'InvitationCreate', examples: [{ email: 'grace@example.com', role: 'developer' }] },
);
export type InvitationCreate = Static<typeof InvitationCreateSchema>;

const INVITATION_FIELDS = {
  id: Type.String(),
  email: Type.String(),
  role: RoleSchema,
  created_at: TimestampSchema,
  expires_at: TimestampSchema,
};

const INVITATION = {
  id: 'inv_01kb3m8v0e9qk5s2c7x4tz6w1r',
  email: 'grace@example.com',
  role: 'developer',
  created_at: '2026-11-23T10:00:00.000Z',
  expires_at: '2026-11-30T10:00:00.000Z',
};

export const InvitationSchema = Type.Object(INVITATION_FIELDS, { title: 'Invitation', examples: [INVITATION] });
export type InvitationView = Static<typeof InvitationSchema>;

export const InvitationPageSchema = PageOf(InvitationSchema, 'InvitationPage');

export const InvitationCreatedSchema = Type.Object(
  {
    ...INVITATION_FIELDS,
    url: Type.String({
      description:
        'The link to hand over. It is not shown again. Where mail is sent, an owner’s proves no address: whoever signs up by it confirms theirs',
    }),
    mailed: Type.Boolean({ description: 'Whether the link was also mailed' }),
  },
  { title: 'InvitationCreated', examples: [{ ...INVITATION, url: 'https://hooks.example.com/invite/Jf0cT2mX', mailed: false }] },
);

export type InvitationCreatedView = Static<typeof InvitationCreatedSchema>;

export const InvitationByTokenSchema = Type.Object(
  {
    application: Type.String({ description: 'Its name' }),
    email: Type.String(),
    role: RoleSchema,
    expired: Type.Boolean({ description: 'It was accepted, withdrawn or replaced, or its time is over' }),
  },
  {
    title: 'InvitationByToken',
    examples: [{ application: 'Ada’s Bookshop', email: 'grace@example.com', role: 'developer', expired: false }],
  },
);

export type InvitationByTokenView = Static<typeof InvitationByTokenSchema>;

/** A link's token, given back. */
export const LinkSchema = Closed({ token: LinkTokenSchema }, { title: 'Link', examples: [{ token: 'Jf0cT2mX' }] });
export type Link = Static<typeof LinkSchema>;

export const LinkParamsSchema = Closed({ token: LinkTokenSchema });

export const PortalLinkCreateSchema = Closed(
  {
    expires_in_seconds: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 86_400, description: 'How long it may be opened; 300 by default' }),
    ),
    role: Type.Optional(RoleSchema),
    name: Type.Optional(
      Line({ minLength: 1, maxLength: 200, description: 'Who it is for: stands in the audit log', examples: ['Ada Lovelace'] }),
    ),
  },
  { title: 'PortalLinkCreate', examples: [{ role: 'developer', name: 'Ada Lovelace' }] },
);
export type PortalLinkCreate = Static<typeof PortalLinkCreateSchema>;

export const PortalLinkSchema = Type.Object(
  { url: Type.String({ description: 'Works once' }), expires_at: TimestampSchema },
  { title: 'PortalLink', examples: [{ url: 'https://hooks.example.com/portal/Jf0cT2mX', expires_at: '2026-11-23T10:05:00.000Z' }] },
);
