/**
 * better-auth's connection to the same file. It is one of its own, so that a statement of its never ends up in a transaction of ours. And
 * better-auth gets no transactions: one that is open while it awaits would make ours wait for the lock synchronously, which keeps the very loop
 * from turning that would end it.
 */
import { DatabaseSync } from 'node:sqlite';
import type { AccountsDatabase } from '../store.ts';
import { DURABLE } from './database.ts';

/** Opened, and what it takes loaded, by the first `open`: many stores never see anybody sign in. */
export function accountsConnection(path: string): { open(): Promise<AccountsDatabase>; close(): void } {
  let db: DatabaseSync | null = null;
  return {
    async open() {
      const { NodeSqliteDialect } = await import('@better-auth/kysely-adapter/node-sqlite-dialect');
      if (db === null) {
        db = new DatabaseSync(path, { timeout: 5_000, enableForeignKeyConstraints: true });
        db.exec(DURABLE);
      }
      return { dialect: new NodeSqliteDialect({ database: db }), type: 'sqlite', transaction: false };
    },
    close() {
      db?.close();
    },
  };
}
