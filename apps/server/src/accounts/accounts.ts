/**
 * Accounts: e-mail and password, and sessions. better-auth keeps them; this is the only file that knows it. It has no routes of its own: the API
 * calls its actions one by one, so that whatever else better-auth can do is not reachable.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Clock, ID_RANDOM_BYTES, newId, type PersonId } from '@posthorn/core';
import type { BetterAuthOptions } from 'better-auth';
import type { Mailer } from '../mail/mailer.ts';
import { type AccountsDatabase, type Person, StoreUnavailable } from '../store/store.ts';
import { accountMails } from './mails.ts';
import { createRateLimit, type RateLimit, type RateLimitRule } from './rate-limit.ts';

/** Where an action comes from. */
export interface Caller {
  readonly ip: string;
  /** Its cookies, as they came. */
  readonly cookie: string | undefined;
  readonly userAgent: string | undefined;
}

/** What an action came to. `cookies`: for the browser to keep. `code`: better-auth's word for what was wrong. */
export type Acted =
  | { readonly ok: true; readonly body: unknown; readonly cookies: string[] }
  | { readonly ok: false; readonly status: number; readonly code: string; readonly retryAfter: number | null };

export type Action =
  | '/sign-up/email'
  | '/sign-in/email'
  | '/sign-out'
  | '/change-password'
  | '/request-password-reset'
  | '/reset-password'
  | '/update-user';

/** What needs the database throws StoreUnavailable without it. */
export interface Accounts {
  act(action: Action, body: object, caller: Caller): Promise<Acted>;
  /** Follows the link of a mail: confirms the address, and signs in. */
  verifyEmail(token: string, caller: Caller): Promise<Acted>;
  /** Whose session the cookies are of; null: nobody's. `cookies`: the session's, prolonged. */
  session(caller: Caller): Promise<{ readonly person: Person; readonly cookies: string[] } | null>;
  /** Ends the session of these cookies, if there is one. */
  endSession(caller: Caller): Promise<void>;
  /** A link to set a new password, as it is mailed. Null: the address has no account. */
  resetLink(email: string): Promise<{ readonly person: Person; readonly url: string; readonly expiresAt: number } | null>;
  /**
   * For an address that is proven by other means than a link in a mail. An account that was made with it, and never proven to be its owner's, becomes
   * theirs: with this name and password, and without the sessions that it may have.
   */
  confirmEmail(email: string, theirs: { readonly name: string; readonly password: string }): Promise<void>;
  /** What nobody can make but this installation, of something said: 22 characters. */
  proofOf(...said: readonly string[]): string;
  isProofOf(proof: string, ...said: readonly string[]): boolean;
  /** Of tries by address; better-auth itself counts by IP address. */
  readonly tries: RateLimit;
}

export interface AccountsOptions {
  readonly database: () => Promise<AccountsDatabase>;
  /** 32 bytes. What signs the cookies is derived from it. */
  readonly encryptionKey: Uint8Array;
  readonly clock: Clock;
  /** Whether people reach the server by https only. */
  readonly secure: boolean;
  /** Where people reach the server, without a slash at the end. */
  readonly baseUrl: () => string;
  /** Of the installation, for mails. */
  readonly name: string;
  /** Null: no mail is sent, and addresses are taken as given. */
  readonly mailer: Mailer | null;
  readonly onError: (error: unknown) => void;
}

/** By IP address. Each browser test and each office behind one address has to fit; guessing does not. */
const TRIES: Record<string, RateLimitRule> = {
  '/sign-in/email': { window: 60, max: 20 },
  '/sign-up/email': { window: 600, max: 30 },
  '/change-password': { window: 600, max: 10 },
  '/request-password-reset': { window: 900, max: 10 },
  '/reset-password': { window: 900, max: 20 },
  '/verify-email': { window: 900, max: 30 },
};

const BASE = '/auth';
/** Set by us on each request, whatever a client sends. */
const IP_HEADER = 'x-posthorn-client-ip';
const RESET_SECONDS = 60 * 60;
const SESSION_SECONDS = 7 * 24 * 60 * 60;
/** Where the error is left that better-auth's handler met: its answer says nothing of it. */
const met = new AsyncLocalStorage<{ error: unknown }>();
const SHORTEST_PASSWORD = 8;
const LONGEST_PASSWORD = 128;

export function createAccounts(options: AccountsOptions): Accounts {
  const tries = createRateLimit(options.clock.now);
  let loaded: ReturnType<typeof load> | null = null;
  const loadOnce = () => {
    loaded ??= load(options, tries).catch((error: unknown) => {
      // The next one tries again.
      loaded = null;
      throw error;
    });
    return loaded;
  };

  async function ask(method: 'GET' | 'POST', path: string, { body, caller }: { body?: object; caller: Caller }): Promise<Acted> {
    const origin = new URL(options.baseUrl()).origin;
    const headers = headersOf(caller);
    // The API has checked where the request comes from. better-auth is told what it would have found.
    headers.set('origin', origin);
    if (body !== undefined) headers.set('content-type', 'application/json');
    const request = new Request(`${origin}${BASE}${path}`, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
    const auth = await loadOnce();
    const meeting = { error: null };
    const response = await met.run(meeting, () => auth.handler(request));
    throwUnavailable(meeting.error);
    return acted(response);
  }

  const proofKey = Buffer.from(hkdfSync('sha256', options.encryptionKey, '', 'posthorn proofs', 32));
  function proofOf(...said: readonly string[]): string {
    return createHmac('sha256', proofKey).update(JSON.stringify(said)).digest().subarray(0, 16).toString('base64url');
  }

  return {
    tries,
    act: (action, body, caller) => ask('POST', action, { body, caller }),
    verifyEmail: (token, caller) => ask('GET', `/verify-email?token=${encodeURIComponent(token)}`, { caller }),
    async session(caller) {
      if (caller.cookie === undefined) return null;
      const auth = await loadOnce();
      const { response, headers } = await auth.api
        .getSession({ headers: headersOf(caller), returnHeaders: true })
        .catch((error: unknown) => {
          throwUnavailable(error);
          throw error;
        });
      if (response === null) return null;
      const { id, email, name } = response.user;
      return { person: { id: id as PersonId, email, name }, cookies: headers.getSetCookie() };
    },
    async endSession(caller) {
      if (caller.cookie !== undefined) await ask('POST', '/sign-out', { body: {}, caller });
    },
    async resetLink(email) {
      const { internalAdapter } = await (await loadOnce()).$context;
      const found = await internalAdapter.findUserByEmail(email);
      if (found === null) return null;
      const { id, name } = found.user;
      const token = randomBytes(24).toString('base64url');
      const expiresAt = new Date(Date.now() + RESET_SECONDS * 1000);
      await internalAdapter.createVerificationValue({ identifier: `reset-password:${token}`, value: id, expiresAt });
      const person = { id: id as PersonId, email: found.user.email, name };
      return { person, url: `${options.baseUrl()}/reset-password/${token}`, expiresAt: expiresAt.getTime() };
    },
    async confirmEmail(email, { name, password }) {
      const { internalAdapter, password: passwords } = await (await loadOnce()).$context;
      const found = await internalAdapter.findUserByEmail(email);
      if (found === null || found.user.emailVerified) return;
      await internalAdapter.updatePassword(found.user.id, await passwords.hash(password));
      await internalAdapter.deleteUserSessions(found.user.id);
      await internalAdapter.updateUserByEmail(email, { name, emailVerified: true });
    },
    proofOf,
    isProofOf(proof, ...said) {
      const right = Buffer.from(proofOf(...said));
      const given = Buffer.from(proof);
      return given.length === right.length && timingSafeEqual(given, right);
    },
  };
}

/** With the first who needs it: reading better-auth and what it brings takes 0.3 s of processor time, which a start should not wait for. */
async function load(options: AccountsOptions, tries: RateLimit) {
  const [{ betterAuth }, database] = await Promise.all([import('better-auth'), options.database()]);
  return betterAuth(betterAuthOptions(options, database, tries));
}

function betterAuthOptions(options: AccountsOptions, database: AccountsDatabase, tries: RateLimit) {
  const { mailer } = options;
  const mails = mailer === null ? null : accountMails(options, mailer, tries);
  return {
    appName: options.name,
    baseURL: options.baseUrl(),
    basePath: BASE,
    secret: Buffer.from(hkdfSync('sha256', options.encryptionKey, '', 'posthorn sessions', 32)).toString('base64'),
    database,
    // The port may be known only once the server listens.
    trustedOrigins: () => [new URL(options.baseUrl()).origin],
    user: { modelName: 'people', fields: { emailVerified: 'email_verified', createdAt: 'created_at', updatedAt: 'updated_at' } },
    session: {
      modelName: 'sessions',
      fields: {
        userId: 'person',
        ipAddress: 'ip_address',
        userAgent: 'user_agent',
        expiresAt: 'expires_at',
        createdAt: 'created_at',
        updatedAt: 'updated_at',
      },
      expiresIn: SESSION_SECONDS,
    },
    account: {
      modelName: 'credentials',
      fields: {
        userId: 'person',
        accountId: 'account_id',
        providerId: 'provider_id',
        accessToken: 'access_token',
        refreshToken: 'refresh_token',
        idToken: 'id_token',
        accessTokenExpiresAt: 'access_token_expires_at',
        refreshTokenExpiresAt: 'refresh_token_expires_at',
        createdAt: 'created_at',
        updatedAt: 'updated_at',
      },
    },
    verification: {
      modelName: 'verifications',
      fields: { expiresAt: 'expires_at', createdAt: 'created_at', updatedAt: 'updated_at' },
      storeIdentifier: 'hashed',
    },
    emailAndPassword: {
      enabled: true,
      minPasswordLength: SHORTEST_PASSWORD,
      maxPasswordLength: LONGEST_PASSWORD,
      resetPasswordTokenExpiresIn: RESET_SECONDS,
      revokeSessionsOnPasswordReset: true,
      // With mail, an address has to be proven, and signing up tells nobody which addresses have an account.
      requireEmailVerification: mails !== null,
      ...(mails !== null && { sendResetPassword: mails.resetPassword, onExistingUserSignUp: mails.existingAccount }),
    },
    ...(mails !== null && {
      emailVerification: { sendVerificationEmail: mails.verifyEmail, sendOnSignIn: true, autoSignInAfterVerification: true },
    }),
    rateLimit: {
      enabled: true,
      window: 60,
      max: 100,
      customRules: TRIES,
      customStorage: { consume: async (key, rule) => tries.consume(key, rule) },
    },
    advanced: {
      cookiePrefix: 'posthorn',
      useSecureCookies: options.secure,
      ipAddress: { ipAddressHeaders: [IP_HEADER] },
      database: { generateId: ({ model }) => (model === 'user' ? newId('per_', Date.now(), randomBytes(ID_RANDOM_BYTES)) : randomId()) },
    },
    telemetry: { enabled: false },
    // Its lines name addresses. What matters reaches onError, and the request's own line in the log.
    logger: { disabled: true },
    onAPIError: {
      onError: (error: unknown) => {
        const meeting = met.getStore();
        if (meeting !== undefined) meeting.error = error;
        if (unavailable(error) === null) options.onError(error);
      },
    },
  } satisfies BetterAuthOptions;
}

/** @throws {StoreUnavailable} where that is what the error comes from */
function throwUnavailable(error: unknown): void {
  const cause = unavailable(error);
  if (cause !== null) throw cause;
}

/** better-auth wraps what its database threw, more than once at times. */
function unavailable(error: unknown): StoreUnavailable | null {
  if (error instanceof StoreUnavailable) return error;
  return error instanceof Error && error.cause !== undefined ? unavailable(error.cause) : null;
}

function randomId(): string {
  return randomBytes(20).toString('base64url');
}

function headersOf({ ip, cookie, userAgent }: Caller): Headers {
  const headers = new Headers({ [IP_HEADER]: ip });
  if (cookie !== undefined) headers.set('cookie', cookie);
  if (userAgent !== undefined) headers.set('user-agent', userAgent.slice(0, 512));
  return headers;
}

async function acted(response: Response): Promise<Acted> {
  const text = await response.text();
  const body: unknown = text === '' ? null : JSON.parse(text);
  if (response.ok) return { ok: true, body, cookies: response.headers.getSetCookie() };
  const code = typeof body === 'object' && body !== null && 'code' in body && typeof body.code === 'string' ? body.code : '';
  const retryAfter = response.headers.get('x-retry-after');
  return { ok: false, status: response.status, code, retryAfter: retryAfter === null ? null : Number(retryAfter) };
}
