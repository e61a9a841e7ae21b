/** What every route works with. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { AllowList, Clock } from '@posthorn/core';
import type { FastifyBaseLogger, FastifyInstance, RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerDefault } from 'fastify';
import type { Accounts } from '../accounts/accounts.ts';
import type { Mailer } from '../mail/mailer.ts';
import type { Sender } from '../sender/sender.ts';
import type { Store } from '../store/store.ts';

export interface ApiOptions {
  readonly store: Store;
  readonly sender: Sender;
  readonly clock: Clock;
  /** Address ranges that endpoints may have although they are not public. */
  readonly allowList: AllowList;
  /** Where people reach this server, an origin; null: nobody said. */
  readonly publicUrl: string | null;
  /** The same for links, or else where it listens. Without a slash at the end. */
  readonly baseUrl: () => string;
  /** Whose X-Forwarded-* headers to believe (Fastify's trustProxy). */
  readonly trustProxy: boolean | number | string | string[];
  /** How long an endpoint may fail without one success before it is disabled. */
  readonly disableAfterMs: number;
  /** Of webhook requests. */
  readonly userAgent: string;
  readonly version: string;
  /** What `GET /metrics` shows; null: there is none. `open`: without a token, since only this machine can ask. */
  readonly metrics: {
    readonly token: string | null;
    readonly open: boolean;
    text(): Promise<{ readonly contentType: string; readonly body: string }>;
  } | null;
  readonly accounts: Accounts;
  /** Null: no mail is sent. */
  readonly mailer: Mailer | null;
  readonly branding: Branding;
  /** Whether anybody may make an account, or whoever is invited. */
  readonly signUp: 'open' | 'closed';
  /** Null: not built. */
  readonly webApp: WebApp | null;
  readonly log: FastifyBaseLogger;
}

/** How the operator presents this installation. */
export interface Branding {
  readonly name: string;
  readonly logoUrl: string | null;
  /** `#rrggbb` */
  readonly accentColor: string | null;
  /** Where webhook requests come from, for other people's firewalls. */
  readonly egressAddresses: readonly string[];
}

/** The built web app. */
export interface WebApp {
  readonly folder: string;
  /** Its one page. */
  readonly index: string;
  /** Content-Security-Policy. */
  readonly policy: string;
}

/** Fastify, with requests typed by their TypeBox schemas. */
export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;
