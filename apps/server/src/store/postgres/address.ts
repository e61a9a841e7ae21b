/**
 * DATABASE_URL: one or several hosts, as libpq takes them (PostgreSQL documentation, 32.1.1.2, 32.1.1.3):
 *
 *   postgres://user:password@one:5432,two:5432/posthorn?target_session_attrs=read-write
 *
 * The driver connects to one host; here the hosts are taken apart, so that each can be tried in turn.
 *
 * Of sslmode the driver makes something else than libpq does: whoever asks for TLS gets the server's certificate and name verified, by `require` as by
 * `verify-full`. That is kept, by the name that will still mean it in the driver's next major version.
 */

const URL_SHAPE = /^(postgres(?:ql)?:\/\/)((?:[^/?#]*@)?)([^/?#]*)(.*)$/s;
const DEFAULT_PORT = '5432';
/** The usual reason, and one that nobody finds: what ends a URL's host ends a password too. */
const IN_A_PASSWORD = 'in a password, / ? # are written %2F %3F %23';
/** What sslmode may be, and what the driver is told. */
const SSL_MODES: Readonly<Record<string, string>> = {
  disable: 'disable',
  prefer: 'verify-full',
  require: 'verify-full',
  'verify-ca': 'verify-full',
  'verify-full': 'verify-full',
  'no-verify': 'no-verify',
};

export interface DatabaseAddress {
  /** A URL for each host, in the order given. */
  readonly urls: readonly string[];
}

/** @throws {RangeError} whose message completes "DATABASE_URL …", without the URL: it holds a password */
export function parseDatabaseUrl(text: string): DatabaseAddress {
  const [, scheme = '', credentials = '', hosts = '', rest = ''] = URL_SHAPE.exec(text) ?? [];
  if (scheme === '') throw new RangeError('must be a postgres:// URL');
  const parameters = withSslMode(withoutAttributes(rest));
  const urls = hosts.split(',').map((host) => `${scheme}${credentials}${withPort(host)}${parameters}`);
  for (const url of urls) {
    // A URL without a host is one of a Unix socket (?host=/run/postgresql).
    if (hosts !== '' && !URL.canParse(url))
      throw new RangeError(`must be a postgres:// URL: a host or port in it does not do (${IN_A_PASSWORD})`);
  }
  return { urls };
}

function withPort(host: string): string {
  return host === '' || /:\d+$/.test(host) ? host : `${host}:${DEFAULT_PORT}`;
}

/** Whatever is asked for, only a server that takes writes will do: `connect` sees to it. */
function withoutAttributes(rest: string): string {
  const attributes = /([?&])target_session_attrs=([^&#]*)(&?)/.exec(rest);
  if (attributes === null) return rest;
  const [whole, before = '', value = '', after = ''] = attributes;
  if (!['read-write', 'primary', 'any'].includes(value)) {
    throw new RangeError('has another target_session_attrs than read-write: Posthorn writes');
  }
  return rest.replace(whole, after === '' ? '' : before);
}

function withSslMode(rest: string): string {
  const [whole, before = '', value = ''] = /([?&]sslmode=)([^&#]*)/.exec(rest) ?? [];
  // Whoever asks for libpq's own meaning gets that.
  if (whole === undefined || /[?&]uselibpqcompat=true(?:[&#]|$)/.test(rest)) return rest;
  const mode = Object.hasOwn(SSL_MODES, value) ? SSL_MODES[value] : undefined;
  if (mode === undefined) throw new RangeError(`has an sslmode that is none: use ${Object.keys(SSL_MODES).join(', ')}`);
  return rest.replace(whole, `${before}${mode}`);
}
