/** People, their memberships and sessions from a portal link; and test inboxes. */
import type { ApplicationId, EndpointId, InboxId, InboxRequestId, InvitationId, PersonId, PortalSessionId } from '@posthorn/core';
import type { Environment, Page, PageRequest } from './basics.ts';
import type { Application, EndpointSecrets } from './tenants.ts';

/** What a member may do: a viewer looks, a developer changes, an owner also decides who is a member. */
export const ROLES = ['owner', 'developer', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

/** Somebody with an account. The account itself (password, sessions) is better-auth's. */
export interface Person {
  readonly id: PersonId;
  /** Lower case. */
  readonly email: string;
  readonly name: string;
}

export interface Member extends Person {
  readonly role: Role;
  readonly createdAt: number;
}

export interface Membership {
  readonly application: Application;
  readonly role: Role;
}

export interface PeopleStore {
  /** What a person may do, everywhere. Oldest membership first. */
  standing(person: PersonId): Promise<{ readonly operator: boolean; readonly memberships: Membership[] }>;
  /** Makes an application with this person as its owner. `member`: they are a member of one already. */
  found(person: PersonId, input: { readonly name: string }): Promise<Application | 'member'>;
  members(application: ApplicationId, page: PageRequest): Promise<Page<Member>>;
  /** `last_owner`: an application always has one. Null: no such member. */
  setRole(application: ApplicationId, person: string, role: Role): Promise<Member | 'last_owner' | null>;
  remove(application: ApplicationId, person: string): Promise<'removed' | 'last_owner' | null>;
  /** Enters in the audit log that a link for a new password was made: the link itself is better-auth’s. */
  noteResetLink(person: Person): Promise<void>;
  /** To whom to write about an endpoint. Empty for one that is deleted. */
  ownersOf(endpoint: EndpointId): Promise<Person[]>;
}

export interface Invitation {
  readonly id: InvitationId;
  readonly application: { readonly id: ApplicationId; readonly name: string };
  /** Lower case. */
  readonly email: string;
  readonly role: Role;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** When it was accepted, withdrawn or replaced; null: it is open, if it has not expired. */
  readonly endedAt: number | null;
}

/** Tokens come hashed (SHA-256), here and below. */
export interface InvitationStore {
  /** Replaces an open one of the same address. `member`: the address is a member's. Null: no such application. */
  create(input: {
    readonly application: ApplicationId;
    readonly email: string;
    readonly role: Role;
    readonly tokenHash: Uint8Array;
    readonly expiresAt: number;
  }): Promise<Invitation | 'member' | null>;
  /** Those that have not ended. */
  list(application: ApplicationId, page: PageRequest): Promise<Page<Invitation>>;
  byToken(tokenHash: Uint8Array): Promise<Invitation | null>;
  /** False: there is no such open one. */
  withdraw(application: ApplicationId, id: string): Promise<boolean>;
  /**
   * Makes the person a member, once. One who is a member already keeps the role. `over`: unknown, ended or expired;
   * `for_another`: it is for another address.
   */
  accept(tokenHash: Uint8Array, person: Person): Promise<'accepted' | 'over' | 'for_another'>;
}

/** The operator runs the installation and acts across applications. */
export interface OperatorStore {
  any(): Promise<boolean>;
  /** A link that makes its visitor the operator, while there is none. */
  addLink(tokenHash: Uint8Array): Promise<void>;
  /** Whether `claim` would do. */
  isLink(tokenHash: Uint8Array): Promise<boolean>;
  /** Makes the person the operator, and every link void. False: the link is worth nothing. */
  claim(tokenHash: Uint8Array, person: PersonId): Promise<boolean>;
}

/** A visitor whom the provider vouches for, without an account. */
export interface PortalSession extends Membership {
  readonly id: PortalSessionId;
  /** Where alone it may act; null: in both. */
  readonly environment: Environment | null;
  readonly name: string;
  readonly expiresAt: number;
}

export interface PortalStore {
  /** False: no such application. */
  addLink(input: {
    readonly application: ApplicationId;
    readonly environment: Environment | null;
    readonly role: Role;
    /** Who it is for: the name in the audit log. */
    readonly name: string;
    readonly tokenHash: Uint8Array;
    readonly expiresAt: number;
  }): Promise<boolean>;
  /** Turns a link into a session, once. Null: used, expired or unknown. */
  open(link: Uint8Array, session: { readonly tokenHash: Uint8Array; readonly expiresAt: number }): Promise<PortalSession | null>;
  session(tokenHash: Uint8Array): Promise<PortalSession | null>;
  end(tokenHash: Uint8Array): Promise<void>;
}

/** A receiver built in, of the sandbox. */
export interface Inbox {
  readonly id: InboxId;
  readonly application: ApplicationId;
  /** The last part of its URL. */
  readonly token: string;
  readonly createdAt: number;
}

/** A request that came in. */
export interface InboxRequest {
  readonly id: InboxRequestId;
  readonly receivedAt: number;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Its beginning, where it is long. */
  readonly body: Uint8Array;
  readonly bodyTruncated: boolean;
  /** Of the event in the body; null: there is none. */
  readonly eventId: string | null;
  readonly eventType: string | null;
  /** What came of checking each signature: `valid`, or what was wrong. */
  readonly xSignature: string;
  readonly standard: string;
}

export interface InboxStore {
  /** `limit`: the application has as many as it may. Null: no such application. */
  create(input: { readonly application: ApplicationId; readonly token: string; readonly most: number }): Promise<Inbox | 'limit' | null>;
  get(id: string): Promise<Inbox | null>;
  list(filter: { readonly application: ApplicationId | null } & PageRequest): Promise<Page<Inbox>>;
  /** With what it has received. False: there is none. */
  delete(id: InboxId): Promise<boolean>;
  /** With the secrets of the sandbox endpoints of its application whose URL holds the token. */
  byToken(token: string): Promise<{ readonly inbox: Inbox; readonly secrets: EndpointSecrets[] } | null>;
  /** Keeps the request, and of the inbox's only the last `most`. False: the inbox is gone. */
  keep(inbox: InboxId, request: Omit<InboxRequest, 'id'>, most: number): Promise<boolean>;
  requests(inbox: InboxId, page: PageRequest): Promise<Page<InboxRequest>>;
}
