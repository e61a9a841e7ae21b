/** The head of an HTTP/1.x answer, read as RFC 9112 has clients read it. */
import { TOKEN } from './headers.ts';

/** Where the body ends (RFC 9112, section 6.3). */
export type Framing =
  | { readonly kind: 'length' /** Bytes; 0 where there is no body. */; readonly bytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until_close' };

export interface AnswerHead {
  /** 100 to 999: some servers have numbers of their own. */
  readonly status: number;
  /** By name in lower case; values given more than once are joined with a comma, bytes are characters of Latin-1. */
  readonly headers: Readonly<Record<string, string>>;
  readonly framing: Framing;
  /** May another request follow on this connection? */
  readonly keepAlive: boolean;
  /** How long the server says that it keeps an idle connection; null where it does not say. */
  readonly keepAliveSeconds: number | null;
}

export const NO_STATUS_LINE = 'its first line is not a status line';

/**
 * @param text the bytes from the status line to the last header, each a character, without the empty line behind
 * @returns what is wrong with it, in words of our own, where it is no head
 */
export function readHead(text: string): AnswerHead | string {
  // A value that goes on in the next line, as it once was allowed (section 5.2).
  const [statusLine = '', ...lines] = text.replace(/\r\n[\t ]+/g, ' ').split('\r\n');
  const [, minor, status] = STATUS_LINE.exec(statusLine) ?? [];
  if (status === undefined) return NO_STATUS_LINE;
  const headers = readHeaders(lines);
  if (typeof headers === 'string') return headers;
  const framing = framingOf(Number(status), headers);
  if (typeof framing === 'string') return framing;
  return {
    status: Number(status),
    headers,
    framing,
    keepAlive: isKept(headers, { isOld: minor === '0', framing }),
    keepAliveSeconds: keepAliveSeconds(headers['keep-alive']),
  };
}

/** Section 4. Three digits that are no status (below 100) do not pass. */
const STATUS_LINE = /^HTTP\/1\.(\d) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
/** RFC 9110, section 5.5. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const LENGTH = /^\d{1,15}$/;

function readHeaders(lines: readonly string[]): Record<string, string> | string {
  // Without a prototype: `__proto__` is a name like any other.
  const headers: Record<string, string> = Object.create(null);
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    const value = withoutOuterBlanks(line, colon + 1);
    if (!TOKEN.test(name) || !VALUE.test(value)) return 'one of its header lines is none';
    const before = headers[name];
    headers[name] = before === undefined ? value : `${before}, ${value}`;
  }
  return headers;
}

function withoutOuterBlanks(text: string, start: number): string {
  let from = start;
  let to = text.length;
  while (from < to && isBlank(text.charCodeAt(from))) from += 1;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function framingOf(status: number, headers: Readonly<Record<string, string>>): Framing | string {
  const coding = headers['transfer-encoding'];
  const lengths = headers['content-length'];
  // Section 6.3 lets a client ignore the length; whoever sends both is mistaken about one of them, and may be up to something.
  if (coding !== undefined && lengths !== undefined) return 'it has both a length and a transfer coding';
  // Given twice it is a list here, even if both agree (rule 5).
  if (lengths !== undefined && !LENGTH.test(lengths)) return 'its length is not one number';
  if (status < 200 || status === 204 || status === 304) return { kind: 'length', bytes: 0 };
  if (coding !== undefined) return tokens(coding).at(-1) === 'chunked' ? { kind: 'chunked' } : { kind: 'until_close' };
  return lengths === undefined ? { kind: 'until_close' } : { kind: 'length', bytes: Number(lengths) };
}

/** Section 9.3. */
function isKept(
  headers: Readonly<Record<string, string>>,
  { isOld, framing }: { readonly isOld: boolean; readonly framing: Framing },
): boolean {
  const connection = tokens(headers['connection']);
  if (connection.includes('close') || (isOld && !connection.includes('keep-alive'))) return false;
  switch (framing.kind) {
    case 'until_close':
      return false;
    case 'chunked':
      // With HTTP/1.0 a transfer coding cannot be trusted (section 6.1).
      return !isOld;
    case 'length':
      // Some servers send the body that a 204 cannot have, and it would be read as the next answer.
      return framing.bytes > 0 || (headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0);
  }
}

function keepAliveSeconds(text: string | undefined): number | null {
  const seconds = text === undefined ? undefined : /(?:^|[,\t ])timeout=(\d{1,6})(?:$|[,\t ])/i.exec(text)?.[1];
  return seconds === undefined ? null : Number(seconds);
}

function tokens(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(',').map((token) => withoutOuterBlanks(token, 0).toLowerCase());
}
