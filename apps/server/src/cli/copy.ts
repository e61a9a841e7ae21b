/** `posthorn copy`: moves an installation from SQLite to PostgreSQL. What it does is in store/copy/; here is what its operator sees of it. */
import { parseArgs } from 'node:util';
import { ConfigError, readSetting } from '../config.ts';
import { keyFile, ownEncryptionKey } from '../data-folder.ts';
import { createCipher, SealError } from '../store/cipher.ts';
import { type CopiedTable, type CopyResult, copyInstallation } from '../store/copy/copy.ts';
import { type SourcePlace, sourcePlace } from '../store/copy/source.ts';
import { ProgressReport } from './progress-report.ts';

const HELP = `posthorn copy: moves an installation from SQLite to PostgreSQL

  posthorn copy --from sqlite:./data --to postgres://user:password@host:5432/database

  --from  sqlite: and the data folder, or the posthorn.db in it. No server may work on it. It is only read
          (its schema is brought up to date first, where it is older than this program).
  --to    postgres:// URL of an empty database, as DATABASE_URL has it, and DATABASE_URL when absent

Everything goes over, under the same ids and in the same order. Stopped at any instant, the same command goes on
where it was. At the end every row is read back from PostgreSQL and compared; only then do servers start on it.
POSTHORN_ENCRYPTION_KEY, or the encryption.key of the data folder, has to open what is sealed in it.
`;

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/** What an interrupted shell command ends with. */
const INTERRUPTED = 130;

interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly dotEnvFile: string;
}

/**
 * @param args what follows `posthorn copy`
 * @throws {ConfigError} a flag does not do
 * @throws {CopyError} it must not be done, or what was compared differs
 */
export async function copyCommand(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const flags = readFlags(args);
  if (flags.help === true) {
    console.log(HELP);
    return;
  }
  if (flags.from === undefined) throw new ConfigError('--from is missing: see posthorn copy --help');
  const to = readSetting('databaseUrl', { ...surroundings, ...(flags.to !== undefined && { flag: { text: flags.to, called: '--to' } }) });
  if (to === null) throw new ConfigError('--to is missing, and so is DATABASE_URL: see posthorn copy --help');
  const from = sourcePlace(flags.from);
  const key = keyOf(from, surroundings);
  const startedAt = performance.now();
  const report = new ProgressReport(process.stderr, performance.now.bind(performance));
  const stop = (): void => {
    report.end();
    console.error('stopped: the same command goes on from here');
    process.exit(INTERRUPTED);
  };
  for (const signal of SIGNALS) process.once(signal, stop);
  try {
    const result = await copyInstallation({
      from,
      to,
      cipher: key.bytes === null ? null : createCipher(key.bytes),
      onStep: ({ phase, table, rows, overall }) => report.tell({ doing: `${phase} ${table}`, part: rows, overall }),
    });
    report.end();
    console.log(summary(result, { from, key, seconds: (performance.now() - startedAt) / 1_000 }));
  } catch (error) {
    throw error instanceof SealError
      ? new ConfigError(`${key.name} is not the key that this installation's secrets are sealed with${key.otherwise}`)
      : error;
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
    report.end();
  }
}

function readFlags(args: readonly string[]): { from?: string; to?: string; help?: boolean } {
  try {
    const options = { from: { type: 'string' }, to: { type: 'string' }, help: { type: 'boolean' } } as const;
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new ConfigError(error instanceof Error ? (error.message.split('. ')[0] ?? error.message) : String(error));
  }
}

interface Key {
  /** Null: there is none to be found. */
  readonly bytes: Uint8Array | null;
  /** Where it comes from. */
  readonly name: string;
  /** What servers on the new database have to be told. */
  readonly advice: string;
  /** What to try when it is the wrong one. */
  readonly otherwise: string;
}

function keyOf({ folder }: SourcePlace, surroundings: Surroundings): Key {
  const configured = readSetting('encryptionKey', surroundings);
  const own = ownEncryptionKey(folder);
  const name = 'POSTHORN_ENCRYPTION_KEY';
  if (configured !== null) {
    const otherwise = own === null ? '' : `: unset it, and that of ${keyFile(folder)} is taken`;
    return { bytes: configured, name, advice: `the same ${name} that is set here`, otherwise };
  }
  if (own !== null) {
    const otherwise = `: set the ${name} that the server was started with`;
    return { bytes: own, name: keyFile(folder), advice: `${name}="$(cat '${keyFile(folder)}')"`, otherwise };
  }
  return { bytes: null, name, advice: `the ${name} that the old server was started with`, otherwise: '' };
}

function summary(
  { kind, at, resumed, tables }: CopyResult,
  { from, key, seconds }: { readonly from: SourcePlace; readonly key: Key; readonly seconds: number },
): string {
  const rows = number(tables.reduce((sum, table) => sum + table.rows, 0));
  const first =
    kind === 'already'
      ? `${from.file} was copied already: ${rows} rows, finished and compared on ${new Date(at).toISOString()}. There is nothing to do.`
      : `${from.file} is copied: ${rows} rows, each read back and compared${resumed ? '; what was left of it took' : ', in'} ${seconds.toFixed(1)} s.`;
  return `${first}

${listOf(tables)}

Start servers with the DATABASE_URL of the new database and ${key.advice}.
Start none on ${from.folder} again: it would send what the others send.`;
}

function listOf(tables: readonly CopiedTable[]): string {
  const width = Math.max(...tables.map(({ table }) => table.length));
  const lines = tables.map(
    ({ table, rows, checksum }) => `  ${table.padEnd(width)}  ${number(rows).padStart(13)}  ${checksum.slice(0, 16)}`,
  );
  return [`  ${'table'.padEnd(width)}  ${'rows'.padStart(13)}  SHA-256, the same on both sides`, ...lines].join('\n');
}

function number(value: number): string {
  return value.toLocaleString('en');
}
