/** What the API needs for people, from the settings: accounts, mail, the operator's branding, the built web app. */
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createAccounts } from './accounts/accounts.ts';
import type { ApiOptions } from './api/context.ts';
import { readWebApp } from './api/web-app.ts';
import type { Config } from './config.ts';
import type { Mailer } from './mail/mailer.ts';
import type { Store } from './store/store.ts';
import { systemClock } from './system-clock.ts';

/** What `npm start` has built. */
const WEB_APP = join(import.meta.dirname, '../../web/dist');

interface Parts {
  readonly store: Store;
  /** Where people reach the server, without a slash at the end. */
  readonly baseUrl: () => string;
  readonly mailer: Mailer | null;
  /** The encryption key. */
  readonly key: Uint8Array;
  readonly onError: (error: unknown) => void;
}

type PeopleSide = Pick<ApiOptions, 'publicUrl' | 'baseUrl' | 'accounts' | 'mailer' | 'branding' | 'signUp' | 'webApp'>;

export function peopleSide(config: Config, { store, baseUrl, mailer, key, onError }: Parts): PeopleSide {
  const { publicUrl, signUp, brandName: name, brandLogoUrl: logoUrl } = config;
  return {
    publicUrl,
    baseUrl,
    mailer,
    signUp,
    branding: { name, logoUrl, accentColor: config.brandAccent, egressAddresses: config.egressAddresses },
    webApp: readWebApp(WEB_APP, { logoUrl }),
    accounts: createAccounts({
      database: () => store.accounts(),
      encryptionKey: key,
      clock: systemClock,
      secure: publicUrl?.startsWith('https:') === true,
      baseUrl,
      name,
      mailer,
      onError,
    }),
  };
}

/**
 * Where people reach the server: the public URL, or else where it listens. Asked with every delivery, so it is not worked out anew each time.
 * @param address null: nothing listens yet
 */
export function baseUrlOf(config: Config, address: () => AddressInfo | string | null): () => string {
  let known = config.publicUrl;
  return () => {
    if (known !== null) return known;
    const listening = address();
    const url = listeningUrl(listening, config);
    if (listening !== null) known = url;
    return url;
  };
}

function listeningUrl(address: AddressInfo | string | null, { host, port }: Config): string {
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${bound}`;
}
