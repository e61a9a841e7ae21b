/** The data folder: made on the first start, readable by its owner only, with the files that hold secrets. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError } from './config.ts';

const OWNER_ONLY = 0o600;

/** @throws {ConfigError} where the folder cannot be made */
export function openDataFolder(folder: string): void {
  try {
    makeFolder(folder);
  } catch (error) {
    throw new ConfigError(`POSTHORN_DATA_DIR cannot be used: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** With its parents. Node's own `recursive` never comes back where the system refuses a folder as not found, as in /proc. */
function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another process made it in between.
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

/** A new encryption key, in no file yet. */
export function newEncryptionKey(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(32));
}

/** Gives a folder that has none its own encryption key. */
export function keepEncryptionKey(folder: string, key: Uint8Array): void {
  writeDurably(keyFile(folder), `${Buffer.from(key).toString('base64')}\n`, 'wx');
}

/** The folder's own encryption key; null: it has none. */
export function ownEncryptionKey(folder: string): Uint8Array | null {
  const path = keyFile(folder);
  return existsSync(path) ? readKey(path) : null;
}

/** Where a folder keeps its encryption key, if it has its own. */
export function keyFile(folder: string): string {
  return join(folder, 'encryption.key');
}

function readKey(path: string): Uint8Array {
  const key = Buffer.from(readFileSync(path, 'utf8').trim(), 'base64');
  if (key.length !== 32) throw new ConfigError(`POSTHORN_ENCRYPTION_KEY is not set, and ${path} does not hold 32 bytes in base64`);
  return new Uint8Array(key);
}

/** Appends a service key to service-keys.txt; the folder need not be there yet. */
export function noteServiceKey(folder: string, environment: string, token: string): void {
  openDataFolder(folder);
  writeDurably(join(folder, 'service-keys.txt'), `${environment} ${token}\n`, 'a');
}

/** Whether service-keys.txt of the folder has a key of the environment. */
export function hasServiceKey(folder: string, environment: string): boolean {
  const path = join(folder, 'service-keys.txt');
  return existsSync(path) && new RegExp(`^${environment} `, 'm').test(readFileSync(path, 'utf8'));
}

function writeDurably(path: string, text: string, flags: 'wx' | 'a'): void {
  const file = openSync(path, flags, OWNER_ONLY);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
