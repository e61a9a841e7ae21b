/** What a route's documentation says about its answers. */
import { PROBLEMS, type ProblemCode, ProblemSchema } from '@posthorn/contract';
import type { TSchema } from 'typebox';

/** What any request may be answered with. */
const ALWAYS: readonly ProblemCode[] = [
  'malformed_request',
  'invalid_request',
  'request_timeout',
  'uri_too_long',
  'headers_too_large',
  'internal_error',
];
/** What any request with a key or a session may be answered with. */
const OF_CALLERS: readonly ProblemCode[] = [
  'unauthenticated',
  'role_required',
  'membership_required',
  'wrong_origin',
  'application_not_found',
  'too_many_requests',
  'store_unavailable',
];
/** What any request with a body may be answered with. */
export const BODY: readonly ProblemCode[] = ['invalid_json', 'payload_too_large', 'unsupported_media_type'];

interface ProblemResponse {
  readonly description: string;
  readonly content: { readonly 'application/problem+json': { readonly schema: typeof ProblemSchema } };
}

/** The error responses of a route that takes a key or a session: those that any such route has, and `codes`. */
export function problemResponses(...codes: readonly ProblemCode[]): Record<`${4 | 5}${number}`, ProblemResponse> {
  return documented([...ALWAYS, ...OF_CALLERS, ...codes]);
}

/** The error responses of a route that needs no key. */
export function openProblemResponses(...codes: readonly ProblemCode[]): Record<`${4 | 5}${number}`, ProblemResponse> {
  return documented([...ALWAYS, ...codes]);
}

function documented(codes: readonly ProblemCode[]): Record<string, ProblemResponse> {
  const byStatus = Map.groupBy(new Set(codes), (code) => PROBLEMS[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, those]) => [
      status,
      {
        description: those.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join('\n\n'),
        content: { 'application/problem+json': { schema: ProblemSchema } },
      },
    ]),
  );
}

/** 204. */
export const NO_CONTENT = { type: 'null', description: 'Done' } as unknown as TSchema;
