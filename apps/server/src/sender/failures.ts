import type { TransportErrorCode } from '@posthorn/core';

/** Why there was no final status: the stable code, and a sentence for people with the system's own code in it. */
export interface Failure {
  readonly code: TransportErrorCode;
  readonly detail: string;
}

/** A dial that came to nothing. */
export class DialError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.detail);
    this.failure = failure;
  }
}

/** All addresses refused or could not be reached; `codes` are the system's, one for each address. */
export function connectFailure(where: string, codes: readonly string[]): Failure {
  const seen = [...new Set(codes)].join(', ');
  if (codes.length > 0 && codes.every((code) => code === 'ECONNRESET')) {
    return { code: 'connection_reset', detail: `${where} reset the connection while it was being opened (${seen}).` };
  }
  if (codes.includes('ETIMEDOUT')) return { code: 'connect_timeout', detail: `${where} did not accept a connection in time (${seen}).` };
  const reason = codes.includes('ECONNREFUSED') ? 'refused the connection' : 'could not be reached';
  return { code: 'connect_refused', detail: `${where} ${reason} (${seen}).` };
}

export function tlsFailure(host: string, error: NodeJS.ErrnoException | null): Failure {
  const code = error?.code ?? 'closed';
  if (error === null || code === 'ECONNRESET' || code === 'EPIPE') {
    return { code: 'connection_reset', detail: `${host} closed the connection during the TLS handshake (${code}).` };
  }
  return { code: 'tls_error', detail: `${tlsReason(host, code, error)} (${code}).` };
}

function tlsReason(host: string, code: string, error: Error): string {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return `The certificate of ${host} has expired`;
    case 'CERT_NOT_YET_VALID':
      return `The certificate of ${host} is not valid yet`;
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return `The certificate of ${host} is self-signed`;
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `The certificate is not for ${host}`;
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return `The issuer of the certificate of ${host} is not known; perhaps the server does not send its intermediate certificates`;
    default:
      // OpenSSL's errors carry a short `reason` ("wrong version number"); their message is a line of file names and numbers.
      return `TLS with ${host} failed: ${'reason' in error && typeof error.reason === 'string' ? error.reason : error.message}`;
  }
}

/** A connection that stood, and ended before the final headers had come. @param error null where the other side simply closed it */
export function brokenConnection(host: string, error: NodeJS.ErrnoException | null): Failure {
  if (error?.code?.startsWith('ERR_SSL')) return tlsFailure(host, error);
  return { code: 'connection_reset', detail: `${host} closed the connection before it had answered (${error?.code ?? 'closed'}).` };
}

/** @param problem why it is no answer, in words of our own */
export function invalidAnswer(host: string, problem: string): Failure {
  return { code: 'invalid_response', detail: `What ${host} answered is not a valid HTTP/1.1 response (${problem}).` };
}

export const HEADERS_TOO_LARGE = 'The headers of the answer are larger than 16 KiB.';
