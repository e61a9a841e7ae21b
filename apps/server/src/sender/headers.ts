import { type PreparedSecret, signStandard, signX } from '@posthorn/receiver';

/** An endpoint's valid secrets. `X-Signature` can carry one signature, so that is the current one's. */
export interface SigningSecrets {
  readonly current: string | PreparedSecret;
  /** During a rotation: the next one, or those before. */
  readonly others: readonly (string | PreparedSecret)[];
}

export interface DeliveryHeaderOptions {
  readonly eventId: string;
  readonly body: Uint8Array;
  /** Of this attempt, in whole Unix seconds. */
  readonly timestampSeconds: number;
  readonly secrets: SigningSecrets;
  /** The endpoint's own; those that `checkCustomHeaders` objects to are left out. */
  readonly customHeaders: Readonly<Record<string, string>>;
  /** Re-sent by hand after its end. */
  readonly late: boolean;
  readonly userAgent: string;
}

/** The headers of one attempt, as the contract lists them (section 1), signed for this instant. */
export function deliveryHeaders(options: DeliveryHeaderOptions): Record<string, string> {
  const { eventId, body, timestampSeconds, secrets } = options;
  const headers: Record<string, string> = {
    'Content-Type': 'application/json',
    'User-Agent': options.userAgent,
    'X-Signature': signX(body, secrets.current),
    'webhook-id': eventId,
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': signStandard({ id: eventId, timestamp: timestampSeconds, body, secrets: [secrets.current, ...secrets.others] }),
  };
  if (options.late) headers['Posthorn-Late'] = 'true';
  for (const name in options.customHeaders) {
    const value = options.customHeaders[name];
    // Checked when they were saved. Checked again because rules may have grown since, and a bad header would end the attempt.
    if (value !== undefined && headerProblem(name, value) === null) headers[name] = value;
  }
  return headers;
}

export interface HeaderProblem {
  /** `headers`, or `headers.<name>`. */
  readonly path: string;
  readonly message: string;
}

const MAX_CUSTOM_HEADERS = 20;
const MAX_CUSTOM_BYTES = 4 * 1024;

/** What is wrong with the headers an owner sets for an endpoint; empty when nothing is. */
export function checkCustomHeaders(headers: Readonly<Record<string, string>>): HeaderProblem[] {
  const entries = Object.entries(headers);
  const problems: HeaderProblem[] = [];
  if (entries.length > MAX_CUSTOM_HEADERS) {
    problems.push({ path: 'headers', message: `At most ${MAX_CUSTOM_HEADERS} headers; there are ${entries.length}.` });
  }
  const size = entries.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (size > MAX_CUSTOM_BYTES) {
    problems.push({ path: 'headers', message: `At most ${MAX_CUSTOM_BYTES} bytes of names and values; there are ${size}.` });
  }
  const seen = new Set<string>();
  for (const [name, value] of entries) {
    const message = seen.has(name.toLowerCase()) ? 'The same header is given twice (case does not count).' : headerProblem(name, value);
    if (message !== null) problems.push({ path: `headers.${name}`, message });
    seen.add(name.toLowerCase());
  }
  return problems;
}

function headerProblem(name: string, value: string): string | null {
  if (!TOKEN.test(name)) return "A header's name consists of letters, digits and !#$%&'*+-.^_`|~ (RFC 9110).";
  if (RESERVED.has(name.toLowerCase()) || name.toLowerCase().startsWith('posthorn-')) return 'Posthorn sets this header itself.';
  if (!VALUE.test(value)) return "A header's value consists of visible ASCII characters, spaces and tabs, and no line breaks.";
  return null;
}

/** What a header's name is (RFC 9110, section 5.6.2). */
export const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e]*$/;

const RESERVED = new Set([
  'content-type',
  'user-agent',
  'x-signature',
  'webhook-id',
  'webhook-timestamp',
  'webhook-signature',
  // What frames the message and steers the connection (RFC 9110, section 7.6.1) is the sender's.
  'host',
  'content-length',
  'content-encoding',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'upgrade',
  'expect',
]);
