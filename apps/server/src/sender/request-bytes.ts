import type { Target } from './pool.ts';

/**
 * One POST request as it goes on the wire, head and body in one piece: one write, one system call.
 *
 * @throws {TypeError} for a header that is none, or one that is the connection's own business
 */
export function requestBytes(target: Target, headers: Readonly<Record<string, string>>, body: Uint8Array): Buffer {
  let head = target.requestStart;
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined) continue;
    if (!NAME.test(name) || !VALUE.test(value)) throw new TypeError(`invalid ${name} header`);
    head += `${name}: ${value}\r\n`;
  }
  head += `content-length: ${body.length}\r\n\r\n`;
  const bytes = Buffer.allocUnsafe(head.length + body.length);
  bytes.write(head, 0, 'latin1');
  bytes.set(body, head.length);
  return bytes;
}

/** The part that is the same for each request to a URL. @param host as `URL.host` */
export function requestStart(host: string, path: string): string {
  return `POST ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`;
}

/** RFC 9110, section 5.6.2; without what frames the message or steers the connection. */
const NAME = /^(?!(?:host|connection|content-length|transfer-encoding|expect|upgrade|te|trailer|keep-alive)$)[!#$%&'*+.^_`|~0-9A-Za-z-]+$/i;
/** Visible characters of Latin-1, blanks and tabs. */
const VALUE = /^[\t\x20-\x7e\xa0-\xff]*$/;
