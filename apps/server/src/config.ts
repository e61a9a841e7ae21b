/**
 * Every setting of the program, in one table: an environment variable, its flag of `posthorn serve`, its default and its check. This is
 * the only reader of the environment. docs/settings.md is checked against the table by a test.
 */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs, parseEnv } from 'node:util';
import { type AllowList, formatCadence, parseAllowList, parseCadence } from '@posthorn/core';

/** A setting that does not do. The message is one line and names the setting. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Reads one value. Throws a RangeError whose message completes "SETTING …". */
type Read<T> = (text: string) => T;

interface Setting<T, D extends string | null> {
  readonly env: string;
  readonly flag: string;
  /** As text, in the same form as a value given; null: none. */
  readonly default: D;
  readonly secret?: boolean;
  readonly about: string;
  readonly read: Read<T>;
}

function setting<T, const D extends string | null>(definition: Setting<T, D>): Setting<T, D> {
  return definition;
}

const cadence: Read<string> = (text) => {
  const parsed = parseCadence(text);
  if (!parsed.ok) throw new RangeError(`is not a cadence: ${parsed.message}`);
  return formatCadence(parsed.cadence);
};

const integer =
  (least: number, most: number): Read<number> =>
  (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new RangeError(`must be a whole number from ${least} to ${most}, not "${text}"`);
    return value;
  };

const DURATION_UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90d`, `12h`, `30m`, `45s`: milliseconds. */
const duration =
  (least: string): Read<number> =>
  (text) => {
    const ms = durationMs(text);
    if (ms === null || ms < (durationMs(least) ?? 0))
      throw new RangeError(`must be a time of at least ${least}, such as 5d or 12h, not "${text}"`);
    return ms;
  };

function durationMs(text: string): number | null {
  const [, number = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  return number === '' ? null : Number(number) * (DURATION_UNITS[unit] ?? Number.NaN);
}

const oneOf =
  <T extends string>(...values: readonly T[]): Read<T> =>
  (text) => {
    const value = values.find((candidate) => candidate === text);
    if (value === undefined) throw new RangeError(`must be one of ${values.join(', ')}, not "${text}"`);
    return value;
  };

const serviceKey =
  (environment: 'production' | 'sandbox'): Read<string> =>
  (text) => {
    const prefix = `sk_${environment}_`;
    if (!text.startsWith(prefix) || !/^[A-Za-z0-9_-]{20,200}$/.test(text.slice(prefix.length))) {
      throw new RangeError(`must be ${prefix} followed by 20 to 200 characters of A-Z a-z 0-9 _ -`);
    }
    return text;
  };

const printable: Read<string> = (text) => {
  if (!/^[\x20-\x7e]{1,200}$/.test(text)) throw new RangeError('must be 1 to 200 printable ASCII characters');
  return text;
};

function httpUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) throw new RangeError(`must be an http or https URL, not "${text}"`);
  return url;
}

export const SETTINGS = {
  port: setting({
    env: 'PORT',
    flag: 'port',
    default: '8080',
    about:
      'port of the API and the web app; 0 takes a free one. With the role dispatcher, only where it is given: of /healthz, /readyz and /metrics',
    read: integer(0, 65_535),
  }),
  host: setting({ env: 'HOST', flag: 'host', default: '127.0.0.1', about: 'address to listen on', read: printable }),
  publicUrl: setting({
    env: 'POSTHORN_PUBLIC_URL',
    flag: 'public-url',
    default: null,
    about: 'where people reach this server, when that is not http://HOST:PORT',
    read: (text) => {
      const url = httpUrl(text);
      // Pages, cookies and links are made for the root of a host.
      if (url.href !== `${url.origin}/`) throw new RangeError(`must end after the host and its port, as in ${url.origin}, not "${text}"`);
      return url.origin;
    },
  }),
  trustProxy: setting({
    env: 'POSTHORN_TRUST_PROXY',
    flag: 'trust-proxy',
    default: 'false',
    about: 'whose X-Forwarded-* headers to believe: false, true, a number of proxies, or addresses and CIDRs separated by commas',
    read: (text): boolean | number | string[] => {
      if (text === 'true' || text === 'false') return text === 'true';
      if (/^\d{1,2}$/.test(text)) return Number(text);
      const list = parseAllowList(text);
      if (!list.ok) throw new RangeError(`must be true, false, a number, or addresses: ${list.message}`);
      return text.split(',').map((part) => part.trim());
    },
  }),
  dataDir: setting({
    env: 'POSTHORN_DATA_DIR',
    flag: 'data-dir',
    default: './data',
    about: 'folder of the SQLite database, the first service keys and the encryption key',
    read: (text) => resolve(text),
  }),
  databaseUrl: setting({
    env: 'DATABASE_URL',
    flag: 'database-url',
    default: null,
    secret: true,
    about: 'postgres:// URL of one host or several: stores in PostgreSQL (15 to 18) instead of SQLite',
    read: (text) => {
      if (!/^postgres(ql)?:\/\/./.test(text)) throw new RangeError('must be a postgres:// URL');
      return text;
    },
  }),
  role: setting({
    env: 'POSTHORN_ROLE',
    flag: 'role',
    default: 'all',
    about: 'what this process does: all, or with PostgreSQL api or dispatcher',
    read: oneOf('all', 'api', 'dispatcher'),
  }),
  concurrency: setting({
    env: 'POSTHORN_CONCURRENCY',
    flag: 'concurrency',
    default: '256',
    about: 'webhook requests in flight at once',
    read: integer(1, 10_000),
  }),
  hostConcurrency: setting({
    env: 'POSTHORN_HOST_CONCURRENCY',
    flag: 'host-concurrency',
    default: null,
    about: 'of these, to one host and port; half of them when absent',
    read: integer(1, 10_000),
  }),
  disableAfter: setting({
    env: 'POSTHORN_DISABLE_AFTER',
    flag: 'disable-after',
    default: '5d',
    about: 'how long an endpoint may fail without one success before it is disabled',
    read: duration('1m'),
  }),
  retention: setting({
    env: 'POSTHORN_RETENTION',
    flag: 'retention',
    default: '90d',
    about: 'how long events, deliveries and attempts are kept',
    read: duration('1s'),
  }),
  encryptionKey: setting({
    env: 'POSTHORN_ENCRYPTION_KEY',
    flag: 'encryption-key',
    default: null,
    secret: true,
    about: '32 bytes in base64 that encrypt signing secrets; made in the data folder when absent with SQLite, required with PostgreSQL',
    read: (text) => {
      const bytes = Buffer.from(text, 'base64');
      if (bytes.length !== 32 || bytes.toString('base64').replace(/=+$/, '') !== text.replace(/=+$/, '')) {
        throw new RangeError('must be 32 bytes in base64 (make one with: openssl rand -base64 32)');
      }
      return new Uint8Array(bytes);
    },
  }),
  cadenceProduction: setting({
    env: 'POSTHORN_CADENCE_PRODUCTION',
    flag: 'cadence-production',
    default: 'every 30m',
    about: 'when production sends: "every 30m", "immediate" or "cron <expression> [time zone]"',
    read: cadence,
  }),
  cadenceSandbox: setting({
    env: 'POSTHORN_CADENCE_SANDBOX',
    flag: 'cadence-sandbox',
    default: 'every 5m',
    about: 'when the sandbox sends',
    read: cadence,
  }),
  allowAddresses: setting({
    env: 'POSTHORN_ALLOW_ADDRESSES',
    flag: 'allow-addresses',
    default: '',
    about: 'private address ranges that endpoints may have all the same: CIDRs, separated by commas',
    read: (text): AllowList => {
      const parsed = parseAllowList(text);
      if (!parsed.ok) throw new RangeError(`must be CIDRs separated by commas: ${parsed.message}`);
      return parsed.list;
    },
  }),
  serviceKeyProduction: setting({
    env: 'POSTHORN_SERVICE_KEY_PRODUCTION',
    flag: 'service-key-production',
    default: null,
    secret: true,
    about: 'presets the first service key of production',
    read: serviceKey('production'),
  }),
  serviceKeySandbox: setting({
    env: 'POSTHORN_SERVICE_KEY_SANDBOX',
    flag: 'service-key-sandbox',
    default: null,
    secret: true,
    about: 'presets the first service key of the sandbox',
    read: serviceKey('sandbox'),
  }),
  userAgent: setting({
    env: 'POSTHORN_USER_AGENT',
    flag: 'user-agent',
    default: null,
    about: 'User-Agent of webhook requests, when not Posthorn/<version>',
    read: printable,
  }),
  signUp: setting({
    env: 'POSTHORN_SIGN_UP',
    flag: 'sign-up',
    default: 'open',
    about: 'who may make an account in the web app: open (anybody) or closed (whoever is invited)',
    read: oneOf('open', 'closed'),
  }),
  brandName: setting({
    env: 'POSTHORN_BRAND_NAME',
    flag: 'brand-name',
    default: 'Posthorn',
    about: 'what the web app and its mails call this installation',
    read: (text) => {
      if (!/^[^\p{Cc}\p{Cs}]{1,100}$/u.test(text)) throw new RangeError('must be 1 to 100 characters, on one line');
      return text;
    },
  }),
  brandLogoUrl: setting({
    env: 'POSTHORN_BRAND_LOGO_URL',
    flag: 'brand-logo-url',
    default: null,
    about: 'logo of the web app, an http or https URL',
    read: (text) => httpUrl(text).href,
  }),
  brandAccent: setting({
    env: 'POSTHORN_BRAND_ACCENT',
    flag: 'brand-accent',
    default: null,
    about: 'accent colour of the web app, as #rrggbb',
    read: (text) => {
      if (!/^#[0-9a-f]{6}$/i.test(text)) throw new RangeError(`must be a colour such as #0f766e, not "${text}"`);
      return text.toLowerCase();
    },
  }),
  egressAddresses: setting({
    env: 'POSTHORN_EGRESS_ADDRESSES',
    flag: 'egress-addresses',
    default: '',
    about: 'addresses that webhook requests come from, for people to let through their firewalls: addresses and CIDRs, separated by commas',
    read: (text): string[] => {
      const list = parseAllowList(text);
      if (!list.ok) throw new RangeError(`must be addresses and CIDRs separated by commas: ${list.message}`);
      return text.split(',').flatMap((part) => part.trim() || []);
    },
  }),
  dnsServers: setting({
    env: 'POSTHORN_DNS_SERVERS',
    flag: 'dns-servers',
    default: null,
    about: 'name servers for endpoint names, "address" or "address:port" separated by commas; the system\'s when absent',
    read: (text) => {
      const servers = text.split(',').map((part) => part.trim());
      if (servers.some((server) => !/^[0-9a-fA-F.:[\]]+$/.test(server)))
        throw new RangeError(`must be addresses separated by commas, not "${text}"`);
      return servers;
    },
  }),
  smtpUrl: setting({
    env: 'POSTHORN_SMTP_URL',
    flag: 'smtp-url',
    default: null,
    secret: true,
    about: 'mail server, smtp://[user:password@]host[:port] or smtps://…; when absent, no mail is sent',
    read: (text) => {
      const url = URL.parse(text);
      if (url === null || !/^smtps?:$/.test(url.protocol) || url.hostname === '')
        throw new RangeError('must be a URL such as smtp://user:password@mail.example.com:587');
      return text;
    },
  }),
  mailFrom: setting({
    env: 'POSTHORN_MAIL_FROM',
    flag: 'mail-from',
    default: null,
    about: 'sender of mails, such as "Webhooks <webhooks@example.com>"; required with POSTHORN_SMTP_URL',
    read: (text) => {
      if (!/^[^\p{Cc}\p{Cs}]{1,200}$/u.test(text) || !/^(?:[^<>]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/.test(text))
        throw new RangeError(`must be an address, alone or as Name <address>, not "${text}"`);
      return text;
    },
  }),
  metricsToken: setting({
    env: 'POSTHORN_METRICS_TOKEN',
    flag: 'metrics-token',
    default: null,
    secret: true,
    about: 'who sends it as a bearer token may read /metrics; when absent, only while HOST is a loopback address',
    read: (text) => {
      if (!/^[\x21-\x7e]{16,200}$/.test(text)) throw new RangeError('must be 16 to 200 printable ASCII characters without spaces');
      return text;
    },
  }),
  logLevel: setting({
    env: 'POSTHORN_LOG_LEVEL',
    flag: 'log-level',
    default: 'info',
    about: 'debug, info, warn, error or silent',
    read: oneOf('debug', 'info', 'warn', 'error', 'silent'),
  }),
} as const;

type Settings = typeof SETTINGS;
/** A setting without a default is null where none was given. */
export type Config = {
  readonly [Name in keyof Settings]: Settings[Name] extends Setting<infer T, infer D> ? (D extends string ? T : T | null) : never;
} & {
  /** Settings that were given, by whichever way: the others have their default. */
  readonly given: ReadonlySet<keyof Settings>;
};

/**
 * Reads the settings: flags first, then the environment, then a `.env` file of the working folder, then the defaults.
 *
 * @param options.args what follows `posthorn serve`
 * @throws {ConfigError} for a value that does not do, and for a flag that does not exist
 */
export function readConfig(options: {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly dotEnvFile?: string;
}): Config {
  const flags = readFlags(options.args);
  const sources = { env: options.env, file: readDotEnv(options.dotEnvFile) };
  const config: Record<string, unknown> = {};
  const givenNames = new Set<string>();
  for (const [name, definition] of Object.entries(SETTINGS)) {
    const flag = flags[definition.flag];
    const read = readOne(definition, sources, flag === undefined ? undefined : { text: flag, called: `--${definition.flag}` });
    if (read.given) givenNames.add(name);
    config[name] = read.value;
  }
  if (config['databaseUrl'] !== null && config['encryptionKey'] === null) {
    throw new ConfigError(
      'POSTHORN_ENCRYPTION_KEY is required with DATABASE_URL, the same for all processes (make one with: openssl rand -base64 32)',
    );
  }
  if (config['smtpUrl'] !== null && config['mailFrom'] === null) {
    throw new ConfigError(`${SETTINGS.mailFrom.env} is missing: with ${SETTINGS.smtpUrl.env}, mails need a sender`);
  }
  return { ...config, given: givenNames } as unknown as Config;
}

/**
 * Reads one setting alone, for a command that is not `serve`.
 *
 * @param options.flag what the command's own flag says, and what it is called; it wins over the environment and the `.env` file
 * @throws {ConfigError} for a value that does not do
 */
export function readSetting<Name extends keyof Settings>(
  name: Name,
  options: {
    readonly env: NodeJS.ProcessEnv;
    readonly dotEnvFile?: string;
    readonly flag?: { readonly text: string; readonly called: string };
  },
): Config[Name] {
  return readOne(SETTINGS[name], { env: options.env, file: readDotEnv(options.dotEnvFile) }, options.flag).value as Config[Name];
}

function readDotEnv(file: string | undefined): NodeJS.Dict<string> {
  return file !== undefined && existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {};
}

function readOne(
  definition: Setting<unknown, string | null>,
  { env, file }: { readonly env: NodeJS.ProcessEnv; readonly file: NodeJS.Dict<string> },
  flag: { readonly text: string; readonly called: string } | undefined,
): { readonly value: unknown; readonly given: boolean } {
  const given = flag?.text ?? nonEmpty(env[definition.env]) ?? nonEmpty(file[definition.env]);
  const text = given ?? definition.default;
  try {
    return { value: text === null ? null : definition.read(text), given: given !== undefined };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ConfigError(`${flag?.called ?? definition.env} ${error.message}`);
  }
}

/** Variables that look like settings and are none: most likely misspelt. */
export function unknownSettings(env: NodeJS.ProcessEnv): string[] {
  const known = new Set<string>(Object.values(SETTINGS).map((definition) => definition.env));
  return Object.keys(env).filter((name) => name.startsWith('POSTHORN_') && !known.has(name));
}

/** Compose files and CI write an absent variable as an empty one. */
function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function readFlags(args: readonly string[]): Record<string, string | undefined> {
  const flags = Object.fromEntries(Object.values(SETTINGS).map(({ flag }) => [flag, { type: 'string' as const }]));
  try {
    return parseArgs({ args: [...args], options: flags, strict: true, allowPositionals: false }).values as Record<
      string,
      string | undefined
    >;
  } catch (error) {
    throw new ConfigError(error instanceof Error ? (error.message.split('. ')[0] ?? error.message) : String(error));
  }
}

/** Help for `posthorn serve --help`: one setting a paragraph. */
export function settingsHelp(): string {
  return Object.values(SETTINGS)
    .map(({ env, flag, default: standard, about }) => `  --${flag}  (${env}${standard ? `, default ${standard}` : ''})\n      ${about}`)
    .join('\n');
}
