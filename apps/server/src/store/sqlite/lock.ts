/**
 * One process per data folder. The lock is an exclusive transaction on a database of its own, held open: the operating system
 * gives it back whatever way the process ends, `kill -9` included.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StoreUnavailable } from '../store.ts';

const SQLITE_BUSY = 5;

/**
 * @returns a function that gives the lock back, or null when another process has it
 * @throws {StoreUnavailable} the folder cannot be written to, or the file of the lock is no SQLite database
 */
export function lockFolder(folder: string): (() => void) | null {
  const path = join(folder, 'posthorn.lock');
  let db: DatabaseSync | null = null;
  try {
    db = new DatabaseSync(path, { timeout: 0 });
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    db?.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return null;
    throw new StoreUnavailable(`${path} cannot be locked: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  const held = db;
  return () => held.close();
}
