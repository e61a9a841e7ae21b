/** What routes and requests carry beyond Fastify's own. */
import type { Access } from './access.ts';
import type { Principal } from './auth.ts';
import type { RawBody } from './json-body.ts';
import type { Problem } from './problems.ts';
import type { Session } from './sessions.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Null where the route's access is no rank. */
    principal: Principal | null;
    /** Null without one, and where a key was sent. */
    session: Session | null;
    /** Null without a body. */
    rawBody: RawBody | null;
    /** What the request was answered with instead; null: what it asked for. */
    problem: Problem | null;
  }

  interface FastifyContextConfig {
    /** Paths of the body that are kept as text: see core's readJson. */
    verbatim?: readonly string[];
    /** Who may call it. Every route under /v1 says so. */
    access?: Access;
  }

  interface FastifySchema {
    summary?: string;
    description?: string;
    tags?: readonly string[];
    operationId?: string;
    security?: readonly Record<string, readonly string[]>[];
    hide?: boolean;
    /** A missing body stands for {}. */
    'x-body-optional'?: boolean;
  }
}
