/** Deliveries, attempts and waiting, in words. */
import type { AttemptView, DeliveryDetailView, DeliveryView } from '@posthorn/contract';

type Status = DeliveryView['status'];
export type Tone = 'good' | 'bad' | 'warn' | 'wait' | 'none';

export const DELIVERY_STATUS: Readonly<Record<Status, { readonly words: string; readonly tone: Tone }>> = {
  pending: { words: 'Waiting', tone: 'wait' },
  succeeded: { words: 'Succeeded', tone: 'good' },
  failed: { words: 'Failed', tone: 'bad' },
  canceled: { words: 'Canceled', tone: 'none' },
};

const REASONS: Readonly<Record<string, string>> = {
  attempts_exhausted: 'Every attempt of the retry schedule failed.',
  endpoint_gone: 'The endpoint answered 410 (gone), which also disabled it.',
  expired: 'It could not be sent within 7 days.',
  canceled_by_hand: 'Somebody canceled it.',
  endpoint_deleted: 'Its endpoint was deleted while it waited.',
  application_deleted: 'Its application was deleted while it waited.',
};

/** Why a delivery ended without success. */
export function reasonWords(reason: DeliveryView['reason']): string | null {
  return reason === null ? null : (REASONS[reason] ?? reason);
}

const ERRORS: Readonly<Record<string, string>> = {
  dns_failure: 'Host name not found',
  address_blocked: 'Address not allowed',
  connect_refused: 'Connection refused',
  connect_timeout: 'No connection in time',
  connection_reset: 'Connection closed early',
  tls_error: 'TLS failed',
  timeout: 'No answer within 30 s',
  http_status: 'Refused',
  redirect: 'Redirected',
  invalid_response: 'Not an HTTP answer',
  response_too_large: 'Headers too large',
};

const STATUS_NAMES: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  304: 'Not Modified',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** `200 OK`, `405 Method Not Allowed` */
function statusLine(status: number): string {
  const name = STATUS_NAMES[status];
  return name === undefined ? String(status) : `${status} ${name}`;
}

type Attempted = Pick<AttemptView, 'status' | 'error' | 'response_status'>;

/** What an attempt came to: `200 OK`, `Connection refused`. */
export function attemptWords({ error, response_status: status }: Attempted): string {
  if (status !== null && (error === null || error === 'http_status' || error === 'redirect')) return statusLine(status);
  if (error === null) return 'Accepted';
  return ERRORS[error] ?? error;
}

type Waiting = NonNullable<DeliveryDetailView['waiting']>;

/** Why not yet? A heading and a sentence; the instant and the delivery ahead are shown beside them. */
export function waitingWords({ reason }: Waiting): { readonly title: string; readonly text: string } {
  switch (reason) {
    case 'gate':
      return { title: 'Waits for the next dispatch', text: 'First attempts leave together, when the environment sends.' };
    case 'key':
      return {
        title: 'Waits for an earlier event',
        text: 'Events with the same ordering key arrive in the order in which they were published. The one before has not ended yet.',
      };
    case 'breaker':
      return {
        title: 'Waits for the endpoint to recover',
        text: 'Too many deliveries in a row failed, so one at a time tries whether the endpoint works again. The first success lets all others go.',
      };
    case 'rate':
      return { title: 'Waits for the rate limit', text: 'The endpoint gets as many requests per second as its limit allows.' };
    case 'paused':
      return {
        title: 'Sending is paused',
        text: 'Nothing goes out until somebody resumes it. What waits longer than 7 days fails, and can be recovered.',
      };
    case 'disabled':
      return {
        title: 'The endpoint is disabled',
        text: 'Nothing goes out until it is enabled again. What waits longer than 7 days fails, and can be recovered.',
      };
    case 'retry':
      return { title: 'Waits for its next attempt', text: 'The last attempt failed; the next one goes when its pause is over.' };
  }
}
