/**
 * Reading a request's body, strictly: UTF-8 that is valid, JSON without repeated keys, and the text kept beside the value,
 * for what is passed on byte for byte.
 */
import { readJson } from '@posthorn/core';
import type { FastifyRequest } from 'fastify';
import type { Api } from './context.ts';
import { Problem } from './problems.ts';

export const MAX_DEPTH = 100;

/** A body beside its parsed value. */
export interface RawBody {
  readonly bytes: Buffer;
  /** The text of a verbatim value by its path (`data`, `events[3].data`); null where there is none. */
  verbatim(path: string): string | null;
}

export function readJsonBodies(api: Api): void {
  api.decorateRequest('rawBody', null);
  api.removeAllContentTypeParsers();
  api.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes: Buffer, done) => {
    try {
      done(null, read(request, bytes));
    } catch (error) {
      done(error as Error);
    }
  });
  api.addHook('preValidation', (request, _reply, done) => {
    done(bodyProblem(request) ?? undefined);
  });
}

function read(request: FastifyRequest, bytes: Buffer): unknown {
  checkEncoding(request);
  if (bytes.length === 0) return undefined;
  const text = decode(bytes);
  const reading = readJson(text, { maxDepth: MAX_DEPTH, verbatim: request.routeOptions.config.verbatim ?? [] });
  if (!reading.ok) throw Problem.fields([reading.error], 'invalid_json');
  request.rawBody = {
    bytes,
    verbatim(path) {
      const span = reading.spans.get(path);
      return span === undefined ? null : text.slice(span[0], span[1]);
    },
  };
  return reading.value;
}

/** JSON is UTF-8 (RFC 8259, section 8.1), and requests come uncompressed. */
function checkEncoding(request: FastifyRequest): void {
  const charset = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(request.headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset))
    throw new Problem('unsupported_media_type', 'JSON is UTF-8: leave the charset out.');
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity')
    throw new Problem('unsupported_media_type', 'Send the body uncompressed, without Content-Encoding.');
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(bytes: Buffer): string {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (error) {
    throw new Problem('invalid_json', 'The body is not valid UTF-8.', {
      errors: [{ path: '', message: 'is not valid UTF-8' }],
      cause: error,
    });
  }
  if (text.charCodeAt(0) === 0xfeff)
    throw Problem.fields([{ path: '', message: 'begins with a byte order mark: leave it out' }], 'invalid_json');
  return text;
}

/** A body where none belongs, or none where one does. */
function bodyProblem(request: FastifyRequest): Problem | null {
  const { schema } = request.routeOptions;
  if (request.body === undefined) {
    if (schema?.['x-body-optional'] === true) request.body = {};
    else if (schema?.body !== undefined) return Problem.fields([{ path: '', message: 'is empty: send a JSON object' }], 'invalid_json');
    return null;
  }
  // A route with a parser of its own knows what to do with it.
  if (schema?.body !== undefined || isEmptyObject(request.body) || Buffer.isBuffer(request.body)) return null;
  return Problem.field('', 'this route takes none: leave it out, or send {}');
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}
