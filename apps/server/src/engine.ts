/** The database that the settings ask for, opened: SQLite in the data folder, or PostgreSQL by its URL. */
import { join } from 'node:path';
import { type Config, ConfigError } from './config.ts';
import { keepEncryptionKey, keyFile, newEncryptionKey, openDataFolder, ownEncryptionKey } from './data-folder.ts';
import { createCipher, SealError } from './store/cipher.ts';
import { ENVIRONMENTS, type Environment, type Store } from './store/store.ts';
import { systemClock } from './system-clock.ts';

export interface Engine {
  readonly store: Store;
  /** 32 bytes. */
  readonly encryptionKey: Uint8Array;
  /** Runs what the first start has to do once, however many processes start at the same time. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** After the store is closed. */
  unlock(): void;
}

/** Only the engine that is asked for is loaded: a start should not wait for the other. */
export async function openEngine(config: Config, warn: (line: object, message: string) => void): Promise<Engine> {
  const engine = config.databaseUrl === null ? await openSqlite(config) : await openPostgres(config.databaseUrl, config, { warn });
  await startCadences(engine.store, config);
  return engine;
}

async function openSqlite(config: Config): Promise<Engine> {
  const [{ openSqliteStore }, { lockFolder }] = await Promise.all([import('./store/sqlite/index.ts'), import('./store/sqlite/lock.ts')]);
  openDataFolder(config.dataDir);
  const unlock = lockFolder(config.dataDir);
  if (unlock === null) throw new ConfigError(`POSTHORN_DATA_DIR ${config.dataDir} is in use by another posthorn process`);
  const known = config.encryptionKey ?? ownEncryptionKey(config.dataDir);
  const key = known ?? newEncryptionKey();
  const store = await openSqliteStore({
    path: join(config.dataDir, 'posthorn.db'),
    cipher: createCipher(key),
    now: systemClock.now,
    random: Math.random,
  }).catch((error: unknown) => {
    if (known !== null || !(error instanceof SealError)) throw error;
    throw new ConfigError(
      `POSTHORN_ENCRYPTION_KEY is not set and ${keyFile(config.dataDir)} is missing: the secrets in the database need the key they were sealed with`,
    );
  });
  // Only now: a database that was sealed with a lost key must not be left beside a wrong one.
  if (known === null) keepEncryptionKey(config.dataDir, key);
  return { store, encryptionKey: key, exclusively: (work) => work(), unlock };
}

async function openPostgres(
  url: string,
  config: Config,
  { warn }: { readonly warn: (line: object, message: string) => void },
): Promise<Engine> {
  // readConfig refuses a database URL without a key.
  const key = config.encryptionKey ?? new Uint8Array();
  const { openPostgresStore } = await import('./store/postgres/index.ts');
  try {
    const onSwept = (lanes: readonly number[]): void => warn({ lanes }, 'lanes that nobody had woken were found: please report this');
    const store = await openPostgresStore({ url, cipher: createCipher(key), onSwept });
    return { store, encryptionKey: key, exclusively: (work) => store.exclusively(work), unlock() {} };
  } catch (error) {
    if (error instanceof RangeError) throw new ConfigError(`DATABASE_URL ${error.message}`);
    throw error;
  }
}

/** The cadence in force is a row in the store: what a start does to it, docs/decisions/0002-cadence-of-one-process.md says. */
async function startCadences(store: Store, config: Config): Promise<void> {
  const cadences = { production: 'cadenceProduction', sandbox: 'cadenceSandbox' } as const satisfies Record<Environment, keyof Config>;
  for (const environment of ENVIRONMENTS) {
    const name = cadences[environment];
    await store.environments.startCadence(environment, {
      given: config.given.has(name) ? config[name] : null,
      byDefault: config[name],
      alone: config.databaseUrl === null,
    });
  }
}
