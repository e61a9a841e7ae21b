/** The data folder: made on the first start, readable by its owner only, with the files that hold secrets. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from './config.ts';

const OWNER_ONLY = 0o600;

/** @throws {ConfigError} where the folder cannot be made */
export function openDataFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new ConfigError(`POSTHORN_DATA_DIR cannot be used: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The encryption key given, else the folder's own, made on the first start. */
export function encryptionKey(folder: string, given: Uint8Array | null): Uint8Array {
  if (given !== null) return given;
  const path = keyFile(folder);
  if (!existsSync(path)) {
    writeDurably(path, `${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64')}\n`, 'wx');
  }
  return readKey(path);
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

function writeDurably(path: string, text: string, flags: 'wx' | 'a'): void {
  const file = openSync(path, flags, OWNER_ONLY);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
