/**
 * One process per data folder. The lock is an exclusive transaction on a database of its own, held open: the operating system
 * gives it back whatever way the process ends, `kill -9` included.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** @returns a function that gives the lock back, or null when another process has it */
export function lockFolder(folder: string): (() => void) | null {
  const db = new DatabaseSync(join(folder, 'posthorn.lock'), { timeout: 0 });
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch {
    db.close();
    return null;
  }
  return () => db.close();
}
