/** What every route works with. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { AllowList, Clock } from '@posthorn/core';
import type { FastifyBaseLogger, FastifyInstance, RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerDefault } from 'fastify';
import type { Sender } from '../sender/sender.ts';
import type { Store } from '../store/store.ts';

export interface ApiOptions {
  readonly store: Store;
  readonly sender: Sender;
  readonly clock: Clock;
  /** Address ranges that endpoints may have although they are not public. */
  readonly allowList: AllowList;
  /** Where people reach this server; null: unknown. */
  readonly publicUrl: string | null;
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
  readonly log: FastifyBaseLogger;
}

/** Fastify, with requests typed by their TypeBox schemas. */
export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;
