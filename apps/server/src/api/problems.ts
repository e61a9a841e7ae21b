/** Errors as RFC 9457 problems: whatever goes wrong, the caller gets a stable code and a sentence, and never a stack trace. */
import type { Socket } from 'node:net';
import { type FieldError, PROBLEMS, type ProblemCode, type ProblemDocument } from '@posthorn/contract';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { InvalidCursor, StoreUnavailable } from '../store/store.ts';

/** An answer other than the one asked for. Thrown by routes, answered by `answerError`. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly statusCode: number;
  readonly errors: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;

  /** @param detail what happened this time and what to do next; never a secret */
  constructor(
    code: ProblemCode,
    detail: string,
    options: {
      readonly errors?: readonly FieldError[];
      readonly headers?: Readonly<Record<string, string>>;
      readonly cause?: unknown;
    } = {},
  ) {
    super(detail, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.statusCode = PROBLEMS[code].status;
    this.errors = options.errors ?? [];
    this.headers = options.headers ?? {};
  }

  /** Bad input, in one field. */
  static field(path: string, message: string): Problem {
    return Problem.fields([{ path, message }]);
  }

  /** Bad input, in one or more fields. */
  static fields(errors: readonly FieldError[], code: ProblemCode = 'invalid_request'): Problem {
    const [first] = errors;
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
    const detail = first === undefined ? PROBLEMS[code].title : `${first.path === '' ? 'The body' : first.path}: ${first.message}${more}`;
    return new Problem(code, detail, { errors });
  }

  document(): ProblemDocument {
    const { status, title } = PROBLEMS[this.code];
    const document: ProblemDocument = { type: `/docs/errors#${this.code}`, title, status, code: this.code, detail: this.message };
    return this.errors.length === 0 ? document : { ...document, errors: [...this.errors] };
  }
}

/** Fastify's own errors. Those that are not here are faults of ours. */
const OF_FASTIFY: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  FST_ERR_BAD_URL: ['malformed_request', 'The path has a percent sign that begins no valid escape: encode the path as UTF-8.'],
  FST_ERR_MAX_PARAM_LENGTH: ['uri_too_long', 'A part of the path is too long for anything that exists.'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['payload_too_large', 'A body has at most 1 MiB, a batch of events 16 MiB, what is sent to /auth 128 KiB.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', 'Send the body as JSON, with the header Content-Type: application/json.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['malformed_request', 'The body is not as long as its Content-Length says.'],
  FST_ERR_CTP_EMPTY_TYPE: ['unsupported_media_type', 'Send the body as JSON, with the header Content-Type: application/json.'],
};

/** The problem that an error amounts to. */
function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof InvalidCursor) {
    return new Problem('invalid_cursor', 'Use a `next_cursor` as it came, with the same filters; or leave `cursor` out to begin anew.', {
      errors: [{ path: 'cursor', message: 'is not a cursor of this list' }],
      cause: error,
    });
  }
  if (error instanceof StoreUnavailable) {
    return new Problem(
      'store_unavailable',
      'Nothing is known to have happened. Try again in a moment; an Idempotency-Key makes that safe for a publish.',
      {
        headers: { 'Retry-After': '5' },
        cause: error,
      },
    );
  }
  const code = typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = OF_FASTIFY[code];
  if (known !== undefined) return new Problem(known[0], known[1], { cause: error });
  // The caller broke off while we were reading; nobody hears this answer.
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') {
    return new Problem('malformed_request', 'The request ended before its body did.', { cause: error });
  }
  return new Problem('internal_error', 'The request failed for a reason of ours, which is in our log. Try again later.', { cause: error });
}

export function answerError(error: FastifyError | unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error);
  request.problem = problem;
  return sendProblem(problem, reply);
}

function sendProblem(problem: Problem, reply: FastifyReply): FastifyReply {
  return reply.code(problem.statusCode).headers(problem.headers).type('application/problem+json').send(problem.document());
}

/** What Node could not even read as HTTP: there is no request to reply to, only a socket. */
export function answerUnreadable(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = unreadable(error.code);
  const body = JSON.stringify(problem.document());
  const head = [
    `HTTP/1.1 ${problem.statusCode} ${REASON_PHRASES[problem.statusCode] ?? ''}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

const REASON_PHRASES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

function unreadable(code: string | undefined): Problem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new Problem('headers_too_large', 'The request line and headers have at most 16 KiB together.');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('request_timeout', 'The request was not complete within the time allowed. Send it in one go.');
    default:
      return new Problem('malformed_request', 'What was sent is not an HTTP/1.1 request.');
  }
}
